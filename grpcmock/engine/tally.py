"""The tally: how many calls ended how, since the start. What a journal drops or forgets stays counted here."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.engine.call_record import CallRecord, ProtocolName
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.given_answers import GivenAnswer
    from grpcmock.schema import Method
    from grpcmock.status import Code

DURATION_BOUNDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Seconds by which the durations of calls are told apart: mocks answer at once, or as slowly as they are told to."""

MOST_NAMES = 1_000
"""Stubs, and fault profiles, that are counted each by its name; those that come later are counted together."""

OTHER = "other"
"""Stands for names past that bound, and for methods that no proto declares, of which clients can make up any number."""


class Kind(NamedTuple):
    """What calls that are counted together have in common."""

    method: str
    """As stubs write it: ``user.UserService/GetUser``."""
    code: str
    protocol: ProtocolName
    stub: str
    """The name of the stub; empty where none answered."""


_kind_of = partial(tuple.__new__, Kind)
"""Makes a :class:`Kind` of a tuple; to call the class takes several times as long."""


class Durations:
    """How long the calls of one method took."""

    __slots__ = ("buckets", "calls", "seconds")

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0
        self.buckets = [0] * len(DURATION_BOUNDS)
        """How many calls took no longer than each of the bounds, and longer than the one before it."""

    def add(self, seconds: float) -> None:
        """Count a call."""
        self.calls += 1
        self.seconds += seconds
        bucket = bisect_left(DURATION_BOUNDS, seconds)
        if bucket < len(DURATION_BOUNDS):
            self.buckets[bucket] += 1


class _Counted(NamedTuple):
    """Calls that are counted together, by the objects that make them so, and where they are counted."""

    method: Method
    code: Code
    protocol: ProtocolName
    stub: CompiledStub | None
    kind: Kind
    durations: Durations

    def counts(self, method: Method, code: Code, protocol: ProtocolName, stub: CompiledStub | None) -> bool:
        return stub is self.stub and method is self.method and code is self.code and protocol == self.protocol


class CallTally:
    """Counts calls as they end. It takes memory by their kinds, of which there is a bounded number."""

    def __init__(self) -> None:
        self.calls: Counter[Kind] = Counter()
        self.misses: Counter[str] = Counter()
        """Calls that no stub held for, or no proto declares: by method, as stubs write it."""
        self.faults: Counter[str] = Counter()
        """Calls that a fault profile has struck, by its name."""
        self.durations: dict[str, Durations] = {}
        """By method, as stubs write it."""
        self._stubs = _Names()
        self._profiles = _Names()
        self._last: _Counted | None = None
        """How the last call that was answered at once is counted: the next one is mostly like it."""

    def add(self, call: CallRecord) -> None:
        """Count a call that has ended."""
        assert call.code is not None and call.duration is not None  # it has ended
        self._add(call.method, call.code, call.protocol, call.stub, call.duration)
        if call.miss is not None or (call.method is None and not call.forwarded):
            self.misses[_name(call.method)] += 1
        for fault in call.faults:
            self.faults[self._profiles.bounded(fault)] += 1

    def add_given(self, given: GivenAnswer, protocol: ProtocolName, duration: float) -> None:
        """Count a call that was answered at once, in so many seconds."""
        last, code = self._last, given.answer.code
        if last is None or not last.counts(given.method, code, protocol, given.stub):
            kind, durations = self._kind(given.method, code, protocol, given.stub), self._durations(given.method)
            last = self._last = _Counted(given.method, code, protocol, given.stub, kind, durations)
        self.calls[last.kind] += 1
        last.durations.add(duration)
        if given.miss is not None:
            self.misses[_name(given.method)] += 1

    def add_many(
        self,
        stub: CompiledStub,
        code: Code,
        protocol: ProtocolName,
        calls: int,
        seconds: float,
        buckets: Sequence[int],
    ) -> None:
        """Count calls that were answered alike, with the seconds they took and how many fell into each bucket."""
        self.calls[self._kind(stub.method, code, protocol, stub)] += calls
        durations = self._durations(stub.method)
        durations.calls += calls
        durations.seconds += seconds
        durations.buckets = [before + more for before, more in zip(durations.buckets, buckets, strict=True)]

    def _add(
        self, method: Method | None, code: Code, protocol: ProtocolName, stub: CompiledStub | None, duration: float
    ) -> None:
        self.calls[self._kind(method, code, protocol, stub)] += 1
        self._durations(method).add(duration)

    def _durations(self, method: Method | None) -> Durations:
        name = _name(method)
        if (found := self.durations.get(name)) is None:
            found = self.durations[name] = Durations()
        return found

    def _kind(self, method: Method | None, code: Code, protocol: ProtocolName, stub: CompiledStub | None) -> Kind:
        return _kind_of((_name(method), code.name, protocol, "" if stub is None else self._stubs.bounded(stub.name)))


class _Names(set[str]):
    """The names that are counted each by itself."""

    def bounded(self, name: str) -> str:
        """Return *name*; :data:`OTHER` once there are too many others."""
        if name not in self:
            if len(self) >= MOST_NAMES:
                return OTHER
            self.add(name)
        return name


def _name(method: Method | None) -> str:
    return OTHER if method is None else method.full_name
