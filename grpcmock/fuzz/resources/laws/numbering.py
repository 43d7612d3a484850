"""Numbers that count from one: each thing that is made gets a higher one than those before it, and none falls below.

That a number counts is told by its comment, or by the server, which has given 1 and 2 to the first two things below one
parent. It may be given again once something was deleted, so only things that were made one after the other count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.counting import Counting, counts_in
from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import is_key
from grpcmock.fuzz.resources.laws.whole_things import (
    Told,
    key_name,
    key_of,
    makes_things,
    may_be_parent,
    may_take_away,
    told_by,
    wholes,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Registry

_NUMBER = re.compile(r"number|(.*_)?(sequence|seq|sequence_number|ordinal)")
_LATER = re.compile(r"\b(if|unless|until|once|unset|empty|none|not set|draft|pending|0|zero)\b", re.IGNORECASE)
"""A comment that has this may tell of things that have no number yet."""

_ONE_MORE = re.compile(r"\b(one more|increment\w*|increase[sd]?|goes up|grows|raised)\b|\+\s?1", re.IGNORECASE)
_GOES_BACK = re.compile(r"\b(revert\w*|roll(ed|s)? back|restore[sd]?|reset\w*|lower\w*)\b", re.IGNORECASE)
_FIRST_TWO = [1, 2]


@dataclass(slots=True)
class _Made:
    """What was made one after the other, by one method below one parent."""

    numbers: list[int] = field(default_factory=list)
    keys: set[Any] = field(default_factory=set)
    requests: dict[bytes, int] = field(default_factory=dict)
    """With the number that each was given first."""

    is_repeated: bool = False
    """Whether a request was given another number when it came again, so that it makes another thing each time."""


@dataclass(slots=True)
class Numbering:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _made: dict[tuple[str, str, Any], _Made] = field(default_factory=dict)
    _keys: set[Any] = field(default_factory=set)
    """Of what was made in this case, so that nobody else makes things below it."""

    _last: dict[tuple[str, Any, str], int] = field(default_factory=dict)
    """The last number of a thing, by its type, its key, and the field."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it, or a comment."""
        told = told_by(reply)
        if told is None:
            self._made.clear()
            self._last.clear()
            return
        if told.answer is None:
            return
        is_making = makes_things(told.method)
        if not is_making and not only_reads(told.method):
            self._made.clear()
            if may_take_away(told.method):
                self._last.clear()
        for message in wholes(told):
            counting = counts_in(message.DESCRIPTOR, self.registry)
            for name, kind in counting.items():
                yield from self._same_thing(told, message, name, kind)
                if is_making and kind in (Counting.FROM_ONE, Counting.NUMBERS) and _NUMBER.fullmatch(name):
                    yield from self._next(told, message, name, kind)
            if is_making and (key := key_of(message)) is not None:
                self._keys.add(key)

    def _same_thing(self, told: Told, message: Message, name: str, kind: Counting) -> Iterator[Finding]:
        """See that the number of a thing that counts from one doesn't fall below, and doesn't fall where it counts
        changes."""
        key, value, full_name = key_of(message), getattr(message, name), f"{message.DESCRIPTOR.full_name}.{name}"
        if key is None or kind is not Counting.FROM_ONE:
            return
        if makes_things(told.method):
            self._last.pop((message.DESCRIPTOR.full_name, key, name), None)  # it may begin anew
        last = self._last.get((message.DESCRIPTOR.full_name, key, name), 0)
        comment = self._comment(full_name)
        counts_changes = _ONE_MORE.search(comment) is not None and _GOES_BACK.search(comment) is None
        if value < 1 <= last or (counts_changes and value < last):
            expected = f"{last} or more, as it was before" if counts_changes else "1 or more, as its comment says"
            yield _finding(told, name, f"{name} of {expected}", f"{name} {value}, in {shown(message)}", "falls")
        if value > 0:
            self._last[message.DESCRIPTOR.full_name, key, name] = value

    def _next(self, told: Told, message: Message, name: str, kind: Counting) -> Iterator[Finding]:
        """See that what is made gets another number than what was made before it, and a higher one."""
        value, key = getattr(message, name), key_of(message)
        parent = self._parent(told, message)
        if parent is None or key_name(message.DESCRIPTOR) == name:
            return
        made = self._made.setdefault((told.method.path, name, parent), _Made())
        request = bytes_of(told.request)
        is_known = key is not None and key in made.keys
        is_again = key is None and request in made.requests
        from_one = kind is Counting.FROM_ONE and not _LATER.search(
            self._comment(f"{message.DESCRIPTOR.full_name}.{name}")
        )
        is_proven = made.numbers[:2] == _FIRST_TWO
        is_new = (from_one or is_proven) if not is_again else is_proven and made.is_repeated
        highest = max(made.numbers, default=0)
        if made.numbers and is_new and not is_known and value <= highest:
            words = f"{name} above {max(highest, 0)}, which was given before"
            yield _finding(told, name, words, f"{name} {value}, in {shown(message)}", "next")
        first = made.requests.setdefault(request, value)
        made.is_repeated |= is_again and first != value
        if not is_known and not (is_again and first == value):
            made.numbers.append(value)
        if key is not None:
            made.keys.add(key)

    def _parent(self, told: Told, message: Message) -> Any:
        """Return below what a thing stands that was made in this case, as the request and the answer say; None if that
        isn't told."""
        found = []
        for one in told.method.input.fields:
            if not may_be_parent(one):
                continue
            value = getattr(told.request, one.name)
            own: Any = message.DESCRIPTOR.fields_by_name.get(one.name)
            is_shown = own is not None and is_key(own) and getattr(message, own.name) == value
            if value in self._keys and value and (is_shown or one.name == "parent"):
                found.append((one.name, value))
        return tuple(found) or None

    def _comment(self, full_name: str) -> str:
        return " ".join(field_comments(self.registry).get(full_name, "").split())


def _finding(told: Told, name: str, expected: str, actual: str, key: str) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=name,
        key=f"numbering {name} {key}",
        method=told.method,
        may_lag=only_reads(told.method),
    )
