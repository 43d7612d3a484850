"""What becomes of a value that is written as one type of field and read as another.

Source: protobuf.dev, "Updating A Message Type" and "ProtoJSON Format".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.drift.differences import Breaks

if TYPE_CHECKING:
    from grpcmock.drift.views import Field

_PLAIN_VARINTS = frozenset({"int32", "int64", "uint32", "uint64"})

_WIRE: tuple[tuple[frozenset[str], str], ...] = (
    (_PLAIN_VARINTS | {"bool"}, "The bytes can be read; values that don't fit are cut, as a cast in C++ would."),
    (_PLAIN_VARINTS | {"enum"}, "The bytes can be read; numbers that don't fit the other type are cut, or unknown."),
    (frozenset({"sint32", "sint64"}), "The bytes can be read; values beyond 32 bits are cut."),
    (frozenset({"fixed32", "sfixed32"}), "The bytes can be read; the highest bit is a sign to one side only."),
    (frozenset({"fixed64", "sfixed64"}), "The bytes can be read; the highest bit is a sign to one side only."),
)
"""Types that read each other's bytes, and what may get lost."""

_TO_BYTES = {
    "string": "Text can be read as bytes; the other way, what isn't UTF-8 is refused.",
    "message": "An encoded message can be read as bytes; the other way, bytes must hold an encoded message.",
}

_JSON_GROUPS = (
    frozenset({"int32", "uint32", "sint32", "fixed32", "sfixed32"}),
    frozenset({"int64", "uint64", "sint64", "fixed64", "sfixed64"}),
    frozenset({"float", "double"}),
    frozenset({"message", "group"}),
)
_SOURCE_GROUPS = (
    frozenset({"int32", "sint32", "sfixed32"}),
    frozenset({"int64", "sint64", "sfixed64"}),
    frozenset({"uint32", "fixed32"}),
    frozenset({"uint64", "fixed64"}),
    frozenset({"message", "group"}),
)

_SPECIAL_JSON = frozenset(
    f"google.protobuf.{name}"
    for name in (
        *("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value", "BoolValue", "BytesValue"),
        *("DoubleValue", "FloatValue", "Int32Value", "Int64Value", "StringValue", "UInt32Value", "UInt64Value"),
    )
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whom a change breaks, and why."""

    breaks: frozenset[Breaks]
    why: str


def of_type(old: str, new: str) -> Verdict:
    """Judge a change of type; the names are those of protos, ``group`` stands for any delimited message."""
    breaks = set()
    why = wire_note(old, new)
    if why is None:
        breaks.add(Breaks.WIRE)
        why = "Their bytes are written in different ways, so that one side loses or misreads what the other writes."
    if not _together(_JSON_GROUPS, old, new):
        breaks.add(Breaks.JSON)
    if not _together(_SOURCE_GROUPS, old, new):
        breaks.add(Breaks.SOURCE)
    return Verdict(frozenset(breaks), why)


def wire_note(old: str, new: str) -> str | None:
    """Say what to know if the bytes of *old* can be read as *new*; None if they can't."""
    if new == "bytes" and old in _TO_BYTES:
        return _TO_BYTES[old]
    return next((note for types, note in _WIRE if old in types and new in types), None)


def of_cardinality(old: Field, new: Field) -> Verdict:
    """Judge a change between single values, lists and maps, of whatever type."""
    breaks = {Breaks.JSON, Breaks.SOURCE}
    if "singular" not in (old.cardinality, new.cardinality):
        return Verdict(frozenset(breaks), "On the wire a map is a list of its entries; in JSON it is an object.")
    if old.packed or new.packed:
        breaks.add(Breaks.WIRE)
        return Verdict(frozenset(breaks), "A packed list is one chunk of bytes, which readers of a single value skip.")
    return Verdict(
        frozenset(breaks),
        "The bytes can be read; of several values, a reader of one keeps the last (messages are merged). JSON differs.",
    )


def has_special_json(name: str) -> bool:
    """Whether a message type has a JSON form of its own, such as Timestamp."""
    return name in _SPECIAL_JSON


def _together(groups: tuple[frozenset[str], ...], old: str, new: str) -> bool:
    return any(old in group and new in group for group in groups)
