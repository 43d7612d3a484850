"""JSON Schemas of the user's own messages, as answers and as patterns, each type once under ``$defs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.stubs.arguments import TEMPLATE, Schema, Schemas
from grpcmock.stubs.json_words import comments
from grpcmock.stubs.operators import Family

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor, EnumDescriptor

    from grpcmock.schema import Registry
    from grpcmock.stubs.operators import OperatorSyntax

_NUMBER = r"^[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
_FLOAT = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$|^-?(Infinity|inf)$|^NaN$|^nan$"
_TIMESTAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[-+][0-9]{2}:[0-9]{2})$"
_DURATION = r"^[-+]?[0-9]+(\.[0-9]{1,9})?s$"
_BASE64 = r"^[A-Za-z0-9+/_-]*={0,2}$"


def _text(pattern: str | None = None, **more: Any) -> Schema:
    return {"type": "string", **({"pattern": f"{pattern}|{TEMPLATE}"} if pattern else {}), **more}


def _integer(bits: int, signed: bool) -> Schema:
    least = -(1 << bits - 1) if signed else 0
    most = (1 << bits - 1) - 1 if signed else (1 << bits) - 1
    return {**_text(_NUMBER), "type": ["integer", "string"], "minimum": least, "maximum": most}


_SCALARS: Final[dict[str, Schema]] = {
    "int32": _integer(32, True),
    "int64": _integer(64, True),
    "uint32": _integer(32, False),
    "uint64": _integer(64, False),
    "float": {**_text(_FLOAT), "type": ["number", "string"]},
    "double": {**_text(_FLOAT), "type": ["number", "string"]},
    "bool": {**_text(TEMPLATE), "type": ["boolean", "string"], "pattern": TEMPLATE},
    "string": _text(),
    "bytes": _text(_BASE64, description="Bytes in base64."),
    "timestamp": _text(_TIMESTAMP, description="A time as in RFC 3339: 2024-05-01T12:00:00Z."),
    "duration": _text(_DURATION, description="A duration in seconds: 1.5s."),
    "field_mask": _text(description='Paths of fields: "name,email".'),
}
_ATTACHABLE: Final = ("bytes", "string")
_ATTACHED: Final[Schema] = {
    "$file": {"type": "string", "description": "The content of a file beside the stub."},
    "$text": {"type": "string", "description": "The bytes of this text, in UTF-8."},
}
_FAMILIES: Final[dict[str, Family]] = {
    **dict.fromkeys(("int32", "int64", "uint32", "uint64", "timestamp", "duration"), Family.ORDERED),
    **dict.fromkeys(("float", "double"), Family.FLOAT),
    **dict.fromkeys(("bool", "field_mask"), Family.PLAIN),
    "string": Family.STRING,
    "bytes": Family.BYTES,
}
_TYPES: Final = {
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    **dict.fromkeys((FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32), "int32"),
    **dict.fromkeys((FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64), "int64"),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), "uint32"),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), "uint64"),
}
_WELL_KNOWN: Final = {
    "Timestamp": "timestamp",
    "Duration": "duration",
    "FieldMask": "field_mask",
    "DoubleValue": "double",
    "FloatValue": "float",
    "Int64Value": "int64",
    "UInt64Value": "uint64",
    "Int32Value": "int32",
    "UInt32Value": "uint32",
    "BoolValue": "bool",
    "StringValue": "string",
    "BytesValue": "bytes",
}
_FREE: Final[dict[str, Schema]] = {
    "Struct": {"type": ["object", "string"]},
    "ListValue": {"type": ["array", "string"]},
    "Value": {},
    "Any": {
        "type": ["object", "string"],
        "properties": {"@type": {"type": "string", "description": "The type inside: type.googleapis.com/pkg.Message."}},
    },
}
_PACKAGE: Final = "google.protobuf."
_KEYS: Final = {"string": None, "bool": rf"^(true|false)$|{TEMPLATE}"}


class Types:
    """Makes schemas, and gathers them under ``defs``. In patterns, values have the *operators* of their families."""

    def __init__(self, registry: Registry, operators: Iterable[OperatorSyntax]) -> None:
        self.defs: dict[str, Schema] = {}
        self._syntax = tuple(operators)
        self._comments = comments(registry.files)

    def comment(self, full_name: str) -> str:
        """Give what the proto says about a method, message, field or enum value; empty without source information."""
        return self._comments.get(full_name, "")

    def message(self, descriptor: Descriptor) -> Schema:
        """Give the schema of a message in an answer."""
        name = descriptor.full_name.removeprefix(_PACKAGE)
        if descriptor.full_name.startswith(_PACKAGE):
            if name in _FREE:
                return dict(_FREE[name])
            if name in _WELL_KNOWN:
                return self.value(_WELL_KNOWN[name])
        key = f"message:{descriptor.full_name}"
        if key not in self.defs:
            self.defs[key] = made = {"type": ["object", "string"], "pattern": TEMPLATE}
            made |= self._members(descriptor, {field.name: self._field(field) for field in descriptor.fields})
        return _reference(key)

    def pattern(self, descriptor: Descriptor) -> Schema:
        """Give the schema of a pattern on a message."""
        name = descriptor.full_name.removeprefix(_PACKAGE)
        if descriptor.full_name.startswith(_PACKAGE):
            if name in _FREE:
                return {}
            if name in _WELL_KNOWN:
                return self.scalar_pattern(_WELL_KNOWN[name])
        key = f"pattern:{descriptor.full_name}"
        if key not in self.defs:
            self.defs[key] = made = Schema(type=["object", "string", "null"], pattern=TEMPLATE)
            itself = _reference(key)
            value = self.message(descriptor)
            fields = {field.name: self._field_pattern(field) for field in descriptor.fields}
            made |= self._members(descriptor, fields)
            made["properties"] |= self._operators(Family.MESSAGE, Schemas(value, itself, self._count))
            # A mapping is fields or operators, never both.
            made["anyOf"] = [{"propertyNames": {"pattern": r"^\$"}}, {"propertyNames": {"pattern": r"^[^$]"}}]
        return _reference(key)

    def value(self, kind: str) -> Schema:
        """Give the schema of a scalar, by its kind: ``int32``, ``timestamp``, …"""
        key = f"value:{kind}"
        schema = _SCALARS[kind]
        if kind in _ATTACHABLE:
            schema = {**schema, "type": ["string", "object"], "properties": _ATTACHED, "additionalProperties": False}
        self.defs.setdefault(key, schema)
        return _reference(key)

    def scalar_pattern(self, kind: str) -> Schema:
        """Give the schema of a pattern on a scalar."""
        key = f"pattern:{kind}"
        if key not in self.defs:
            self.defs[key] = {}
            self.defs[key] |= self._pattern_of(key, self.value(kind), _SCALARS[kind], _FAMILIES[kind])
            if kind in _ATTACHABLE:
                self.defs[key]["properties"] |= _ATTACHED
        return _reference(key)

    def _members(self, descriptor: Descriptor, fields: dict[str, Schema]) -> Schema:
        """Take each field by its name; the other spelling is taken, too, but not offered by an editor."""
        others = {
            f"^{field.json_name}$": fields[field.name]
            for field in descriptor.fields
            if field.json_name != field.name and field.json_name not in fields
        }
        if descriptor.is_extendable:
            others[r"^\[.+\]$"] = {}
        made: Schema = {"properties": fields, "additionalProperties": False}
        if others:
            made["patternProperties"] = others
        if text := self.comment(descriptor.full_name):
            made["description"] = text
        return made

    def _described(self, field: FieldDescriptor, schema: Schema) -> Schema:
        kind = _kind(field)
        comment = self.comment(field.full_name)
        return {**schema, "description": f"{comment}\n\n{kind}" if comment else kind}

    def _field(self, field: FieldDescriptor) -> Schema:
        if entry := _entry(field):
            key, value = entry
            schema: Schema = {
                "type": ["object", "string", "null"],
                "pattern": TEMPLATE,
                "additionalProperties": self._single(value),
                **_names(key),
            }
        elif field.is_repeated:
            schema = {"type": ["array", "string", "null"], "pattern": TEMPLATE, "items": self._single(field)}
        else:
            schema = {"anyOf": [self._single(field), {"type": "null"}]}
        return self._described(field, schema)

    def _single(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        return self.value(_TYPES[field.type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        key = f"enum:{enum.full_name}"
        if key not in self.defs:
            names = list(enum.values_by_name)
            numbers: Schema = {"type": "integer", "minimum": -(1 << 31), "maximum": (1 << 31) - 1}
            if enum.is_closed:
                numbers = {"enum": [value.number for value in enum.values]}
            scope = enum.full_name.removesuffix(enum.name)
            texts = [self.comment(f"{scope}{value.name}") for value in enum.values]
            made: Schema = {"anyOf": [{"enum": names}, numbers, {"type": "string", "pattern": TEMPLATE}]}
            if any(texts):
                made["anyOf"][0]["enumDescriptions"] = texts
            if enum.full_name == "google.protobuf.NullValue":
                made["anyOf"].append({"type": "null"})
            self.defs[key] = made
        return _reference(key)

    def _field_pattern(self, field: FieldDescriptor) -> Schema:
        if entry := _entry(field):
            key, value = entry
            schema = self._map_pattern(key, value)
        elif field.is_repeated:
            schema = self._list_pattern(self._single_pattern(field), self._single(field))
        else:
            schema = self._single_pattern(field)
        return self._described(field, schema)

    def _single_pattern(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.pattern(field.message_type)
        if field.enum_type is None:
            return self.scalar_pattern(_TYPES[field.type])
        key = f"pattern:{field.enum_type.full_name}"
        if key not in self.defs:
            value = self._enum(field.enum_type)
            operators = self._pattern_of(key, value, {"type": []}, Family.ORDERED)
            self.defs[key] = {"anyOf": [value, {**operators, "type": ["object", "null"]}]}
        return _reference(key)

    def list_pattern(self, descriptor: Descriptor) -> Schema:
        """Give the schema of ``requests``: one pattern for each message, or operators over all of them."""
        return self._list_pattern(self.pattern(descriptor), self.message(descriptor))

    def _list_pattern(self, item: Schema, value: Schema) -> Schema:
        # The pattern of the list itself, as in $not, is left open: the schema would have to name every list.
        schemas = Schemas({"type": ["array", "string"], "items": value}, {}, self._count, element=item)
        return {
            "type": ["array", "object", "null", "string"],
            "pattern": TEMPLATE,
            "items": item,
            "properties": self._operators(Family.LIST, schemas),
            "additionalProperties": False,
        }

    def _map_pattern(self, key: FieldDescriptor, value: FieldDescriptor) -> Schema:
        item = self._single_pattern(value)
        entries = {"type": ["object", "string"], "additionalProperties": self._single(value)}
        schemas = Schemas(entries, {}, self._count, key=self._single_pattern(key), entry=item)
        return {
            "type": ["object", "null", "string"],
            "pattern": TEMPLATE,
            "properties": self._operators(Family.MAP, schemas),
            "additionalProperties": item,
        }

    def _pattern_of(self, key: str, value: Schema, base: Schema, family: Family) -> Schema:
        types = base["type"] if isinstance(base["type"], list) else [base["type"]]
        operators = self._operators(family, Schemas(value, _reference(key), self._count))
        return {**base, "type": [*types, "object", "null"], "properties": operators, "additionalProperties": False}

    def _operators(self, family: Family, schemas: Schemas) -> dict[str, Schema]:
        """Return what may stand after each operator of a family of value types."""
        return {syntax.name: syntax.schema(schemas) for syntax in self._syntax if syntax.families.meets(family)}

    def _count(self) -> Schema:
        return self.scalar_pattern("int32")


def _reference(key: str) -> Schema:
    return {"$ref": f"#/$defs/{key}"}


def _entry(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor] | None:
    """Give the fields of key and value, if *field* is a map."""
    entry = field.message_type
    if entry is None or not field.is_repeated or not entry.GetOptions().map_entry:
        return None
    return entry.fields_by_name["key"], entry.fields_by_name["value"]


def _names(key: FieldDescriptor) -> Schema:
    kind = _TYPES[key.type]
    pattern = _KEYS.get(kind, rf"^-?[0-9]+$|{TEMPLATE}")
    return {"propertyNames": {"pattern": pattern}} if pattern else {}


def _kind(field: FieldDescriptor) -> str:
    """Write a field's type as the proto does."""
    if entry := _entry(field):
        return f"map<{_kind(entry[0])}, {_kind(entry[1])}>"
    named = field.message_type or field.enum_type
    name = named.full_name if named is not None else _TYPES[field.type]
    oneof = field.containing_oneof
    within = f" (oneof {oneof.name})" if oneof is not None and not oneof.name.startswith("_") else ""
    return f"repeated {name}" if field.is_repeated else f"{name}{within}"
