"""Things that show the sum of what stands below them: it grows by what is made there, as much as that says itself.

A comment says what is added up, "sums over all refuelings", and the name of the number which of their numbers that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.counting import is_given
from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.number_types import NUMBERS
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.fields import place_of
from grpcmock.fuzz.resources.laws.child_counts import PARTLY, UNCERTAIN, child_in, families_of, plurals_of
from grpcmock.fuzz.resources.laws.whole_things import key_of, makes_things, told_by, wholes
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.laws.whole_things import Told
    from grpcmock.schema import Method, Registry

_SUM = re.compile(r"\b(?:sums?|totals?|added up|adds up)\b", re.IGNORECASE)
_SUMS = re.compile(r"\W*(?:the )?(?:sums|totals)\b", re.IGNORECASE)
"""So begins what is said of more than one field: those behind it without a comment are meant as well."""

_OTHER_UNITS = re.compile(r"currency|units?\b|sign|direction|refund|void|cancel")
"""What has such a field may be added up in another unit, taken off, or left out."""

_ROUNDED = 0.011
"""By so much, each number that is added may be rounded."""


class Sum(NamedTuple):
    """How a thing shows a sum of what stands below it."""

    parent: Descriptor
    child: Descriptor
    named_by: str
    """The field of a request that makes a child with the key of the parent."""

    shown_in: FieldDescriptor
    added: FieldDescriptor
    """What is added up of each child."""


@dataclass(slots=True)
class _Known:
    """What is known of the sum of one parent."""

    value: float
    made: list[float] = field(default_factory=list)
    """What was made below it since then."""


@dataclass(slots=True)
class ChildSums:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _sums: dict[tuple[str, Any, str, str], _Known] = field(default_factory=dict)
    """By the type and the key of the parent, the field, and the type of what is added up."""

    _own: set[tuple[str, Any]] = field(default_factory=set)
    """The parents that were made in this case, so that nobody else makes things below them."""

    _children: set[tuple[str, ...] | None] = field(default_factory=set)
    """What was made."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        told = told_by(reply)
        if told is None or told.answer is None:
            is_reading = reply.call.method is not None and only_reads(reply.call.method)
            if not is_reading and (told is None or reply.code in UNCERTAIN):
                self._sums.clear()
            return
        sums = sums_of(told.method, self.registry)
        if not sums and not only_reads(told.method):
            self._sums.clear()
        for one in sums:
            self._add(told, one)
        self._children |= {
            place_of(made) or () for one in sums if (made := child_in(told.answer, one.child)) is not None
        }
        for shown in wholes(told):
            key, name = key_of(shown), shown.DESCRIPTOR.full_name
            if key is not None and makes_things(told.method):
                self._own.add((name, key))
            for one in all_sums(self.registry).get(name, ()):
                if (name, key) in self._own:
                    yield from self._look(told, shown, key, one)

    def _add(self, told: Told, one: Sum) -> None:
        """Note what was made below a parent."""
        made, parent = child_in(told.answer, one.child), getattr(told.request, one.named_by)
        place = (one.parent.full_name, parent, str(one.shown_in.name), one.child.full_name)
        if made is None or place_of(made) in self._children:  # it may be the one that is there already
            self._sums.pop(place, None)
        elif place in self._sums:
            self._sums[place].made.append(getattr(made, one.added.name))

    def _look(self, told: Told, shown: Any, key: Any, one: Sum) -> Iterator[Finding]:
        name = str(one.shown_in.name)
        place = (one.parent.full_name, key, name, one.child.full_name)
        value, before = getattr(shown, name), self._sums.pop(place, None)
        self._sums[place] = _Known(value)
        if before is None or not before.made or not only_reads(told.method):
            return
        expected = before.value + sum(before.made)
        room = _ROUNDED * (len(before.made) + 1) if isinstance(value, float) else 0
        if abs(value - expected) > room + abs(expected) * 1e-6:
            noun = snake_case(one.child.name).replace("_", " ")
            words = " and ".join(f"{one.added.name} {number}" for number in before.made)
            yield Finding(
                check="read_after_write",
                expected=f"{name} {expected}: {before.value} before, and each {noun} added with {words}",
                actual=f"{name} {value}",
                path=name,
                key=f"child sum {name}",
                method=told.method,
                may_lag=True,
            )


@lru_cache(16)
def all_sums(registry: Registry) -> dict[str, tuple[Sum, ...]]:
    """Return the sums of a contract by the types of the parents, each once."""
    found: dict[str, dict[tuple[str, str], Sum]] = {}
    for method in registry.methods.values():
        for one in sums_of(method, registry):
            found.setdefault(one.parent.full_name, {})[one.shown_in.name, one.child.full_name] = one
    return {name: tuple(ones.values()) for name, ones in found.items()}


@lru_cache(1024)
def sums_of(method: Method, registry: Registry) -> tuple[Sum, ...]:
    """Return the sums to which a method adds by making a thing below another; none if it makes none."""
    return tuple(
        Sum(parent, child, named_by, shown_in, added)
        for parent, child, named_by in families_of(method, registry)
        for shown_in, added in _summed(parent, child, registry)
    )


def _summed(
    parent: Descriptor, child: Descriptor, registry: Registry
) -> Iterator[tuple[FieldDescriptor, FieldDescriptor]]:
    """Yield the numbers of a parent that are sums of all its children, as comments say, each with what is added."""
    if any(_OTHER_UNITS.search(one.name) for one in child.fields):
        return
    nouns = "|".join(one.replace("_", " ") for one in plurals_of(child))
    of_fields, told = field_comments(registry), ""
    for one in parent.fields:
        own = " ".join(of_fields.get(one.full_name, "").split())
        told = own or (told if _SUMS.match(told) else "")
        is_sum = _SUM.search(told) and re.search(rf"\b({nouns})\b", told, re.IGNORECASE)
        if not is_sum or PARTLY.search(told) or not _is_number(one) or is_given(one, registry):
            continue
        added = [its for its in child.fields if _is_number(its) and f"_{one.name}".endswith(f"_{its.name}")]
        if len(added) == 1 and added[0].cpp_type == one.cpp_type:
            yield one, added[0]


def _is_number(one: FieldDescriptor) -> bool:
    return one.cpp_type in NUMBERS and not one.is_repeated
