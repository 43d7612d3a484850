"""The order in which the cases of a run are made: phases in turns, and within each of them the methods in turns."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.phases.all_phases import parts_of

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


_LEAST = 0.2
"""A turn is never shorter, in seconds."""


_ORDER = (Phase.BOUNDARY, Phase.EXAMPLES, Phase.STATEFUL, Phase.RANDOM, Phase.INJECTION, Phase.WIRE)
"""By the faults of handlers that a phase finds in a second; what stands before handlers is a library's, as a rule."""


class PhaseSchedule:
    """The cases of one phase, which may be made in several turns."""

    def __init__(
        self, phase: Phase, parts: Iterable[tuple[Method, Iterator[Iterator[Case]]]], most: int | None = None
    ) -> None:
        """Make the parts of methods in turn, *most* so many cases of each."""
        self.phase = phase
        self.has_begun = False
        self._parts = dict(enumerate(parts))
        """What is left of methods, as far as that is known."""
        self._under_way: deque[tuple[int, Iterator[Case] | None]] = deque()
        """What is left of this turn: the places of methods with the rest of a part that was begun."""
        self._put_off: deque[Case] = deque()
        self._left = Counter({method: most for method, _ in self._parts.values()}) if most is not None else None

    @property
    def goes_on(self) -> bool:
        """Whether there may be more cases."""
        return bool(self._parts or self._put_off)

    def put_off(self, cases: Iterable[Case]) -> None:
        """Take back cases that weren't made; they come first in the next turn."""
        self._put_off.extend(cases)

    @property
    def planned(self) -> int | None:
        """How many cases are left; None if that isn't known before they are made."""
        return sum(self._left.values()) if self._left is not None else None

    def take(self, stopped: Container[Method], *, at_once: bool = False) -> Iterator[Case]:
        """Yield the next part of each method, one case of each in turn; none of those that are *stopped* by then.

        Where the last turn was broken off, the next one goes on there. Parts that leave the first turns to other
        phases have no cases; *at_once*, where time is short, the first one with cases is made. A part is begun when it
        comes to its first case: for a large contract, all that is needed for that takes its time.
        """
        while self._put_off:
            if (case := self._put_off.popleft()).method not in stopped:
                yield case
        found = False
        while not found:
            for case in self._turn(stopped):
                found = True
                yield case
            found = found or not (at_once and self._parts)

    def _turn(self, stopped: Container[Method]) -> Iterator[Case]:
        makers = self._under_way
        if not makers:
            makers.extend((place, None) for place in self._parts)
        while makers:
            place, cases = makers.popleft()
            method, parts = self._parts[place]
            if cases is None:
                cases = next(parts, None)
            if cases is None or method in stopped or not self._may_take(method):
                del self._parts[place]
                continue
            if (case := next(cases, None)) is None:
                continue
            if self._left is not None:
                self._left[method] -= 1
            makers.append((place, cases))
            yield case

    def _may_take(self, method: Method) -> bool:
        return self._left is None or self._left[method] > 0


def slice_of(seconds_left: float) -> float:
    """Return how long one turn may take where the run ends after so many seconds: a third, so that each of five phases
    comes to its turn, and the first cases of those before it, which tell the most, are made as a rule."""
    return max(seconds_left / 3, _LEAST)


def saved_turns(phases: Sequence[Phase], saved: Sequence[Case]) -> Iterator[PhaseSchedule]:
    """Yield what was saved of the phases, in one turn each."""
    for phase in phases:
        if cases := [case for case in saved if case.phase is phase]:
            schedule = PhaseSchedule(phase, [(case.method, iter([iter([case])])) for case in cases])
            schedule.has_begun = True  # what the phase can't do is told when its own cases come
            yield schedule


def turns(phases: Sequence[Phase], plan: Plan, max_cases: int) -> Iterator[PhaseSchedule]:
    """Yield the phases in their turns, until nothing is left of any.

    The first cases of all phases, which tell the most, come before the rest of any. A turn may be broken off.
    """
    schedules = [
        PhaseSchedule(
            phase,
            ((method, parts_of(phase, method, plan)) for method in plan.methods),
            max_cases if phase is Phase.RANDOM else None,
        )
        for phase in sorted(phases, key=_ORDER.index)
    ]
    while schedules:
        yield from schedules
        schedules = [schedule for schedule in schedules if schedule.goes_on]
