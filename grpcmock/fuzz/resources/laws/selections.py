"""What a list shows where its request names a value: all that has it, of what the same list shows without.

That a field of a request selects is told by its name and type, which what is listed has as well. Of texts and numbers
that isn't enough, for who asks for the followers of a user gets other users: there the server must have shown it, by an
answer with some of what it lists otherwise, all of which has the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.ranks import AT_LEAST, may_rank, shown_by_rank
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import is_set, shown, shown_as
from grpcmock.fuzz.resources.fields import names_same, same_type
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists
from grpcmock.reports.wording import counted

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_NO_FILTER = re.compile(
    r"name|id|uid|uuid|key|path|uri|url|prefix|number|code|slug|sku|query|filter"
    r"|(.*_)?(after|before|since|until|from|to|start|end|begin|cursor|token|offset|position|page|limit|size|order|sort"
    r"|take|skip|top|first|last|count|depth|max|min|maximum|minimum|least|most|per"
    r"|view|format|unit|units|currency|language|locale|lang|zone|timezone|version|revision)(_.*)?"
)
"""What a thing is called itself, by which a list may mean what lies below it; where a list begins, and how it looks."""

_DEEPEST = 2

Way = tuple[FieldDescriptor, ...]
_Items = dict[bytes, Message]
"""What was shown, in its order; by the bytes, so that what looks the same is one."""


@dataclass(frozen=True, slots=True)
class _Selected:
    """What was shown where the request named a value."""

    asked: FieldDescriptor
    way: Way
    """Where an item has it."""

    value: Any
    items: _Items
    is_whole: bool
    """Whether nothing says that there is more."""

    def must_show(self, data: bytes, whole: _Items) -> bool:
        """Whether it had room for an item: it is shorter than what was shown without the value, or it shows one that
        came after this there."""
        places = {one: place for place, one in enumerate(whole)}
        in_order = [places[one] for one in self.items if one in places]
        goes_past = in_order == sorted(in_order) and any(place > places[data] for place in in_order)
        return (self.is_whole and len(self.items) < len(whole)) or goes_past


@dataclass(slots=True)
class _List:
    """What a method has shown to one request."""

    items: _Items
    selected: list[_Selected] = field(default_factory=list)
    """What it has shown since where the request named a value."""


@dataclass(slots=True)
class Selections:
    """Hears of the calls of a case, one after the other."""

    _lists: dict[tuple[str, bytes], _List] = field(default_factory=dict)
    """Since something may have been changed, by methods and requests."""

    _proven: set[tuple[str, str]] = field(default_factory=set)
    """The paths of methods with the names of fields that have shown that they select."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or not only_lists(method):
            self._lists.clear()
            return
        shown_now = listed(reply) if item_of(method) is not None else None
        if shown_now is None:
            return
        items = {bytes_of(one): one for one in shown_now.items}
        self._note_selected(method, shown_now.request, items, is_whole=not shown_now.goes_on)
        key = (method.path, bytes_of(shown_now.request))
        before = self._lists.get(key)
        if before is not None and before.items.keys() <= items.keys():
            yield from self._compared(method, before)
        else:
            self._lists[key] = _List(items)

    def _note_selected(self, method: Method, request: Message, items: _Items, *, is_whole: bool) -> None:
        """Hear what is shown where the request names a value, beside all that was shown without."""
        for one, way in filters(method):
            if not is_set(request, one):
                continue
            without, value = type(request)(), getattr(request, one.name)
            without.CopyFrom(request)
            without.ClearField(one.name)
            whole = self._lists.get((method.path, bytes_of(without)))
            if whole is None:
                continue
            whole.selected.append(_Selected(one, way, value, items, is_whole))
            having, given = _having(whole.items, way, value), _having(items, way, value)
            is_part = bool(items) and given == list(items) and not whole.items.keys() <= items.keys()
            is_rest = bool(having) and bool(items) and not given and whole.items.keys() - having <= items.keys()
            if is_part or is_rest:
                self._proven.add((method.path, one.name))

    def _compared(self, method: Method, whole: _List) -> Iterator[Finding]:
        """What was there before something was asked for by a value is there still: so it was meanwhile."""
        for one in whole.selected:
            if not (_is_switch(one.asked) or (method.path, one.asked.name) in self._proven):
                continue
            name, value = ".".join(step.name for step in one.way), shown_as(one.asked, one.value)
            having = _having(whole.items, one.way, one.value)
            forms = [item for data, item in one.items.items() if data not in whole.items]
            missing = [
                whole.items[data]
                for data in having
                if data not in one.items
                and one.must_show(data, whole.items)
                and not any(names_same(whole.items[data], form) for form in forms)
            ]
            others = [item for data, item in one.items.items() if data in whole.items and data not in having]
            if having and others and _is_exact(one.asked) and not _is_by_rank(one, whole.items):
                expected = f"only items with {name} {value}, which the request asks for"
                yield _finding(method, name, expected, f"{shown(others[0])}, too")
            elif missing:
                expected = (
                    f"{shown(missing[0])} in the list filtered by {one.asked.name} {value}: it has that, and the list "
                    f"without this filter returned it"
                )
                yield _finding(method, name, expected, f"{counted(len(one.items), 'other item')}, without it")
        whole.selected.clear()


def filters(method: Method) -> Iterator[tuple[FieldDescriptor, Way]]:
    """Yield the fields of a request that select by their names and types, each with the field of what is listed."""
    item = item_of(method) if only_lists(method) else None
    for one in method.input.fields if item is not None else ():
        if one.is_repeated or one.message_type is not None or _NO_FILTER.fullmatch(one.name):
            continue
        if not (_is_switch(one) or one.type == one.TYPE_STRING or one.cpp_type in WHOLE):
            continue
        ways = list(_ways(item, one))  # type: ignore[arg-type]
        if len(ways) == 1:
            yield one, ways[0]


def _ways(item: Descriptor, one: FieldDescriptor, way: Way = ()) -> Iterator[Way]:
    """Yield the ways in what is listed to fields of this name and type."""
    for own in item.fields:
        if own.is_repeated:
            continue
        if own.name == one.name and same_type(own, one) and own.enum_type is one.enum_type:
            yield (*way, own)
        elif own.message_type is not None and len(way) + 1 < _DEEPEST:
            yield from _ways(own.message_type, one, (*way, own))


def _is_switch(one: FieldDescriptor) -> bool:
    """Whether a field takes one of few values, which mean one thing wherever they stand."""
    return one.enum_type is not None or one.cpp_type == one.CPPTYPE_BOOL


def _is_exact(one: FieldDescriptor) -> bool:
    """Whether what has another value isn't asked for: of a switch that can't be unset, true may ask for these besides,
    and of a rank, one may ask for the least."""
    if AT_LEAST.search(one.name):
        return False
    return one.enum_type is not None or (one.cpp_type == one.CPPTYPE_BOOL and one.has_presence)


def _is_by_rank(selected: _Selected, whole: _Items) -> bool:
    """Whether all is shown that ranks as high as what was asked for, or higher, or all that ranks lower."""
    if not may_rank(selected.asked):
        return False
    ranks = {data: own for data, item in whole.items() if (own := _value(item, selected.way)) is not None}
    return shown_by_rank(ranks, selected.items, selected.value)


def _having(items: _Items, way: Way, value: Any) -> list[bytes]:
    """Return what is listed that has a value."""
    return [data for data, item in items.items() if _value(item, way) == value]


def _value(item: Message, way: Way) -> Any:
    place: Any = item
    for step in way[:-1]:
        if not place.HasField(step.name):
            return None
        place = getattr(place, step.name)
    return getattr(place, way[-1].name)


def _finding(method: Method, name: str, expected: str, actual: str) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=name,
        key=f"filter {name}",
        method=method,
        may_lag=True,
    )
