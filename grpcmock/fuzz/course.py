"""The order in which the trials of a run are made: phases in turns, and within each of them the methods in turns."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.phases.plan import maker_of
from grpcmock.fuzz.trials import Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.trials import Trial
    from grpcmock.schema import Method

_FIRST = {Phase.STATEFUL: 12, Phase.BOUNDARY: 24, Phase.WIRE: 16, Phase.RANDOM: 4, Phase.EXAMPLES: 12}
"""So many trials of each method does a phase make in its first turn."""

_SECOND = {Phase.BOUNDARY: 60, Phase.WIRE: 60, Phase.STATEFUL: 100, Phase.EXAMPLES: 100, Phase.RANDOM: 36}
"""And so many in its second one; what is left comes after that."""


class Course:
    """The trials of one phase, which may be made in several turns."""

    def __init__(self, phase: Phase, plan: Plan, max_cases: int) -> None:
        maker = maker_of(phase)
        self.phase = phase
        self.has_begun = False
        self.makers = deque((method, maker(method, plan)) for method in plan.methods)
        """Methods that have trials left, as far as that is known."""
        if phase is Phase.RANDOM:
            self.makers = deque((method, islice(trials, max_cases)) for method, trials in self.makers)

    def take(self, most: int | None, stopped: Container[Method]) -> Iterator[Trial]:
        """Yield up to so many trials of each method, one of each in turn; none of those that are *stopped* by then."""
        taken: Counter[Method] = Counter()
        later: list[tuple[Method, Iterator[Trial]]] = []
        while self.makers:
            method, trials = self.makers.popleft()
            if method in stopped or (trial := next(trials, None)) is None:
                continue
            taken[method] += 1
            (later if taken[method] == most else self.makers).append((method, trials))
            yield trial
        self.makers.extend(later)


def turns(phases: Sequence[Phase], plan: Plan, max_cases: int) -> Iterator[tuple[Course, int | None]]:
    """Yield the phases in their turns, and how many trials of each method are made in that turn; None for all.

    The first trials of all phases, which tell the most, come before the rest of any.
    """
    courses = [Course(phase, plan, max_cases) for phase in phases]
    if len(courses) > 1:
        # Lists are short while a server keeps little: then it shows what they leave out.
        stateful_first = sorted(courses, key=lambda course: course.phase is not Phase.STATEFUL)
        yield from ((course, _FIRST[course.phase]) for course in stateful_first)
        yield from ((course, _SECOND[course.phase]) for course in courses)
    yield from ((course, None) for course in courses)
