"""What a list shows where its request names a value: all that has it, of what the same list shows without.

That a field of a request selects is told by its name and type, which what is listed has as well. Of texts and numbers
that isn't enough, for who asks for the followers of a user gets other users: there the server must have shown it, by an
answer with some of what it lists otherwise, all of which has the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.expectations.ranks import AT_LEAST, may_rank
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.differences import is_set, shown
from grpcmock.fuzz.resources.fields import is_map, names_same, same_type

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_DOUBTFUL = re.compile(r"(Scan|Check|Fetch|Look|Watch|Subscribe|Stream|Validate|Health|Ping|Echo)(?=[A-Z]|$)")
"""Methods that read by their names, where these mean something else, and those that tell of what comes."""

_NO_FILTER = re.compile(
    r"name|id|uid|uuid|key|path|uri|url|prefix|number|code|slug|sku|query|filter"
    r"|(.*_)?(after|before|since|until|from|to|start|end|begin|cursor|token|offset|position|page|limit|size|order|sort"
    r"|take|skip|top|first|last|count|depth|max|min|maximum|minimum|least|most|per"
    r"|view|format|unit|units|currency|language|locale|lang|zone|timezone|version|revision)(_.*)?"
)
"""What a thing is called itself, by which a list may mean what lies below it; where a list begins, and how it looks."""

_NEXT = re.compile(r"(.*_)?(next|more|truncated|continue|continuation|cursor)(_.*)?")
_DEEPEST = 2
_WHOLE = frozenset(
    (
        *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64),
        *(FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64),
    )
)

Way = tuple[FieldDescriptor, ...]


@dataclass(frozen=True, slots=True)
class _Selected:
    """What was shown where the request named a value."""

    asked: FieldDescriptor
    way: Way
    """Where an item has it."""

    value: Any
    items: list[bytes]
    is_whole: bool
    """Whether nothing says that there is more."""

    def must_show(self, data: bytes, whole: list[bytes]) -> bool:
        """Whether it had room for an item: it is shorter than what was shown without the value, or it shows one that
        came after this there."""
        later = whole[whole.index(data) + 1 :]
        in_order = [whole.index(one) for one in self.items if one in whole]
        goes_past = in_order == sorted(in_order) and not set(later).isdisjoint(self.items)
        return (self.is_whole and len(self.items) < len(whole)) or goes_past


@dataclass(slots=True)
class _List:
    """What a method has shown to one request."""

    items: list[bytes]
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
        item = item_of(method)
        if item is None or reply.call.raw is not None or len(reply.call.messages) != 1:
            return
        if not with_meant_status(reply).is_ok:
            return
        try:
            request = method.request_class.FromString(reply.call.messages[0])
            answers = [method.response_class.FromString(data) for data in reply.responses]
        except (DecodeError, RuntimeError):
            return
        items = [_data(one) for answer in answers for one in items_in(answer)]
        self._note_selected(method, request, items, is_whole=not any(map(goes_on, answers)))
        key = (method.path, _data(request))
        before = self._lists.get(key)
        if before is not None and set(before.items) <= set(items):
            yield from self._compared(method, before)
        else:
            self._lists[key] = _List(items)

    def _note_selected(self, method: Method, request: Message, items: list[bytes], *, is_whole: bool) -> None:
        """Hear what is shown where the request names a value, beside all that was shown without."""
        for one, way in filters(method):
            if not is_set(request, one):
                continue
            without, value = type(request)(), getattr(request, one.name)
            without.CopyFrom(request)
            without.ClearField(one.name)
            whole = self._lists.get((method.path, _data(without)))
            if whole is None:
                continue
            whole.selected.append(_Selected(one, way, value, items, is_whole))
            having, given = _having(method, whole.items, way, value), _having(method, items, way, value)
            is_part = bool(items) and given == items and not set(whole.items) <= set(items)
            is_rest = bool(having) and bool(items) and not given and set(whole.items) - set(having) <= set(items)
            if is_part or is_rest:
                self._proven.add((method.path, one.name))

    def _compared(self, method: Method, whole: _List) -> Iterator[Finding]:
        """What was there before something was asked for by a value is there still: so it was meanwhile."""
        for one in whole.selected:
            if not (_is_switch(one.asked) or (method.path, one.asked.name) in self._proven):
                continue
            name, value = ".".join(step.name for step in one.way), _told(one.asked, one.value)
            having = _having(method, whole.items, one.way, one.value)
            forms = [_parsed(method, data) for data in one.items if data not in whole.items]
            missing = [
                data
                for data in having
                if data not in one.items
                and one.must_show(data, whole.items)
                and not any(names_same(_parsed(method, data), form) for form in forms)
            ]
            others = [data for data in one.items if data in whole.items and data not in having]
            if having and others and _is_exact(one.asked) and not _is_by_rank(method, one, whole.items):
                expected = f"only what has {name} {value}, which the request asks for"
                yield _finding(method, name, expected, f"{_brief(method, others[0])}, too")
            elif missing:
                expected = f"{_brief(method, missing[0])}, which has the {name} {value} that is asked for"
                actual = (
                    f"{len(one.items)} others, and not this one, which is shown where no {one.asked.name} is asked for"
                )
                yield _finding(method, name, expected, actual)
        whole.selected.clear()


def filters(method: Method) -> Iterator[tuple[FieldDescriptor, Way]]:
    """Yield the fields of a request that select by their names and types, each with the field of what is listed."""
    item = item_of(method) if only_lists(method) else None
    for one in method.input.fields if item is not None else ():
        if one.is_repeated or one.message_type is not None or _NO_FILTER.fullmatch(one.name):
            continue
        if not (_is_switch(one) or one.type == one.TYPE_STRING or one.cpp_type in _WHOLE):
            continue
        ways = list(_ways(item, one))  # type: ignore[arg-type]
        if len(ways) == 1:
            yield one, ways[0]


@lru_cache(4096)
def only_lists(method: Method) -> bool:
    """Whether a method does nothing but tell what there is, as far as its name and options say."""
    return only_reads(method) and _DOUBTFUL.match(capitalized(method.name)) is None


@lru_cache(4096)
def item_of(method: Method) -> Descriptor | None:
    """Return the type of what a method lists; None if it lists nothing."""
    if method.kind.client_streams:
        return None
    found = _lists_in(method.output)
    if len(found) == 1:
        return found[0].message_type
    return method.output if not found and method.kind.server_streams else None


def list_field(method: Method) -> FieldDescriptor | None:
    """Return the field of a response that has what is listed; None if it is the responses themselves."""
    found = _lists_in(method.output)
    return found[0] if len(found) == 1 else None


def _lists_in(descriptor: Descriptor) -> list[FieldDescriptor]:
    return [one for one in descriptor.fields if one.is_repeated and one.message_type is not None and not is_map(one)]


def items_in(answer: Message) -> list[Message]:
    """Return what an answer lists; the answer itself, if it is what a stream lists."""
    descriptor: Any = answer.DESCRIPTOR
    found = _lists_in(descriptor)
    return list(getattr(answer, found[0].name)) if found else [answer]


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


def _is_by_rank(method: Method, selected: _Selected, whole: list[bytes]) -> bool:
    """Whether all is shown that ranks as high as what was asked for, or higher, or all that ranks lower."""
    if not may_rank(selected.asked):
        return False
    ranks = {data: own for data in whole if (own := _value(method, data, selected.way)) is not None}
    there = {data for data in ranks if data in selected.items}
    sides = (
        {data for data, own in ranks.items() if own and own >= selected.value},
        {data for data, own in ranks.items() if own <= selected.value},
        {data for data, own in ranks.items() if own and own <= selected.value},
    )
    return there in sides


def _having(method: Method, items: list[bytes], way: Way, value: Any) -> list[bytes]:
    """Return what is listed that has a value."""
    return [data for data in items if _value(method, data, way) == value]


def _value(method: Method, data: bytes, way: Way) -> Any:
    message: Any = _parsed(method, data)
    for step in way[:-1]:
        if not message.HasField(step.name):
            return None
        message = getattr(message, step.name)
    return getattr(message, way[-1].name)


def _parsed(method: Method, data: bytes) -> Message:
    own = list_field(method)
    if own is None:
        return method.response_class.FromString(data)
    answer = method.response_class()
    items: Any = getattr(answer, own.name)
    items.add().MergeFromString(data)
    found: Message = items[0]
    return found


def goes_on(answer: Message) -> bool:
    """Whether an answer says that there is more."""
    return any(_NEXT.fullmatch(one.name) and not one.is_repeated for one, value in answer.ListFields() if value)


def _told(one: FieldDescriptor, value: Any) -> str:
    known = one.enum_type.values_by_number.get(value) if one.enum_type is not None else None
    return known.name if known is not None else shown(value)


def _brief(method: Method, data: bytes) -> str:
    return shown(_parsed(method, data))


def _data(message: Message) -> bytes:
    data: bytes = message.SerializePartialToString(deterministic=True)
    return data


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
