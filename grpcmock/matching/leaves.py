"""The kinds that need no descriptor of the user's: scalars, and the well-known types with a JSON form of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor import FieldDescriptor

from grpcmock.matching.value_types import DynamicType, ScalarType, ValueType
from grpcmock.schema import values, well_known
from grpcmock.schema.values import Mismatch
from grpcmock.stubs.operators import Family

NAN = math.nan
"""The one NaN: Python's containers take an object to be equal to itself."""


def one_nan(value: float) -> float:
    """Give the one NaN for any NaN."""
    return value if value == value else NAN


def scalar_kind(field: FieldDescriptor) -> ScalarType:
    """Give the kind of a scalar type; one for all fields of that type."""
    kind = _SCALARS.get(field.type)
    if kind is None:
        floating = field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
        family, default = _SCALAR_TRAITS.get(field.type, (Family.ORDERED, 0))
        read = values.reader(field)
        # An integer of 64 bits reads better without the quotes that ProtoJSON puts around it.
        is_integer = family is Family.ORDERED
        kind = _SCALARS[field.type] = ScalarType(
            values.element_name(field),
            family,
            (lambda value: one_nan(read(value))) if floating else read,
            _same if is_integer else values.shower(field),
            default=default,
            normalize=one_nan if floating else None,
        )
    return kind


def _same(value: Any) -> Any:
    return value


_SCALARS: dict[int, ScalarType] = {}
_SCALAR_TRAITS: dict[int, tuple[Family, Any]] = {
    FieldDescriptor.TYPE_DOUBLE: (Family.FLOAT, 0.0),
    FieldDescriptor.TYPE_FLOAT: (Family.FLOAT, 0.0),
    FieldDescriptor.TYPE_STRING: (Family.STRING, ""),
    FieldDescriptor.TYPE_BYTES: (Family.BYTES, b""),
    FieldDescriptor.TYPE_BOOL: (Family.PLAIN, False),
}


def _inside(wrapper: Any) -> ScalarType:
    return scalar_kind(wrapper.DESCRIPTOR.fields_by_name["value"])


STRING = _inside(wrappers_pb2.StringValue)
BYTES = _inside(wrappers_pb2.BytesValue)
INT = _inside(wrappers_pb2.Int64Value)
DOUBLE = _inside(wrappers_pb2.DoubleValue)
_INT32 = _inside(wrappers_pb2.Int32Value)


# --- Well-known types -------------------------------------------------------------------------------------------------


def unwrapped(inside: ScalarType, name: str) -> ScalarType:
    normalize = inside.normalize
    return ScalarType(
        f"{inside.name} (in a {name})",
        inside.family,
        inside.read,
        inside.plain,
        default=inside.default,
        normalize=attrgetter("value") if normalize is None else lambda message: normalize(message.value),
    )


def _nanoseconds(message: Any) -> int:
    return int(message.seconds) * 10**9 + int(message.nanos)


def _instant(name: str, message_class: type[Any]) -> ScalarType:
    def read(value: Any) -> int:
        # What ProtoJSON can't say, because it is out of range, is shown by its fields; so it must be read, too.
        if isinstance(value, Mapping) and value.keys() == {"seconds", "nanos"}:
            return int(INT.read(value["seconds"])) * 10**9 + int(_INT32.read(value["nanos"]))
        return _nanoseconds(well_known.parse(message_class, value))

    def plain(nanoseconds: int) -> Any:
        whole, rest = divmod(abs(nanoseconds), 10**9) if name.endswith("Duration") else divmod(nanoseconds, 10**9)
        sign = -1 if nanoseconds < 0 and name.endswith("Duration") else 1
        if whole >= 2**63:
            return {"seconds": str(sign * whole), "nanos": sign * rest}
        return well_known.to_tree(message_class(seconds=sign * whole, nanos=sign * rest))

    descriptor = message_class.DESCRIPTOR
    return ScalarType(values.type_name(descriptor), Family.ORDERED, read, plain, normalize=_nanoseconds)


def _mask(message_class: type[Any]) -> ScalarType:
    def read(value: Any) -> frozenset[str]:
        if isinstance(value, (list, tuple)):
            raise Mismatch("expected a FieldMask (one string of paths, such as 'a,b.c'), not a list.")
        return frozenset(well_known.parse(message_class, value).paths)

    def plain(paths: Iterable[str]) -> Any:
        return well_known.to_tree(message_class(paths=sorted(paths)))

    descriptor = message_class.DESCRIPTOR
    return ScalarType(
        values.type_name(descriptor), Family.PLAIN, read, plain, normalize=lambda message: frozenset(message.paths)
    )


def _value_of(message: Any) -> Any:
    """Give a Value as plain JSON."""
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "struct_value":
        return _struct_of(message.struct_value)
    if kind == "list_value":
        return _list_of(message.list_value)
    value = getattr(message, kind)
    return one_nan(value) if kind == "number_value" else value


def _struct_of(message: Any) -> dict[str, Any]:
    return {key: _value_of(value) for key, value in message.fields.items()}


def _list_of(message: Any) -> list[Any]:
    return [_value_of(value) for value in message.values]


WELL_KNOWN: dict[str, ValueType] = {
    "google.protobuf.Timestamp": _instant("google.protobuf.Timestamp", timestamp_pb2.Timestamp),
    "google.protobuf.Duration": _instant("google.protobuf.Duration", duration_pb2.Duration),
    "google.protobuf.FieldMask": _mask(field_mask_pb2.FieldMask),
    "google.protobuf.Struct": DynamicType("a Struct (any mapping)", Family.OBJECT, dict, _struct_of),
    "google.protobuf.ListValue": DynamicType("a ListValue (any list)", Family.LIST, list, _list_of),
    "google.protobuf.Value": DynamicType("a Value (anything)", Family.JSON, None, _value_of),
}
"""The kinds of the well-known types that are no wrappers, by full name."""

JSON = DynamicType("a JSON value", Family.JSON)
"""What a string holds that holds JSON; and what stands inside Struct, Value and ListValue."""
