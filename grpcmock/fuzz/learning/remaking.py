"""Other ways to make what a request names, where it is refused for how that is: a license that hasn't expired yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import reachable, values_at
from grpcmock.fuzz.expectations.naming import singular, words_for
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, set_at, stem_of
from grpcmock.fuzz.learning.known_things import KnownKey, is_like
from grpcmock.fuzz.learning.moments import is_moment
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.learning.candidates import Candidates
    from grpcmock.fuzz.learning.known_things import KnownThings
    from grpcmock.schema import Method

_EACH = 3
"""So many values are tried in a field, …"""

_MOST = 9
"""… and so many in all."""

_LARGE = (1_000, 100_000)
"""What there isn't enough of, or no room for, is made larger."""

_KIN = {
    "expired": {"until", "expiry", "expires", "expire", "valid", "end", "ends"},
    "expiry": {"until", "expires", "valid"},
    "overdue": {"due"},
    "started": {"start", "starts", "from", "begin"},
    "ended": {"end", "ends", "until", "to"},
    "over": {"end", "ends", "until", "to"},
    "past": {"end", "ends", "until", "start", "starts", "date", "day"},
    "full": {"capacity", "size", "seats", "limit", "max", "room"},
    "capacity": {"seats", "size", "limit", "max"},
    "insufficient": {"amount", "balance", "quantity", "stock", "credit", "deposit", "limit"},
    "enough": {"amount", "balance", "quantity", "stock", "credit", "deposit", "limit"},
    "stock": {"quantity", "available", "count", "amount"},
    "funds": {"amount", "balance", "deposit", "credit"},
    "inactive": {"active", "enabled"},
    "disabled": {"enabled", "active"},
    "closed": {"open", "state", "status"},
}
"""What a field may be called that the words of a refusal speak of, besides those very words."""

_IDLE = frozenset({"id", "name", "of", "is", "in", "at", "has", "by", "the", "for", "a", "an"})


def remade(known: KnownKey, words: str, candidates: Candidates) -> Iterator[KnownKey]:
    """Yield the key of a thing for each other way to make it that the *words* of a refusal suggest: with another value
    of a field that they speak of, and all else as it was. Whether the server takes that isn't known."""
    maker = known.made_by
    if maker is None:
        return
    spoken = _spoken(words)
    found = 0
    for way in reachable(maker.method.input):
        now = next(values_at(maker.message, way), None)
        if way[-1].message_type is not None:
            continue
        if spoken.isdisjoint(_words_of(way[-1])) and not _kinds(way[-1], spoken):
            continue
        others = (value for value in _values(way, words, candidates) if value not in (now, [now]))
        for value in islice(others, _EACH):
            message = maker.message
            if found < _MOST and set_at(message, way, value) is not None:
                found += 1
                data = message.SerializePartialToString(deterministic=True)
                yield replace(known, made_by=replace(maker, data=data, full=b"", optional=(), values={}))


def related(method: Method, things: KnownThings) -> Iterator[dict[Fields, KnownKey]]:
    """Yield what a request may name together, where one thing that was made names all of it: the course and the student
    of an enrollment."""
    ways = {
        snake_case(way[-1].name): way
        for way in reachable(method.input)
        if way[-1].message_type is None and stem_of(snake_case(way[-1].name)) != snake_case(way[-1].name)
    }
    makers: list[AcceptedRequest] = []
    for thing in things.made_first():
        maker, fields = thing.made_by, {}
        if maker is None or any(maker is one for one in makers):
            continue
        for own, value in thing.message.ListFields():
            way = ways.get(snake_case(own.name))
            if way is not None and is_like(own, way[-1]):
                fields[way] = KnownKey(value, (*thing.path, own.name), maker)
        if len(fields) > 1:
            makers.append(maker)
            yield fields


def moments_of(keys: Iterable[KnownKey], field: FieldDescriptor, like: Any, things: KnownThings) -> Iterator[KnownKey]:
    """Yield the days or times that are told of what a request names, or of what had to be made for that, in the form of
    one that it has in a field: what happens in a course happens in its term."""
    makers = list(_all_makers(keys))
    made = [(thing, maker) for thing in things.made_first() if (maker := thing.made_by) is not None]
    made = [(thing, maker) for thing, maker in made if any(maker.method.path == path for path, _ in makers)]
    # Those first that were made just so: by now, others may be made with more in them.
    made.sort(key=lambda one: (one[1].method.path, one[1].data) not in makers)
    for thing, maker in made:
        for own, value in thing.message.ListFields():
            is_same = own.cpp_type == field.cpp_type and own.message_type is field.message_type and not own.is_repeated
            if is_same and is_moment(value) and (not isinstance(value, str) or len(value) == len(like)):
                yield KnownKey(value, (*thing.path, own.name), maker)


def _all_makers(keys: Iterable[KnownKey]) -> Iterator[tuple[str, bytes]]:
    left = [key.made_by for key in keys if key.made_by is not None]
    while left:
        maker = left.pop()
        yield maker.method.path, maker.data
        left += [need.made_by for need in maker.needs]


def _spoken(words: str) -> set[str]:
    """Return the words of a text that fields may be called by, with what else means the same."""
    told = {singular(word) for word in re.findall("[a-z]+", words.lower())} - _IDLE
    return told.union(*(_KIN.get(word, ()) for word in told))


def _words_of(field: FieldDescriptor) -> set[str]:
    return {singular(word) for word in snake_case(field.name).split("_")} - _IDLE


def _kinds(field: FieldDescriptor, spoken: set[str]) -> list[int]:
    """Return the values of an enum that are spoken of: what a refusal says of travel policies is said of one."""
    if field.enum_type is None:
        return []
    words = {one.number: {*map(singular, words_for(one).split("_"))} - _IDLE for one in field.enum_type.values}
    return [number for number, own in words.items() if number and not spoken.isdisjoint(own)]


def _values(way: Fields, words: str, candidates: Candidates) -> Iterator[Any]:
    field = way[-1]
    if field.is_repeated and field.enum_type is not None:
        yield [value.number for value in field.enum_type.values if value.number]
    elif field.enum_type is not None:
        yield from _kinds(field, _spoken(words))
    elif field.cpp_type in WHOLE or field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        yield from _LARGE
    yield from candidates.of(field, words)
