"""Fields of messages as other tools name them, and the values of well-known types that are written in parts."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Registry

WRAPPERS = {
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
}
FLOATS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
_KINDS_OF_VALUE = ("null", "number", "string", "bool", "struct", "list")


def find(message: Descriptor | None, name: Any) -> FieldDescriptor | None:
    """Find a field by its name in the proto or in JSON; None if there is none."""
    if message is None:
        return None
    by_name: FieldDescriptor | None = message.fields_by_name.get(str(name))
    return by_name or message.fields_by_camelcase_name.get(str(name)) or _by_json_name(message, str(name))


def _by_json_name(message: Descriptor, name: str) -> FieldDescriptor | None:
    return next((field for field in message.fields if name in (field.json_name, _camel(field.name))), None)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def type_name(field: FieldDescriptor | None) -> str:
    """Give the full name of the message type of a field; nothing for other fields."""
    return field.message_type.full_name if field is not None and field.message_type is not None else ""


def is_map(field: FieldDescriptor | None) -> bool:
    """Whether a field is a map."""
    kind = field.message_type if field is not None else None
    return kind is not None and bool(kind.GetOptions().map_entry)


def is_list(field: FieldDescriptor | None) -> bool:
    """Whether a field is repeated, and no map."""
    return field is not None and field.is_repeated and not is_map(field)


def is_number(field: FieldDescriptor | None) -> bool:
    """Whether a field holds a number, enums left out."""
    numeric = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_INT32)
    more = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
    return field is not None and field.cpp_type in (*numeric, *more)


def map_value(field: FieldDescriptor | None) -> FieldDescriptor | None:
    """Give the field of the values of a map."""
    entry = field.message_type if field is not None and is_map(field) else None
    return entry.fields_by_name["value"] if entry is not None else None


def assembled(value: Any, name: str, registry: Registry | None) -> Any:
    """Write a message of a well-known type, given field by field, as ProtoJSON does: ``{seconds: 5}`` as ``5s``.

    What isn't of such a type, or isn't written field by field, is given back as it is.
    """
    if not isinstance(value, dict):
        return value
    match name:
        case "google.protobuf.Timestamp" if value.keys() <= {"seconds", "nanos"}:
            return _timestamp(_int(value.get("seconds")), _int(value.get("nanos")))
        case "google.protobuf.Duration" if value.keys() <= {"seconds", "nanos"}:
            return _duration(_int(value.get("seconds")), _int(value.get("nanos")))
        case "google.protobuf.FieldMask" if value.keys() <= {"paths"}:
            return ",".join(map(str, value.get("paths") or ()))
        case "google.protobuf.Struct" if value.keys() == {"fields"} and isinstance(value["fields"], dict):
            inner = "google.protobuf.Value"
            return {key: assembled(one, inner, registry) for key, one in value["fields"].items()}
        case "google.protobuf.ListValue" if value.keys() == {"values"} and isinstance(value["values"], list):
            return [assembled(one, "google.protobuf.Value", registry) for one in value["values"]]
        case "google.protobuf.Value":
            return _value(value, registry)
        case "google.protobuf.Any" if "@type" not in value and value.keys() & {"type_url", "typeUrl"}:
            return _any(value, registry)
        case _ if name in WRAPPERS and value.keys() == {"value"}:
            return value["value"]
    return value


def _value(value: dict[str, Any], registry: Registry | None) -> Any:
    snake = {key.removesuffix("Value").removesuffix("_value"): one for key, one in value.items()}
    if (
        not value
        or not all(key.endswith(("Value", "_value")) for key in value)
        or not snake.keys() <= {*_KINDS_OF_VALUE}
    ):
        return value
    for kind in reversed(_KINDS_OF_VALUE):
        if snake.get(kind) not in (None, "", 0, False) or (len(snake) == 1 and kind in snake):
            inner = {"struct": "google.protobuf.Struct", "list": "google.protobuf.ListValue"}.get(kind, "")
            return None if kind == "null" else assembled(snake[kind], inner, registry)
    return None


def _any(value: dict[str, Any], registry: Registry | None) -> Any:
    from grpcmock.schema import codec
    from grpcmock.schema.registry import find_message

    url = str(value.get("type_url") or value.get("typeUrl"))
    data = str(value.get("value") or "")
    kind = find_message(registry.pool, url.rpartition("/")[2]) if registry is not None else None
    if kind is not None:
        try:
            inner = codec.to_tree(kind.FromString(base64.b64decode(data, validate=True)))
        except (binascii.Error, DecodeError):
            inner = None
        if inner is not None:
            return {"@type": url, **(inner if isinstance(inner, dict) else {"value": inner})}
    return {"@type": url, "value": data}


def unknown_types(value: Any, registry: Registry | None) -> Iterator[str]:
    """Yield the types that are named in messages of the type Any, and that the protos don't have."""
    from grpcmock.schema.registry import find_message

    if isinstance(value, dict):
        name = value.get("@type")
        if (
            registry is not None
            and isinstance(name, str)
            and find_message(registry.pool, name.rpartition("/")[2]) is None
        ):
            yield name.rpartition("/")[2]
        for one in value.values():
            yield from unknown_types(one, registry)
    elif isinstance(value, list):
        for one in value:
            yield from unknown_types(one, registry)


def _int(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def _timestamp(seconds: int, nanos: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{_fraction(nanos)}Z"


def _duration(seconds: int, nanos: int) -> str:
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def _fraction(nanos: int) -> str:
    return f".{nanos:09d}".rstrip("0") if nanos else ""
