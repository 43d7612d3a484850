"""Versions: they never become less, changes that name the one that a thing has aren't refused for it, and those that
name one that is past are, where comments say so.

A thing may change by itself, or for somebody else. So a refusal counts only once the thing was looked at again and has
the version still that was named; and what is past has to have been shown, with another one shown after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.expectations.versions import Expected, expected_of, grows, key_name, version_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.calls import may_change
from grpcmock.fuzz.resources.differences import differences, same, shown
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.fuzz.resources.versioned import (
    Thing,
    are_one,
    gives_version,
    names,
    repetition_marks,
    thing_of,
    things_shown,
    value_given,
    version_in,
    versions_in,
    without_expected,
)
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources
    from grpcmock.schema import Method, Registry

_OUT_OF_DATE = re.compile(
    r"version|revision|generation|e-?tag|stale|out.of.date|outdated|concurrent"
    r"|(was|been|has) (changed|modified|updated)",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"(Reset|Restore|Roll|Revert|Undo|Undelete|Recreate|Import|Delete|Remove|Purge|Clear|Truncate|Drop|Expire)(?=[A-Z]|b|$)"
)
"""What these do may end with a version that was there before."""

_MAKING = re.compile(r"(Create|Add|Register|Insert|New|Make|Open|Import|Copy|Clone)(?=[A-Z]|$)")
_READS = 3

_BEYOND = 1000
"""A version that is more by so many is none that a thing has come to meanwhile."""


@dataclass(slots=True)
class _Known:
    """What was shown of a thing."""

    message: Message
    shown_by: Method
    past: set[Any] = field(default_factory=set)
    """The versions that it had before."""

    is_sure: bool = True
    """Whether nothing was done since that may have changed it."""

    reads: list[Message] = field(default_factory=list)
    """What reads in a row have shown since something may have been changed."""


@dataclass(slots=True)
class _Refused:
    """A call that was refused although it named the version that was shown last."""

    method: Method
    without: bytes
    """The request without that."""

    wrong: Finding
    is_seen: bool = False
    """Whether the thing was shown with the same version after it."""


@dataclass(slots=True)
class Versions:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    resources: Resources
    _known: dict[Thing, _Known] = field(default_factory=dict)
    _refused: dict[Thing, _Refused] = field(default_factory=dict)
    _ambiguous: set[Thing] = field(default_factory=set)
    """What was made when there was one with its key, so that a key alone doesn't tell things apart."""

    _is_given: bool = False
    """Whether a request has given a version itself, as a value."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it, or what its comment says."""
        method, meant, exchange = reply.call.method, with_meant_status(reply), exchange_in(reply)
        if method is None or exchange is None or method.kind is not MethodKind.UNARY:
            if method is None or not only_reads(method):
                self._forget()
            return
        _, (request, *_), answers = exchange
        things = [
            (key, one)
            for answer in (answers if meant.is_ok else ())
            for one in things_shown(answer)
            if (key := thing_of(one)) is not None
        ]
        if only_reads(method):
            yield from self._read(method, request, things)
            return
        expected = expected_of(method, self.registry)
        if expected is not None and not self._is_left_to_others(expected):
            yield from self._judged(method, expected, request, dict(things), meant)
        if may_change(reply):
            yield from self._changed(method, request, things, meant, expected)

    def _forget(self) -> None:
        self._known.clear()
        self._refused.clear()

    def _is_left_to_others(self, expected: Expected) -> bool:
        """Whether another law looks at it: that of etags."""
        is_known = any(one.descriptor is expected.thing and one.is_annotated for one in self.resources.all)
        return is_known and version_of(expected.thing) is not expected.shown

    def _judged(
        self, method: Method, expected: Expected, request: Any, answer: dict[Thing, Message], reply: Reply
    ) -> Iterator[Finding]:
        """See whether a call that names a version is refused for it, and only then."""
        thing = self._named(expected.thing, request)
        known = self._known.get(thing) if thing is not None else None
        value, without = without_expected(request, expected)
        if thing is None or known is None:
            return
        refused = self._refused.pop(thing, None)
        is_same = refused is not None and (refused.method, refused.without) == (method, without)
        if refused is not None and refused.is_seen and is_same and reply.is_ok and not value:
            yield refused.wrong
        if not value:
            return
        own = getattr(known.message, expected.shown.name)
        if reply.termination is Termination.SERVER and reply.code in (Code.ABORTED, Code.FAILED_PRECONDITION):
            if value == own and _OUT_OF_DATE.search(reply.message):
                told = f"OK: {expected.shown.name} is {shown(own)} before it and after it"
                wrong = _finding(method, told, said(reply), expected.name, "version refused")
                self._refused[thing] = _Refused(method, without, wrong)
        elif reply.is_ok and known.is_sure and value != own and not repetition_marks(request):
            is_past = value in known.past and expected.is_documented
            is_other = expected.refuses_any_other and not isinstance(value, str) and value > own + _BEYOND
            now = answer.get(thing)
            is_done = now is None if not answer else now is not None and now != known.message
            if (is_past or is_other) and is_done:
                names = " or ".join(sorted(code.name for code in expected.codes)) or "an error"
                told = (
                    f"{names}, as comments say of another version: {expected.shown.name} was shown as {shown(own)}"
                    f" last, and {expected.name} is {shown(value)}"
                )
                yield _finding(method, told, said(reply), expected.name, "version taken")

    def _named(self, thing: Descriptor, request: Any) -> Thing | None:
        """Return the thing of a type that a request names, if it names one that was shown."""
        key, noun = key_name(thing), snake_case(thing.name)
        inner = [getattr(request, one.name) for one, _ in request.ListFields() if one.message_type is thing]
        for place in (request, *inner):
            for name in (key, f"{noun}_{key}", f"{noun}_id"):
                one = place.DESCRIPTOR.fields_by_name.get(name)
                known = (thing.full_name, getattr(place, name)) if one is not None and not one.is_repeated else None
                if known in self._known:
                    return known
        return None

    def _read(self, method: Method, request: Message, things: list[tuple[Thing, Message]]) -> Iterator[Finding]:
        """Hear how a thing is shown by a method that only reads; what asks for more than its key may mean another
        state of it."""
        if len(request.ListFields()) != 1:
            return
        for key, now in things:
            known = self._known.get(key)
            before = versions_in(known.message) if known is not None else None
            if known is not None and known.is_sure:
                yield from self._looked_at_again(method, known, now)
            yield from self._shown(method, key, now)
            refused = self._refused.get(key)
            if refused is None:
                continue
            if versions_in(now) != before:
                del self._refused[key]
                continue
            refused.is_seen = True
            expected = expected_of(refused.method, self.registry)
            if expected is not None and any(refused.wrong.actual.startswith(code.name) for code in expected.codes):
                yield self._refused.pop(key).wrong

    def _looked_at_again(self, method: Method, known: _Known, now: Message) -> Iterator[Finding]:
        """Reads alone don't change a version."""
        last = [*known.reads, now][-_READS:]
        known.reads = last
        own = version_of(now.DESCRIPTOR)
        if own is None or not grows(own, self.registry) or len({version_in(one) for one in last}) < _READS:
            return
        if not any(list(differences(one, now, ignoring={own.full_name})) for one in last):
            told = ", ".join(str(version_in(one)) for one in last)
            expected = "one version as long as nothing changes, as its comment says"
            yield _finding(method, expected, f"another one at each read: {told}", own.name, "version at reads")

    def _changed(
        self,
        method: Method,
        request: Message,
        things: list[tuple[Thing, Message]],
        reply: Reply,
        expected: Expected | None,
    ) -> Iterator[Finding]:
        """Hear of what may have changed things."""
        before = {key: known.message for key, known in self._known.items() if known.is_sure}
        for known in self._known.values():
            known.is_sure, known.reads = False, []
        asked = expected.asked if expected is not None else ()
        self._is_given = self._is_given or gives_version(request, asked)
        self._refused.clear()
        if _BACK.match(capitalized(method.name)) or not reply.is_ok:
            self._known.clear()
            return
        for key, now in things:
            if key in self._known and (_MAKING.match(capitalized(method.name)) or not names(request, key[1])):
                self._ambiguous.add(key)
                del self._known[key]
                continue
            if key in before:
                yield from self._grown(method, request, before[key], now)
            yield from self._shown(method, key, now)

    def _grown(self, method: Method, request: Message, before: Message, now: Message) -> Iterator[Finding]:
        """Where a comment says so, a version is more after a change of what the request gives."""
        own = version_of(now.DESCRIPTOR)
        if own is None or not grows(own, self.registry) or version_in(now) != version_in(before):
            return
        fields: Any = now.DESCRIPTOR
        for one in fields.fields:
            value = value_given(request, one)
            if value is None or one is own or same(one, getattr(before, one.name), getattr(now, one.name)):
                continue
            if same(one, value, getattr(now, one.name)):
                was, is_now = shown(getattr(before, one.name)), shown(getattr(now, one.name))
                expected = f"more than {version_in(before)}, as its comment says: {one.name} was {was} and is {is_now}"
                yield _finding(method, expected, f"{version_in(now)} as before", own.name, "same version")
                return

    def _shown(self, method: Method, key: Thing, now: Message) -> Iterator[Finding]:
        """Hear how a thing is shown: its version isn't less than it was."""
        known, own = self._known.get(key), version_of(now.DESCRIPTOR)
        if key in self._ambiguous:
            return
        if known is None or not are_one(known.message, now):
            self._known[key] = _Known(now, method, reads=[now] if only_reads(method) else [])
            return
        if own is not None:
            is_told = grows(own, self.registry)
            is_same = known.shown_by is method and not self._is_given
            is_less = version_in(now) < version_in(known.message)
            if is_less and (is_told or (is_same and version_in(now) > 0)):
                least = f"{version_in(known.message)} or more, which it was before"
                words = f"{least}: its comment says that it becomes more" if is_told else least
                yield _finding(method, words, str(version_in(now)), own.name, "less", may_lag=True)
        for value, is_now in zip(versions_in(known.message), versions_in(now), strict=True):
            if value and value != is_now:
                known.past.add(value)
            known.past.discard(is_now)
        known.message, known.shown_by, known.is_sure = now, method, True


def _finding(method: Method, expected: str, actual: str, path: str, key: str, *, may_lag: bool = False) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=path,
        key=f"{key} {path}",
        method=method,
        may_lag=may_lag,
    )
