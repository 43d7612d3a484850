"""Lists that come by age, as their comments say, show what was made in a case in that order, or the other way round.

What is new is known by its key, which nobody has named before. A comment may mean another time than that of the making;
so the times that two things show have to go the same way, whichever of them is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.counting import is_given
from grpcmock.fuzz.expectations.list_ages import Age, age_of
from grpcmock.fuzz.expectations.list_orders import has_order, value_in
from grpcmock.fuzz.expectations.ordered_values import are_comparable
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import place_of
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists
from grpcmock.fuzz.resources.laws.whole_things import makes_things, told_by

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.laws.whole_things import Told
    from grpcmock.schema import Method, Registry

_AHEAD = re.compile(r"(.*_)?(due|deadline|ends?|end|until|expires?|expiry|expiration|valid|birth\w*|remind\w*)(_.*)?")
"""Times that tell nothing of the age of a thing."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A thing that was made in a case."""

    number: int
    """The how many-th of all things that were made."""

    is_sure: bool
    """Whether the name of the method says that it makes one."""


@dataclass(slots=True)
class Ages:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _made: dict[tuple[str, ...], _Made] = field(default_factory=dict)
    """By their places."""

    _known: set[tuple[str, ...]] = field(default_factory=set)
    """What was shown or named before, so that it isn't new."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None:
            return
        if not only_reads(method) and (told := told_by(reply)) is not None and told.answer is not None:
            self._note(told)
        item = item_of(method) if only_lists(method) else None
        seen = listed(reply) if item is not None else None
        if item is None or seen is None:
            return
        age = age_of(method, item, seen.request, self.registry)
        if age is not None:
            yield from self._judged(method, age, seen.items)
        self._known |= {place for one in seen.items if (place := place_of(one)) is not None}

    def _note(self, told: Told) -> None:
        """Note what a call has made."""
        things = [told.answer, *(getattr(told.answer, one.name) for one, _ in told.answer.ListFields() if _is_one(one))]
        for thing in things:
            place = place_of(thing)
            if place is None:
                continue
            if place not in self._known and place[1] not in set(_words(told.request)):
                self._made[place] = _Made(len(self._made), makes_things(told.method))
            self._known.add(place)

    def _judged(self, method: Method, age: Age, items: list[Message]) -> Iterator[Finding]:
        known = [(made, one) for one in items if (made := self._made.get(place_of(one) or ())) is not None]
        for (first, one), (second, other) in combinations(known, 2):
            is_older = first.number < second.number
            if first.number == second.number or is_older is age.is_oldest_first:
                continue
            older, newer = (one, other) if is_older else (other, one)
            if _goes_with_times(older, newer, self.registry, is_sure=first.is_sure and second.is_sure):
                which = "oldest" if age.is_oldest_first else "newest"
                late = "earlier" if age.is_oldest_first else "later"
                yield Finding(
                    check="read_after_write",
                    expected=f"the {which} first, as {age.told} says: {shown(other)} was made {late}",
                    actual=f"{shown(one)} before it",
                    path="",
                    key="order of age",
                    method=method,
                    may_lag=True,
                )
                return


def _goes_with_times(older: Any, newer: Any, registry: Registry, *, is_sure: bool) -> bool:
    """Whether the times that two things show are in the order in which these were made."""
    has_clock = is_later = False
    for one in older.DESCRIPTOR.fields:
        if one.type not in (one.TYPE_MESSAGE, one.TYPE_STRING) or not has_order(one) or _AHEAD.fullmatch(one.name):
            continue
        try:
            before, after = value_in(older, one), value_in(newer, one)
        except ValueError:
            continue
        if before is None or after is None:
            continue
        if not are_comparable(before, after) or before > after or (before == after and is_given(one, registry)):
            return False
        has_clock, is_later = True, is_later or before < after
    return is_later if has_clock else is_sure


def _is_one(one: FieldDescriptor) -> bool:
    return one.message_type is not None and not one.is_repeated


def _words(message: Any) -> Iterator[str]:
    """Yield the texts in a message, and its numbers that may be keys."""
    for one, value in message.ListFields():
        for single in value if one.is_repeated else (value,):
            if one.message_type is not None:
                yield from _words(single) if hasattr(single, "ListFields") else (str(single),)
            elif isinstance(single, str) or re.fullmatch(r"(.*_)?(id|number|key|code)", one.name):
                yield str(single)
