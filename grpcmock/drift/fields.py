"""Compare two fields that stand for each other: each aspect by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.drift import types, validation
from grpcmock.drift.differences import COMPATIBLE, EVERYONE, JSON, SOURCE, WIRE, Breaks, Use

if TYPE_CHECKING:
    from grpcmock.drift.comparison import Comparison
    from grpcmock.drift.views import Field

_REQUIRED = "Programs of the one side refuse messages in which the other leaves it out."


def compare(comparison: Comparison, old: Field, new: Field, *, same_number: bool = True) -> None:
    """Note every aspect in which two fields differ, but for their numbers and names.

    With another number, their bytes never meet: then nothing else can break the wire.
    """
    start = len(comparison.differences)
    _type(comparison, old, new)
    _cardinality(comparison, old, new)
    _presence(comparison, old, new)
    _json_name(comparison, old, new)
    _values(comparison, old, new)
    validation.compare(comparison, old, new, uses(old, new))
    comparison.deprecation(old, new, old.deprecated, new.deprecated)
    if not same_number:
        comparison.differences[start:] = [one for one in comparison.differences[start:] if one.breaks - WIRE]


def uses(*fields: Field) -> frozenset[Use]:
    """Give what a stub must use for these fields to concern it."""
    return frozenset(("field", field.full_name) for field in fields)


def _type(comparison: Comparison, old: Field, new: Field) -> None:
    if old.type != new.type:
        verdict = types.of_type(old.type, new.type)
        change = comparison.change("its type", _shown(old), _shown(new))
        hint = f"Keep {_shown(old)}, and add a field of the new type under a number of its own."
        comparison.found("type-changed", old, new, verdict.breaks, change, verdict.why, hint, uses(old, new))
        if {old.type, new.type} != {"message", "group"}:
            return
    if not old.of:
        return
    if old.of != new.of:
        breaks = SOURCE | (JSON if types.has_special_json(old.of) or types.has_special_json(new.of) else COMPATIBLE)
        if _is_entry(comparison, old.of) or _is_entry(comparison, new.of):
            breaks = COMPATIBLE  # nobody names the type of an entry
        if breaks:
            comparison.found(
                "type-renamed",
                old,
                new,
                breaks,
                comparison.change("its type", old.of, new.of),
                "On the wire a type has no name, but generated code has; what differs inside is told beside this.",
                "Keep the old name if others have code that uses it.",
                uses(old, new),
            )
    comparison.pair(old.of, new.of)


def _is_entry(comparison: Comparison, name: str) -> bool:
    return any(
        name in schema.messages and schema.messages[name].is_map_entry for schema in (comparison.old, comparison.new)
    )


def _shown(field: Field) -> str:
    return f"{field.type} {field.of}" if field.of else field.type


def _cardinality(comparison: Comparison, old: Field, new: Field) -> None:
    if old.cardinality != new.cardinality:
        verdict = types.of_cardinality(old, new)
        words = {"singular": "a single value", "repeated": "a list", "map": "a map"}
        comparison.found(
            "cardinality-changed",
            old,
            new,
            verdict.breaks,
            comparison.change("it", words[old.cardinality], words[new.cardinality]),
            verdict.why,
            "Keep it as it was, and add another field.",
            uses(old, new),
        )
    elif old.packed != new.packed and old.type == new.type:
        words_of = {True: "packed", False: "not packed"}
        comparison.found(
            "packing-changed",
            old,
            new,
            COMPATIBLE,
            comparison.change("it", words_of[old.packed], words_of[new.packed]),
            "All parsers of protobuf read both; only the size of messages changes.",
            touches=uses(old, new),
        )


def _presence(comparison: Comparison, old: Field, new: Field) -> None:
    """Compare whether a field must be set, and whether it can be told unset from zero; and its oneof."""
    if old.oneof is None and new.oneof is None and old.presence != new.presence and old.presence and new.presence:
        if "required" not in (old.presence, new.presence) and "message" in (old.type, new.type):
            return  # messages always have presence: it follows from the type
        if "required" in (old.presence, new.presence):
            rule = "required-added" if new.presence == "required" else "required-removed"
            hint = "Keep it required, or not, as it was."
            message = comparison.change("its presence", old.presence, new.presence)
            comparison.found(rule, old, new, EVERYONE, message, _REQUIRED, hint, uses(old, new))
            return
        comparison.found(
            "presence-changed",
            old,
            new,
            SOURCE,
            comparison.change("its presence", old.presence, new.presence),
            "The bytes can be read, but only with explicit presence can a zero be told from a field that isn't set; "
            "the generated code differs.",
            "Keep `optional` (or features.field_presence) as it was.",
            uses(old, new),
        )


def _json_name(comparison: Comparison, old: Field, new: Field) -> None:
    if old.json_name == new.json_name:
        return
    if old.name != new.name:
        return  # told with the name
    comparison.found(
        "json-name-changed",
        old,
        new,
        JSON,
        comparison.change("its name in JSON", repr(old.json_name), repr(new.json_name)),
        "JSON that one side writes has a field that the other doesn't know.",
        f'Keep [json_name = "{old.json_name}"].',
        uses(old, new),
    )


def _values(comparison: Comparison, old: Field, new: Field) -> None:
    """Compare what a value may be, and what the lack of one means."""
    if old.default != new.default and old.type == new.type:
        comparison.found(
            "default-changed",
            old,
            new,
            EVERYONE,
            comparison.change("its default", old.default or "not written", new.default or "not written"),
            "Where it is left out, the two sides take it for different values.",
            "Keep the default as it was; set the value where it is written.",
            uses(old, new),
        )
    if old.checks_utf8 != new.checks_utf8 and old.type == new.type:
        words = {True: "checked", False: "not checked"}
        comparison.found(
            "utf8-validation-changed",
            old,
            new,
            WIRE,
            comparison.change("its UTF-8", words[old.checks_utf8], words[new.checks_utf8]),
            "The side that checks refuses whole messages whose text the other lets through.",
            "Keep features.utf8_validation as it was (proto2 doesn't check, proto3 does).",
            uses(old, new),
        )
    if old.jstype != new.jstype:
        comparison.found(
            "jstype-changed",
            old,
            new,
            frozenset({Breaks.SOURCE}),
            comparison.change("its jstype", old.jstype or "JS_NORMAL", new.jstype or "JS_NORMAL"),
            "Code generated for JavaScript holds it as another type.",
            "Keep jstype as it was.",
            uses(old, new),
        )
