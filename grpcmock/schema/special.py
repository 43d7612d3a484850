"""Build the messages that are not written as a mapping of their fields: well-known types, Any, Python messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from google.protobuf.message import Message

from grpcmock.errors import SchemaError
from grpcmock.schema import paths, values, well_known
from grpcmock.schema.any_types import remedy
from grpcmock.schema.fields import DEEPEST, Table, table
from grpcmock.schema.showing import to_tree
from grpcmock.schema.values import Mismatch
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problems
    from grpcmock.schema.registry import Registry


class MessageBuilder(Protocol):
    """What messages of special types need of the builder of ordinary ones."""

    registry: Registry
    problems: Problems
    loose: bool
    partial: bool

    def fill(self, message: Any, fields: Table, node: Node, path: str, depth: int) -> None: ...
    def is_deferred(self, node: Node) -> bool: ...
    def mismatch(self, mismatch: Mismatch, node: Node, path: str) -> None: ...
    def too_deep(self, node: Node, path: str) -> None: ...
    def error(self, text: str, location: Location, path: str, rule: str) -> None: ...


def fill(builder: MessageBuilder, message: Any, fields: Table, node: Node, path: str, depth: int) -> None:
    """Fill from what is not an ordinary mapping: a Python message, the JSON of a well-known type, a mistake."""
    value = node.value
    if isinstance(value, Message):
        if _take_message(builder, message, fields, value, node, path):
            return
        node = Node.of(to_tree(value), node.location)
        value = node.value
    if fields.is_well_known:
        try:
            well_known.fill(message, _plain(builder, node))
        except Mismatch as mismatch:
            if _as_loose_string(builder, message, fields, value):
                return
            builder.mismatch(mismatch, _below(node, mismatch.path), path + paths.items(mismatch.path))
    elif fields.is_any and type(value) is dict:
        _fill_any(builder, message, node, path, depth)
    elif type(value) is dict:
        builder.fill(message, fields, node, path, depth)
    else:
        expected = "a mapping with '@type'" if fields.is_any else "a mapping"
        text = f"expected {expected}, for a message {fields.descriptor.full_name}, not {values.describe(value)}."
        builder.mismatch(Mismatch(text), node, path)


def _as_loose_string(builder: MessageBuilder, message: Any, fields: Table, value: Any) -> bool:
    """Put any scalar's text into a StringValue, as into a string field."""
    if not builder.loose or fields.descriptor.full_name != "google.protobuf.StringValue":
        return False
    if not isinstance(value, (bool, int, float, bytes)):
        return False
    message.value = values.text(value)
    return True


def _take_message(builder: MessageBuilder, message: Any, fields: Table, given: Message, node: Node, path: str) -> bool:
    """Copy or pack a message that stands in the tree; say False if only its ProtoJSON can help."""
    name = given.DESCRIPTOR.full_name
    if name == fields.descriptor.full_name:
        _copy(message, given)
        if not builder.partial and not message.IsInitialized():
            for missing in message.FindInitializationErrors():
                builder.error(f"the required field {missing} is missing.", node.location, path, "missing-required")
        return True
    if fields.is_any:
        message.type_url = f"type.googleapis.com/{name}"
        message.value = given.SerializePartialToString(deterministic=True)
        return True
    return False


def _fill_any(builder: MessageBuilder, message: Any, node: Node, path: str, depth: int) -> None:
    if not node.value:
        return
    if depth > DEEPEST:
        builder.too_deep(node, path)
        return
    type_node = node.value.get("@type")
    if type_node is None or not isinstance(type_node.value, str) or not type_node.value:
        hint = "Write '@type': type.googleapis.com/package.Message."
        where = (type_node or node).location
        builder.problems.error("an Any needs the type of what it holds.", where, path, hint=hint, rule="any")
        return
    if builder.is_deferred(type_node):
        return
    url = type_node.value if "/" in type_node.value else f"type.googleapis.com/{type_node.value}"
    try:
        inside = builder.registry.message(url.rpartition("/")[2])()
    except SchemaError as error:
        if not _take_bytes(builder, message, node, url):
            here, hint = paths.member(path, "@type"), remedy(builder.registry, url)
            builder.problems.error(str(error), type_node.location, here, hint=hint, rule="unknown-type")
        return
    fields = table(inside.DESCRIPTOR)
    rest = {key: child for key, child in node.value.items() if key != "@type"}
    if fields.is_well_known or fields.is_any or _is_empty(fields, rest):
        _fill_special(builder, inside, fields, node, rest, path, depth)
    else:
        keys = [key for key in node.keys or () if key.value != "@type"]
        builder.fill(inside, fields, Node(rest, node.file, node.line, node.column, keys), path, depth + 1)
    message.type_url = url
    message.value = inside.SerializePartialToString(deterministic=True)


def _take_bytes(builder: MessageBuilder, message: Any, node: Node, url: str) -> bool:
    """Take the bytes of a message whose type isn't known, written in base64 under ``value``, as they are shown."""
    content = node.value.get("value")
    if content is None or set(node.value) != {"@type", "value"} or url.rpartition("/")[2].startswith(_OWN):
        return False
    if builder.is_deferred(content):
        return True
    try:
        data = values.octets(content.value)
    except Mismatch:
        return False
    message.type_url, message.value = url, data
    return True


_OWN = "google.protobuf."
"""The package whose types are all known: there, a name that isn't is a mistake."""


def _fill_special(
    builder: MessageBuilder, inside: Message, fields: Table, node: Node, rest: dict[Any, Node], path: str, depth: int
) -> None:
    """Fill what an Any holds, if that has a JSON form of its own, which then stands under the key ``value``."""
    hint = "Its value stands under the key 'value'."
    text = f"an Any that holds a {fields.descriptor.full_name}"
    for key in rest:
        if key != "value":
            where = node.key_location(key)
            builder.problems.error(
                f"{text} has no field {str(key)!r}.",
                where,
                paths.member(path, str(key)),
                hint=hint,
                rule="unknown-field",
            )
    content = rest.get("value")
    if content is None:
        builder.problems.error(f"{text} lacks its value.", node.location, path, hint=hint, rule="any")
    elif not builder.is_deferred(content):
        builder.fill(inside, fields, content, paths.member(path, "value"), depth + 1)


def _plain(builder: MessageBuilder, node: Node, depth: int = 0) -> Any:
    """Give the plain value of a tree below Struct and its like, with null in the place of templates."""
    value = node.value
    if depth > well_known.DEEPEST + 1 or builder.is_deferred(node):
        return None  # deeper down, what is there is refused anyway
    if type(value) is dict:
        return {key: _plain(builder, child, depth + 1) for key, child in value.items()}
    if type(value) is list:
        return [_plain(builder, child, depth + 1) for child in value]
    if isinstance(value, Message):
        return to_tree(value)
    return value


def _copy(message: Any, given: Message) -> None:
    if given.DESCRIPTOR == message.DESCRIPTOR:
        message.CopyFrom(given)
    else:  # the same type by name, out of another pool
        message.MergeFromString(given.SerializePartialToString())


def _is_empty(fields: Table, rest: Mapping[Any, Node]) -> bool:
    """Whether this is an Empty written as the special types are, with a ``value`` of its own."""
    return fields.descriptor.full_name == "google.protobuf.Empty" and set(rest) == {"value"}


def _below(node: Node, path: tuple[str | int, ...]) -> Node:
    for step in path:
        value = node.value
        if type(value) in (dict, list):
            node = value[step]
    return node
