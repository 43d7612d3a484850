"""Compare two message types that stand for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.drift import fields, validation
from grpcmock.drift.differences import COMPATIBLE, EVERYONE, JSON, SOURCE, WIRE
from grpcmock.drift.matching import Matched, match
from grpcmock.drift.views import Enum, Field, Message, covers, left_over, written

if TYPE_CHECKING:
    from grpcmock.drift.comparison import Comparison


def compare(comparison: Comparison, old: Message, new: Message) -> None:
    """Note everything in which two message types differ; the types of their fields are put up for comparison."""
    matched = match(old, new)
    for one, other in matched.renumbered:
        _renumbered(comparison, one, other, new)
    for one, other in matched.same:
        if one.name != other.name:
            _renamed(comparison, one, other)
        fields.compare(comparison, one, other)
    for one in matched.removed:
        _removed(comparison, one, new)
    for one in matched.added:
        _added(comparison, one, old)
    _oneofs(comparison, old, new, matched)
    reserved(comparison, old, new, {one.number for one in new.fields}, {one.name for one in new.fields})
    _extension_ranges(comparison, old, new)
    if old.message_set != new.message_set:
        comparison.found(
            "message-set-changed",
            old,
            new,
            EVERYONE,
            comparison.change("its message_set_wire_format", old.message_set, new.message_set),
            "The two formats are not the same bytes.",
            "Keep the option as it was.",
            {("message", old.full_name), ("message", new.full_name)},
        )
    json_format(comparison, old, new)
    validation.compare_messages(comparison, old, new)
    comparison.deprecation(old, new, old.deprecated, new.deprecated)


def _renumbered(comparison: Comparison, old: Field, new: Field, message: Message) -> None:
    taker = next((one for one in message.fields if one.number == old.number), None)
    if taker is not None:
        why = f"What one side writes as {old.name} the other reads as {taker.name}, or can't read."
    else:
        why = f"What one side writes as {old.name} the other doesn't know; it reads the field as unset."
    comparison.found(
        "field-renumbered",
        old,
        new,
        WIRE,
        comparison.change("its number", old.number, new.number),
        why,
        f"Give it its number {old.number} back; new fields take numbers that were never used.",
        fields.uses(old, new),
    )
    fields.compare(comparison, old, new, same_number=False)


def _renamed(comparison: Comparison, old: Field, new: Field) -> None:
    breaks = SOURCE if old.json_name == new.json_name else SOURCE | JSON
    kept = "" if old.json_name == new.json_name else f'; [json_name = "{old.json_name}"] spares those who read JSON'
    comparison.found(
        "field-renamed",
        old,
        new,
        breaks,
        comparison.change("its name", old.name, new.name),
        f"The bytes can be read, number {old.number} is the same; code, and JSON with the old name, don't fit.",
        f"Keep the name{kept}.",
        fields.uses(old, new),
    )


def _removed(comparison: Comparison, old: Field, new: Message) -> None:
    taker = next((one for one in new.fields if one.number == old.number), None)
    number_kept, name_kept = covers(new.reserved_numbers, old.number), old.name in new.reserved_names
    breaks = SOURCE | (COMPATIBLE if number_kept else WIRE) | (COMPATIBLE if name_kept else JSON)
    if taker is not None:
        why = f"Its number {old.number} is that of {taker.name} {comparison.now}: the one is read as the other."
        hint = f"Give {taker.name} a number that was never used, and write `reserved {old.number};`."
    elif number_kept:
        why = "What is written there is passed over; it is never set by the other side."
        why += "" if name_kept else " JSON that holds it is refused."
        hint = "" if name_kept else f'Reserve the name, too: `reserved "{old.name}";`.'
    else:
        why = "What is written there is lost, and any new field could take its number and be misread."
        hint = f'Write `reserved {old.number}; reserved "{old.name}";` in its place.'
    if old.presence == "required":
        breaks, why = breaks | EVERYONE, "It is required: programs of the old version refuse messages without it."
    comparison.found(
        "field-removed", old, None, breaks, comparison.gone, why, hint, {*fields.uses(old), ("field", _twin(old, new))}
    )


def _added(comparison: Comparison, new: Field, old: Message) -> None:
    touches = {*fields.uses(new), ("field", _twin(new, old))}
    if new.presence == "required":
        why = "It is required: messages of the old version lack it, and are refused."
        comparison.found(
            "field-added", None, new, EVERYONE, comparison.fresh, why, "Make it optional, for ever.", touches
        )
        return
    why = "Programs of the old version pass over it; ProtoJSON parsers must be told to ignore unknown fields."
    comparison.found("field-added", None, new, COMPATIBLE, comparison.fresh, why, touches=touches)
    number, name = covers(old.reserved_numbers, new.number), new.name in old.reserved_names
    if number or name:
        what = " and ".join(["number"] * number + ["name"] * name)
        comparison.found(
            "reserved-used",
            None,
            new,
            (WIRE if number else COMPATIBLE) | (JSON if name else COMPATIBLE),
            f"its {what} was reserved",
            "It was kept from use since older programs write something else there.",
            "Take a number and a name that were never used.",
            touches,
        )


def _twin(one: Field, message: Message) -> str:
    """Name a field of one version as it would be called in the other."""
    return f"{message.full_name}.{one.name}"


def _oneofs(comparison: Comparison, old: Message, new: Message, matched: Matched) -> None:
    pairs = [pair for pair in (*matched.same, *matched.renumbered) if pair[0].oneof or pair[1].oneof]
    renamed: dict[str, str] = {}
    for name in old.oneofs:
        targets = {other.oneof for one, other in pairs if one.oneof == name}
        sources = {one.oneof for one, other in pairs if other.oneof in targets}
        if len(targets) == 1 and sources == {name} and (target := targets.pop()) not in (None, name):
            assert target is not None
            renamed[name] = target
            comparison.found(
                "oneof-renamed",
                old,
                new,
                SOURCE,
                comparison.change("the name of a oneof", name, target),
                "Messages and JSON don't hold the names of oneofs, but generated code does.",
                "Keep the name.",
            )
    for one, other in pairs:
        if one.oneof != other.oneof and (one.oneof, other.oneof) not in renamed.items():
            _moved(comparison, one, other, old, new)


def _moved(comparison: Comparison, one: Field, other: Field, old: Message, new: Message) -> None:
    """Only alone in its oneof a field can't be displaced by another, or displace one."""
    alone = all(
        message.oneofs[field.oneof] == (field.name,)
        for field, message in ((one, old), (other, new))
        if field.oneof is not None
    )
    plain = {field.presence for field in (one, other) if field.oneof is None}
    why = (
        "It is alone there, so the bytes can be read; generated code differs."
        if alone
        else "Where one side sets it and another member, the other side keeps only the last of them."
    )
    names = [f"oneof {field.oneof}" if field.oneof else "none" for field in (one, other)]
    comparison.found(
        "oneof-changed",
        one,
        other,
        (SOURCE if alone else EVERYONE) | (EVERYONE if "required" in plain else COMPATIBLE),
        comparison.change("its oneof", *names),
        why,
        "Leave it where it was, and add a new field to the oneof.",
        fields.uses(one, other),
    )


def reserved(
    comparison: Comparison, old: Message | Enum, new: Message | Enum, numbers: set[int], names: set[str]
) -> None:
    """Note what is no longer reserved; what is used already (*numbers*, *names*) is told by itself."""
    used = tuple((number, number) for number in numbers)
    freed = left_over(left_over(old.reserved_numbers, new.reserved_numbers), used)
    if freed:
        comparison.found(
            "reserved-removed",
            old,
            new,
            WIRE,
            f"the numbers {written(freed)} aren't reserved {comparison.now if comparison.live else 'any more'}",
            "They could be given to something new, and older programs write something else there.",
            f"Keep `reserved {written(freed)};`.",
        )
    freed_names = sorted(old.reserved_names - new.reserved_names - names)
    if freed_names:
        quoted = ", ".join(f'"{name}"' for name in freed_names)
        comparison.found(
            "reserved-removed",
            old,
            new,
            JSON,
            f"the names {quoted} aren't reserved {comparison.now if comparison.live else 'any more'}",
            "They could be given to something new, and older JSON means something else by them.",
            f"Keep `reserved {quoted};`.",
        )


def json_format(comparison: Comparison, old: Message | Enum, new: Message | Enum) -> None:
    """Note that names are no longer checked to be different in JSON."""
    if old.strict_json == new.strict_json:
        return
    words = {True: "ALLOW", False: "LEGACY_BEST_EFFORT"}
    breaks = JSON if old.strict_json else COMPATIBLE
    comparison.found(
        "json-format-changed",
        old,
        new,
        breaks,
        comparison.change("its JSON format", words[old.strict_json], words[new.strict_json]),
        "JSON is no longer sure to hold it." if breaks else "JSON is sure to hold it from now on.",
        "Keep features.json_format (proto2 means LEGACY_BEST_EFFORT)." if breaks else "",
    )


def _extension_ranges(comparison: Comparison, old: Message, new: Message) -> None:
    gone = left_over(old.extension_ranges, new.extension_ranges)
    if gone:
        comparison.found(
            "extension-range-removed",
            old,
            new,
            SOURCE,
            f"the numbers {written(gone)} can't be extended {comparison.now if comparison.live else 'any more'}",
            "Extensions with these numbers no longer compile; what is written there is kept as unknown.",
            f"Keep `extensions {written(gone)};`.",
        )
