"""Show messages as ProtoJSON."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message

from grpcmock.schema import values, well_known
from grpcmock.schema.fields import Field, Shape, table
from grpcmock.schema.registry import find_message

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.descriptor_pool import DescriptorPool

_DEEPEST = 150


def to_tree(message: Message, *, json_names: bool = False) -> Any:
    """Give a message as plain ProtoJSON: dicts, lists and scalars. It never fails.

    Fields have the names of the proto, or, with *json_names*, those that ProtoJSON prefers (``pageSize``). Of fields
    without presence, those at their default are left out; 64-bit integers are strings. What ProtoJSON can't say is
    shown raw: an ``Any`` of an unknown type with its ``value`` in base64, a Timestamp out of range by its fields.
    """
    return _tree(message, 0, json_names)


def _tree(message: Any, depth: int, json_names: bool) -> Any:
    fields = table(message.DESCRIPTOR)
    if fields.is_well_known:
        return well_known.to_tree(message)
    if fields.is_any:
        return _any_tree(message, depth, json_names)
    if depth > _DEEPEST:
        return "…"
    tree: dict[str, Any] = {}
    for descriptor, value in message.ListFields():
        if descriptor.is_repeated and not value:
            continue  # a list of an extension counts as set once it was asked for
        field = fields.by_number.get(descriptor.number) or fields.extension(descriptor)
        scalar = field.shape is Shape.SCALAR
        shown = field.show(value) if scalar else _composite(field, value, depth + 1, json_names)
        tree[field.json_name if json_names else field.name] = shown
    return tree


def _composite(field: Field, value: Any, depth: int, json_names: bool) -> Any:
    shape = field.shape
    if shape is Shape.MESSAGE:
        return _tree(value, depth, json_names)
    if shape is Shape.SCALARS:
        return [field.show(item) for item in value]
    if shape is Shape.MESSAGES:
        return [_tree(item, depth, json_names) for item in value]
    if field.value_is_message:
        return {values.text(key): _tree(item, depth, json_names) for key, item in value.items()}
    return {values.text(key): field.show(item) for key, item in value.items()}


def _any_tree(message: Any, depth: int, json_names: bool) -> Any:
    if not message.type_url and not message.value:
        return {}
    inside = _unpack(message.DESCRIPTOR, message.type_url, message.value) if depth <= _DEEPEST else None
    if inside is None:
        return {"@type": message.type_url, "value": base64.b64encode(message.value).decode()}
    tree = _tree(inside, depth + 1, json_names)
    fields = table(inside.DESCRIPTOR)
    if fields.is_well_known or fields.is_any or type(tree) is not dict:
        return {"@type": message.type_url, "value": tree}
    return {"@type": message.type_url, **tree}


def _unpack(any_descriptor: Descriptor, type_url: str, data: bytes) -> Message | None:
    pool: DescriptorPool = any_descriptor.file.pool
    message_class = find_message(pool, type_url.rpartition("/")[2])
    if message_class is None:
        return None
    try:
        return message_class.FromString(data)
    except (DecodeError, RuntimeError, RecursionError):
        return None
