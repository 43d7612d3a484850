"""What one field may hold at the edges of its type, each with a label that stays and a reason in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation import scalars, well_known_types
from grpcmock.fuzz.generation.message_classes import is_map

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_MOST_ENUM_VALUES = 64
_LONG = 10_000
_MANY = 1_000

Edge = tuple[str, str, str, bool, Any]
"""Label, reason in words, the kind of a boundary, whether it is unusual, the value."""


def edges(field: FieldDescriptor) -> Iterator[Edge]:
    """Yield the edges of a field, the most telling first."""
    if is_map(field):
        yield from _of_map(field)
    elif field.is_repeated:
        yield from _of_list(field)
    elif field.message_type is not None:
        yield from _of_message(field.message_type)
    else:
        yield from _of_scalar(field)


def _of_scalar(field: FieldDescriptor) -> Iterator[Edge]:
    if field.has_presence:
        yield "default", "is set, to its default", "scalar", False, field.default_value
    if field.enum_type is not None:
        for number in scalars.declared(field.enum_type)[:_MOST_ENUM_VALUES]:
            yield field.enum_type.values_by_number[number].name, f"is {number}", "enum", False, number
        if not field.enum_type.is_closed:
            for number in scalars.undeclared(field.enum_type)[:3]:
                yield str(number), f"is {number}, which the enum does not declare", "undeclared", False, number
        return
    for label, reason, value in _EDGES[field.type]:
        yield label, reason, "scalar", False, value


def _integer_edges(low: int, high: int, name: str) -> list[tuple[str, str, Any]]:
    edges = [("max", f"is the greatest {name}", high), ("min", f"is the least {name}", low), ("1", "is 1", 1)]
    edges += [("-1", "is -1", -1)] if low < 0 else []
    edges += [("0", "is 0", 0)]
    if high > 2**32:
        edges += [
            ("2^31", "is one more than 32 bits hold with a sign", 2**31),
            ("2^32", "is one more than 32 bits hold", 2**32),
            ("2^53+1", "is the first integer that a double can't hold", 2**53 + 1),
        ]
    return edges


def _real_edges(*, narrow: bool) -> list[tuple[str, str, Any]]:
    name = "float" if narrow else "double"
    smallest, greatest = (2.0**-149, 3.4028234663852886e38) if narrow else (5e-324, 1.7976931348623157e308)
    return [
        ("nan", "is no number", math.nan),
        ("inf", "is infinite", math.inf),
        ("max", f"is the greatest {name}", greatest),
        ("-inf", "is negative and infinite", -math.inf),
        ("-0", "is negative zero", -0.0),
        ("smallest", f"is the smallest positive {name}", smallest),
        ("-1", "is -1", -1.0),
        ("min", f"is the least {name}", -greatest),
        ("0.1", "is a tenth, which has no exact form", scalars.narrowed(0.1) if narrow else 0.1),
    ]


_TEXT_EDGES: list[tuple[str, str, Any]] = [
    ("a", "is a single letter", "a"),
    ("long", f"is {_LONG} characters long", "a" * _LONG),
    ("nul", "holds a NUL character", "a\x00b"),
    ("blank", "is blank", " "),
    ("4-byte", "holds a character of four bytes", "\U0001f600"),
    ("combining", "holds a combining character", "e\u0301"),
    ("right-to-left", "turns the direction of writing", "\u202eabc"),
    ("newline", "holds a line break", "a\r\nb"),
    ("path", "looks like a path", "../../etc/passwd"),
    ("format", "looks like a format", "%s{0}${x}"),
    ("quote", "holds quotation marks", "'\"`;--"),
    ("number", "looks like a number", "-1"),
    ("empty", "is empty", ""),
]
_BYTES_EDGES: list[tuple[str, str, Any]] = [
    ("00", "is a single zero byte", b"\x00"),
    ("ff", "is no UTF-8", b"\xff\xfe"),
    ("long", f"is {_LONG} bytes long", b"\x00" * _LONG),
    ("empty", "is empty", b""),
]
_F = FieldDescriptor
_EDGES: dict[int, list[tuple[str, str, Any]]] = {
    **{
        kind: _integer_edges(-(2**31), 2**31 - 1, "int32") for kind in (_F.TYPE_INT32, _F.TYPE_SINT32, _F.TYPE_SFIXED32)
    },
    **{
        kind: _integer_edges(-(2**63), 2**63 - 1, "int64") for kind in (_F.TYPE_INT64, _F.TYPE_SINT64, _F.TYPE_SFIXED64)
    },
    **{kind: _integer_edges(0, 2**32 - 1, "uint32") for kind in (_F.TYPE_UINT32, _F.TYPE_FIXED32)},
    **{kind: _integer_edges(0, 2**64 - 1, "uint64") for kind in (_F.TYPE_UINT64, _F.TYPE_FIXED64)},
    _F.TYPE_FLOAT: _real_edges(narrow=True),
    _F.TYPE_DOUBLE: _real_edges(narrow=False),
    _F.TYPE_BOOL: [("true", "is true", True), ("false", "is false", False)],
    _F.TYPE_STRING: _TEXT_EDGES,
    _F.TYPE_BYTES: _BYTES_EDGES,
}


def _of_message(descriptor: Descriptor) -> Iterator[Edge]:
    yield "empty", "is there, but empty", "present", False, {}
    for index, (fields, reason, allowed) in enumerate(well_known_types.unusual_samples(descriptor.full_name)):
        if fields:
            yield f"edge-{index}", f"is {reason}", "well-known", not allowed, fields


def _of_list(field: FieldDescriptor) -> Iterator[Edge]:
    if field.message_type is not None:
        yield "one-empty", "has one item, which is empty", "present", False, [{}]
        yield "two-empty", "has two items, both empty", "list", False, [{}, {}]
        yield "many", f"has {_MANY} items, all empty", "list", False, [{}] * _MANY
        return
    default = _zero(field)
    yield "one", "has one item, of the zero value", "list", False, [default]
    yield "twice", "has the same item twice", "list", False, [default, default]
    yield "many", f"has {_MANY} items", "list", False, [default] * _MANY
    if field.enum_type is not None:
        if not field.enum_type.is_closed:
            for number in scalars.undeclared(field.enum_type)[:1]:
                yield str(number), f"holds {number}, which the enum does not declare", "undeclared", False, [number]
        return
    for label, reason, value in _EDGES[field.type][:3]:
        yield label, f"has an item that {reason}", "list", False, [value]


def _of_map(field: FieldDescriptor) -> Iterator[Edge]:
    assert field.message_type is not None
    key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
    content: Any = {} if value.message_type is not None else _zero(value)
    yield "zero-key", "has an entry with the zero key and an empty value", "map", False, {_zero(key): content}
    for label, reason, edge in _EDGES[key.type][:3]:
        yield f"key-{label}", f"has a key that {reason}", "map", False, {edge: content}
    if value.enum_type is not None and not value.enum_type.is_closed:
        for number in scalars.undeclared(value.enum_type)[:1]:
            yield (
                str(number),
                f"holds {number}, which the enum does not declare",
                "undeclared",
                False,
                {_zero(key): number},
            )


def _zero(field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[0].number
    return field.default_value if not field.is_repeated else _ZEROS.get(field.cpp_type, b"")


_ZEROS = {
    _F.CPPTYPE_BOOL: False,
    _F.CPPTYPE_DOUBLE: 0.0,
    _F.CPPTYPE_FLOAT: 0.0,
    **dict.fromkeys((_F.CPPTYPE_INT32, _F.CPPTYPE_INT64, _F.CPPTYPE_UINT32, _F.CPPTYPE_UINT64), 0),
}


def set_field(message: Any, field: FieldDescriptor, value: Any) -> None:
    """Set a field to a scalar, a list or mapping of those, or to messages given as the mapping of their fields."""
    target = getattr(message, field.name)
    if is_map(field):
        for key, content in value.items():
            if isinstance(content, dict):
                target[key].SetInParent()
            else:
                target[key] = content
    elif field.is_repeated:
        for item in value:
            if isinstance(item, dict):
                target.add()
            else:
                target.append(item)
    elif field.message_type is not None:
        target.SetInParent()
        target.MergeFrom(type(target)(**value))
    else:
        setattr(message, field.name, value)
