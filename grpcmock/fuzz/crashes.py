"""Crashes that no single trial repeats: the calls since the server's start are bisected to those that bring it down."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.bisecting import count_that_fails, items_that_fail, sorts_that_fail
from grpcmock.fuzz.trail import conversation
from grpcmock.fuzz.trials import Expect

if TYPE_CHECKING:
    from grpcmock.fuzz.evidence import Evidence
    from grpcmock.fuzz.failures import Failure, Finding
    from grpcmock.fuzz.observer import Observer
    from grpcmock.fuzz.trail import Step, Trail
    from grpcmock.fuzz.trials import Trial

_SECONDS = 30.0
"""For all crashes of a run together: for each try the server is started anew."""

_SLOW = 0.05
"""Calls that took so many seconds are left out, if the server goes down without them."""

Judge = Callable[["Trial", "Evidence"], Sequence["Finding"]]
"""Gives what is wrong with what was seen of a trial."""


class Crashes:
    """Finds what led to crashes, and knows those that it has found out about."""

    def __init__(self, observer: Observer, trail: Trail, judge: Judge) -> None:
        self._observer = observer
        self._trail = trail
        self._judge = judge
        self._left = _SECONDS
        self._found: list[Failure] = []

    def explaining(self) -> Failure | None:
        """Give a crash that was found out about, if its calls had all been made when the server went the last time.

        Once there is no time to find out more, some calls of the same methods will do.
        """
        made = Counter(step.call.path for step in self._trail.fatal)
        for failure in self._found:
            needed = _paths(failure.trial)
            if needed <= made or (self._left <= 0 and needed.keys() <= made.keys()):
                return failure
        return None

    async def bisected(self, failure: Failure) -> Failure | None:
        """Give the failure with as few calls as still bring the server down, from its start; None if none are found."""
        seen: list[Failure] = []
        started = time.monotonic()

        async def bring_down(steps: Sequence[Step]) -> bool:
            left = self._left - (time.monotonic() - started)
            if left <= 0 or not self._observer.can_renew:
                return False
            trial = _in_a_row(failure.trial, steps)
            evidence = await self._observer.observe_anew(trial, within=left)
            if evidence.health.is_well or not evidence.replies:
                return False
            findings = [one for one in self._judge(trial, evidence) if one.code == failure.finding.code]
            seen.extend(replace(failure, trial=trial, evidence=evidence, finding=one) for one in findings[:1])
            return bool(findings)

        try:
            steps = await sorts_that_fail(self._trail.fatal, bring_down, sort=_path, slow=_is_slow)
            if steps:
                await self._reduce(steps, bring_down)
        finally:  # also where the run is broken off
            self._left -= time.monotonic() - started
            if seen:
                self._found.append(replace(seen[-1], hits=len(seen), tries=len(seen)))
        return self._found[-1] if seen else None

    @staticmethod
    async def _reduce(steps: Sequence[Step], bring_down: Callable[[Sequence[Step]], Awaitable[bool]]) -> None:
        """Try fewer calls; where they are all of one method, at first the least of them over and over."""
        if len(set(map(_path, steps))) == 1:
            least = min(steps, key=lambda step: (len(step.call.actions), sum(map(len, step.call.messages))))
            if await count_that_fails(least, len(steps), bring_down) is not None:
                return
        await items_that_fail(steps, bring_down)


def _paths(trial: Trial) -> Counter[str]:
    """Count the calls of a trial by their paths."""
    return Counter(call.path for call in trial.calls * trial.repeat)


def _path(step: Step) -> str:
    return step.call.path


def _is_slow(step: Step) -> bool:
    return step.seconds > _SLOW


def _in_a_row(trial: Trial, steps: Sequence[Step]) -> Trial:
    """Give a trial of calls that led to what was seen of another one; the same one over and over is one call."""
    is_same = all(step is steps[0] for step in steps)
    calls = conversation(steps[:1] if is_same else steps)
    what = f"the same call {len(steps)} times" if is_same else f"{len(steps)} calls, one after the other,"
    return replace(
        trial,
        calls=calls,
        method=calls[-1].method or trial.method,
        why=f"{what} to a server that was just started",
        expect=Expect.ANY,
        path="",
        rule="",
        aims=frozenset(),
        repeat=len(steps) if is_same else 1,
        at_once=False,
        setup=0,
        cleanup=0,
        choices=(),
    )
