"""What a stub expects of a real server: its answer as patterns; a template stands for any value of its type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.errors import GrpcmockError, RenderError
from grpcmock.matching.compiler import is_operators
from grpcmock.matching.kinds import TEXT, AnyKind, DynamicKind, Kind, ListKind, MapKind, Place, ScalarKind
from grpcmock.matching.messages import Kinds, MessageKind
from grpcmock.matching.patterns import Pattern, compile_pattern
from grpcmock.replies.context import RenderContext
from grpcmock.replies.endings import compile_error
from grpcmock.replies.metadata import compile_metadata
from grpcmock.replies.templates import Branch, Leaf, Part, Scope, compile_tree
from grpcmock.schema import values
from grpcmock.schema.values import Mismatch
from grpcmock.status import Code
from grpcmock.stubs.dump import literals, plain_value
from grpcmock.tree import Node
from grpcmock.verify import ignoring

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.verify.ignoring import Paths
    from grpcmock.verify.looser import Looser

_ANYTHING = {"$or": [{"$exists": True}, {"$exists": False}]}
_SET = {"$exists": True}


@dataclass(frozen=True, slots=True)
class Reply:
    """One message that is expected: a response, or a detail of the status."""

    path: str
    """The path inside the stub: ``response``, ``script[2].send``."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Named:
    """Metadata that is expected, by key: the values, or None where any will do."""

    path: str
    values: tuple[tuple[str, tuple[str | bytes, ...] | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """The status that is expected."""

    code: Code = Code.OK
    message: str | None = None
    """None if the stub doesn't say; empty for any, but one."""

    details: tuple[Reply, ...] = ()
    trailers: tuple[Named, ...] = ()


class Expecter:
    """Makes expectations of the answers of one stub."""

    def __init__(self, scope: Scope, looser: Looser | None = None) -> None:
        self._scope = scope
        self._looser = looser
        self._kinds = Kinds.of(scope.registry)
        self._verify = scope.stub.verify
        self._ignored = ignoring.read(scope)

    @property
    def is_exact(self) -> bool:
        return self._verify.compare == "exact"

    # Messages ---------------------------------------------------------------------------------------

    def reply(self, node: Node, path: str, context: RenderContext, number: int = 0) -> Reply:
        """Expect a response message like *node*, the one of this *number*."""
        if self._looser is not None and number < len(self._looser.responses):
            pattern = self._looser.responses[number]
            return Reply(path, self._compiled(pattern.plain(), pattern, self._scope.method.output, path))
        output = self._scope.method.output
        kind = self._kinds.message(output)
        own = self._verify.response
        return Reply(path, self._pattern(node, output, kind, path, context, self._ignored.responses, own))

    def anything(self, path: str, context: RenderContext) -> Reply:
        """Expect a response message, whatever it holds; an empty one, where all must be equal."""
        return self.reply(Node.of({}), path, context)

    def _pattern(
        self,
        node: Node,
        descriptor: Descriptor,
        kind: Kind,
        path: str,
        context: RenderContext,
        ignored: Paths,
        own: Node | None = None,
    ) -> Pattern:
        """Make the pattern of a message as written; what *own*, a pattern of the user, says goes first."""
        part = compile_tree(Node.of(_without_messages(node), node.location), self._scope, path)
        plain = _Shape(self, context, ignored).of(part, kind, Place.ROOT, ())
        if own is not None:
            plain = overlaid(plain, own.plain(), kind)
        return self._compiled(plain, node, descriptor, path)

    def _compiled(self, plain: Any, node: Node, descriptor: Descriptor, path: str) -> Pattern:
        # What was a template is rendered by now: braces are mere characters.
        scope = self._scope
        return compile_pattern(
            Node.of(plain, node.location),
            descriptor,
            scope.registry,
            scope.problems,
            path,
            stub=scope.stub.name,
            rendered=True,
        )

    def kind_of(self, type_url: str) -> Kind | None:
        """Give the kind of what an Any holds; None if its type isn't known."""
        try:
            return self._kinds.of_class(self._scope.registry.message(type_url.rpartition("/")[2]))
        except GrpcmockError:
            return None

    # Metadata and status ----------------------------------------------------------------------------

    def named(self, node: Node | None, path: str) -> Named:
        """Expect headers or trailers."""
        found: list[tuple[str, tuple[str | bytes, ...] | None]] = []
        part = path.rpartition(".")[2]
        for key, child in node.value.items() if node is not None and node.is_mapping else ():
            if (part, str(key).lower()) in self._ignored.metadata:
                continue
            one = Node({key: child}, node.file, node.line, node.column) if node is not None else None
            made = compile_metadata(one, self._scope, path).constant
            found.append((key, None if made is None else tuple(value for _, value in made)))
        return Named(path, tuple(found))

    def ok(self, trailers: Named) -> Ending:
        """Expect the call to end well."""
        return Ending(trailers=(trailers,))

    def error(self, node: Node, path: str, trailers: Named, context: RenderContext) -> Ending:
        """Expect the call to end with an error like *node*."""
        finish = compile_error(node, self._scope, path)
        given: dict[str, Node] = node.value
        message: str | None = None
        if self._ignored.message or (self._looser is not None and self._looser.any_message):
            message = None
        elif "message" in given and given["message"].value is not None:
            message = finish.message.constant if finish.message.constant is not None else ""
        details = []
        listed = given["details"].value if "details" in given and given["details"].is_list else []
        any_class = self._scope.registry.message("google.protobuf.Any")
        kind = self._kinds.of_class(any_class)
        descriptor: Descriptor = any_class.DESCRIPTOR  # type: ignore[assignment]
        for number, item in enumerate(listed):
            where = f"{path}.details[{number}]"
            pattern = self._pattern(item, descriptor, kind, where, context, self._ignored.details)
            details.append(Reply(where, pattern))
        own = self.named(given.get("trailers"), f"{path}.trailers")
        return Ending(finish.code, message, tuple(details), (trailers, own))


class _Shape:
    """From one message as written to its pattern."""

    def __init__(self, expecter: Expecter, context: RenderContext, ignored: Paths) -> None:
        self._expecter = expecter
        self._ignored = ignored
        self._exact = expecter.is_exact
        self._context = context

    def of(self, part: Part, kind: Kind, place: Place, steps: tuple[str, ...]) -> Any:
        if steps and self._ignored.hold(steps):
            return _ANYTHING
        if isinstance(part, Leaf):
            return self._template(part, kind, place)
        if isinstance(part, Branch):
            if part.is_list:
                return self._items([below for _, below in part.items], kind, steps)
            named = {_text(key, self._context): below for key, below in part.items}
            return self._mapping(named, kind, steps)
        value = part.value
        if type(value) is dict:
            return self._mapping(value, kind, steps)
        if type(value) is list:
            return self._items(value, kind, steps)
        if isinstance(kind, ScalarKind) and kind.operators == TEXT and value is not None and not isinstance(value, str):
            return values.text(value)  # a number of a table's row, in a field of text
        return value

    def _mapping(self, value: dict[Any, Any], kind: Kind, steps: tuple[str, ...]) -> Any:
        match kind:
            case MessageKind():
                made = {name: self._field(name, child, kind, steps) for name, child in value.items()}
                made |= dict.fromkeys(self._also_ignored(made, kind, steps), _ANYTHING) if self._exact else {}
                return {"$only": made} if self._exact else made
            case MapKind():
                made = {
                    key: self.of(child, kind.value, Place.ENTRY, (*steps, str(key))) for key, child in value.items()
                }
                if any(str(key).startswith("$") for key in made):
                    return {"$eq": _plain(value)}
                return {"$and": [made, {"$size": len(made)}]} if self._exact else made
            case AnyKind():
                return self._any(value, steps)
            case ScalarKind():
                return {key: _plain(child) for key, child in value.items()}  # {seconds, nanos}
        made = {key: self.of(child, kind, Place.FIELD, (*steps, str(key))) for key, child in value.items()}
        if any(str(key).startswith("$") for key in made):  # data, which would be taken for operators
            return {"$eq": _plain(value)}
        return {"$only": made} if self._exact else made

    def _field(self, name: Any, child: Part, kind: MessageKind, steps: tuple[str, ...]) -> Any:
        slot = kind.slot(name)
        if slot is None:
            return None  # told of when the stub was compiled
        return self.of(child, slot.kind, slot.place, (*steps, slot.name))

    def _also_ignored(self, named: Iterable[Any], kind: MessageKind, steps: tuple[str, ...]) -> list[str]:
        known = {slot.name for name in named if (slot := kind.slot(name)) is not None}
        return [
            field.name
            for field in kind.descriptor.fields
            if field.name not in known and self._ignored.hold((*steps, field.name))
        ]

    def _any(self, value: dict[Any, Any], steps: tuple[str, ...]) -> Any:
        url = value.get("@type")
        inside = self._expecter.kind_of(str(url.value)) if isinstance(url, Node) else None
        rest = {key: child for key, child in value.items() if key != "@type"}
        if inside is None or not isinstance(url, Node):
            return _plain(value)
        if not isinstance(inside, MessageKind):
            made = {key: self.of(child, inside, Place.FIELD, (*steps, str(key))) for key, child in rest.items()}
            return {"@type": url.value, **made}
        made = {name: self._field(name, child, inside, steps) for name, child in rest.items()}
        return {"$only": {"@type": url.value, **made}} if self._exact else {"@type": url.value, **made}

    def _items(self, items: Sequence[Part], kind: Kind, steps: tuple[str, ...]) -> Any:
        element = kind.element if isinstance(kind, ListKind) else kind
        return [self.of(item, element, Place.ELEMENT, steps) for item in items]

    def _template(self, leaf: Leaf, kind: Kind, place: Place) -> Any:
        """Give the pattern for what was rendered: of the same type, and there."""
        try:
            value = leaf.render(self._context, "")
        except RenderError:
            return _SET if place is not Place.PLAIN else _ANYTHING
        if value is None:
            return _ANYTHING
        if isinstance(kind, DynamicKind):
            return _of_type(value)
        if place is Place.PLAIN:
            # Where a default value can't be told from none, only another one shows that the server answers.
            return _ANYTHING if _is_default(value, kind) else _SET
        return _SET


def overlaid(plain: Any, own: Any, kind: Kind) -> Any:
    """Lay a pattern over another: what it says of a field, or of a key of a map, takes the place of what was said."""
    if not isinstance(own, dict) or not isinstance(plain, dict) or is_operators(own):
        return own
    if set(plain) == {"$only"}:
        return {"$only": overlaid(plain["$only"], own, kind)}
    if is_operators(plain):
        return own
    made = dict(plain)
    for key, value in own.items():
        name, inside = key, kind.value if isinstance(kind, MapKind) else kind
        if isinstance(kind, MessageKind) and (slot := kind.slot(key)) is not None:
            inside = slot.kind
            name = next((one for one in plain if kind.slot(one) is slot), key)
        made[name] = overlaid(made[name], value, inside) if name in made else value
    return made


def _is_default(value: Any, kind: Kind) -> bool:
    if not isinstance(kind, ScalarKind):
        return not value
    if kind.operators == TEXT:
        return bool(value == "")
    try:
        return bool(kind.read(value) == kind.default)
    except Mismatch:
        return True


def _of_type(value: Any) -> Any:
    """Give a pattern that any JSON value of the same type pleases."""
    match value:
        case bool():
            return {"$in": [True, False]}
        case int() | float():
            return {"$or": [{"$gte": 0}, {"$lt": 0}]}
        case str():
            return {"$size": {"$gte": 0}, "$prefix": ""}
        case list() | tuple():
            return {"$all": []}
    return {"$keys": {"$size": {"$gte": 0}}}


def _text(key: Any, context: RenderContext) -> Any:
    return key.text(context, "") if isinstance(key, Leaf) else key


def _plain(value: Any) -> Any:
    if isinstance(value, Node):
        return value.plain()
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    return value


def _without_messages(node: Node) -> Any:
    """Give a tree without what only Python can write: messages become ProtoJSON, bytes base64."""
    value = node.value
    if type(value) is dict:
        return Node(
            {key: _without_messages(child) for key, child in value.items()},
            node.file,
            node.line,
            node.column,
            node.keys,
        )
    if type(value) is list:
        return Node([_without_messages(child) for child in value], node.file, node.line, node.column)
    if value is None or isinstance(value, (bool, int, float, str)):
        return node
    # The text of a message means itself, whatever it looks like.
    return Node.of(literals(plain_value(value)), node.location)


def context_of(
    requests: Sequence[Message], metadata: Any, stub_row: Any, *, count: int = 1, state: Any = None
) -> RenderContext:
    """Give what templates see of a call after these requests."""
    return RenderContext(
        request=requests[0] if requests else None,
        requests=tuple(requests),
        message=requests[-1] if requests else None,
        metadata=metadata,
        row=stub_row,
        count=count,
        state=state,
    )
