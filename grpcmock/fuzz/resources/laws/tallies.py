"""What a stream of requests is answered with in counts: how many messages were done, and how many weren't.

All together are the messages of the stream, once single messages have shown that each of them counts: those that were
created and those that were updated, and those that were rejected. A list beside a count has as many items, and says of
each message that wasn't done where it stands in the stream, and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.counting import counts_from_one
from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import all_fields, is_map
from grpcmock.fuzz.resources.laws.summaries import IDS, NOT_DONE, PLACE, has_arms
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_DONE = re.compile(r"([a-z]+ed|taken|written|sent|kept|done|ok|success(es)?|succeeded)(_count)?")
_SKIPPED = re.compile(r"(skipped|ignored|dropped|discarded|duplicates?|bad|not_[a-z]+)")
_TEXT = re.compile(r"reason|message|error|errors?_message|details?|description|cause|why|explanation")
_PART = re.compile(r"\b(first|last|some|sample|examples?|most|up to|limit\w*|only|truncated)\b", re.IGNORECASE)
_MOST = re.compile(r"\b(?:first|up to|at most|no more than|last)\s+(\d+)\b", re.IGNORECASE)


_GOOD, _BAD = (1, 0), (0, 1)
_TWICE = 2
_STEM = 5
"""So many letters are the same in ``rejected`` and ``rejections``."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Where a summary says how many messages were done and how many weren't, and which ones these are."""

    done: tuple[FieldDescriptor, ...]
    not_done: tuple[FieldDescriptor, ...]
    failures: FieldDescriptor | None
    place: FieldDescriptor | None
    text: FieldDescriptor | None
    """Why a message wasn't done, where nothing else tells of it."""

    ids: FieldDescriptor | None

    @property
    def listed(self) -> tuple[FieldDescriptor, ...]:
        """The counts of what the list of failures holds: ``rejected`` beside ``rejections``, and not ``duplicates``."""
        if self.failures is None or len(self.not_done) == 1:
            return self.not_done
        begins = tuple(one.name[:_STEM] for one in (self.failures, self.failures.message_type) if one is not None)
        begins = tuple(name.lower() for name in begins)
        return tuple(one for one in self.not_done if one.name.startswith(begins))


@dataclass(slots=True)
class _Stream:
    """What a method has answered so far to single messages."""

    outcomes: dict[bytes, list[tuple[int, int]]] = field(default_factory=dict)
    """How much a message has counted each time that it came alone: as done, and as not done."""

    ids: set[tuple[int, int]] = field(default_factory=set)
    """How many were done, and how many ids were given."""

    first: int | None = None
    """The place that a message alone was said to have."""

    has_another: bool = False
    """Whether a message that wasn't done had no place, or one message counted as many."""

    def is_good(self, data: bytes) -> bool:
        """Whether a message was done each time, so that nothing speaks against doing it once more."""
        seen = self.outcomes.get(data, [])
        return len(seen) >= _TWICE and set(seen) == {_GOOD}

    def is_bad(self, data: bytes) -> bool:
        """Whether a message by itself is never done."""
        return set(self.outcomes.get(data, [])) == {_BAD}


@dataclass(slots=True)
class Tallies:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _streams: dict[str, _Stream] = field(default_factory=dict)

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts itself, or those before it."""
        method = reply.call.method
        tally = tally_of(method) if method is not None and reply.call.raw is None else None
        count = len(reply.call.messages)
        if method is None or tally is None or not count or not reply.is_ok or len(reply.responses) != 1:
            return
        if reply.sent != count and count != 1:
            return
        answer: Any = method.response_class.FromString(reply.responses[0])
        stream = self._streams.setdefault(method.path, _Stream())
        judge = _Judge(method, tally, self.registry, tuple(reply.call.messages), answer)
        if count == 1:
            judge.learn(stream)
        yield from judge.counts(stream)
        yield from judge.lists(stream)
        yield from judge.places(stream)


class _Judge:
    """Looks at one answer."""

    def __init__(
        self, method: Method, tally: Tally, registry: Registry, messages: tuple[bytes, ...], answer: Any
    ) -> None:
        self._method, self._tally, self._registry = method, tally, registry
        self._messages = messages
        self._counts = [getattr(answer, one.name) for one in (*tally.done, *tally.not_done)]
        self._done, self._not_done = sum(self._counts[: len(tally.done)]), sum(self._counts[len(tally.done) :])
        self._listed = sum(getattr(answer, one.name) for one in tally.listed)
        self._failures = list(getattr(answer, tally.failures.name)) if tally.failures is not None else []
        self._ids = list(getattr(answer, tally.ids.name)) if tally.ids is not None else []

    def learn(self, stream: _Stream) -> None:
        """Learn from a message by itself."""
        outcome, data, place = (self._done, self._not_done), self._messages[0], self._tally.place
        stream.outcomes.setdefault(data, []).append(outcome)
        if outcome == _BAD and place is not None and len(self._failures) == 1:
            stream.first = getattr(self._failures[0], place.name)
        elif outcome != _GOOD and (outcome != _BAD or self._listed):
            stream.has_another = True
        if outcome in (_GOOD, _BAD):
            stream.ids.add((self._done, len(self._ids)))

    def counts(self, stream: _Stream) -> Iterator[Finding]:
        """See that all counts together are the messages."""
        done, not_done, count = self._done, self._not_done, len(self._messages)
        fields = (*self._tally.done, *self._tally.not_done)
        names = f"{', '.join(one.name for one in fields[:-1])} and {fields[-1].name}"
        words = ", ".join(f"{value} {one.name}" for value, one in zip(self._counts, fields, strict=True))
        expected = f"{names}: together the {count} messages of the stream"
        is_known = all(stream.is_good(data) or stream.is_bad(data) for data in self._messages)
        if min(self._counts) < -1:
            yield self._finding(f"no less than 0 in {names}", words, "below zero")
        elif not is_known or len(set(self._messages)) != count:
            return  # it may be one of those that were there already, or a repeated one
        elif done + not_done > count or (not not_done and 0 <= done < count):
            yield self._finding(expected, words, "unaccounted")

    def lists(self, stream: _Stream) -> Iterator[Finding]:
        """See that lists have as many items as the counts beside them say."""
        tally, place = self._tally, self._tally.place
        is_clear = tally.listed and stream.first is not None and not stream.has_another
        if tally.failures is not None and place is not None and is_clear:
            told = len({getattr(one, place.name) for one in self._failures})
            if self._listed >= 0 and told != (most := self._most(tally.failures, self._listed)) is not None:
                words = f"{self._listed} {tally.listed[0].name}, and {told} in {tally.failures.name}"
                yield self._finding(f"{most} in {tally.failures.name}", words, "list of failures")
        if tally.ids is not None and stream.ids >= {(1, 1), (0, 0)} and len(stream.ids) == _BOTH and self._done >= 0:
            most = self._most(tally.ids, self._done)
            if most is not None and len(self._ids) != most:
                words = f"{self._done} {tally.done[0].name}, and {len(self._ids)} in {tally.ids.name}"
                yield self._finding(f"{most} in {tally.ids.name}", words, "list of ids")

    def places(self, stream: _Stream) -> Iterator[Finding]:
        """See that a list says which messages weren't done, and why."""
        tally, count, place = self._tally, len(self._messages), self._tally.place
        if tally.failures is None or place is None:
            return
        if self._failures and tally.text is not None and not getattr(self._failures[0], tally.text.name):
            yield self._finding(f"a {tally.text.name} of each", shown(self._failures[0]) + " without one", "no reason")
        of_one = counts_from_one(place, self._registry) and not re.search(r"\b0\b", self._comment(place))
        first = 1 if of_one else stream.first
        places = [getattr(one, place.name) for one in self._failures]
        lowest, highest = (1, count) if of_one else (0, count - 1 + (0 if first == 0 else 1))
        name = f"{tally.failures.name}.{place.name}"
        if not of_one and (stream.has_another or stream.first is None):
            return
        if beyond := [one for one in places if one > highest or one < (lowest if of_one else -1)]:
            yield self._finding(f"{name}: from {lowest} to {highest}", f"{beyond[0]}", "beyond")
            return
        if first not in (0, 1) or (self._done, self._not_done, len(places)) != (count - 1, 1, 1):
            return
        bad = [number for number, data in enumerate(self._messages) if stream.is_bad(data)]
        others = [data for data in self._messages if not stream.is_bad(data)]
        if len(bad) == 1 and all(map(stream.is_good, others)) and places[0] != bad[0] + first:
            told = f"{name}: {bad[0] + first}, for the message that isn't done by itself"
            yield self._finding(told, f"{places[0]}", "another place")

    def _most(self, one: FieldDescriptor, count: int) -> int | None:
        """Return how many items there have to be in a list; None if its comment leaves that open."""
        comment = self._comment(one)
        if found := _MOST.search(comment):
            return min(count, int(found[1]))
        return None if _PART.search(comment) else count

    def _comment(self, one: FieldDescriptor) -> str:
        return field_comments(self._registry).get(one.full_name, "")

    def _finding(self, expected: str, actual: str, key: str) -> Finding:
        return Finding(
            check="read_after_write",
            expected=expected,
            actual=actual,
            path=self._tally.done[0].name,
            key=f"tally {key}",
            method=self._method,
        )


_BOTH = 2


@lru_cache(256)
def tally_of(method: Method) -> Tally | None:
    """Return where the answer to a stream has counts of what was done and what wasn't; None if it hasn't."""
    fields = method.output.fields
    if method.kind is not MethodKind.CLIENT_STREAMING or has_arms(method.input):
        return None
    inner = list(all_fields(method.input))
    if any(one.is_repeated for one in method.input.fields) or any(one.type == one.TYPE_BYTES for one in inner):
        return None  # a message may hold many things
    if any(one.is_repeated and one.message_type is not None and not is_map(one) for one in inner):
        return None
    counts = [one for one in fields if one.cpp_type in WHOLE and not one.is_repeated]
    not_done = [one for one in counts if _is_not_done(one.name)]
    done = [one for one in counts if one not in not_done and _DONE.fullmatch(one.name)]
    if not done or not not_done:
        return None
    lists = [one for one in fields if one.is_repeated and one.message_type is not None and _is_not_done(one.name)]
    ids = [one for one in fields if one.is_repeated and one.message_type is None and IDS.fullmatch(one.name)]
    place = _place(lists[0].message_type, method) if len(lists) == 1 else None
    text = _only_text(lists[0].message_type, place) if len(lists) == 1 and place is not None else None
    return Tally(tuple(done), tuple(not_done), lists[0] if place is not None else None, place, text, (*ids, None)[0])


def _is_not_done(name: str) -> bool:
    plain = re.sub(r"_count$", "", name.lower())
    return NOT_DONE.fullmatch(plain) is not None or _SKIPPED.fullmatch(plain) is not None


def _place(item: Descriptor | None, method: Method) -> FieldDescriptor | None:
    """Return the field that says which message of the stream is meant; None if there is none, or messages have one of
    that name themselves."""
    own = {one.name for one in all_fields(method.input)}
    found = [one for one in (item.fields if item else ()) if one.cpp_type in WHOLE and PLACE.fullmatch(one.name)]
    return found[0] if len(found) == 1 and found[0].name not in own and not found[0].is_repeated else None


def _only_text(item: Descriptor | None, place: FieldDescriptor) -> FieldDescriptor | None:
    """Return the field that says why, where it is all that is told besides the place."""
    others = [one for one in (item.fields if item else ()) if one.name != place.name]
    is_text = len(others) == 1 and others[0].type == FieldDescriptor.TYPE_STRING and not others[0].is_repeated
    return others[0] if is_text and _TEXT.fullmatch(others[0].name) else None
