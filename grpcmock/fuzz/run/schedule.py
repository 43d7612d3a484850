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


class PhaseSchedule:
    """The cases of one phase, which may be made in several turns."""

    def __init__(
        self, phase: Phase, parts: Iterable[tuple[Method, Iterator[Iterator[Case]]]], most: int | None = None
    ) -> None:
        """Make the parts of methods in turn, *most* so many cases of each."""
        self.phase = phase
        self.has_begun = False
        self.parts = deque(parts)
        """What is left of methods, as far as that is known."""
        self._left = Counter({method: most for method, _ in self.parts}) if most is not None else None

    @property
    def planned(self) -> int | None:
        """How many cases are left; None if that isn't known before they are made."""
        return sum(self._left.values()) if self._left is not None else None

    def take(self, stopped: Container[Method]) -> Iterator[Case]:
        """Yield the next part of each method, one case of each in turn; none of those that are *stopped* by then."""
        makers = deque((method, next(parts, None)) for method, parts in self.parts)
        ended = {method for method, cases in makers if cases is None}
        while makers:
            method, cases = makers.popleft()
            if cases is None or method in stopped or (case := next(cases, None)) is None:
                continue
            if self._left is not None:
                if not self._left[method]:
                    ended.add(method)
                    continue
                self._left[method] -= 1
            makers.append((method, cases))
            yield case
        self.parts = deque((method, parts) for method, parts in self.parts if method not in ended)


def turns(phases: Sequence[Phase], plan: Plan, max_cases: int, saved: Sequence[Case] = ()) -> Iterator[PhaseSchedule]:
    """Yield the phases in their turns, until nothing is left of any: first what was *saved* of them.

    The first cases of all phases, which tell the most, come before the rest of any.
    """
    for phase in phases:
        if cases := [case for case in saved if case.phase is phase]:
            schedule = PhaseSchedule(phase, [(case.method, iter([iter([case])])) for case in cases])
            schedule.has_begun = True  # what the phase can't do is told when its own cases come
            yield schedule
    schedules = [
        PhaseSchedule(
            phase,
            ((method, parts_of(phase, method, plan)) for method in plan.methods),
            max_cases if phase is Phase.RANDOM else None,
        )
        for phase in phases
    ]
    while schedules:
        yield from schedules
        schedules = [schedule for schedule in schedules if schedule.parts]
