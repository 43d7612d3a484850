"""The compiler of patterns: from a tree as the user wrote it to matchers, every problem noted with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.errors import SchemaError, did_you_mean
from grpcmock.matching.findings import ABSENT, below, entry
from grpcmock.matching.leaves import BYTES, JSON, one_nan
from grpcmock.matching.matcher import And, Equals, Exists, Matcher, Never
from grpcmock.matching.messages import Kinds, MessageKind, Slot
from grpcmock.matching.operators import OPERATORS, Operand, OperatorSpec
from grpcmock.matching.operators.collections import Elements, Entries, Key
from grpcmock.matching.operators.dynamic import LIST, OBJECT, OfType, Plain
from grpcmock.matching.operators.messages import Fields, Opaque, Unpacked
from grpcmock.matching.value_types import AnyType, DynamicType, ListType, MapType, Place, ScalarType, ValueType
from grpcmock.schema import codec, values
from grpcmock.schema.any_types import remedy
from grpcmock.schema.values import Mismatch, describe
from grpcmock.stubs.template import is_template
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problems
    from grpcmock.schema import Registry

DEEPEST = 100
"""How deep a pattern may be nested; protobuf decodes no deeper messages."""


class Compiler:
    """Compiles the patterns of one stub."""

    __slots__ = ("_depth", "kinds", "operators", "problems", "registry", "rendered", "stub")

    def __init__(self, registry: Registry, problems: Problems, stub: str = "", *, rendered: bool = False) -> None:
        self.registry = registry
        self.kinds = Kinds.of(registry)
        self.operators: Mapping[str, OperatorSpec] = OPERATORS
        self.problems = problems
        self.stub = stub
        self.rendered = rendered
        """Whether templates were rendered before, so that braces are mere characters."""
        self._depth = 0

    # Patterns and values ----------------------------------------------------------------------------

    def pattern(self, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        """Compile a pattern: a plain value, a mapping or list of patterns, or an operator mapping."""
        value = node.value
        if type(kind) is ScalarType and type(value) is not dict and value is not None:
            return self._scalar(node, kind, path)
        if type(value) is dict and value and is_operators(value):
            return self._nested(self._operators, node, kind, place, path)
        return self._nested(self._plain, node, kind, place, path, exact=False)

    def exact(self, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        """Compile a value that must be equal all the way down; there are no operators in it."""
        return self._nested(self._plain, node, kind, place, path, exact=True)

    def _nested(
        self, compile_: Callable[..., Matcher], node: Node, kind: ValueType, *rest: Any, **options: Any
    ) -> Matcher:
        if self._depth >= DEEPEST:
            return self.fail(f"a pattern may be nested at most {DEEPEST} levels deep.", node.location, rest[-1])
        self._depth += 1
        try:
            return compile_(node, kind, *rest, **options)
        finally:
            self._depth -= 1

    def _plain(self, node: Node, kind: ValueType, place: Place, path: str, *, exact: bool) -> Matcher:
        if isinstance(node.value, Message):
            node = Node.of(codec.to_tree(node.value), node.location)
        elif isinstance(node.value, (tuple, list)) and not node.is_list:
            node = Node.of(list(node.value), node.location)
        if node.value is None:
            return self._null(node, kind, place, path)
        if isinstance(kind, ScalarType):
            return self._scalar(node, kind, path)
        if isinstance(kind, MessageKind):
            return self.fields(node, kind, place, path, exact=exact, only=exact)
        if isinstance(kind, ListType):
            return self._list(node, kind, path, exact=exact)
        if isinstance(kind, MapType):
            return self._map(node, kind, path, exact=exact)
        if isinstance(kind, AnyType):
            return self.any(node, kind, path, exact=exact, only=exact)
        assert isinstance(kind, DynamicType)
        return self._dynamic(node, kind, path, exact=exact)

    # Null -------------------------------------------------------------------------------------------

    def _null(self, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        if kind.takes_null:
            return Equals(kind, 0) if isinstance(kind, ScalarType) else Plain(kind, None)
        if place in (Place.FIELD, Place.PLAIN):
            return Exists(kind, False, place.tracked)
        hint = "For a key that isn't there, write {$exists: false}." if place is Place.ENTRY else ""
        return self.fail(f"{place.value} can't be null.", node.location, path, hint=hint, rule="null-value")

    # Scalars ----------------------------------------------------------------------------------------

    def _scalar(self, node: Node, kind: ScalarType, path: str) -> Matcher:
        found = self.read(node, kind, path)
        return Never(kind) if found is ABSENT else Equals(kind, found)

    def read(self, node: Node, kind: ScalarType, path: str) -> Any:
        """Read a scalar; ABSENT, and a problem noted, if it doesn't fit."""
        value = node.value
        if type(value) is dict or type(value) is list:
            value = node.plain()
        elif type(value) is str and "{" in value and self.is_template(node, path):
            return ABSENT
        try:
            return kind.read(value)
        except Mismatch as error:
            self.fail(error.message, node.location, path, hint=error.hint, rule="wrong-type")
            return ABSENT

    def is_template(self, node: Node, path: str) -> bool:
        """Note a problem if a string holds a template that nothing renders."""
        if self.rendered or not is_template(node.value):
            return False
        self.fail(
            "a pattern can't hold a template, unless the stub has rows (`each`).",
            node.location,
            path,
            hint="To match such braces as they are, use $regex: '[{][{]'.",
            rule="template-in-pattern",
        )
        return True

    # Messages ---------------------------------------------------------------------------------------

    def fields(
        self, node: Node, kind: MessageKind, place: Place, path: str, *, exact: bool, only: bool, count: int = 1
    ) -> Matcher:
        """Compile a mapping on a message. *count* is what an empty one counts for."""
        if type(node.value) is not dict:
            return self._wrong_type(node, kind, path)
        parts: list[tuple[Slot, Matcher]] = []
        names: list[Any] = []
        compile_ = self.exact if exact else self.pattern
        for name, child in node.value.items():
            slot = kind.slot(name)
            if slot is None:
                self._unknown_field(node, name, kind, path)
                continue
            parts.append((slot, compile_(child, slot.kind, slot.place, below(path, slot.name))))
            names.append(name)
        if len(parts) > 1:
            self._check_names(node, names, parts, path)
        if parts:
            count = sum(matcher.count for _, matcher in parts)
        elif place is Place.ROOT and not only:
            count = 0
        return Fields(kind, tuple(parts), only=only, count=count)

    def _unknown_field(self, node: Node, name: Any, kind: MessageKind, path: str) -> None:
        if isinstance(name, str) and name in OPERATORS:
            message, hint = "operators can't stand beside plain names.", "Put them together with $and: […]."
        else:
            message = f"{kind.descriptor.full_name} has no field {name!r}."
            hint = did_you_mean(str(name), codec.field_names(kind.descriptor), known="Its fields")
        self.fail(message, node.key_location(name), path, hint=hint, rule="unknown-field")

    def _check_names(self, node: Node, names: list[Any], parts: list[tuple[Slot, Matcher]], path: str) -> None:
        """A field may be named once; of a oneof, one member may be wanted."""
        seen: dict[int, str] = {}
        wanted: dict[str, str] = {}
        for (slot, matcher), written in zip(parts, names, strict=True):
            if slot.number in seen:
                self.fail(
                    f"the field {slot.name!r} is named twice.", node.key_location(written), path, rule="duplicate-field"
                )
            seen[slot.number] = slot.name
            if slot.oneof is None or matcher.test(ABSENT):
                continue
            other = wanted.setdefault(slot.oneof, slot.name)
            if other != slot.name:
                self.fail(
                    f"{other!r} and {slot.name!r} are members of the oneof {slot.oneof!r}, and only one can be set.",
                    node.key_location(written),
                    path,
                    rule="oneof-conflict",
                )

    def only(self, node: Node, kind: ValueType, path: str) -> Matcher:
        """Compile a mapping on a message, an Any or a JSON object, beside whose members no other may be set."""
        if isinstance(kind, MessageKind):
            return self.fields(node, kind, Place.ELEMENT, path, exact=False, only=True)
        if isinstance(kind, AnyType):
            return self.any(node, kind, path, exact=False, only=True)
        return self.object(node, path, exact=False, only=True)

    def any(self, node: Node, kind: AnyType, path: str, *, exact: bool, only: bool) -> Matcher:
        """Compile a mapping on an Any."""
        if type(node.value) is not dict:
            return self._wrong_type(node, kind, path)
        if not node.value:
            return Opaque(kind, "", b"") if only else Exists(kind, True, True)
        url = node.value.get("@type")
        if url is None or not isinstance(url.value, str):
            where = url.location if url else node.location
            hint = "Name it, such as '@type': type.googleapis.com/package.Message."
            return self.fail("a pattern on an Any needs '@type', a string.", where, path, hint=hint, rule="any-type")
        name = url.value.rpartition("/")[2]
        rest = {key: child for key, child in node.value.items() if key != "@type"}
        try:
            message_class = self.registry.message(name)
        except SchemaError as error:
            return self._opaque(kind, name, rest, url, path, str(error))
        inside = self.kinds.of_class(message_class)
        if not isinstance(inside, MessageKind):
            return self._any_value(node, kind, message_class, inside, rest, path, exact=exact)
        if not rest and not only:
            return Unpacked(kind, message_class, None)
        keys = [key for key in node.keys or () if key.value != "@type"]
        body = Node(rest, node.file, node.line, node.column, keys)
        if not exact and rest and is_operators(rest):
            return Unpacked(kind, message_class, self.pattern(body, inside, Place.ROOT, path))
        inner = self.fields(body, inside, Place.ROOT, path, exact=exact, only=only, count=0)
        return Unpacked(kind, message_class, inner)

    def _any_value(
        self,
        node: Node,
        kind: AnyType,
        message_class: type[Message],
        inside: ValueType,
        rest: dict[Any, Node],
        path: str,
        *,
        exact: bool,
    ) -> Matcher:
        for key in rest:
            if key != "value":
                name = message_class.DESCRIPTOR.full_name
                self.fail(f"an Any of {name} has '@type' and 'value' only, no {key!r}.", node.key_location(key), path)
        if "value" not in rest:
            return Unpacked(kind, message_class, None)
        compile_ = self.exact if exact else self.pattern
        return Unpacked(kind, message_class, compile_(rest["value"], inside, Place.ROOT, f"{path}.value"))

    def _opaque(self, kind: AnyType, name: str, rest: dict[Any, Node], url: Node, path: str, reason: str) -> Matcher:
        # A recorded request may hold an Any that the protos don't know: it is written as its bytes.
        if rest.keys() == {"value"} and isinstance(rest["value"].value, str):
            try:
                data = BYTES.read(rest["value"].value)
            except Mismatch:
                pass
            else:
                self.problems.warn(f"{reason} Its bytes are compared.", url.location, path, stub=self.stub)
                return Opaque(kind, name, data)
        return self.fail(reason, url.location, f"{path}.@type", hint=remedy(self.registry, name), rule="unknown-type")

    # Lists and maps ---------------------------------------------------------------------------------

    def _list(self, node: Node, kind: ListType, path: str, *, exact: bool) -> Matcher:
        if type(node.value) is not list:
            what = "a mapping" if node.is_mapping else describe(node.value)
            return self.fail(
                f"expected {kind.name}, not {what}.",
                node.location,
                path,
                hint="To ask for one such element, write {$some: …}; for a whole list, […].",
                rule="wrong-type",
            )
        compile_ = self.exact if exact else self.pattern
        element = kind.element
        return Elements(
            kind,
            tuple(
                compile_(child, element, Place.ELEMENT, f"{path}[{number}]") for number, child in enumerate(node.value)
            ),
        )

    def _map(self, node: Node, kind: MapType, path: str, *, exact: bool) -> Matcher:
        if type(node.value) is not dict:
            return self._wrong_type(node, kind, path)
        compile_ = self.exact if exact else self.pattern
        parts: dict[Any, Matcher] = {}
        for written, child in node.value.items():
            where = node.location if isinstance(written, float) else None
            try:
                key = kind.read_key(values.text(written) if not isinstance(written, str) else written)
            except Mismatch as error:
                self.fail(error.message, where or node.key_location(written), path, hint=error.hint, rule="wrong-type")
                continue
            if not exact and written in OPERATORS:
                self._beside(node, written, path)
                continue
            if key in parts:
                self.fail(f"the key {key!r} is written twice.", node.key_location(written), path, rule="duplicate-key")
            parts[key] = compile_(child, kind.value, Place.ENTRY, entry(path, key))
        return _entries(kind, parts, only=exact, count=int(exact))

    def _beside(self, node: Node, name: str, path: str) -> None:
        self.fail(
            "operators can't stand beside plain names.",
            node.key_location(name),
            path,
            hint="Put them together with $and: […].",
            rule="mixed-operators",
        )

    # Plain JSON -------------------------------------------------------------------------------------

    def _dynamic(self, node: Node, kind: DynamicType, path: str, *, exact: bool) -> Matcher:
        value = node.value
        if kind.type is not None and type(value) is not kind.type:
            return self._wrong_type(node, kind, path)
        compile_ = self.exact if exact else self.pattern
        if type(value) is dict:
            return OfType(kind, OBJECT, self.object(node, path, exact=exact, only=exact))
        if type(value) is list:
            items = tuple(
                compile_(child, JSON, Place.ELEMENT, f"{path}[{number}]") for number, child in enumerate(value)
            )
            return OfType(kind, LIST, Elements(kind, items))
        if isinstance(value, str) and self.is_template(node, path):
            return Never(kind)
        if not isinstance(value, (str, bool, int, float)):
            return self.fail(f"expected a JSON value, not {describe(value)}.", node.location, path, rule="wrong-type")
        return Plain(kind, one_nan(value) if isinstance(value, float) else value)

    def object(self, node: Node, path: str, *, exact: bool, only: bool) -> Entries:
        """Compile a mapping on a JSON object."""
        compile_ = self.exact if exact else self.pattern
        parts: dict[str, Matcher] = {}
        for written, child in node.value.items():
            if not exact and written in OPERATORS:
                self._beside(node, written, path)
                continue
            key = written if isinstance(written, str) else "null" if written is None else values.text(written)
            parts[key] = compile_(child, JSON, Place.FIELD, entry(path, key))
        return _entries(JSON, parts, only=only, count=1)

    # Operators --------------------------------------------------------------------------------------

    def _operators(self, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        built = []
        for name, operand in node.value.items():
            spec = OPERATORS.get(name)
            if spec is None or not spec.applies_to(kind):
                self._unknown_operator(node, name, kind, path)
                continue
            built.append(spec.compile(Operand(self, operand, kind, place, f"{path}.{name}")))
        if not built:
            return Never(kind)
        return built[0] if len(built) == 1 else And(kind, tuple(built))

    def _unknown_operator(self, node: Node, name: str, kind: ValueType, path: str) -> None:
        where = node.key_location(name)
        own = operators_of(kind)
        if name not in OPERATORS:
            hint = did_you_mean(name, own) or did_you_mean(name, sorted(OPERATORS), known="The operators")
            self.fail(f"there is no operator {name}.", where, path, hint=hint, rule="unknown-operator")
            return
        hint = f"It has {', '.join(own)}."
        if isinstance(kind, ListType) and OPERATORS[name].applies_to(kind.element):
            hint += f" To apply {name} to an element, write {{$some: {{{name}: …}}}}."
        self.fail(f"{kind.name} has no operator {name}.", where, path, hint=hint, rule="wrong-operator")

    def _wrong_type(self, node: Node, kind: ValueType, path: str) -> Matcher:
        came = describe(node.plain())
        return self.fail(f"expected {kind.name}, not {came}.", node.location, path, rule="wrong-type")

    # Problems ---------------------------------------------------------------------------------------

    def fail(
        self, message: str, location: Location | None, path: str, *, hint: str = "", rule: str = "bad-pattern"
    ) -> Matcher:
        """Note a problem, and give a matcher that stands in."""
        self.problems.error(message, location, path, stub=self.stub, hint=hint, rule=rule)
        return Never(JSON)


def is_operators(mapping: dict[Any, Any]) -> bool:
    """Whether all keys of a mapping begin with ``$``."""
    return all(type(key) is str and key[:1] == "$" for key in mapping)


def operators_of(kind: ValueType) -> list[str]:
    """Return the names of the operators that values of a kind have, sorted."""
    return sorted(name for name, spec in OPERATORS.items() if spec.applies_to(kind))


def _entries(kind: ValueType, parts: dict[Any, Matcher], *, only: bool, count: int) -> Entries:
    """Return the matcher of a plain mapping. *count* is what it counts for if no condition is in it."""
    total = sum(matcher.count for matcher in parts.values())
    return Entries(
        kind, tuple((Key(name), matcher) for name, matcher in parts.items()), only=only, count=total or count
    )
