"""What stands in a stub for a secret value: something of the same type and shape."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.drafting.redaction.rules import REDACTED
from grpcmock.schema.fields import Shape, table

if TYPE_CHECKING:
    from grpcmock.schema.fields import Field

_BASE64_REDACTED = base64.b64encode(REDACTED.encode()).decode()
_NUMBER = {
    *(FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32),
    *(FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32),
}
_WELL_KNOWN = {
    "google.protobuf.Timestamp": "1970-01-01T00:00:00Z",
    "google.protobuf.Duration": "0s",
    "google.protobuf.FieldMask": "",
    "google.protobuf.BytesValue": _BASE64_REDACTED,
    "google.protobuf.Int64Value": "0",
    "google.protobuf.UInt64Value": "0",
}


def scalar_type(found: Field) -> int:
    """Return the type of a field's values, as descriptors number them."""
    return int(_element(found).type)


def _element(found: Field) -> Any:
    """Return the descriptor of what a field holds: of a map, of its values."""
    descriptor: Any = found.descriptor
    return descriptor.message_type.fields_by_name["value"] if found.shape is Shape.MAP else descriptor


def placeholder(value: Any, found: Field | None) -> Any:
    """Return what stands for a secret value, of the same type and shape."""
    if isinstance(value, list):
        return [placeholder(item, found) for item in value]
    if found is None:
        return _placeholder_of_json(value)
    if found.shape is Shape.MAP:
        # What is in the keys may be as secret.
        entry: Any = found.descriptor.message_type
        has_text = entry.fields_by_name["key"].type == FieldDescriptor.TYPE_STRING
        return {REDACTED: _placeholder_of(next(iter(value.values())), found)} if has_text and value else {}
    return _placeholder_of(value, found)


def _placeholder_of(value: Any, found: Field) -> Any:
    if found.value_class is not None:
        return _placeholder_of_message(value, found.value_class.DESCRIPTOR)
    descriptor = _element(found)
    if descriptor.type == FieldDescriptor.TYPE_STRING:
        return REDACTED
    if descriptor.type == FieldDescriptor.TYPE_BYTES:
        return _BASE64_REDACTED
    if descriptor.type == FieldDescriptor.TYPE_BOOL:
        return False
    if descriptor.enum_type is not None:
        return descriptor.enum_type.values[0].name
    return 0 if descriptor.type in _NUMBER else "0"


def _placeholder_of_message(value: Any, descriptor: Any) -> Any:
    fields = table(descriptor)
    if descriptor.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[descriptor.full_name]
    if fields.is_any:
        return {}
    if fields.is_well_known or not isinstance(value, dict):
        return _placeholder_of_json(value)
    inner = {name: (fields.find(name), item) for name, item in value.items()}
    return {name: placeholder(item, found) for name, (found, item) in inner.items()}


def _placeholder_of_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {}
    if isinstance(value, list):
        return [_placeholder_of_json(item) for item in value]
    if value is None or isinstance(value, bool):
        return value if value is None else False
    return REDACTED if isinstance(value, str) else 0
