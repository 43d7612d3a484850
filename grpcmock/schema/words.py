"""Words for types and values, as error messages use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

SCALARS: dict[int, str] = {
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_FIXED64: "fixed64",
    FieldDescriptor.TYPE_FIXED32: "fixed32",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_SFIXED32: "sfixed32",
    FieldDescriptor.TYPE_SFIXED64: "sfixed64",
    FieldDescriptor.TYPE_SINT32: "sint32",
    FieldDescriptor.TYPE_SINT64: "sint64",
}
"""The names of the scalar types, by the numbers that descriptors give them."""


def type_name(of: FieldDescriptor | Descriptor) -> str:
    """Say in words what a field or a message type holds: ``an int32``, ``a list of strings``, ``a Timestamp``."""
    if isinstance(of, Descriptor):
        return _WELL_KNOWN_NAMES.get(of.full_name, f"a message {of.full_name}")
    if of.message_type is not None and of.message_type.GetOptions().map_entry:
        key, value = of.message_type.fields_by_name["key"], of.message_type.fields_by_name["value"]
        return f"a map from {_bare(key)} to {_bare(value)}"
    if of.is_repeated:
        return f"a list of {_bare(of)}"
    return element_name(of)


def is_map(field: FieldDescriptor) -> bool:
    """Whether this is a map field."""
    return field.message_type is not None and field.is_repeated and bool(field.message_type.GetOptions().map_entry)


def describe(value: Any) -> str:
    """Say what a value is, for an error message: ``a string 'x'``, ``a number 7``, ``a list``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"a string {value if len(value) <= 60 else value[:60] + '…'!r}"
    if isinstance(value, (int, float)):
        return f"a number {_number_text(value)}"
    for type_, words in ((bytes, "bytes"), (list, "a list"), (tuple, "a list"), (Mapping, "a mapping")):
        if isinstance(value, type_):
            return words
    return f"a {type(value).__name__}"


_WELL_KNOWN_NAMES = {
    "google.protobuf.Timestamp": "a Timestamp (RFC 3339: '2030-01-31T12:00:00Z')",
    "google.protobuf.Duration": "a Duration (seconds: '1.5s')",
    "google.protobuf.FieldMask": "a FieldMask ('a,b.c')",
    "google.protobuf.Struct": "a Struct (any mapping)",
    "google.protobuf.Value": "a Value (anything)",
    "google.protobuf.ListValue": "a ListValue (any list)",
    "google.protobuf.Any": "an Any (a mapping with '@type')",
}


def _bare(field: FieldDescriptor) -> str:
    """Name the type of one element, in the plural where it has one: ``strings``, ``kitchen.Nested``."""
    if field.message_type is not None:
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    name = SCALARS[field.type]
    return name if name == "bytes" else f"{name}s"


def element_name(field: FieldDescriptor) -> str:
    """Say in words what a field holds, or one element of it: ``a string`` for a list of strings."""
    if field.message_type is not None:
        return type_name(field.message_type)
    if field.enum_type is not None:
        return f"a value of enum {field.enum_type.full_name}"
    name = SCALARS[field.type]
    return name if name == "bytes" else f"{'an' if name[0] == 'i' else 'a'} {name}"


def _number_text(value: float) -> str:
    # Python refuses to write integers of more than 4,300 digits.
    return f"of {value.bit_length()} bits" if isinstance(value, int) and value.bit_length() > 400 else f"{value!r}"
