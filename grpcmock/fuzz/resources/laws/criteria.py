"""Lists that are asked for by several things at once show all that has each of these, and nothing else.

A server is held to what comments say of a field, or to what it has shown: asked for by this field alone, it has shown
all that has the value, of what it shows without, and nothing that hasn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from grpcmock.fuzz.expectations.list_criteria import Criterion, criteria_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.laws.selections import item_of, items_in, only_lists
from grpcmock.fuzz.resources.locations import SIZES
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_LAYOUT = re.compile(r"(order|sort|page|limit|offset|skip|take)(_.*)?|.*_(size|limit|order)")
"""Fields of requests that change how a list looks, and which part of it is shown."""

_LEADS_ON = re.compile(r"(.*_)?(next|more|truncated|continue|continuation|cursor|has_next)(_.*)?")
_TOKEN = re.compile(r"(.*_)?(token|cursor)")
_NUMBERS = frozenset(
    (
        *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64),
        *(FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64),
    )
)
_TOTAL = re.compile(r"total(_(size|count|items|results))?|count")

_Base = tuple[str, bytes]
"""A method, and a request without what it asks of items."""


@dataclass(slots=True)
class _Lists:
    """What was shown to requests that differ in nothing but what they ask of items."""

    items: dict[bytes, Message] = field(default_factory=dict)
    """All that was shown, whatever was asked for."""

    missed: list[tuple[bytes, Finding]] = field(default_factory=list)
    """What wasn't shown though it is asked for, until it is seen that it is still there."""


@dataclass(slots=True)
class Criteria:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _lists: dict[_Base, _Lists] = field(default_factory=dict)
    """Since something may have been changed."""

    _proven: set[tuple[str, str]] = field(default_factory=set)
    """The paths of methods with the names of fields of which it was shown what they ask for."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or not only_lists(method):
            self._lists.clear()
            return
        item = item_of(method)
        if item is None or reply.call.raw is not None or len(reply.call.messages) != 1:
            return
        criteria = criteria_of(method, item, self.registry)
        if not criteria or not with_meant_status(reply).is_ok:
            return
        try:
            request = method.request_class.FromString(reply.call.messages[0])
            answers = [method.response_class.FromString(data) for data in reply.responses]
        except (DecodeError, RuntimeError):
            return
        asked = [(one, value) for one in criteria if (value := one.value(request)) is not None]
        items = {_data(item): item for answer in answers for item in items_in(answer)}
        lists = self._lists.setdefault((method.path, _base(request, criteria)), _Lists())
        still_there = [finding for data, finding in lists.missed if data in items]
        lists.missed = [(data, finding) for data, finding in lists.missed if data not in items]
        yield from still_there
        is_whole = _is_whole(method, request, answers, len(items))
        unknown = [pair for pair in asked if not self._is_known(method, pair[0])]
        if len(unknown) == 1 and is_whole:
            self._prove(method, unknown[0], asked, lists, items)
        if asked and all(self._is_known(method, one) for one, _ in asked):
            yield from self._judged(method, asked, lists, items, is_whole=is_whole)
        lists.items |= items

    def _is_known(self, method: Method, one: Criterion) -> bool:
        return one.is_known or (method.path, one.name) in self._proven

    def _prove(
        self,
        method: Method,
        unknown: tuple[Criterion, Any],
        asked: list[tuple[Criterion, Any]],
        lists: _Lists,
        items: dict[bytes, Message],
    ) -> None:
        """See whether of what the others ask for all is shown that this one asks for as well, and nothing else."""
        rest = [pair for pair in asked if pair is not unknown]
        within = [data for data, item in lists.items.items() if all(one.admits(value, item) for one, value in rest)]
        one, value = unknown
        wanted, others = (
            {data for data in within if one.admits(value, lists.items[data]) is kind} for kind in (True, False)
        )
        if wanted and others and wanted <= items.keys() and others.isdisjoint(items):
            self._proven.add((method.path, one.name))

    def _judged(
        self,
        method: Method,
        asked: list[tuple[Criterion, Any]],
        lists: _Lists,
        items: dict[bytes, Message],
        *,
        is_whole: bool,
    ) -> Iterator[Finding]:
        words = " and ".join(f"{one.name} {shown(_plain(value))}" for one, value in asked)
        for item in items.values():
            wrong = next((one for one, value in asked if one.admits(value, item) is False), None)
            if wrong is not None:
                yield _finding(method, wrong.name, f"only what is asked for by {words}", f"{shown(item)}, too")
                break
        for data, item in lists.items.items() if is_whole else ():
            if data not in items and all(one.admits(value, item) is True for one, value in asked):
                name = ", ".join(one.name for one, _ in asked)
                expected = f"{shown(item)} among what is asked for by {words}: it is shown where less is asked for"
                lists.missed.append((data, _finding(method, name, expected, f"{len(items)} others, and not this one")))
                break


def _base(request: Message, criteria: tuple[Criterion, ...]) -> bytes:
    """Return a request without what it asks of items, and how they are to be shown."""
    plain = type(request)()
    plain.CopyFrom(request)
    for one in criteria:
        place: Any = plain
        for step in one.asked[:-1]:
            place = getattr(place, step.name)
        place.ClearField(one.asked[-1].name)
        if len(one.asked) > 1 and not place.ListFields():
            plain.ClearField(one.asked[0].name)
    for field_, _ in plain.ListFields():
        if _LAYOUT.fullmatch(field_.name):
            plain.ClearField(field_.name)
    return _data(plain)


def _is_whole(method: Method, request: Message, answers: list[Message], count: int) -> bool:
    """Whether all was shown that there is: an answer that may lead on, or tell how much there is, says so, or there was
    room for more. Streams end with the last one."""
    for one, value in request.ListFields():
        is_full = one.name in SIZES and count >= value
        is_further = one.name not in SIZES and one.cpp_type in _NUMBERS and _LAYOUT.fullmatch(one.name)
        if is_full or is_further or _TOKEN.fullmatch(one.name):
            return False
    if method.kind is not MethodKind.UNARY:
        return True
    (answer,) = answers or [method.response_class()]
    totals = [one for one in method.output.fields if _TOTAL.fullmatch(one.name) and one.message_type is None]
    leading = [one for one in method.output.fields if _LEADS_ON.fullmatch(one.name) and not one.is_repeated]
    if totals:
        return bool(getattr(answer, totals[0].name) == count)
    if leading:
        return not any(getattr(answer, one.name) for one in leading)
    sized = [value for one, value in request.ListFields() if one.name in SIZES]
    return bool(sized)


def _plain(value: Any) -> Any:
    return "-".join(map(str, value)) if isinstance(value, tuple) else value


def _data(message: Message) -> bytes:
    data: bytes = message.SerializePartialToString(deterministic=True)
    return data


def _finding(method: Method, name: str, expected: str, actual: str) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=name,
        key=f"criterion {name}",
        method=method,
        may_lag=True,
    )
