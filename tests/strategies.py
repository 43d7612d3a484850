"""Hypothesis strategies that tests of several layers share: random messages of any type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor as F
from hypothesis import strategies as st

from grpcmock.schema import values

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

_SIGNED32 = st.integers(-(2**31), 2**31 - 1)
_SIGNED64 = st.integers(-(2**63), 2**63 - 1)
_UNSIGNED32 = st.integers(0, 2**32 - 1)
_UNSIGNED64 = st.integers(0, 2**64 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_SNAKE = st.from_regex(r"[a-z]{1,3}(_[a-z]{1,3})?(\.[a-z]{1,3}(_[a-z]{1,3})?)?", fullmatch=True)

_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.TYPE_DOUBLE: st.floats(allow_nan=False),
    F.TYPE_FLOAT: st.floats(width=32, allow_nan=False),
    F.TYPE_INT64: _SIGNED64,
    F.TYPE_SINT64: _SIGNED64,
    F.TYPE_SFIXED64: _SIGNED64,
    F.TYPE_UINT64: _UNSIGNED64,
    F.TYPE_FIXED64: _UNSIGNED64,
    F.TYPE_INT32: _SIGNED32,
    F.TYPE_SINT32: _SIGNED32,
    F.TYPE_SFIXED32: _SIGNED32,
    F.TYPE_UINT32: _UNSIGNED32,
    F.TYPE_FIXED32: _UNSIGNED32,
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_STRING: _TEXT,
    F.TYPE_BYTES: st.binary(max_size=6),
}


def scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Values of a scalar or enum field, NaN left out, since it would make a message unequal to itself."""
    if field.enum_type is None:
        return _SCALARS[field.type]
    declared = st.sampled_from([value.number for value in field.enum_type.values])
    if field.enum_type.is_closed or field.enum_type.full_name == "google.protobuf.NullValue":
        return declared
    return declared | _SIGNED32


@st.composite
def messages(draw: st.DrawFn, message_class: type[Message], depth: int = 3) -> Message:
    """Messages that ProtoJSON can say, with few fields set and at most *depth* messages inside each other."""
    message = message_class()
    _fill(draw, message, depth)
    # As from the wire: there, the list of an extension that was only touched isn't there.
    return message_class.FromString(message.SerializePartialToString())


def _fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    if special := _SPECIAL.get(descriptor.full_name):
        special(draw, message, depth)
        return
    fields = [*descriptor.fields]
    if descriptor.is_extendable:
        fields += descriptor.file.pool.FindAllExtensions(descriptor)
    chosen = draw(st.lists(st.sampled_from(fields), max_size=5, unique_by=lambda f: f.full_name)) if fields else []
    for field in [*(f for f in fields if f.is_required), *chosen]:
        if depth > 0 or field.message_type is None:
            _set(draw, message, field, depth - 1)


def _set(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    if not field.is_repeated and field.message_type is None:
        value = draw(scalars(field))
        if field.is_extension:
            message.Extensions[field] = value
        else:
            setattr(message, field.name, value)
        return
    target: Any = message.Extensions[field] if field.is_extension else getattr(message, field.name)
    if values.is_map(field):
        entry: Any = field.message_type
        for key in draw(st.lists(scalars(entry.fields_by_name["key"]), max_size=3, unique=True)):
            if entry.fields_by_name["value"].message_type is not None:
                target[key].SetInParent()
                _fill(draw, target[key], depth)
            else:
                target[key] = draw(scalars(entry.fields_by_name["value"]))
    elif field.message_type is None:
        target.extend(draw(st.lists(scalars(field), max_size=3)))
    elif field.is_repeated:
        for _ in range(draw(st.integers(0, 2))):
            _fill(draw, target.add(), depth)
    else:
        target.SetInParent()
        _fill(draw, target, depth)


def _timestamp(draw: st.DrawFn, message: Any, depth: int) -> None:
    message.seconds = draw(st.integers(-62_135_596_800, 253_402_300_799))
    message.nanos = draw(st.integers(0, 999_999_999) | st.integers(0, 999).map(lambda millis: millis * 1_000_000))


def _duration(draw: st.DrawFn, message: Any, depth: int) -> None:
    sign = draw(st.sampled_from([1, -1]))
    message.seconds = sign * draw(st.integers(0, 315_576_000_000 - 1))
    message.nanos = sign * draw(st.integers(0, 999_999_999))


def _field_mask(draw: st.DrawFn, message: Any, depth: int) -> None:
    message.paths.extend(draw(st.lists(_SNAKE, max_size=3)))


def _value(draw: st.DrawFn, message: Any, depth: int) -> None:
    kinds = ["null", "number", "string", "bool", *(["struct", "list"] if depth > 0 else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "null":
        message.null_value = 0
    elif kind == "number":
        message.number_value = draw(st.floats(allow_nan=False, allow_infinity=False))
    elif kind == "string":
        message.string_value = draw(_TEXT)
    elif kind == "bool":
        message.bool_value = draw(st.booleans())
    elif kind == "struct":
        message.struct_value.SetInParent()
        _struct(draw, message.struct_value, depth - 1)
    else:
        message.list_value.SetInParent()
        _list_value(draw, message.list_value, depth - 1)


def _struct(draw: st.DrawFn, message: Any, depth: int) -> None:
    for key in draw(st.lists(_TEXT, max_size=2, unique=True)):
        _value(draw, message.fields[key], depth)


def _list_value(draw: st.DrawFn, message: Any, depth: int) -> None:
    for _ in range(draw(st.integers(0, 2))):
        _value(draw, message.values.add(), depth)


def _any(draw: st.DrawFn, message: Any, depth: int) -> None:
    if depth <= 0:
        return
    pool = message.DESCRIPTOR.file.pool
    name = draw(st.sampled_from(["google.protobuf.Duration", "google.protobuf.Any", "kitchen.Nested"]))
    try:
        inside = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()
    except KeyError:
        return
    _fill(draw, inside, depth - 1)
    message.type_url = draw(st.sampled_from(["type.googleapis.com/", "example.com/types/"])) + name
    message.value = inside.SerializeToString(deterministic=True)


_SPECIAL = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.Value": _value,
    "google.protobuf.Struct": _struct,
    "google.protobuf.ListValue": _list_value,
    "google.protobuf.Any": _any,
}
