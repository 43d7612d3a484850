"""What the contract says about the values of single fields: how much, how long, what in it; or nothing at all."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.objection_kinds import Kind
from grpcmock.synthesis.planning import FieldPlan, Planner, Shape

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.schema import Registry
    from grpcmock.schema.annotations import Rules

_LENGTHS = frozenset({"min_len", "max_len", "len", "min_bytes", "max_bytes", "len_bytes"})
_COUNTS = frozenset({"min_items", "max_items", "unique", "min_pairs", "max_pairs", "example"})
_FORMS = frozenset({"pattern", "prefix", "suffix", "contains", "not_contains"})
_BELOW, _ABOVE = frozenset({"gt", "gte"}), frozenset({"lt", "lte"})
_NOW = frozenset({"lt_now", "gt_now", "within"})
_KINDS = {
    Kind.BOUND: _LENGTHS | _COUNTS - {"unique", "example"} | _BELOW | _ABOVE,
    Kind.FORM: _FORMS,
    Kind.UNIQUE: frozenset({"unique"}),
}
"""The rules that speak of one property alone."""

_EVERYDAY = 1000
"""Numbers no greater than that are nothing to wonder at, whatever bounds are stated."""

_LATEST = 4_102_444_800
"""The year 2100, in seconds: moments and lengths of time before it are nothing to wonder at."""


@dataclass(frozen=True, slots=True)
class StatedRules:
    """What is said of one field. A list or map is spoken of as a whole, and so are its items."""

    is_about_whole: bool = False
    """Whether anything is said of the field itself: of a list, how many items it has."""

    is_about_content: bool = False
    """Whether it is said what its values hold, so that none of those that fit can come as a surprise."""

    has_form_alone: bool = False
    """Whether it is said how a text is written, and nothing else: what has the form of a day need not be one."""

    is_about_items: bool = False
    """Of a list or map: whether anything is said of what stands in it."""

    has_least: bool = False
    has_most: bool = False

    kinds: frozenset[Kind] = frozenset()
    """The properties that the rules speak of, of the field itself and of items in it."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing is said."""
        return not (self.is_about_whole or self.is_about_items)

    def expects(self, field: FieldDescriptor, value: Any) -> bool:
        """Whether a value that keeps the rules is one that a server had to reckon with, as far as they go."""
        if self.is_silent:
            return False
        if field.is_repeated:
            items = [*value.keys(), *value.values()] if hasattr(value, "items") else list(value)
            return self.is_about_items or all(one and _is_everyday(one) for one in items)
        if field.enum_type is not None and not value:
            return False  # a server may well want it to be said which
        if self.is_about_content:
            return True
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._within(value)
        return _is_everyday(value)

    def _within(self, number: float) -> bool:
        if not math.isfinite(number):
            return False
        return (self.has_most or number <= _EVERYDAY) and (self.has_least or number >= -_EVERYDAY)


def _is_everyday(value: Any) -> bool:
    """Whether there is nothing to wonder at in a value."""
    if isinstance(value, str):
        return value == value.strip() and not _UNUSUAL.search(value) and not _has_odd_letters(value)
    if isinstance(value, (int, float)):
        return math.isfinite(value) and abs(value) <= _EVERYDAY
    if hasattr(value, "seconds"):
        return bool(0 <= value.seconds <= _LATEST)
    return True


_UNUSUAL = re.compile(r"""[/\\<>{}`"%$*;|]|\.\.""")
"""What looks like a path, a format, or code."""


def _has_odd_letters(text: str) -> bool:
    """Whether a text has characters that one doesn't see: of control, of direction, of no use, or not assigned."""
    return any(unicodedata.category(char)[0] in "CZ" and char != " " for char in text)


class FieldRules:
    """What is said of the fields of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._planner = Planner(registry)
        self._found: dict[str, StatedRules] = {}

    def of(self, field: FieldDescriptor) -> StatedRules:
        """Return what is said of a field, by rules about its values and about it together with others."""
        found = self._found.get(field.full_name)
        if found is None:
            found = self._found[field.full_name] = self._read(field)
        return found

    def are_off(self, way: Fields) -> bool:
        """Whether no rule holds at the end of a way: one of its fields leaves out those of all that stands in it. A
        server may well hold what comes of the request to them."""
        return any(self._planner.options.field(field).is_ignored for field in way)

    def _read(self, field: FieldDescriptor) -> StatedRules:
        owner = field.containing_type
        if owner is None or owner.GetOptions().map_entry:
            return StatedRules()
        message = self._planner.plan(owner)
        plans = (*message.fields, *(member for oneof in message.oneofs for member in oneof.members))
        plan = next((plan for plan in plans if plan.name == field.name), None)
        if plan is None:
            return StatedRules()
        mentioned = any(re.search(rf"\b{re.escape(field.name)}\b", text) for text in message.cel.values())
        return _stated(plan, is_mentioned=mentioned)


def _stated(plan: FieldPlan, *, is_mentioned: bool) -> StatedRules:
    rules = plan.rules
    names = set(rules.values)
    inside = [one for one in (rules.items, rules.keys, rules.entries) if one is not None]
    items = any(map(_says_anything, inside))
    kinds = frozenset(Kind) if is_mentioned else frozenset().union(*map(_kinds, (rules, *inside)))
    if plan.descriptor.is_repeated:
        return StatedRules(is_about_whole=bool(names or rules.cel or is_mentioned), is_about_items=items, kinds=kinds)
    content = bool(plan.options.format or rules.cel)
    if plan.shape in (Shape.TEXT, Shape.BYTES, Shape.ENUM, Shape.FLAG, Shape.WRAPPER, Shape.MESSAGE):
        content = content or bool(names - _LENGTHS - _COUNTS - _BELOW - _ABOVE)
    else:
        content = content or bool(names & {"in", "const"})
    return StatedRules(
        is_about_whole=bool(names - {"example"}) or content or is_mentioned,
        has_form_alone=bool(names & _FORMS) and not (names - _FORMS - _LENGTHS - _COUNTS or plan.options.format),
        is_about_content=content or (bool(names & _BELOW) and bool(names & _ABOVE)),
        has_least=bool(names & _BELOW),
        has_most=bool(names & _ABOVE),
        kinds=kinds | {Kind.BOUND, Kind.FORM, Kind.CHOICE} if plan.options.format else kinds,
    )


def _says_anything(rules: Rules) -> bool:
    return bool(rules.values or rules.cel)


def _kinds(rules: Rules) -> frozenset[Kind]:
    """Return the properties that rules speak of: which of several a value is, and what has a format, has all of them
    that a refusal can name but for what only a server knows."""
    names = set(rules.values) - {"example"}
    if rules.cel or names & _NOW:
        return frozenset(Kind)
    found = {kind for kind, own in _KINDS.items() if names & own}
    if names.difference(*_KINDS.values()):
        found |= {Kind.BOUND, Kind.FORM, Kind.CHOICE}
    return frozenset(found)


@lru_cache(16)
def field_rules(registry: Registry) -> FieldRules:
    """Return what is said of the fields of a registry; read once."""
    return FieldRules(registry)
