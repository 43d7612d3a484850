"""One list in two places: what a thing holds itself, and what a method lists of it, where both were seen to be equal.

A list elsewhere may be a choice, or lag behind. So it is held to what the server has shown: that both have the same
things, and that one more of the same kind then comes to the one alone, and stays away from the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import is_map
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_CHOICE = re.compile(
    r"Latest|Last|Recent|First|Next|Top|Best|Popular|Featured|Random|Sample|Near|Active|Current|Pending|Due|Open|"
    r"Expired|Available|Default|Public|Published|Approved|Visible|Mine|My[A-Z]|Own|Assigned|Unread|New|Failed|Missing"
)
"""Methods that say themselves that they show some of it."""

_LISTS = re.compile(r"(List|Find|Search|Query|Browse|GetAll|All)(?=[A-Z]|$).*|.*([^s]s|History|Log|Timeline)")
"""What isn't a stream lists by its name: else it may be another look at the thing, as short as one likes."""

_DEEPEST = 2

Way = tuple[str, ...]


@dataclass(slots=True)
class _View:
    """What was shown of one thing, by one method."""

    method: Method
    items: list[Message]
    is_fresh: bool = True
    """Whether nothing may have been changed since."""


@dataclass(slots=True)
class _Pair:
    """A list that a thing holds, and one that a method gives."""

    same: list[bytes] | None = None
    """What both had when they were seen to be the same."""

    left_out: Finding | None = None
    """What one has more by now, until both are looked at again."""


_Key = tuple[str, Way, Any]
"""The path of a method, where its answer has the list, and the value by which the request names the thing."""


@dataclass(slots=True)
class Views:
    """Hears of the calls of a case, one after the other."""

    _held: dict[_Key, _View] = field(default_factory=dict)
    _listed: dict[_Key, _View] = field(default_factory=dict)
    _pairs: dict[tuple[_Key, _Key], _Pair] = field(default_factory=dict)

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or not only_lists(method):
            for view in (*self._held.values(), *self._listed.values()):
                view.is_fresh = False
            for pair in self._pairs.values():
                pair.left_out = None
            return
        shown_now = listed(reply)
        if shown_now is None or (name := _named(shown_now.request)) is None:
            return
        answers = shown_now.answers
        if method.kind is MethodKind.UNARY and len(answers) == 1:
            for way, one in lists_held(method.output):
                yield from self._hear_of_held((method.path, way, name), method, answers[0], one)
        if is_listing(method) and not shown_now.goes_on:
            yield from self._hear_of_listed((method.path, (), name), _View(method, shown_now.items))

    def _hear_of_held(self, key: _Key, method: Method, answer: Any, one: FieldDescriptor) -> Iterator[Finding]:
        place = answer
        for step in key[1][:-1]:
            place = getattr(place, step)
        self._held[key] = _View(method, list(getattr(place, one.name)))
        for other, view in self._listed.items():
            if other[2] == key[2] and other[0] != key[0] and view.is_fresh:
                yield from self._compared(key, other)

    def _hear_of_listed(self, key: _Key, view: _View) -> Iterator[Finding]:
        self._listed[key] = view
        for other, held in self._held.items():
            if other[2] == key[2] and other[0] != key[0] and held.is_fresh:
                yield from self._compared(other, key)

    def _compared(self, held: _Key, listed: _Key) -> Iterator[Finding]:
        """Compare both lists, which were looked at with nothing between."""
        ours, theirs = self._held[held].items, self._listed[listed].items
        if ours and theirs and ours[0].DESCRIPTOR is not theirs[0].DESCRIPTOR:
            return
        pair = self._pairs.setdefault((held, listed), _Pair())
        both = [bytes_of(one) for one in ours], [bytes_of(one) for one in theirs]
        if pair.left_out is not None and pair.same == both[1] and len(ours) > len(theirs):
            yield pair.left_out
        elif ours and both[0] == both[1]:
            pair.same = both[0]
        elif pair.same is not None and pair.same == both[1] and not Counter(pair.same) - Counter(both[0]):
            more = [one for one in ours if bytes_of(one) not in both[1]] or ours[len(theirs) :]
            alike = [one for one in more if any(_switches(one) == _switches(other) for other in theirs)]
            if alike:
                pair.left_out = self._finding(held, listed, alike[0])

    def _finding(self, held: _Key, listed: _Key, item: Message) -> Finding:
        where, method = ".".join(held[1]), self._listed[listed].method
        return Finding(
            check="read_after_write",
            expected=f"{shown(item)}, as in {where} of {self._held[held].method.name}, which was the same before",
            actual=f"what there was before, and not this one, in {method.name}",
            path=where,
            key=f"view {where}",
            method=method,
            may_lag=True,
        )


def is_listing(method: Method) -> bool:
    """Whether a method lists things of its own, all that there are as far as its name says."""
    if item_of(method) is None or not only_lists(method) or _CHOICE.search(capitalized(method.name)):
        return False
    return method.kind.server_streams or _LISTS.fullmatch(capitalized(method.name)) is not None


def lists_held(output: Descriptor, way: Way = ()) -> Iterator[tuple[Way, FieldDescriptor]]:
    """Yield the lists of messages that a thing holds, each with its place in an answer."""
    for one in output.fields:
        if one.message_type is None or is_map(one):
            continue
        if one.is_repeated:
            yield (*way, one.name), one
        elif len(way) + 1 < _DEEPEST:
            yield from lists_held(one.message_type, (*way, one.name))


def _named(request: Message) -> Any:
    """Return the value by which a request names a thing, if it says nothing else."""
    fields = request.ListFields()
    if len(fields) != 1 or fields[0][0].is_repeated:
        return None
    value = fields[0][1]
    is_name = isinstance(value, str | bytes) or (isinstance(value, int) and not isinstance(value, bool))
    return value if is_name and fields[0][0].enum_type is None else None


def _switches(item: Message) -> list[tuple[str, Any]]:
    """Return what an item has that may decide on whether it is shown."""
    return [
        (one.name, getattr(item, one.name))
        for one in item.DESCRIPTOR.fields
        if not one.is_repeated and (one.enum_type is not None or one.cpp_type == one.CPPTYPE_BOOL)
    ]
