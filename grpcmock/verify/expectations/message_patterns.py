"""From a response as it was written to the pattern that a real server's must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.errors import RenderError
from grpcmock.matching.compiler import is_operators
from grpcmock.matching.messages import MessageKind
from grpcmock.matching.value_types import AnyType, DynamicType, ListType, MapType, Place, ScalarType, ValueType
from grpcmock.responses.templates import Branch, Leaf, Part
from grpcmock.schema import values
from grpcmock.schema.values import Mismatch
from grpcmock.stubs.dump import literals, plain_value
from grpcmock.stubs.operators import Family
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.responses.context import RenderContext
    from grpcmock.verify.expectations.ignored import IgnoredPaths

_ANYTHING = {"$or": [{"$exists": True}, {"$exists": False}]}
_SET = {"$exists": True}


class MessagePatterns:
    """Turns the messages of one answer into patterns, in the keys of the stub format."""

    def __init__(
        self, context: RenderContext, ignored: IgnoredPaths, kind_of: Callable[[str], ValueType | None], *, exact: bool
    ) -> None:
        """*kind_of* gives the kind of what an ``Any`` holds, by its type URL; with *exact*, nothing else may be set."""
        self._context = context
        self._ignored = ignored
        self._kind_of = kind_of
        self._exact = exact

    def of(self, part: Part, kind: ValueType, place: Place, steps: tuple[str, ...]) -> Any:
        if steps and self._ignored.cover(steps):
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
        if (
            isinstance(kind, ScalarType)
            and kind.family is Family.STRING
            and value is not None
            and not isinstance(value, str)
        ):
            return values.text(value)  # a number of a table's row, in a field of text
        return value

    def _mapping(self, value: dict[Any, Any], kind: ValueType, steps: tuple[str, ...]) -> Any:
        match kind:
            case MessageKind():
                made = {name: self._field(name, child, kind, steps) for name, child in value.items()}
                made |= dict.fromkeys(self._also_ignored(made, kind, steps), _ANYTHING) if self._exact else {}
                return {"$only": made} if self._exact else made
            case MapType():
                made = {
                    key: self.of(child, kind.value, Place.ENTRY, (*steps, str(key))) for key, child in value.items()
                }
                if any(str(key).startswith("$") for key in made):
                    return {"$eq": _plain(value)}
                return {"$and": [made, {"$size": len(made)}]} if self._exact else made
            case AnyType():
                return self._any(value, steps)
            case ScalarType():
                return {key: _plain(child) for key, child in value.items()}  # {seconds, nanos}
        made = {key: self.of(child, kind, Place.FIELD, (*steps, str(key))) for key, child in value.items()}
        if any(str(key).startswith("$") for key in made):  # data, which would be taken for operators
            return {"$eq": _plain(value)}
        return {"$only": made} if self._exact else made

    def _field(self, name: Any, child: Part, kind: MessageKind, steps: tuple[str, ...]) -> Any:
        slot = kind.slot(name)
        if slot is None:
            return None  # reported when the stub was compiled
        return self.of(child, slot.kind, slot.place, (*steps, slot.name))

    def _also_ignored(self, named: Iterable[Any], kind: MessageKind, steps: tuple[str, ...]) -> list[str]:
        known = {slot.name for name in named if (slot := kind.slot(name)) is not None}
        return [
            field.name
            for field in kind.descriptor.fields
            if field.name not in known and self._ignored.cover((*steps, field.name))
        ]

    def _any(self, value: dict[Any, Any], steps: tuple[str, ...]) -> Any:
        url = value.get("@type")
        inside = self._kind_of(str(url.value)) if isinstance(url, Node) else None
        rest = {key: child for key, child in value.items() if key != "@type"}
        if inside is None or not isinstance(url, Node):
            return _plain(value)
        if not isinstance(inside, MessageKind):
            made = {key: self.of(child, inside, Place.FIELD, (*steps, str(key))) for key, child in rest.items()}
            return {"@type": url.value, **made}
        made = {name: self._field(name, child, inside, steps) for name, child in rest.items()}
        return {"$only": {"@type": url.value, **made}} if self._exact else {"@type": url.value, **made}

    def _items(self, items: Sequence[Part], kind: ValueType, steps: tuple[str, ...]) -> Any:
        element = kind.element if isinstance(kind, ListType) else kind
        return [self.of(item, element, Place.ELEMENT, steps) for item in items]

    def _template(self, leaf: Leaf, kind: ValueType, place: Place) -> Any:
        """Return the pattern for what was rendered: of the same type, and there."""
        try:
            value = leaf.render(self._context, "")
        except RenderError:
            return _SET if place is not Place.PLAIN else _ANYTHING
        if value is None:
            return _ANYTHING
        if isinstance(kind, DynamicType):
            return _of_type(value)
        if place is Place.PLAIN:
            # Where a default value can't be told from none, only another one shows that the server answers.
            return _ANYTHING if _is_default(value, kind) else _SET
        return _SET


def overlaid(plain: Any, own: Any, kind: ValueType) -> Any:
    """Return a pattern with another laid over it: what that says of a field, or a key of a map, counts instead."""
    if not isinstance(own, dict) or not isinstance(plain, dict) or is_operators(own):
        return own
    if set(plain) == {"$only"}:
        return {"$only": overlaid(plain["$only"], own, kind)}
    if is_operators(plain):
        return own
    made = dict(plain)
    for key, value in own.items():
        name, inside = key, kind.value if isinstance(kind, MapType) else kind
        if isinstance(kind, MessageKind) and (slot := kind.slot(key)) is not None:
            inside = slot.kind
            name = next((one for one in plain if kind.slot(one) is slot), key)
        made[name] = overlaid(made[name], value, inside) if name in made else value
    return made


def _is_default(value: Any, kind: ValueType) -> bool:
    if not isinstance(kind, ScalarType):
        return not value
    if kind.family is Family.STRING:
        return bool(value == "")
    try:
        return bool(kind.read(value) == kind.default)
    except Mismatch:
        return True


def _of_type(value: Any) -> Any:
    """Return a pattern that any JSON value of the same type satisfies."""
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


def without_messages(node: Node) -> Any:
    """Return a tree without what only Python can write: messages become ProtoJSON, bytes base64."""
    value = node.value
    if type(value) is dict:
        return Node(
            {key: without_messages(child) for key, child in value.items()},
            node.file,
            node.line,
            node.column,
            node.keys,
        )
    if type(value) is list:
        return Node([without_messages(child) for child in value], node.file, node.line, node.column)
    if value is None or isinstance(value, (bool, int, float, str)):
        return node
    # The text of a message means itself, whatever it looks like.
    return Node.of(literals(plain_value(value)), node.location)
