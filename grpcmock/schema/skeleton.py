"""An example of a message in ProtoJSON, with every field there is: a template to fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema import values

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

DEEPEST = 6
"""How many messages may stand inside each other."""

_WELL_KNOWN: dict[str, Any] = {
    "google.protobuf.Any": {"@type": "type.googleapis.com/google.protobuf.Empty"},
    "google.protobuf.Timestamp": "1970-01-01T00:00:00Z",
    "google.protobuf.Duration": "0s",
    "google.protobuf.FieldMask": "",
    "google.protobuf.Struct": {},
    "google.protobuf.Value": None,
    "google.protobuf.ListValue": [],
    "google.protobuf.Empty": {},
    "google.protobuf.DoubleValue": 0.0,
    "google.protobuf.FloatValue": 0.0,
    "google.protobuf.Int64Value": "0",
    "google.protobuf.UInt64Value": "0",
    "google.protobuf.Int32Value": 0,
    "google.protobuf.UInt32Value": 0,
    "google.protobuf.BoolValue": False,
    "google.protobuf.StringValue": "",
    "google.protobuf.BytesValue": "",
}

_ZEROS: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_INT32: 0,
    FieldDescriptor.CPPTYPE_UINT32: 0,
    FieldDescriptor.CPPTYPE_INT64: "0",
    FieldDescriptor.CPPTYPE_UINT64: "0",
    FieldDescriptor.CPPTYPE_DOUBLE: 0.0,
    FieldDescriptor.CPPTYPE_FLOAT: 0.0,
    FieldDescriptor.CPPTYPE_BOOL: False,
    FieldDescriptor.CPPTYPE_STRING: "",
}


def skeleton(descriptor: Descriptor) -> Any:
    """Give the template of a message type: plain ProtoJSON that fits it.

    Of a oneof the first member stands for all; a list and a map hold one entry; a message that holds itself is left
    out where it would begin anew.
    """
    return _message(descriptor, ())


def _message(descriptor: Descriptor, above: tuple[str, ...]) -> Any:
    if descriptor.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[descriptor.full_name]
    above = (*above, descriptor.full_name)
    tree: dict[str, Any] = {}
    for field in descriptor.fields:
        if field.containing_oneof and field.containing_oneof.fields[0] is not field:
            continue
        if not field.is_required and _is_endless(field, above):
            continue
        tree[field.name] = _field(field, above)
    return tree


def _is_endless(field: FieldDescriptor, above: tuple[str, ...]) -> bool:
    """Whether a field goes deeper than the template should."""
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        inner = inner.fields_by_name["value"].message_type
    if inner is None or inner.full_name in _WELL_KNOWN:
        return False
    return inner.full_name in above or len(above) >= DEEPEST


def _field(field: FieldDescriptor, above: tuple[str, ...]) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        example = _single(key, above)
        written = {True: "true", False: "false"}[example] if isinstance(example, bool) else str(example)
        return {written: _single(value, above)}
    return [_single(field, above)] if field.is_repeated else _single(field, above)


def _single(field: FieldDescriptor, above: tuple[str, ...]) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name in above:
            return {}  # required, and without end: there is no such message
        return _message(field.message_type, above)
    return zero(field)


def zero(field: FieldDescriptor) -> Any:
    """Give the default of a scalar or enum field in ProtoJSON; of a list, that of an element."""
    if field.has_default_value:
        return values.shown(field, field.default_value)
    if field.enum_type is not None:
        return field.enum_type.values[0].name
    return _ZEROS[field.cpp_type]
