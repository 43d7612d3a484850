"""Lists from one value to another: days, times, and numbers between a least and a most.

That two fields of a request are the ends of a range is told by their names, and what they are about by its type or
name; but it may be another time than the one that is shown. So a server is held to what it has shown: that it leaves
out what is beyond a range, and shows what is within it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.naming import range_ends
from grpcmock.fuzz.expectations.ordered_values import TIMES, comparable
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import is_set, shown
from grpcmock.fuzz.resources.fields import same_type, type_name
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_LASTS = re.compile(
    r"(.*_)?(duration|length|minutes|hours|days|nights|weeks|months|seconds|period|interval|ends?|until|ttl|span)(_.*)?"
)
"""What lasts may be shown where it began before a range, for it goes on within."""

_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Range:
    """The ends of a range in a request, and where an item has the value that it is about."""

    low: FieldDescriptor
    high: FieldDescriptor
    way: tuple[FieldDescriptor, ...]


@dataclass(slots=True)
class _Seen:
    """What was shown of a range."""

    bounds: tuple[Any, Any]
    items: dict[bytes, Any]
    """With their values."""

    def is_beyond(self, value: Any) -> bool:
        return bool(value < self.bounds[0] or value > self.bounds[1])


@dataclass(slots=True)
class Ranges:
    """Hears of the calls of a case, one after the other."""

    _seen: dict[tuple[str, bytes], list[_Seen]] = field(default_factory=dict)
    """Since something may have been changed, by methods and requests without the ends."""

    _proven: set[str] = field(default_factory=set)
    """The paths of methods that have shown that they leave out what is beyond."""

    _wrong: dict[str, Finding] = field(default_factory=dict)
    """What was beyond, by the paths of methods, until they have shown that."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or not only_lists(method):
            self._seen.clear()
            return
        asked = range_of(method)
        shown_now = listed(reply) if asked is not None else None
        if asked is None or shown_now is None:
            return
        request, items = shown_now.request, shown_now.items
        if not (is_set(request, asked.low) and is_set(request, asked.high)):
            return
        bounds = comparable(getattr(request, asked.low.name)), comparable(getattr(request, asked.high.name))
        if bounds[0] > bounds[1] or any(_value(item, asked) is None for item in items):
            return
        seen = _Seen(bounds, {bytes_of(item): _value(item, asked) for item in items})
        for item in items:
            if seen.is_beyond(_value(item, asked)):
                self._wrong.setdefault(method.path, _finding(method, asked, request, item))
        self._learn(method, asked, request, seen, is_whole=not shown_now.goes_on)
        if method.path in self._proven and method.path in self._wrong:
            yield self._wrong.pop(method.path)

    def _learn(self, method: Method, asked: Range, request: Any, seen: _Seen, *, is_whole: bool) -> None:
        """See whether what lies beyond a range is left out that was shown in another, and nothing else."""
        for end in (asked.low, asked.high):
            request.ClearField(end.name)
        earlier = self._seen.setdefault((method.path, bytes_of(request)), [])
        for one in earlier:
            for part, whole in ((seen, one), (one, seen)):
                within = {data for data, value in whole.items.items() if not part.is_beyond(value)}
                is_part = part.items.keys() == within and within and len(within) < len(whole.items)
                if is_whole and is_part:
                    self._proven.add(method.path)
        if is_whole:
            earlier.append(seen)


@lru_cache(1024)
def range_of(method: Method) -> Range | None:
    """Return the range that a request of a list may name; None if it names none, or one of which it isn't clear what it
    is about."""
    item = item_of(method) if only_lists(method) else None
    if item is None or any(_LASTS.fullmatch(one.name) for one in item.fields):
        return None
    found = list(_ranges(method.input, item))
    return found[0] if len(found) == 1 else None


def _ranges(request: Descriptor, item: Descriptor) -> Iterator[Range]:
    for one in request.fields:
        for other_name, rest in range_ends(one.name):
            other = request.fields_by_name.get(other_name)
            if other is None or one.is_repeated or other.is_repeated or not same_type(one, other):
                continue
            ways = list(_ways(item, one, rest))
            if len(ways) == 1:
                yield Range(one, other, ways[0])


def _ways(
    item: Descriptor, end: FieldDescriptor, name: str, way: tuple[FieldDescriptor, ...] = ()
) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Yield the ways in what is listed to values of a type that has an order; to numbers, if they have the name."""
    for own in item.fields:
        if own.is_repeated:
            continue
        if same_type(own, end) and (type_name(own) in TIMES or (_is_number(own) and name and own.name == name)):
            yield (*way, own)
        elif own.message_type is not None and len(way) + 1 < _DEEPEST:
            yield from _ways(own.message_type, end, name, (*way, own))


def _is_number(one: FieldDescriptor) -> bool:
    no_numbers = (one.CPPTYPE_STRING, one.CPPTYPE_BOOL, one.CPPTYPE_ENUM, one.CPPTYPE_MESSAGE)
    return one.cpp_type not in no_numbers


def _value(item: Message, asked: Range) -> Any:
    """Return what an item has there, as it is ordered; None if it has nothing."""
    place: Any = item
    for step in asked.way[:-1]:
        if not place.HasField(step.name):
            return None
        place = getattr(place, step.name)
    last = asked.way[-1]
    return comparable(getattr(place, last.name)) if is_set(place, last) or not last.has_presence else None


def _finding(method: Method, asked: Range, request: Any, item: Message) -> Finding:
    name = ".".join(step.name for step in asked.way)
    low, high = (shown(getattr(request, end.name)) for end in (asked.low, asked.high))
    return Finding(
        check="read_after_write",
        expected=f"only what has {name} from {low} to {high}, as other answers show: what is beyond is left out",
        actual=f"{shown(item)} among it",
        path=name,
        key=f"range {name}",
        method=method,
        may_lag=True,
    )
