"""Bytes that say the same as a canonical message in another way, which every parser must understand alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor as F

from grpcmock.fuzz.wire.encoding import (
    Place,
    Record,
    WireType,
    free_number,
    is_map,
    is_packable,
    joined,
    places,
    read_varint,
    record_of,
    records,
    rewritten,
    tag,
    value_of,
    varint,
    wire_type_of,
)
from grpcmock.fuzz.wire.variants import Variant, shown

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

WRONG_TYPE = "wire.wrong_type"
"""The rule of records whose wire type isn't that of their field: unknown fields by the conformance suite of protobuf,
but refused by some parsers."""

_NESTED = 2
_EACH = 2
"""Fields of one sort that are written unusually."""

_OPAQUE = frozenset(("google.protobuf.Any",))
"""Types whose fields mean nothing one by one."""

_INT32 = frozenset((F.TYPE_INT32, F.TYPE_UINT32))


def non_canonical(descriptor: Descriptor, canonical: bytes) -> Iterator[Variant]:
    """Yield unusual ways to write a message, each with the canonical bytes of the same.

    Most are ways to write *canonical*; where it lacks the fields that some oddity needs, another message is made of it
    that has them.
    """
    found = list(places(descriptor, canonical))
    for place in found[: 1 + _NESTED]:
        yield from _anywhere(place, canonical)
    writer = _Writer(descriptor, canonical)
    for sort in _SORTS:
        yield from sort(writer)


def _anywhere(place: Place, canonical: bytes) -> Iterator[Variant]:
    """Yield what can be done to any message: records added, moved, and padded."""
    where, prefix = (shown(place.path), f"{shown(place.path)}/") if place.path else ("the message", "")
    # protobuf's own parser (upb) drops entries of some maps with an unknown field in them, so none is put there.
    is_entry = place.descriptor.GetOptions().map_entry
    additions = () if is_entry else _additions(free_number(place.descriptor), nested=bool(place.way))
    for name, why, rule, change in (*additions, *_CHANGES):
        data = rewritten(canonical, place.way, change)
        if data != canonical:
            yield Variant(
                name=f"{prefix}{name}",
                why=f"{why}, in {where}",
                data=data,
                canonical=canonical,
                path=place.path,
                rule=rule,
            )


Change = Callable[[bytes], bytes]


def _additions(number: int, *, nested: bool) -> Iterator[tuple[str, str, str, Change]]:
    """Yield unknown fields of every wire type: name, reason, rule, change of a body."""
    unknown = {
        "varint": Record(number, WireType.VARINT, varint(-1)),
        "fixed64": Record(number, WireType.FIXED64, b"\xff" * 8),
        "bytes": Record(number, WireType.LENGTH, b"\xff\0no message\x80"),
        "group": Record(number, WireType.GROUP, Record(1, WireType.VARINT, b"\1").encoded()),
        "fixed32": Record(number, WireType.FIXED32, b"\xff" * 4),
    }
    for name, record in unknown.items():
        if not nested or name in ("varint", "group"):
            yield f"unknown-{name}", f"an unknown field ({name})", "wire.unknown", _after(record.encoded())
    if nested:
        return
    groups = tag(number, WireType.GROUP) * 3 + tag(number, WireType.END_GROUP) * 3
    yield "unknown-groups", "an unknown group of groups", "wire.unknown", _after(groups)
    yield "unknown-empty", "an unknown field of no bytes", "wire.unknown", _after(tag(number, WireType.LENGTH) + b"\0")
    first = unknown["bytes"].encoded()
    yield "unknown-first", "an unknown field before all others", "wire.unknown", lambda body: first + body
    yield "unknown-many", "a hundred unknown fields", "wire.unknown", _after(unknown["varint"].encoded() * 100)


def _after(tail: bytes) -> Change:
    return lambda body: body + tail


def _reordered(body: bytes) -> bytes:
    """Put the fields in the opposite order; values of one field stay in theirs."""
    return joined(sorted(records(body), key=lambda record: -record.number))


def _padded_tags(body: bytes) -> bytes:
    return b"".join(record.encoded(tag_width=5) for record in records(body))


def _padded_lengths(body: bytes) -> bytes:
    return b"".join(record.encoded(length_width=5) for record in records(body))


def _padded_varints(body: bytes) -> bytes:
    return b"".join(
        tag(record.number, record.wire_type) + varint(read_varint(record.value, 0)[0], 10)
        if record.wire_type == WireType.VARINT
        else record.encoded()
        for record in records(body)
    )


_CHANGES: tuple[tuple[str, str, str, Change], ...] = (
    ("reordered", "fields in the opposite order", "wire.order", _reordered),
    ("padded-tags", "tags padded to five bytes", "wire.padding", _padded_tags),
    ("padded-lengths", "lengths padded to five bytes", "wire.padding", _padded_lengths),
    ("padded-varints", "varints padded to ten bytes", "wire.padding", _padded_varints),
)


class _Writer:
    """Makes variants of one message, by the fields of its type."""

    def __init__(self, descriptor: Descriptor, canonical: bytes) -> None:
        self.fields: list[FieldDescriptor] = [] if descriptor.full_name in _OPAQUE else list(descriptor.fields)
        self.canonical = canonical
        self._class = message_factory.GetMessageClass(descriptor)

    def having(self, *extra: Record, lacking: FieldDescriptor | None = None) -> bytes:
        """Give the canonical bytes of the message with more records, and with a field left out before that."""
        kept = [record for record in records(self.canonical) if lacking is None or record.number != lacking.number]
        message = self._class.FromString(joined([*kept, *extra]))
        return bytes(message.SerializePartialToString(deterministic=True))

    def variant(self, field: FieldDescriptor, name: str, why: str, rule: str, data: bytes, canonical: bytes) -> Variant:
        return Variant(
            name=f"{field.name}/{name}",
            why=f"{field.name} {why}",
            data=data,
            canonical=canonical,
            path=(field.name,),
            rule=f"wire.{rule}",
        )

    def replaced(
        self, canonical: bytes, field: FieldDescriptor, change: Callable[[list[Record]], list[Record]]
    ) -> bytes:
        """Give the bytes with all records of a field replaced, in place of the first of them."""
        parts = records(canonical)
        old = [record for record in parts if record.number == field.number]
        start = parts.index(old[0])
        rest = [record for record in parts[start:] if record.number != field.number]
        return joined([*parts[:start], *change(old), *rest])


def _is_plain(field: FieldDescriptor) -> bool:
    """Whether a field holds one scalar, and stands in no oneof of several."""
    return not field.is_repeated and field.message_type is None and not _is_alternative(field)


def _is_alternative(field: FieldDescriptor) -> bool:
    return field.containing_oneof is not None and len(field.containing_oneof.fields) > 1


def _duplicated(writer: _Writer) -> Iterator[Variant]:
    for field in _one_of_each_wire_type(filter(_is_plain, writer.fields)):
        canonical = writer.having(record_of(field, 1), lacking=field)
        data = record_of(field, 2).encoded() + canonical
        why = "twice with different values: the last one holds"
        yield writer.variant(field, "duplicated", why, "last_wins", data, canonical)


def _defaults(writer: _Writer) -> Iterator[Variant]:
    implicit = (field for field in writer.fields if _is_plain(field) and not field.has_presence)
    for field in _one_of_each_wire_type(implicit):
        canonical = writer.having(lacking=field)
        data = canonical + record_of(field, 0).encoded()
        yield writer.variant(field, "default", "written though it has its default", "default", data, canonical)


def _wide(writer: _Writer) -> Iterator[Variant]:
    for field in [field for field in writer.fields if _is_plain(field) and field.type in _INT32][:1]:
        canonical = writer.having(record_of(field, 1), lacking=field)
        wide = Record(field.number, WireType.VARINT, varint((1 << 32) + 1)).encoded()
        why = "as a varint of more than 32 bits, of which the lower ones hold"
        yield writer.variant(field, "wide", why, "wide", canonical + wide, canonical)
    for field in [field for field in writer.fields if _is_plain(field) and field.type == F.TYPE_BOOL][:1]:
        canonical = writer.having(record_of(field, 1), lacking=field)
        wide = Record(field.number, WireType.VARINT, varint(2)).encoded()
        yield writer.variant(field, "wide", "as the number 2, which is true", "wide", canonical + wide, canonical)


def _oneofs(writer: _Writer) -> Iterator[Variant]:
    alternatives = (field.containing_oneof for field in writer.fields if _is_alternative(field))
    for oneof in list({oneof.name: oneof for oneof in alternatives if oneof is not None}.values())[:_EACH]:
        first, last = oneof.fields[0], oneof.fields[-1]
        for early, late in ((first, last), (last, first)):
            canonical = writer.having(record_of(late, 1), lacking=late)
            data = record_of(early, 1).encoded() + canonical
            why = f"after {early.name} of the same oneof: the last one holds"
            yield writer.variant(late, f"after-{early.name}", why, "oneof", data, canonical)


def _packing(writer: _Writer) -> Iterator[Variant]:
    for field in _one_of_each_wire_type(filter(is_packable, writer.fields)):
        kind = wire_type_of(field)
        values = [value_of(field, 1), value_of(field, 2)]
        loose = [Record(field.number, kind, value) for value in values]
        whole = Record(field.number, WireType.LENGTH, b"".join(values))
        parts = [Record(field.number, WireType.LENGTH, value) for value in (values[0], b"", values[1])]
        canonical = writer.having(*loose, lacking=field)
        for name, why, changed in (
            ("unpacked", "not packed", loose),
            ("packed", "packed", [whole]),
            ("packed-in-parts", "packed in three parts, one of them empty", parts),
            ("half-packed", "half packed and half not", [parts[0], loose[1]]),
        ):
            data = writer.replaced(canonical, field, lambda _, changed=changed: changed)  # type: ignore[misc]
            if data != canonical:
                yield writer.variant(field, name, why, "packing", data, canonical)


def _splits(writer: _Writer) -> Iterator[Variant]:
    single = (
        field
        for field in writer.fields
        if field.message_type is not None and not field.is_repeated and field.message_type.full_name not in _OPAQUE
    )
    for field in list(single)[:_EACH]:
        kind = wire_type_of(field)
        inner_type: Any = field.message_type
        body = joined([record_of(inner) for inner in inner_type.fields if _is_plain(inner)][:2])
        present = any(record.number == field.number for record in records(writer.canonical))
        canonical = writer.canonical if present else writer.having(Record(field.number, kind, body))

        def split(old: list[Record], number: int = field.number, kind: int = kind) -> list[Record]:
            inner = records(old[0].value)
            half = (len(inner) + 1) // 2
            return [Record(number, kind, joined(part)) for part in (inner[:half], inner[half:])]

        data = writer.replaced(canonical, field, split)
        yield writer.variant(field, "split", "in two parts, which are merged", "merge", data, canonical)


def _maps(writer: _Writer) -> Iterator[Variant]:
    for field in list(filter(is_map, writer.fields))[:_EACH]:
        entry_type: Any = field.message_type
        key, value = (entry_type.fields_by_name[name] for name in ("key", "value"))
        entry = joined([record_of(key), record_of(value)])
        canonical = writer.having(Record(field.number, WireType.LENGTH, entry), lacking=field)
        backwards = joined([record_of(value), record_of(key)])
        for name, why, body in (
            ("backwards", "with the value before the key", backwards),
            ("key-twice", "with two keys in its entry: the last one holds", record_of(key, 2).encoded() + entry),
        ):
            data = writer.replaced(canonical, field, lambda old, body=body: [_like(old[0], body)])  # type: ignore[misc]
            yield writer.variant(field, name, why, "map", data, canonical)
        other = joined([record_of(key), record_of(value, 2)])
        data = Record(field.number, WireType.LENGTH, other).encoded() + canonical
        yield writer.variant(field, "duplicated", "with one key twice: the last one holds", "map", data, canonical)
        if value.enum_type is not None and value.enum_type.is_closed:
            continue  # whose default isn't 0
        blank = joined([record_of(key, 0), record_of(value, 0)])
        canonical = writer.having(Record(field.number, WireType.LENGTH, blank), lacking=field)
        for name, why, body in (
            ("no-key", "with no key in its entry: it has its default", record_of(value, 0).encoded()),
            ("no-value", "with no value in its entry: it has its default", record_of(key, 0).encoded()),
            ("empty-entry", "with an empty entry", b""),
        ):
            data = writer.replaced(canonical, field, lambda old, body=body: [_like(old[0], body)])  # type: ignore[misc]
            yield writer.variant(field, name, why, "map", data, canonical)


def _like(record: Record, body: bytes) -> Record:
    return Record(record.number, record.wire_type, body)


def _wrong_types(writer: _Writer) -> Iterator[Variant]:
    """Yield records of known fields with another wire type. Few servers differ, so few are tried."""
    for field in _one_of_each_wire_type(writer.fields):
        kind = wire_type_of(field)
        if kind == WireType.GROUP or (field.is_repeated and kind != WireType.LENGTH):
            continue
        other = WireType.FIXED32 if kind != WireType.FIXED32 else WireType.FIXED64
        record = Record(field.number, other, bytes(4 if other == WireType.FIXED32 else 8))
        why = f"with the wire type {int(other)}, which makes it an unknown field"
        data, canonical = writer.canonical + record.encoded(), writer.canonical
        yield Variant(
            name=f"{field.name}/wrong-type",
            why=f"{field.name} {why}",
            data=data,
            canonical=canonical,
            path=(field.name,),
            rule=WRONG_TYPE,
        )


def _one_of_each_wire_type(fields: Iterator[FieldDescriptor] | list[FieldDescriptor]) -> list[FieldDescriptor]:
    found: dict[WireType, FieldDescriptor] = {}
    for field in fields:
        found.setdefault(wire_type_of(field), field)
    return list(found.values())


_SORTS = (_duplicated, _defaults, _wide, _oneofs, _packing, _splits, _maps, _wrong_types)
"""In the order of what breaks most often."""
