"""Messages and enums as schemas of what ProtoJSON makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.openapi import bounds
from grpcmock.schema.annotations import AnnotationReader, Rules
from grpcmock.schema.comments import comments_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor

    from grpcmock.openapi.bounds import Schema
    from grpcmock.schema import Registry

STATUS = "google.rpc.Status"
CONNECT_ERROR = "connect.Error"

_MOST_MEMBERS = 12
"""Of a larger oneof only the description says that its members exclude each other: there would be too many pairs."""

_INT64 = {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
_UINT64 = {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}

_SCALARS: dict[int, Schema] = {
    type_: schema
    for types, schema in (
        ((FieldDescriptor.TYPE_BOOL,), {"type": "boolean"}),
        ((FieldDescriptor.TYPE_STRING,), {"type": "string"}),
        ((FieldDescriptor.TYPE_BYTES,), {"type": "string", "format": "byte", "contentEncoding": "base64"}),
        ((FieldDescriptor.TYPE_DOUBLE,), {"type": "number", "format": "double"}),
        ((FieldDescriptor.TYPE_FLOAT,), {"type": "number", "format": "float"}),
        (
            (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32),
            {"type": "integer", "format": "int32"},
        ),
        (
            (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32),
            {"type": "integer", "format": "uint32", "minimum": 0},
        ),
        ((FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64), _INT64),
        ((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), _UINT64),
    )
    for type_ in types
}

_ANY = {"type": "object", "properties": {"@type": {"type": "string"}}, "additionalProperties": True}

WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$",
        "examples": ["1.5s"],
    },
    "google.protobuf.FieldMask": {"type": "string", "examples": ["user.displayName,photo"]},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.Any": _ANY,
    "google.protobuf.BoolValue": {"type": ["boolean", "null"]},
    "google.protobuf.StringValue": {"type": ["string", "null"]},
    "google.protobuf.BytesValue": {"type": ["string", "null"], "format": "byte", "contentEncoding": "base64"},
    "google.protobuf.DoubleValue": {"type": ["number", "null"], "format": "double"},
    "google.protobuf.FloatValue": {"type": ["number", "null"], "format": "float"},
    "google.protobuf.Int32Value": {"type": ["integer", "null"], "format": "int32"},
    "google.protobuf.UInt32Value": {"type": ["integer", "null"], "format": "uint32", "minimum": 0},
    "google.protobuf.Int64Value": {**_INT64, "type": ["string", "null"]},
    "google.protobuf.UInt64Value": {**_UINT64, "type": ["string", "null"]},
}
"""The types that ProtoJSON writes in a way of their own."""

_ERRORS: dict[str, Schema] = {
    STATUS: {
        "type": "object",
        "description": "Why a call failed.",
        "properties": {
            "code": {"type": "integer", "format": "int32", "description": "A status code of gRPC."},
            "message": {"type": "string"},
            "details": {"type": "array", "items": _ANY},
        },
    },
    CONNECT_ERROR: {
        "type": "object",
        "description": "Why a call failed, as Connect tells it.",
        "properties": {
            "code": {"type": "string", "description": "A status code of gRPC, in lower case: not_found."},
            "message": {"type": "string"},
            "details": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        },
    },
}


class Schemas:
    """The schemas of a registry. What has a name becomes a component when somebody refers to it."""

    def __init__(self, registry: Registry) -> None:
        self._reader = AnnotationReader(registry)
        self._comments = comments_of(registry)
        self._components: dict[str, Schema] = {}

    @property
    def components(self) -> dict[str, Schema]:
        """All that was referred to, by name."""
        return dict(sorted(self._components.items()))

    def error(self, name: str) -> Schema:
        """Return a reference to the schema of an error."""
        self._components[name] = _ERRORS[name]
        return _reference(name)

    def message(self, descriptor: Descriptor) -> Schema:
        """Return the schema of a message: a reference, or that of a well-known type."""
        name = descriptor.full_name
        if name in WELL_KNOWN:
            return dict(WELL_KNOWN[name])
        if name not in self._components:
            self._components[name] = {}  # so that a type which holds itself comes to an end
            self._components[name] = self.inline(descriptor)
        return _reference(name)

    def inline(self, descriptor: Descriptor, without: Collection[str] = ()) -> Schema:
        """Return the schema of a message with its fields, but for those *without*, by their names in the proto."""
        fields = [field for field in descriptor.fields if field.name not in without]
        properties = {field.json_name: self.field(field) for field in fields}
        schema: Schema = {"type": "object", **self.described(descriptor.full_name)}
        if properties:
            schema["properties"] = properties
        if required := [field.json_name for field in fields if self._is_required(field)]:
            schema["required"] = required
        if excluded := list(_exclusions(descriptor, {field.name for field in fields})):
            schema["not"] = {"anyOf": excluded}
        if descriptor.GetOptions().deprecated:
            schema["deprecated"] = True
        return schema

    def field(self, field: FieldDescriptor) -> Schema:
        """Return the schema of a field."""
        annotations = self._reader.field(field)
        rules = annotations.rules
        schema: Schema
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            entries = self._value(value)
            entries |= bounds.of_value(rules.entries or Rules(), entries)
            schema = {"type": "object", "additionalProperties": entries, **bounds.of_map(rules)}
        elif field.is_repeated:
            items = self._value(field)
            items |= bounds.of_value(rules.items or Rules(), items)
            schema = {"type": "array", "items": items, **bounds.of_list(rules)}
        else:
            schema = self._value(field)
            schema |= bounds.of_value(rules, schema, annotations)
        schema |= bounds.of_field(annotations)
        if field.GetOptions().deprecated:
            schema["deprecated"] = True
        return {**schema, **self._field_text(field)}

    def described(self, name: str) -> Schema:
        """Return what the comment above something says, as a description."""
        text = self._comments.get(name, "")
        return {"description": text} if text else {}

    def _field_text(self, field: FieldDescriptor) -> Schema:
        text = self._comments.get(field.full_name, "")
        if (oneof := field.containing_oneof) is not None and len(oneof.fields) > 1:
            others = ", ".join(other.json_name for other in oneof.fields if other is not field)
            text = f"{text}\n\nAt most one of this and {others} is set.".lstrip()
        return {"description": text} if text else {}

    def _value(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.message(field.message_type)
        return self._enum(field.enum_type) if field.enum_type is not None else dict(_SCALARS[field.type])

    def _enum(self, descriptor: EnumDescriptor) -> Schema:
        name = descriptor.full_name
        if name == "google.protobuf.NullValue":
            return {"type": "null"}
        if name not in self._components:
            said = ((value.name, self._comments.get(f"{name}.{value.name}", "")) for value in descriptor.values)
            of_values = (f"- {value}: {' '.join(text.split())}" for value, text in said if text)
            lines = [self._comments.get(name, ""), *of_values]
            schema: Schema = {"type": "string", "enum": [value.name for value in descriptor.values]}
            text = "\n".join(lines).strip()
            self._components[name] = {**schema, **({"description": text} if text else {})}
        return _reference(name)

    def _is_required(self, field: FieldDescriptor) -> bool:
        annotations = self._reader.field(field)
        return field.is_required or "REQUIRED" in annotations.behaviors or annotations.rules.required


def _exclusions(descriptor: Descriptor, names: Collection[str]) -> Iterator[Schema]:
    """Yield what must not be: two members of a oneof at once."""
    for oneof in descriptor.oneofs:
        members = [field.json_name for field in oneof.fields if field.name in names]
        if len(members) <= _MOST_MEMBERS:
            yield from ({"required": list(pair)} for pair in combinations(members, 2))


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
