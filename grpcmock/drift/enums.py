"""Compare two enums that stand for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.drift.differences import COMPATIBLE, EVERYONE, JSON, SOURCE, WIRE, Breaks, Use
from grpcmock.drift.messages import json_format, reserved
from grpcmock.drift.views import Enum, Value, covers

if TYPE_CHECKING:
    from grpcmock.drift.comparison import Comparison


class _Named:
    """A value with the full name of its enum before it, as differences name it: ``user.Role.ADMIN``."""

    def __init__(self, enum: Enum, value: Value) -> None:
        self.full_name = f"{enum.full_name}.{value.name}"
        self.location = value.location
        self.number = value.number
        self.file = enum.file
        self.value = value


def compare(comparison: Comparison, old: Enum, new: Enum) -> None:
    """Note everything in which two enums differ."""
    before = {value.name: _Named(old, value) for value in old.values}
    after = {value.name: _Named(new, value) for value in new.values}
    names_before, names_after = _by_number(old), _by_number(new)
    for name in before.keys() & after.keys():
        _same_name(comparison, before[name], after[name])
    for number, names in names_before.items():
        left = names_after.get(number, [])
        lost = [name for name in names if name not in after]
        # A value of that number is there, under a name that no other value had before.
        renamed = [name for name in left if name not in before]
        for name in lost:
            if renamed and not set(names) & set(left):
                _renamed(comparison, before[name], after[renamed[0]])
            elif left:
                _alias_removed(comparison, before[name], left[0])
            else:
                _removed(comparison, before[name], new)
        if names[0] in left and left[0] != names[0]:
            _other_alias_first(comparison, before[names[0]], after[left[0]], known=left[0] in before)
    for number, names in names_after.items():
        for name in (name for name in names if name not in before):
            _added(comparison, after[name], old, names_before.get(number, []), names)
    _first(comparison, old, new)
    _closed(comparison, old, new)
    reserved(comparison, old, new, set(names_after), set(after))
    json_format(comparison, old, new)
    comparison.deprecation(old, new, old.deprecated, new.deprecated)


def _by_number(enum: Enum) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for value in enum.values:
        found.setdefault(value.number, []).append(value.name)
    return found


def _uses(*values: _Named) -> frozenset[Use]:
    return frozenset(("value", value.full_name) for value in values)


def _same_name(comparison: Comparison, old: _Named, new: _Named) -> None:
    comparison.deprecation(old, new, old.value.deprecated, new.value.deprecated)
    if old.value.number != new.value.number:
        comparison.found(
            "value-renumbered",
            old,
            new,
            WIRE,
            comparison.change("its number", old.value.number, new.value.number),
            "What one side writes as this value the other reads as another one, or as none that it knows.",
            f"Give it its number {old.value.number} back.",
            _uses(old, new),
        )


def _renamed(comparison: Comparison, old: _Named, new: _Named) -> None:
    comparison.found(
        "value-renamed",
        old,
        new,
        SOURCE | JSON,
        comparison.change(f"the name of number {old.value.number}", old.value.name, new.value.name),
        "The bytes can be read; code, and JSON with the old name, don't fit.",
        "Keep the old name, or keep it as an alias (option allow_alias).",
        _uses(old, new),
    )


def _alias_removed(comparison: Comparison, old: _Named, left: str) -> None:
    comparison.found(
        "alias-removed",
        old,
        None,
        SOURCE | JSON,
        f"{comparison.gone}; number {old.value.number} is still {left}",
        "The bytes can be read; code, and JSON with this name, don't fit.",
        "Keep the alias.",
        _uses(old),
    )


def _removed(comparison: Comparison, old: _Named, new: Enum) -> None:
    value = old.value
    number_kept, name_kept = covers(new.reserved_numbers, value.number), value.name in new.reserved_names
    why = "Who gets it from the other side doesn't know it."
    hint = ""
    if not (number_kept and name_kept):
        why = "Who gets it from the other side doesn't know it, and a new value could take its place."
        hint = f'Write `reserved {value.number}; reserved "{value.name}";` in its place.'
    breaks = SOURCE | (COMPATIBLE if number_kept else WIRE) | (COMPATIBLE if name_kept else JSON)
    comparison.found("value-removed", old, None, breaks, comparison.gone, why, hint, _uses(old))


def _added(comparison: Comparison, new: _Named, enum: Enum, had: list[str], names: list[str]) -> None:
    """Note a new name: of a new number, or beside others of a number that was there."""
    if had:
        if set(had) & set(names):  # else it is told as a renaming
            why = "It is another name of a number that was there."
            comparison.found("alias-added", None, new, COMPATIBLE, comparison.fresh, why, touches=_uses(new))
        return
    why = (
        "Programs of the old version put it among the unknown fields, as if it weren't set: the enum is closed."
        if enum.closed
        else "Programs of the old version see a number without a name; ProtoJSON parsers refuse the name."
    )
    comparison.found("value-added", None, new, COMPATIBLE, comparison.fresh, why, touches=_uses(new))
    number, name = covers(enum.reserved_numbers, new.value.number), new.value.name in enum.reserved_names
    if number or name:
        what = " and ".join(["number"] * number + ["name"] * name)
        comparison.found(
            "reserved-used",
            None,
            new,
            (WIRE if number else COMPATIBLE) | (JSON if name else COMPATIBLE),
            f"its {what} was reserved",
            "It was kept from use since older programs mean something else by it.",
            "Take a number and a name that were never used.",
            _uses(new),
        )


def _other_alias_first(comparison: Comparison, old: _Named, new: _Named, *, known: bool) -> None:
    """JSON is written with the first name of a number."""
    comparison.found(
        "alias-order-changed",
        old,
        new,
        COMPATIBLE if known else JSON,
        comparison.change(f"the first name of number {old.value.number}", old.value.name, new.value.name),
        "JSON is written with the first name" + (", and both sides know both." if known else ", which is new."),
        "" if known else "Put the alias after the name that was there.",
        _uses(old, new),
    )


def _first(comparison: Comparison, old: Enum, new: Enum) -> None:
    """Where no default is written, a closed enum's is its first value."""
    if not (old.closed or new.closed) or not (old.values and new.values):
        return
    first, other = _Named(old, old.values[0]), _Named(new, new.values[0])
    if first.value.number != other.value.number:
        comparison.found(
            "first-value-changed",
            old,
            new,
            EVERYONE,
            comparison.change("its first value", first.value.name, other.value.name),
            "A field that is left out, and has no default of its own, is taken for the first value.",
            "Keep the first value first.",
            _uses(first, other),
        )


def _closed(comparison: Comparison, old: Enum, new: Enum) -> None:
    if old.closed == new.closed:
        return
    words = {True: "closed", False: "open"}
    comparison.found(
        "enum-type-changed",
        old,
        new,
        frozenset({Breaks.SOURCE}),
        comparison.change("it", words[old.closed], words[new.closed]),
        "Values that aren't declared are kept by an open enum, and put among the unknown fields by a closed one.",
        "Keep features.enum_type as it was (proto2 means CLOSED, proto3 OPEN).",
    )
