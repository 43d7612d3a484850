"""Lists that are asked for by several things at once show all that has each of these, and nothing else.

A server is held to what comments say of a field, or to what it has shown: asked for by this field alone, it has shown
all that has the value, of what it shows without, and nothing that hasn't. What a list leaves out by itself unless
it is asked for isn't missed: only what was shown where some of this was asked for, and nothing else. Nor are servers
wrong that show what has one of the things asked for, as long as neither they nor comments say that it must have all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.list_criteria import Criterion, Kind, criteria_of
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.ranks import shown_by_rank
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import names_same
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists
from grpcmock.fuzz.resources.locations import SIZES
from grpcmock.reports.wording import counted
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_LAYOUT = re.compile(r"(order|sort|page|limit|offset|skip|take)(_.*)?|.*_(size|limit|order)")
"""Fields of requests that change how a list looks, and which part of it is shown."""

_LEADS_ON = re.compile(r"(.*_)?(next|more|truncated|continue|continuation|cursor|has_next)(_.*)?")
_TOKEN = re.compile(r"(.*_)?(token|cursor)")
_FREE = re.compile(r"(.*_)?(filters?|query|q|search|search_text|view|scope|ids|names|keys|expression|where)")
"""Fields of requests that may ask for what is left out otherwise, in words that only the server knows."""

_TOTAL = re.compile(r"total(_(size|count|items|results))?|count")

_Pairs = list[tuple[Criterion, Any]]
_Asked = frozenset[tuple[str, str]]
"""Names of criteria, with what was asked for."""

_Base = tuple[str, bytes]
"""A method, and a request without what it asks of items."""


@dataclass(slots=True)
class _Lists:
    """What was shown to requests that differ in nothing but what they ask of items."""

    items: dict[bytes, Message] = field(default_factory=dict)
    """All that was shown, whatever was asked for."""

    asked: dict[bytes, list[_Asked]] = field(default_factory=dict)
    """What was asked for when it was shown."""

    missed: list[tuple[bytes, _Asked, Finding]] = field(default_factory=list)
    """What wasn't shown though it is asked for, and where, until it is seen that it is still there."""

    def shows_for(self, data: bytes, asked: _Asked) -> bool:
        """Whether something was shown where no more was asked for than this."""
        return any(one <= asked for one in self.asked.get(data, ()))


@dataclass(slots=True)
class Criteria:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _lists: dict[_Base, _Lists] = field(default_factory=dict)
    """Since something may have been changed."""

    _proven: set[tuple[str, str]] = field(default_factory=set)
    """The paths of methods with the names of fields of which it was shown what they ask for."""

    _told: set[tuple[str, str]] = field(default_factory=set)
    """The paths of methods with the names of criteria of which items have told something: others may show less."""

    _joined: set[tuple[str, frozenset[str]]] = field(default_factory=set)
    """The paths of methods, with the names of what was asked for at once, where less was shown than for one of it."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or not only_lists(method):
            self._lists.clear()
            return
        item = item_of(method)
        criteria = criteria_of(method, item, self.registry) if item is not None else ()
        shown_now = listed(reply) if criteria else None
        if shown_now is None:
            return
        request, answers = shown_now
        asked = _asked(request, criteria)
        items = {bytes_of(item): item for item in shown_now.items}
        lists = self._lists.setdefault((method.path, _base(request, criteria)), _Lists())
        now = frozenset((one.name, repr(value)) for one, value in asked if value is not False)
        still_there = [finding for data, known, finding in lists.missed if data in items and now <= known]
        lists.missed = [one for one in lists.missed if not (one[0] in items and now <= one[1])]
        yield from still_there
        told = [one for one in criteria if any(one.held_by(item) for item in items.values())]
        self._told |= {(method.path, one.name) for one in told}
        is_whole = _is_whole(method, request, answers, len(items))
        silent = [pair for pair in asked if pair[1] is False and not self._is_known(method, pair[0])]
        asked = [pair for pair in asked if pair not in silent]  # it isn't known to leave anything out
        unknown = [pair for pair in asked if not self._is_known(method, pair[0])]
        if len(unknown) <= 1 and is_whole:
            for pair in (*unknown, *silent):
                self._prove(method, pair, asked, lists, items)
        if asked and all(self._is_known(method, one) for one, _ in asked):
            yield from self._judged(method, asked, now, lists, items, is_whole=is_whole)
        for data, one_item in items.items():
            lists.items[data] = one_item
            lists.asked.setdefault(data, []).append(now)

    def _admits(self, method: Method, one: Criterion, value: Any, item: Message) -> bool | None:
        """Whether an item is asked for; None if that isn't clear, as where items don't tell what they have there."""
        is_told = one.kind is Kind.WITH or (method.path, one.name) in self._told
        return one.admits(value, item) if is_told or one.held_by(item) else None

    def _is_known(self, method: Method, one: Criterion) -> bool:
        return one.is_known or (method.path, one.name) in self._proven

    def _prove(
        self,
        method: Method,
        unknown: tuple[Criterion, Any],
        asked: _Pairs,
        lists: _Lists,
        items: dict[bytes, Message],
    ) -> None:
        """See whether of what the others ask for all is shown that this one asks for as well, and nothing else."""
        rest = [pair for pair in asked if pair is not unknown]
        within = [
            data
            for data, item in lists.items.items()
            if all(self._admits(method, one, value, item) for one, value in rest)
        ]
        one, value = unknown
        wanted, others = (
            {data for data in within if self._admits(method, one, value, lists.items[data]) is kind}
            for kind in (True, False)
        )
        if wanted and others and wanted <= items.keys() and others.isdisjoint(items):
            self._proven.add((method.path, one.name))

    def _judged(
        self,
        method: Method,
        asked: _Pairs,
        now: _Asked,
        lists: _Lists,
        items: dict[bytes, Message],
        *,
        is_whole: bool,
    ) -> Iterator[Finding]:
        words = " and ".join(f"{one.name} {shown(_plain(value))}" for one, value in asked)
        there = {data: item for data, item in lists.items.items() if lists.shows_for(data, now)}
        is_joined = self._is_joined(method, asked, there, items, is_whole=is_whole)
        for item in items.values() if is_joined else ():
            wrong = next(
                ((one, value) for one, value in asked if self._admits(method, one, value, item) is False), None
            )
            if wrong is None or not _is_plain(*wrong, there, items):
                continue
            yield _finding(method, wrong[0].name, f"only items that match {words}", f"{shown(item)}, too")
            break
        for data, item in there.items() if is_whole else ():
            if data not in items and any(names_same(item, other) for other in items.values()):
                continue  # it is shown otherwise than before
            if data not in items and all(self._admits(method, one, value, item) is True for one, value in asked):
                name = ", ".join(one.name for one, _ in asked)
                matches = "it" if len(asked) == 1 else "both" if len(asked) == 2 else "all"
                expected = (
                    f"{shown(item)} in the list filtered by {words}: it matches {matches}, and a less filtered list "
                    f"returned it"
                )
                found = _finding(method, name, expected, f"{counted(len(items), 'other item')}, without it")
                lists.missed.append((data, now, found))
                break

    def _is_joined(
        self, method: Method, asked: _Pairs, there: dict[bytes, Message], items: dict[bytes, Message], *, is_whole: bool
    ) -> bool:
        """Whether what is shown must have all that is asked for, rather than one thing of it: comments say so of each,
        or it was shown for the same fields."""
        explicit = [(one, value) for one, value in asked if one.kind is not Kind.WITH]
        key = (method.path, frozenset(one.name for one, _ in explicit))
        fitting = {
            data: [self._admits(method, one, value, item) for one, value in explicit]
            for data, item in there.items()
            if data not in items
        }
        if is_whole and any(True in admitted and False in admitted for admitted in fitting.values()):
            self._joined.add(key)
        return len(explicit) < 2 or key in self._joined or all(one.is_exclusive for one, _ in explicit)


def _asked(request: Message, criteria: tuple[Criterion, ...]) -> _Pairs:
    """Return what a request asks of items. What is left out otherwise is known to be only where nothing else may ask
    for it."""
    asked = [(one, value) for one in criteria if (value := one.value(request)) is not None]
    ways = [one.way for one, _ in asked if one.kind is not Kind.WITH]
    is_free = any(_FREE.fullmatch(one.name) or one.name.startswith("show_") for one, _ in request.ListFields())
    is_free = is_free or any(way[-1].enum_type is not None for way in ways)
    return [
        (one, value) for one, value in asked if one.kind is not Kind.WITH or value or not (is_free or one.way in ways)
    ]


def _is_plain(one: Criterion, value: Any, there: dict[bytes, Message], items: dict[bytes, Message]) -> bool:
    """Whether an item is wrong that hasn't what is asked for: not where a text is asked for that nothing has, which may
    mean something else; nor where all that ranks higher is shown, or all that ranks lower."""
    known = {**there, **items}
    if one.asked[-1].type == FieldDescriptor.TYPE_STRING and one.kind in (Kind.SAME, Kind.ANY_OF, Kind.HAS):
        return any(one.admits(value, item) is True for item in known.values())
    if not one.is_ranked or one.is_documented:
        return True
    ranks = {data: own for data, item in known.items() if (own := one.held_by(item)) is not None}
    return not shown_by_rank(ranks, items, value)


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
    return bytes_of(plain)


def _is_whole(method: Method, request: Message, answers: list[Message], count: int) -> bool:
    """Whether all was shown that there is: an answer that may lead on, or tell how much there is, says so, or there was
    room for more. Streams end with the last one."""
    for one, value in request.ListFields():
        is_full = one.name in SIZES and count >= value
        is_further = one.name not in SIZES and one.cpp_type in WHOLE and _LAYOUT.fullmatch(one.name)
        if is_full or is_further or _TOKEN.fullmatch(one.name):
            return False
    if method.kind is not MethodKind.UNARY:
        return True
    if len(answers) > 1:
        return False  # there may be but one, so who knows what they are
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
