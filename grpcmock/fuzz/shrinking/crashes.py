"""Crashes that no single case repeats: the calls since the server's start are bisected to those that bring it down."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.call_history import conversation
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.shrinking.bisection import count_that_fails, items_that_fail, sorts_that_fail

if TYPE_CHECKING:
    from grpcmock.fuzz.execution.monitor import Monitor
    from grpcmock.fuzz.model.call_history import Step
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Failure, Finding
    from grpcmock.fuzz.model.results import CaseResult

_SECONDS = 30.0
"""For all crashes of a run together: for each try the server is started anew."""

_TRIES = 3
"""So often the calls that were found are made, to see whether they always bring the server down."""

_SLOW = 0.05
"""Calls that took so many seconds are left out, if the server goes down without them."""

Evaluate = Callable[["Case", "CaseResult"], Sequence["Finding"]]
"""Gives what is wrong with what was seen of a case."""


BringDown = Callable[[Sequence["Step"]], Awaitable[bool]]
"""Makes the calls of some steps, and tells whether the server goes down."""


class Crashes:
    """Finds what led to crashes, and knows those that it has found out about."""

    def __init__(self, monitor: Monitor, evaluate: Evaluate) -> None:
        self._monitor = monitor
        self._evaluate = evaluate
        self._left = _SECONDS
        self._found: dict[str, Failure] = {}

    @property
    def can_bisect(self) -> bool:
        """Whether the server can be started anew, and there is time for it."""
        return self._monitor.can_renew and self._left > 0

    def explaining(self, failure: Failure) -> Failure | None:
        """Give a crash that was found out about, if its calls are among those that led to this one, in their order, and
        the last of them is of a method whose call was lost."""
        steps = failure.result.health.steps
        lost = {step.call.path for step in steps if step.is_lost}
        for known in self._found.values():
            wanted, made = [call.path for call in known.case.calls * known.case.repeat], map(_path, steps)
            if wanted[-1] in lost and all(path in made for path in wanted):
                return known
        return None

    def found(self, failure: Failure) -> Failure | None:
        """Give what was found out about a failure so far: fewer calls that bring the server down, too."""
        return self._found.get(failure.id)

    async def bisected(self, failure: Failure, *, within: float) -> Failure | None:
        """Give the failure with as few calls as still bring the server down, from its start; None if none are found
        *within* so many seconds."""
        started = time.monotonic()
        until = started + min(self._left, within)

        async def bring_down(steps: Sequence[Step]) -> bool:
            left = until - time.monotonic()
            if left <= 0 or not self._monitor.can_renew:
                return False
            case = _in_a_row(failure.case, steps)
            result = await self._monitor.observe_anew(case, within=left)
            if result.health.is_well or not result.replies:
                return False
            findings = [one for one in self._evaluate(case, result) if one.check == failure.finding.check]
            for finding in findings[:1]:
                self._found[failure.id] = replace(failure, case=case, result=result, finding=finding)
            return bool(findings)

        try:
            smallest = await _smallest(failure.result.health.steps, bring_down)
            if smallest is None:
                return None
            hits = tries = 1
            while tries < _TRIES and time.monotonic() < until:
                hits += await bring_down(smallest)
                tries += 1
        finally:  # also where the run is broken off
            self._left -= time.monotonic() - started
        found = self._found[failure.id] = replace(self._found[failure.id], hits=hits, tries=tries)
        return found


async def _smallest(steps: Sequence[Step], bring_down: BringDown) -> list[Step] | None:
    """Give as few steps as still bring the server down; None if not even all of them do.

    Where they are all of one method, it is the least of them over and over, if that will do.
    """
    kept = await sorts_that_fail(steps, bring_down, sort=_path, slow=_is_slow)
    if kept is None:
        return None
    plain = [step for step in kept if step.call.raw is None]
    if plain and len(set(map(_path, kept))) == 1:
        least = min(plain, key=lambda step: (len(step.call.actions), sum(map(len, step.call.messages))))
        if (count := await count_that_fails(least, len(kept), bring_down)) is not None:
            return [least] * count
    return await items_that_fail(kept, bring_down)


def _path(step: Step) -> str:
    return step.call.path


def _is_slow(step: Step) -> bool:
    return step.seconds > _SLOW and not step.is_lost  # one that was lost may have waited for the server's last breath


def _in_a_row(case: Case, steps: Sequence[Step]) -> Case:
    """Give a case of calls that led to what was seen of another one; the same one over and over is one call."""
    is_same = all(step is steps[0] for step in steps)
    calls = conversation(steps[:1] if is_same else steps)
    what = f"the same call {len(steps)} times" if is_same else f"{len(steps)} calls, one after the other,"
    what = "this call" if len(steps) == 1 else what
    return replace(
        case,
        calls=calls,
        method=calls[-1].method or case.method,
        why=f"{what} to a server that was just started",
        expect=Expect.ANY,
        path="",
        rule="",
        targets=frozenset(),
        measures=frozenset(),
        shrinks_as_one=False,
        repeat=len(steps) if is_same else 1,
        concurrent=False,
        together=0,
        setup=0,
        cleanup=0,
        choices=(),
    )
