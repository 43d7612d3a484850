"""Values of scalar fields: drawers put together once for each field, of boundaries, small, natural and wild values."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation import texts
from grpcmock.fuzz.generation.choices import Draw
from grpcmock.fuzz.generation.texts import of_pool

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor

_F = FieldDescriptor

Drawer = Callable[[Draw], Any]
"""Makes one value out of draws."""

HINT_SLOTS = 3
"""Each hint counts as much as so many of the 33 or so slots that a field's other values share."""

LIMITS = {
    _F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _F.CPPTYPE_UINT32: (0, 2**32 - 1),
    _F.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_SMALLEST_FLOAT, _GREATEST_FLOAT = 2.0**-149, (2 - 2.0**-23) * 2.0**127
_SMALLEST_DOUBLE, _GREATEST_DOUBLE = 5e-324, 1.7976931348623157e308


def integers_at_bounds(low: int, high: int) -> tuple[int, ...]:
    """Give the integers of a range at which programs break, the simplest first."""
    around = [edge for bits in (7, 8, 15, 16, 31, 32, 53, 63) for edge in (2**bits - 1, 2**bits, 2**bits + 1)]
    signed = [number for edge in around for number in (edge, -edge)]
    wanted = [0, 1, -1, 2, 10, 100, 1000, *signed, low, low + 1, high - 1, high]
    return tuple(dict.fromkeys(number for number in wanted if low <= number <= high))


def reals_at_bounds(*, narrow: bool) -> tuple[float, ...]:
    """Give the floats at which programs break, each exact in its width."""
    smallest, greatest = (_SMALLEST_FLOAT, _GREATEST_FLOAT) if narrow else (_SMALLEST_DOUBLE, _GREATEST_DOUBLE)
    normal = 2.0**-126 if narrow else 2.0**-1022
    whole = 2.0**24 if narrow else 2.0**53
    positive = (1.0, 0.5, 1.5, 100.0, narrowed(0.1) if narrow else 0.1, whole, whole + 2, normal, smallest, greatest)
    return (0.0, *positive, -0.0, *(-number for number in positive), math.inf, -math.inf, math.nan)


def narrowed(number: float) -> float:
    """Round to 32 bits; what is too great becomes infinite."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return math.copysign(math.inf, number)


def undeclared(enum: EnumDescriptor) -> tuple[int, ...]:
    """Give numbers that an enum doesn't declare: its neighbors, and the ends of the range."""
    declared = enum.values_by_number
    wanted = (max(declared) + 1, min(declared) - 1, -1, 1_000, 2**31 - 1, -(2**31))
    return tuple(dict.fromkeys(n for n in wanted if n not in declared and -(2**31) <= n < 2**31))


def declared(enum: EnumDescriptor) -> tuple[int, ...]:
    """Give the numbers of an enum, its default first."""
    return tuple(dict.fromkeys(value.number for value in enum.values))


def drawer(field: FieldDescriptor, natural: Sequence[Any] = (), hints: Sequence[Any] = ()) -> Drawer:
    """Make the drawer of a scalar or enum field, or of the elements of a list.

    *natural* are values that its name suggests. *hints* may grow while the drawer is in use: a hint, once there, keeps
    its place, so that choices recorded before go on to mean the same.
    """
    if field.type == _F.TYPE_BOOL:
        return lambda draw: draw(2) == 1
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.type == _F.TYPE_STRING:
        sorts = [(12, of_pool(natural or texts.PLAIN)), (5, texts.plain), (8, texts.unusual)]
        sorts += [(6, texts.characters), (1, texts.long)]
        return _mixed([(2, lambda _: ""), *sorts], hints)
    if field.type == _F.TYPE_BYTES:
        sorts = [(8, of_pool(natural or (b"a",))), (12, texts.unusual_bytes), (9, texts.octets), (1, texts.long_bytes)]
        return _mixed([(2, lambda _: b""), *sorts], hints)
    if field.cpp_type in LIMITS:
        low, high = LIMITS[field.cpp_type]
        wild = _log_uniform(low, high)
        sorts = [(8, lambda draw: draw(11)), (8, of_pool(natural or (1, 2, 3)))]
        return _mixed([*sorts, (11, of_pool(integers_at_bounds(low, high))), (5, wild)], hints)
    narrow = field.type == _F.TYPE_FLOAT
    sorts = [(8, lambda draw: float(draw(11))), (8, of_pool(natural or (1.0, 2.5)))]
    return _mixed([*sorts, (12, of_pool(reals_at_bounds(narrow=narrow))), (4, _any_real(narrow=narrow))], hints)


def _mixed(sorts: Sequence[tuple[int, Drawer]], hints: Sequence[Any]) -> Drawer:
    """Draw the sort of value, then the value. The slots beyond those of the sorts stand for hints."""
    slots = tuple(made for weight, made in sorts for _ in range(weight))
    size = len(slots)

    def mixed(draw: Draw) -> Any:
        slot = draw(size + HINT_SLOTS * len(hints))
        return slots[slot](draw) if slot < size else hints[(slot - size) // HINT_SLOTS]

    return mixed


def _enum(enum: EnumDescriptor) -> Drawer:
    numbers = declared(enum)
    if enum.is_closed or enum.full_name == "google.protobuf.NullValue":
        return of_pool(numbers)
    others, known = undeclared(enum), len(numbers)
    bound = known + max(1, known // 8)

    def drawn(draw: Draw) -> int:
        which = draw(bound)
        return numbers[which] if which < known else others[draw(len(others))]

    return drawn


def _log_uniform(low: int, high: int) -> Drawer:
    """Draw how many bits, then the bits: as many numbers of three digits as of ten."""
    widest = high.bit_length()

    def drawn(draw: Draw) -> int:
        bits = draw(widest + 1)
        number = draw(1 << bits)
        return -number if low < 0 and draw(2) else number

    return drawn


def _any_real(*, narrow: bool) -> Drawer:
    """Draw any bits at all as a float."""
    integer, real, bits = ("<I", "<f", 32) if narrow else ("<Q", "<d", 64)

    def drawn(draw: Draw) -> float:
        number = float(struct.unpack(real, struct.pack(integer, draw(1 << bits)))[0])
        return number if number == number else math.nan

    return drawn
