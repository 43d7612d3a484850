"""Bytes that are no message of a type: what every parser must refuse.

What parsers may take or leave isn't here: a record whose wire type isn't that of its field is an unknown field, and
varints whose tenth byte has more than one bit are cut by some and refused by others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor as F

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.wire.encoding import (
    LARGEST_NUMBER,
    Place,
    Record,
    WireType,
    free_number,
    is_map,
    is_packable,
    places,
    records,
    rewritten,
    tag,
    varint,
    wire_type_of,
    wrapped,
)
from grpcmock.fuzz.wire.variants import Variant, shown
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

DEPTHS = (101, 1_000, 20_000)
"""How deep messages are nested: just past what most parsers take (100), past any stack that is short, past all."""

DEEPEST = 96
"""Messages inside each other that every parser takes."""

MARK = b"grpcmock"
"""Stands in each string that isn't UTF-8, so that it is known again in an answer."""

ELSEWHERE = "malformed.elsewhere"
"""The rule of a call that can't be parsed, after a call of another method that can't be, either."""

BAD_TEXTS = (
    ("continuation", b"\x80", "a continuation byte alone"),
    ("overlong", b"\xc0\xaf", "an overlong encoding"),
    ("surrogate", b"\xed\xa0\x80", "half of a surrogate pair"),
    ("beyond", b"\xf4\x90\x80\x80", "a code point past U+10FFFF"),
    ("cut", b"\xe2\x82", "a character cut short"),
)
_NESTED = 2
_TEXT_SITES = 6
_NESTED_TAILS = ("varint-cut", "tag-zero", "group-stray", "length-past")


def malformed(descriptor: Descriptor, canonical: bytes) -> Iterator[Variant]:
    """Yield bytes that no parser may take for a message of this type, made from those of a good one.

    Raises nothing, but *canonical* must be well-formed.
    """
    for name, why, rule, tail in _tails(descriptor):
        yield Variant(name=name, why=why, data=canonical + tail, rule=rule)
    yield from _cuts(canonical)
    yield from _packed(descriptor, canonical)
    inner = [place for place in places(descriptor, canonical) if place.way and not _is_group(canonical, place)]
    for place in inner[:_NESTED]:
        yield from _nested(place, canonical)


def _tails(descriptor: Descriptor) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield what spoils a message that it is put behind: name, reason, rule, bytes."""
    free = free_number(descriptor)
    yield "tag-cut", "a tag that doesn't end", "wire.tag", b"\x80"
    if descriptor.fields:  # in a type without fields, protobuf's own parser (upb) takes 0 for a number
        yield "tag-zero", "the tag 0: field number 0", "wire.number", b"\0\0"
        yield "number-zero", "field number 0 with a length", "wire.number", b"\2\0"
    yield "number-2^29", "field number 2^29, one past the largest", "wire.number", _beyond()
    yield "tag-overlong", "a tag of eleven bytes", "wire.tag", b"\xff" * 10 + b"\1"
    yield "tag-alone", "a tag with no value behind it", "wire.tag", tag(free, WireType.VARINT)
    yield "type-6", "wire type 6, which doesn't exist", "wire.type", tag(free, 6) + b"\0"
    yield "type-7", "wire type 7, which doesn't exist", "wire.type", tag(free, 7) + b"\0"
    start, end = tag(free, WireType.GROUP), tag(free, WireType.END_GROUP)
    yield "group-open", "a group that doesn't end", "wire.group", start
    yield "group-stray", "the end of a group that never began", "wire.group", end
    yield "group-crossed", "a group that ends as another one", "wire.group", start + tag(free + 1, WireType.END_GROUP)
    yield "group-spoiled", "an unknown group with wire type 7 in it", "wire.group", start + tag(1, 7) + end
    head = tag(free, WireType.VARINT)
    yield "varint-cut", "a varint that doesn't end", "wire.varint", head + b"\x80"
    yield "varint-overlong", "a varint of eleven bytes", "wire.varint", head + b"\xff" * 10 + b"\1"
    yield "fixed32-cut", "three of four bytes", "wire.length", tag(free, WireType.FIXED32) + bytes(3)
    yield "fixed64-cut", "seven of eight bytes", "wire.length", tag(free, WireType.FIXED64) + bytes(7)
    head = tag(free, WireType.LENGTH)
    yield "length-past", "a length past the end", "wire.length", head + varint(5) + b"ab"
    yield "length-2^31", "a length of 2^31 - 1", "wire.length", head + varint((1 << 31) - 1) + b"ab"
    yield "length-negative", "a length of -1", "wire.length", head + varint(-1) + b"ab"
    yield "length-cut", "a length that doesn't end", "wire.length", head + b"\xff"


def _beyond() -> bytes:
    return varint((LARGEST_NUMBER + 1) << 3) + b"\0"


def _cuts(canonical: bytes) -> Iterator[Variant]:
    """Cut a message within its first and its last record."""
    position, spans = 0, []
    for record in records(canonical):
        size = len(record.encoded())
        spans.append((position, position + size))
        position += size
    for name, span in {"first": spans[:1], "last": spans[1:][-1:]}.items():
        for start, end in span:
            yield Variant(
                name=f"cut-{name}",
                why=f"a good message cut within its {name} field",
                data=canonical[: (start + end + 1) // 2],
                rule="wire.length",
            )


def _packed(descriptor: Descriptor, canonical: bytes) -> Iterator[Variant]:
    """Spoil a packed list of each width."""
    done: set[WireType] = set()
    for field in descriptor.fields:
        kind = wire_type_of(field)
        if not is_packable(field) or kind in done:
            continue
        done.add(kind)
        width = {WireType.FIXED32: 4, WireType.FIXED64: 8}.get(kind, 0)
        body = bytes(width + width - 1) if width else b"\1\x80"
        yield Variant(
            name=f"packed-{kind.name.lower()}",
            why=f"{field.name} as a packed list whose last number is cut short",
            data=canonical + Record(field.number, WireType.LENGTH, body).encoded(),
            path=(field.name,),
            rule="wire.packed",
        )


def _nested(place: Place, canonical: bytes) -> Iterator[Variant]:
    """Spoil a message within the message; all lengths around it are right."""
    where = shown(place.path)
    for name, why, rule, tail in _tails(place.descriptor):
        if name in _NESTED_TAILS:
            data = rewritten(canonical, place.way, lambda body, tail=tail: body + tail)  # type: ignore[misc]
            yield Variant(name=f"{where}/{name}", why=f"{why}, in {where}", data=data, path=place.path, rule=rule)
            if name == "length-past":
                yield Variant(
                    name=f"{where}/length-leaves",
                    why=f"a length in {where} that reaches past its end, into what follows",
                    data=data + Record(15_000, WireType.LENGTH, bytes(64)).encoded(),
                    path=place.path,
                    rule=rule,
                )


def _is_group(canonical: bytes, place: Place) -> bool:
    """Whether any message on the way is a group: there, what is spoiled may fix itself by what follows."""
    body = canonical
    for index in place.way:
        record = records(body)[index]
        if record.wire_type == WireType.GROUP:
            return True
        body = record.value
    return False


# Text ---------------------------------------------------------------------------------------------


def bad_texts(
    descriptor: Descriptor, canonical: bytes, is_valid: Callable[[bytes], bool] = lambda _: True
) -> Iterator[Variant]:
    """Yield messages with a string that isn't UTF-8, in fields of different sorts where that is forbidden.

    Those come first whose rules take any text: where *is_valid* says so of a message with a good text there.
    """

    def takes_text(way: tuple[FieldDescriptor, ...]) -> bool:
        record = Record(way[-1].number, WireType.LENGTH, MARK + " \u00e9!".encode())
        return is_valid(canonical + wrapped(way[:-1], record.encoded()))

    for number, (sort, way) in enumerate(_text_sites(descriptor, takes_text)):
        path = path_of(way)
        for name, text, why in BAD_TEXTS if number == 0 else BAD_TEXTS[:1]:
            record = Record(way[-1].number, WireType.LENGTH, MARK + text)
            yield Variant(
                name=f"{shown(path)}/utf8-{name}",
                why=f"{shown(path)} ({sort}) with {why}: no UTF-8",
                data=canonical + wrapped(way[:-1], record.encoded()),
                path=path,
                rule="wire.utf8",
            )


def _text_sites(
    descriptor: Descriptor, takes_text: Callable[[tuple[FieldDescriptor, ...]], bool]
) -> list[tuple[str, tuple[FieldDescriptor, ...]]]:
    """Give the ways to a validated string of each sort: the shortest first, of those that take any text if there are
    some."""
    found: dict[str, tuple[FieldDescriptor, ...]] = {}
    lenient: dict[str, tuple[FieldDescriptor, ...]] = {}
    for way in _ways(descriptor):
        sort = _sort(way)
        if way[-1].type != F.TYPE_STRING or sort in lenient or not _validates(descriptor, way):
            continue
        found.setdefault(sort, way)
        if takes_text(way):
            lenient[sort] = way
    return list((lenient | {sort: way for sort, way in found.items() if sort not in lenient}).items())[:_TEXT_SITES]


def _sort(way: tuple[FieldDescriptor, ...]) -> str:
    field = way[-1]
    if len(way) > 1 and is_map(way[-2]):
        return f"the {field.name} of a map"
    what = "one of a list" if field.is_repeated else "in a oneof" if field.containing_oneof else "a plain string"
    return f"{what}, {len(way) - 1} levels down" if len(way) > 1 else what


def _ways(descriptor: Descriptor, depth: int = 3) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Yield the ways to the fields of a type, breadth first, each type entered once."""
    pending: list[tuple[Descriptor, tuple[FieldDescriptor, ...]]] = [(descriptor, ())]
    entered = {descriptor.full_name}
    while pending:
        owner, way = pending.pop(0)
        for field in owner.fields:
            yield (*way, field)
            inner = field.message_type
            if inner is not None and len(way) < depth and inner.full_name not in entered:
                entered.add(inner.full_name)
                pending.append((inner, (*way, field)))


def _validates(descriptor: Descriptor, way: tuple[FieldDescriptor, ...]) -> bool:
    """Whether UTF-8 is demanded there: it isn't in proto2, nor where a feature says so. protobuf's own parser knows."""
    record = Record(way[-1].number, WireType.LENGTH, b"\xff")
    return try_decode(message_factory.GetMessageClass(descriptor), wrapped(way[:-1], record.encoded())) is None


# Depth --------------------------------------------------------------------------------------------


def too_deep(descriptor: Descriptor, canonical: bytes) -> Iterator[Variant]:
    """Yield messages that are nested past what parsers take: by a field of the type's own, and by unknown groups."""
    if cycle := _cycle(descriptor):
        head, turn = cycle
        path = path_of((*head, *turn))
        for depth in DEPTHS:
            yield Variant(
                name=f"nested-{depth}",
                why=f"{shown(path)}, {depth:,} messages inside each other",
                data=wrapped(head + turn * -(-depth // len(turn)), b"") + canonical,
                path=path,
                rule=f"nesting.{depth}",
            )
    free = free_number(descriptor)
    for depth in DEPTHS:
        groups = tag(free, WireType.GROUP) * depth + tag(free, WireType.END_GROUP) * depth
        yield Variant(
            name=f"groups-{depth}",
            why=f"an unknown field of {depth:,} groups inside each other",
            data=groups + canonical,
            rule=f"nesting.{depth}",
        )


def deepest(descriptor: Descriptor, canonical: bytes) -> Variant | None:
    """Give a message that is nested as deep as every parser takes; None for a type that doesn't hold itself."""
    cycle = _cycle(descriptor)
    if cycle is None:
        return None
    head, turn = cycle
    path = path_of((*head, *turn))
    return Variant(
        name=f"nested-{DEEPEST}",
        why=f"{shown(path)}, {DEEPEST} messages inside each other, which is not too many",
        data=wrapped(head + turn * ((DEEPEST - len(head)) // len(turn)), b"") + canonical,
        path=path,
        rule=f"nesting.{DEEPEST}",
    )


def _cycle(descriptor: Descriptor) -> tuple[tuple[FieldDescriptor, ...], tuple[FieldDescriptor, ...]] | None:
    """Find the shortest way to a type, and the shortest way from that type back to itself."""
    pending: list[tuple[Descriptor, tuple[FieldDescriptor, ...]]] = [(descriptor, ())]
    entered = {descriptor.full_name}
    while pending:
        owner, way = pending.pop(0)
        if turn := _way_back(owner):
            return way, turn
        for field in owner.fields:
            inner = field.message_type
            if inner is not None and inner.full_name not in entered:
                entered.add(inner.full_name)
                pending.append((inner, (*way, field)))
    return None


def _way_back(descriptor: Descriptor) -> tuple[FieldDescriptor, ...] | None:
    pending: list[tuple[Descriptor, tuple[FieldDescriptor, ...]]] = [(descriptor, ())]
    entered: set[str] = set()
    while pending:
        owner, way = pending.pop(0)
        for field in owner.fields:
            inner = field.message_type
            if inner is None:
                continue
            if inner.full_name == descriptor.full_name:
                return (*way, field)
            if inner.full_name not in entered:
                entered.add(inner.full_name)
                pending.append((inner, (*way, field)))
    return None
