"""The wire format of protobuf, below the messages: records, read and written in every way that it allows and some more.

The rules are those of https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor as F

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.model.cases import Path

LARGEST_NUMBER = (1 << 29) - 1
"""The largest number that a field may have."""


class WireType(IntEnum):
    """How the value of a record is laid out; 6 and 7 mean nothing."""

    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    GROUP = 3
    END_GROUP = 4
    FIXED32 = 5


_FIXED = {int(WireType.FIXED64): 8, int(WireType.FIXED32): 4}


@dataclass(frozen=True, slots=True)
class Record:
    """One field on the wire."""

    number: int
    wire_type: int
    value: bytes
    """The varint, the four or eight bytes, or what stands within the length or the group."""

    def encoded(self, *, tag_width: int = 0, length_width: int = 0) -> bytes:
        """Give the bytes; tag and length are padded to so many bytes at least."""
        head = tag(self.number, self.wire_type, tag_width)
        if self.wire_type == WireType.LENGTH:
            return head + varint(len(self.value), length_width) + self.value
        if self.wire_type == WireType.GROUP:
            return head + self.value + tag(self.number, WireType.END_GROUP)
        return head + self.value


def varint(number: int, width: int = 0) -> bytes:
    """Encode a number of 64 bits, negative ones as their complement, padded to *width* bytes at least.

    >>> varint(300).hex(), varint(1, width=3).hex()
    ('ac02', '818000')
    """
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F or len(out) + 1 < width:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(number: int, wire_type: int, width: int = 0) -> bytes:
    return varint(number << 3 | wire_type, width)


def read_varint(data: bytes, start: int) -> tuple[int, int]:
    """Give the number that begins there, and where it ends."""
    number, shift = 0, 0
    while True:
        byte = data[start]
        number |= (byte & 0x7F) << shift
        shift, start = shift + 7, start + 1
        if byte < 0x80:
            return number, start


def records(data: bytes) -> list[Record]:
    """Read the records of a well-formed message."""
    found, position = [], 0
    while position < len(data):
        record, position = _record(data, position)
        found.append(record)
    return found


def joined(parts: list[Record]) -> bytes:
    return b"".join(part.encoded() for part in parts)


def _record(data: bytes, start: int) -> tuple[Record, int]:
    head, position = read_varint(data, start)
    number, wire_type = head >> 3, head & 7
    if wire_type == WireType.GROUP:
        return _group(data, number, position)
    begin, end = _extent(data, position, wire_type)
    return Record(number, wire_type, data[begin:end]), end


def _extent(data: bytes, position: int, wire_type: int) -> tuple[int, int]:
    """Give where the value behind a tag begins, after its length if it has one, and where it ends; of no groups.

    Raises :class:`ValueError` for a wire type that has no value.
    """
    if wire_type == WireType.VARINT:
        return position, read_varint(data, position)[1]
    if wire_type == WireType.LENGTH:
        size, position = read_varint(data, position)
        return position, position + size
    if wire_type in _FIXED:
        return position, position + _FIXED[wire_type]
    raise ValueError(f"wire type {wire_type} before byte {position} has no value")


def _group(data: bytes, number: int, start: int) -> tuple[Record, int]:
    position = start
    while True:
        head, after = read_varint(data, position)
        if head & 7 == WireType.END_GROUP:
            return Record(number, WireType.GROUP, data[start:position]), after
        _, position = _record(data, position)


# Places in a message ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A message within a message: the way to it by the positions of records, and by the names of fields."""

    descriptor: Descriptor
    way: tuple[int, ...] = ()
    path: Path = ()


def places(descriptor: Descriptor, data: bytes, *, depth: int = 2) -> Iterator[Place]:
    """Yield the root and the messages that are set in it, entries of maps included, at most *depth* levels down.

    Of several in one field, the first one is taken.
    """
    pending = [(Place(descriptor), data)]
    while pending:
        place, body = pending.pop(0)
        yield place
        if len(place.way) == depth:
            continue
        entered: set[int] = set()
        for index, record in enumerate(records(body)):
            if record.number in entered:
                continue
            entered.add(record.number)
            field = place.descriptor.fields_by_number.get(record.number)
            if field is not None and field.message_type is not None and record.wire_type == wire_type_of(field):
                path = (
                    (*place.path, field.name, 0)
                    if field.is_repeated and not is_map(field)
                    else (*place.path, field.name)
                )
                inner = Place(field.message_type, (*place.way, index), path)
                pending.append((inner, record.value))


def rewritten(data: bytes, way: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
    """Change the body of a message within a message; lengths around it follow."""
    if not way:
        return change(data)
    parts = records(data)
    old = parts[way[0]]
    parts[way[0]] = Record(old.number, old.wire_type, rewritten(old.value, way[1:], change))
    return joined(parts)


# Fields -------------------------------------------------------------------------------------------

_FIXED32 = frozenset((F.TYPE_FIXED32, F.TYPE_SFIXED32, F.TYPE_FLOAT))
_FIXED64 = frozenset((F.TYPE_FIXED64, F.TYPE_SFIXED64, F.TYPE_DOUBLE))
_LENGTH = frozenset((F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE))


def wire_type_of(field: FieldDescriptor) -> WireType:
    """Give how one value of a field is laid out, unpacked."""
    if field.type == F.TYPE_GROUP:
        return WireType.GROUP
    if field.type in _LENGTH:
        return WireType.LENGTH
    if field.type in _FIXED32:
        return WireType.FIXED32
    return WireType.FIXED64 if field.type in _FIXED64 else WireType.VARINT


def is_map(field: FieldDescriptor) -> bool:
    entry = field.message_type
    return entry is not None and entry.GetOptions().map_entry


def is_packable(field: FieldDescriptor) -> bool:
    """Whether a field is a list of numbers, which may be packed."""
    return field.is_repeated and wire_type_of(field) not in (WireType.LENGTH, WireType.GROUP)


def value_of(field: FieldDescriptor, which: int = 1) -> bytes:
    """Give one value of a field as it stands in a record, the *which*-th; the 0-th is the default, and 1 and 2 differ
    wherever the type has two values. Messages are empty."""
    match wire_type_of(field):
        case WireType.VARINT:
            return varint(_number(field, which))
        case WireType.FIXED32:
            return which.to_bytes(4, "little")
        case WireType.FIXED64:
            return which.to_bytes(8, "little")
        case _:
            return b"" if field.message_type is not None or not which else b"ab"[which - 1 : which]


def _number(field: FieldDescriptor, which: int) -> int:
    if field.type == F.TYPE_BOOL:
        return which & 1
    if field.enum_type is None:
        return which
    declared = list(dict.fromkeys(value.number for value in field.enum_type.values))
    return declared[min(which, len(declared) - 1)]


def record_of(field: FieldDescriptor, which: int = 1) -> Record:
    return Record(field.number, wire_type_of(field), value_of(field, which))


def wrapped(way: tuple[FieldDescriptor, ...], body: bytes) -> bytes:
    """Put *body* into the messages of these fields, the outermost first.

    Long ways take no longer than their length, so this nests as deep as one likes. The entries of maps get a key, which
    some parsers ask for.
    """
    heads, tails, size = [], [], len(body)
    for field in reversed(way):
        kind = wire_type_of(field)
        head = tag(field.number, kind)
        tail = tag(field.number, WireType.END_GROUP) if kind == WireType.GROUP else b""
        if kind == WireType.LENGTH:
            head += varint(size)
        if field.containing_type is not None and field.containing_type.GetOptions().map_entry:
            head = record_of(field.containing_type.fields_by_name["key"]).encoded() + head
        heads.append(head)
        tails.append(tail)
        size += len(head) + len(tail)
    return b"".join((*reversed(heads), body, *tails))


def free_number(descriptor: Descriptor, start: int = 15_000) -> int:
    """Give a number that no field and no extension has, two in a row."""
    taken = set(descriptor.fields_by_number)
    ranges = descriptor.extension_ranges
    number = start
    while any(n in taken or any(low <= n < high for low, high in ranges) for n in (number, number + 1)):
        number = max([number + 2, *(high for low, high in ranges if low <= number + 1 < high)])
        if number >= LARGEST_NUMBER:
            number = 18_000 if start != 18_000 else 1
            start = 18_000
    return number


def group_depth(data: bytes) -> int:
    """Count how many groups lie inside each other in the records of a message, however many; 0 if it isn't well-formed.

    >>> group_depth(tag(9, WireType.GROUP) * 3 + tag(9, WireType.END_GROUP) * 3), group_depth(b"\\x0b")
    (3, 0)
    """
    position = deepest = 0
    under_way: list[int] = []
    try:
        while position < len(data):
            head, position = read_varint(data, position)
            number, wire_type = head >> 3, head & 7
            if wire_type == WireType.GROUP:
                under_way.append(number)
                deepest = max(deepest, len(under_way))
            elif wire_type == WireType.END_GROUP:
                if under_way.pop() != number:
                    return 0
            else:
                _, position = _extent(data, position, wire_type)
    except (IndexError, ValueError):
        return 0
    return deepest if position == len(data) and not under_way else 0
