"""A run, as one loop: cases of all phases are made and checked, and what fails is confirmed, made small, and told."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.errors import GrpcmockError
from grpcmock.fuzz.execution.monitor import Monitor
from grpcmock.fuzz.model.cases import USUAL_PHASES, Phase
from grpcmock.fuzz.model.events import (
    CaseFinished,
    Event,
    Finished,
    Listener,
    MethodStopped,
    Notice,
    PhaseFinished,
    PhaseStarted,
    Started,
)
from grpcmock.fuzz.phases.all_phases import notices_of
from grpcmock.fuzz.run.case_pool import CasePool
from grpcmock.fuzz.run.depletion import Refills
from grpcmock.fuzz.run.failure_taker import FailureTaker
from grpcmock.fuzz.run.opening import Opening
from grpcmock.fuzz.run.quarantine import MethodQuarantine
from grpcmock.fuzz.run.schedule import PhaseSchedule, saved_turns, slice_of, turns
from grpcmock.fuzz.shrinking.case_shrinking import Effort
from grpcmock.fuzz.shrinking.confirmation import Confirmation
from grpcmock.fuzz.shrinking.fresh_ids import with_other_ids

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.suite import CheckSuite
    from grpcmock.fuzz.execution.executor import Executor
    from grpcmock.fuzz.execution.server import Server
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.example_database import Memory
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Registry


_ASK_EVERY = 0.5
"""After so many seconds other runs are asked for what they have found."""

_MAX_TIME = "--max-time"

_SETTLING = 6.0
"""Seconds in which failures are made again on servers that were just started, where that can be."""

_SETTLING_SHARE = 0.1
"""The part of a bounded run that is kept for that."""

_EACH_SHARE, _EACH_LEAST = 0.2, 3.0
"""The part of a bounded run that making sure of one failure may take, and so many seconds in any case."""

_OPENED = frozenset({Phase.BOUNDARY, Phase.STATEFUL})
"""Phases that get further with requests that the server is known to take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a run goes."""

    phases: tuple[Phase, ...] = USUAL_PHASES
    max_cases: int = 200
    """Cases of the random phase, for each method."""

    max_seconds: float | None = None
    in_flight: int = 8
    """Cases that are made at once, where one says nothing about another."""

    per_second: float | None = None
    """Calls; None for as many as there can be."""

    effort: Effort = field(default_factory=Effort)
    """For making one failure small."""

    effort_in_all: float = 20.0
    """Seconds for making failures small, in the whole run."""


class Run:
    """One run over a server. ``go`` it once; ``stop`` it from outside, as Ctrl-C does."""

    def __init__(
        self,
        server: Server,
        executor: Executor,
        plan: Plan,
        suite: CheckSuite,
        *,
        bounds: Bounds | None = None,
        listeners: Sequence[Listener] = (),
        memory: Memory | None = None,
    ) -> None:
        self._server = server
        self._executor = executor
        self._plan = plan
        self._suite = suite
        self._bounds = bounds or Bounds()
        self._listeners = tuple(listeners)
        self._memory = memory
        self._saved: set[str] = set()
        """The ids of cases that other runs have kept, and that are still to be made."""
        self._asked_memory = 0.0
        """When other runs were asked for news."""
        self._trouble_told = ""
        self._monitor = Monitor(server, executor)
        self._confirmation = Confirmation(
            self._monitor,
            suite,
            plan.generators,
            self._tell,
            plan.simplest,
            effort=self._bounds.effort,
            seconds_in_all=self._bounds.effort_in_all,
            seconds_each=_seconds_each(self._bounds.max_seconds),
        )
        self._taker = FailureTaker(suite, self._confirmation, server, plan.proven, self._tell)
        self._quarantine = MethodQuarantine()
        self._refills = Refills(self._monitor, self._tell)
        self._open_ended: set[str] = set()
        self._early: set[str] = set()
        """The ids of cases that were made before their turn."""
        self._opening: Opening | None = None
        self._cases = 0
        self._started = 0.0
        self._interrupted = ""
        self._is_cut = False
        self._is_short = False
        """Whether there was too little time for a turn."""
        self._task: asyncio.Task[None] | None = None

    @property
    def registry(self) -> Registry:
        """The contract."""
        return self._plan.registry

    @property
    def expectations(self) -> Expectations:
        """What the checks of the run go by."""
        return self._suite.expectations

    def evaluate(self, case: Case, result: CaseResult) -> tuple[Finding, ...]:
        """Return all that the checks of the run find in what was seen of a case, in the order of their codes."""
        return self._suite.evaluate(case, result)

    async def observe(self, case: Case, *, fairly: bool = False) -> CaseResult:
        """Make a case, and see how the server fares with it; *fairly*, without the time that a busy machine takes."""
        return await (self._monitor.observe_fairly if fairly else self._monitor.observe)(case)

    def stop(self, reason: str) -> None:
        """End the run as soon as what is under way has ended, with all that was found so far."""
        self._interrupted = self._interrupted or reason
        if self._task is not None:
            self._task.cancel()

    async def go(self) -> Finished:
        """Make the run, and return its end, which is also told to the listeners."""
        self._started = time.monotonic()
        plan, bounds = self._plan, self._bounds
        started = Started(
            target=str(self._server.target),
            seed=plan.seed,
            methods=plan.methods,
            phases=self._phases,
            checks=tuple(check.code for check in self._suite.checks.values()),
            registry=plan.registry,
        )
        self._tell(started)
        settling = _SETTLING if self._monitor.can_renew else 0.0
        within = bounds.max_seconds
        if within is not None:
            settling = min(settling, within * _SETTLING_SHARE)
            within -= settling
        try:
            await self._until(self._turns(within), within, self.stop, _MAX_TIME)
        except Exception as error:
            if not isinstance(error, GrpcmockError):  # a bug of ours doesn't take with it what was found before
                self._interrupted = f"grpcmock itself failed ({type(error).__name__})"
                self._finished()
            raise
        if settling and self._interrupted in ("", _MAX_TIME):
            await self._until(self._taker.settle(), settling, self._cut)
        return self._finished()

    async def _until(
        self, work: Coroutine[Any, Any, None], seconds: float | None, then: Callable[..., None], *words: str
    ) -> None:
        """Do some work, for so many *seconds* at most; *then* is called, with these *words*."""
        self._task = asyncio.create_task(work)
        timer = asyncio.get_running_loop().call_later(seconds, then, *words) if seconds is not None else None
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._interrupted and not self._is_cut:
                self._task.cancel()
                raise
        finally:
            if timer is not None:
                timer.cancel()

    def _cut(self) -> None:
        """End what was begun after the last case, which isn't worth a word."""
        self._is_cut = True
        if self._task is not None:
            self._task.cancel()

    def _finished(self) -> Finished:
        is_silent = self._monitor.silent.issuperset(method.service for method in self._plan.methods)
        if self._server.gone or is_silent:
            hint = "" if self._server.process else "; with --server-cmd it would be started anew"
            what = "takes no connections" if self._server.gone else "answers nothing"
            self._interrupted = f"{self._server.target} {what} any more{hint}"
            if self._server.trouble:
                self._interrupted = f"the server can't be started anew: {self._server.trouble.rstrip('.')}"
        found = self._taker.failures
        finished = Finished(
            failures=tuple(one for one in found if not one.is_remark),
            remarks=tuple(one for one in found if one.is_remark),
            warnings=tuple(self._taker.warnings.values()),
            cases=self._cases,
            calls=self._executor.calls,
            seconds=time.monotonic() - self._started,
            interrupted=self._interrupted,
            lost=self._server.gone or is_silent,
        )
        self._tell(finished)
        return finished

    @property
    def _phases(self) -> tuple[Phase, ...]:
        """The phases that were asked for, without that of examples where there are none: it has nothing to begin."""
        others = tuple(phase for phase in self._bounds.phases if phase is not Phase.EXAMPLES)
        return self._bounds.phases if self._plan.examples or not others else others

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    # The loop: phases take turns, and in each turn the cases of all methods -------------------------------

    async def _turns(self, within: float | None) -> None:
        """Let the phases take turns; where the run has to end *within* so many seconds, each gets its share of them."""
        for schedule in saved_turns(self._bounds.phases, await self._news()):
            await self._turn(schedule, None, opens=False)
        for schedule in turns(self._bounds.phases, self._plan, self._bounds.max_cases):
            if self._server.gone:
                return
            until = None
            if within is not None:
                now = time.monotonic()
                until = now + slice_of(self._started + within - now)
            await self._turn(schedule, until)

    async def _turn(self, schedule: PhaseSchedule, until: float | None, *, opens: bool = True) -> None:
        started, cases, calls = time.monotonic(), self._cases, self._executor.calls
        if schedule.phase in _OPENED:
            await self._refills.go()
        await self._begin(schedule, opens=opens)
        pool = CasePool(self._executor, self._monitor, evaluate=self.evaluate, workers=self._bounds.in_flight)
        try:
            for case in () if self._server.gone else schedule.take(self._quarantine.stopped, at_once=self._is_short):
                if case.id in self._early or self._quarantine.avoids(case):
                    continue
                for outcome in await pool.add(case):
                    await self._take(*outcome)
                if schedule.phase is Phase.STATEFUL and self._refills.is_due:
                    await self._drain(pool)
                    await self._refills.go()
                if self._server.gone:
                    return
                if until is not None and time.monotonic() > until:
                    if self._cases > cases:
                        schedule.put_off(pool.put_off())
                    self._is_short = True
                    break
                await self._wait_for_rate()
                for news in await self._news(_ASK_EVERY):
                    self._tell(Notice(message=f"another run has seen it fail: {news.why}", method=news.method))
                    for outcome in await pool.add(news):
                        await self._take(*outcome)
            await self._drain(pool)
        finally:
            pool.cancel()
            finished = PhaseFinished(
                phase=schedule.phase,
                cases=self._cases - cases,
                calls=self._executor.calls - calls,
                seconds=time.monotonic() - started,
                goes_on=schedule.goes_on,
            )
            self._tell(finished)

    async def _begin(self, schedule: PhaseSchedule, *, opens: bool) -> None:
        self._tell(PhaseStarted(phase=schedule.phase, planned=schedule.planned))
        if not schedule.has_begun:
            schedule.has_begun = True
            for message in notices_of(schedule.phase, self._plan):
                self._tell(Notice(message=message))
        if opens:
            await self._open(schedule.phase)

    async def _drain(self, pool: CasePool) -> None:
        for outcome in await pool.drain():
            await self._take(*outcome)

    async def _news(self, after: float = 0.0) -> list[Case]:
        """Return the cases that have failed in earlier runs, and in others beside this one; none before so many seconds
        have passed since it was asked last."""
        memory = self._memory
        if memory is None or time.monotonic() - self._asked_memory < after:
            return []
        found = await asyncio.to_thread(memory.news)
        self._asked_memory = time.monotonic()
        if memory.trouble != self._trouble_told:
            self._trouble_told = memory.trouble
            self._tell(Notice(message=f"failures are kept no more: the database is out of reach: {memory.trouble}"))
        cases = [case for case in found if case.phase in self._bounds.phases]
        self._saved.update(case.id for case in cases)
        return cases

    async def _open(self, phase: Phase) -> None:
        """Begin with a request that the server takes, of every method."""
        if phase not in _OPENED:
            return
        if self._opening is None:
            self._opening = Opening(self._plan, phase, self._make_opening, max_seconds=self._bounds.max_seconds)
        if not self._opening.is_done:
            await self._opening.go(self._quarantine.stopped)

    async def _make_opening(self, case: Case) -> Reply:
        result = await self.observe(case)
        seen = time.monotonic()
        await self._take(case, result)
        if self._opening is not None:
            self._opening.prolong(time.monotonic() - seen)
            if self._server.gone:
                self._opening.stop()
        await self._wait_for_rate()
        return result.last

    async def _wait_for_rate(self) -> None:
        """Wait until the calls made so far are no more than the bounds let be made."""
        if (rate := self._bounds.per_second) is not None:
            ahead = self._started + self._executor.calls / rate - time.monotonic()
            await asyncio.sleep(max(ahead, 0))

    async def _take(self, case: Case, result: CaseResult) -> None:
        """Check what was seen of a case, tell of it, and go after what is wrong."""
        self._cases += 1
        findings = self._suite.evaluate(case, result)
        self._tell(CaseFinished(case=case, result=result, findings=findings))
        self._plan.dictionary.learn(case, result, self._plan.registry)
        self._plan.limits.hear(case, result)
        self._refills.hear(result)
        self._plan.taken_names.hear(case, result)
        self._tell_open_ended()
        if case.sub_cases and self._is_worth_narrowing(case, findings) and await self._take_sub_cases(case):
            findings = ()  # they tell more than all of them together
        for finding in findings:
            await self._take_finding(case, result, finding)
        for other, of_other in self._confirmation.accidents():
            for finding in self._suite.evaluate(other, of_other):
                if finding.server_down:
                    await self._take_finding(other, of_other, finding)
        self._leave_silent_services()
        if reason := self._quarantine.note(case, result):
            self._tell(MethodStopped(method=case.method, reason=reason))
        for method, message in () if self._server.gone else self._quarantine.news():
            self._tell(Notice(message=message, method=method))
        if case.id in self._saved:
            self._saved.remove(case.id)
            if not self._server.gone and (renamed := with_other_ids(case, result)) is not None:
                await self._take(renamed, await self.observe(renamed))

    def _leave_silent_services(self) -> None:
        for method in self._plan.methods:
            if method.service in self._monitor.silent and method not in self._quarantine.stopped:
                self._quarantine.stopped.add(method)
                reason = f"nothing of {method.service} answers any more; with --server-cmd it would be started anew"
                self._tell(MethodStopped(method=method, reason=reason))

    def _is_worth_narrowing(self, case: Case, findings: Iterable[Finding]) -> bool:
        """Whether the cases for which one stands may tell more: also of what looks like no failure from here."""
        checks = self._suite.checks
        return any(
            not finding.is_warning or checks[finding.check].needs_rules or finding.check in case.targets
            for finding in findings
        )

    async def _take_finding(self, case: Case, result: CaseResult, finding: Finding) -> None:
        seconds = time.monotonic() - self._started
        await self._taker.take(case, result, finding, cases=self._cases, seconds=seconds)

    async def _take_sub_cases(self, case: Case) -> bool:
        """Make the cases for which one stood. Returns whether something is wrong with any of them."""
        wrong = False
        for sub_case in case.sub_cases:
            if self._server.gone:
                break
            self._early.add(sub_case.id)
            if self._quarantine.avoids(sub_case):
                continue
            result = await self.observe(sub_case)
            wrong |= _has_failures(self.evaluate(sub_case, result))
            await self._take(sub_case, result)
        return wrong

    def _tell_open_ended(self) -> None:
        for path in sorted(self._executor.open_ended - self._open_ended):
            self._open_ended.add(path)
            message = "its stream goes on until the client leaves: it counts as open-ended"
            self._tell(Notice(message=message, method=self._plan.registry.methods.get(path)))


def _seconds_each(max_seconds: float | None) -> float:
    return math.inf if max_seconds is None else max(_EACH_SHARE * max_seconds, _EACH_LEAST)


def _has_failures(findings: Iterable[Finding]) -> bool:
    """Whether there is more among them than warnings."""
    return any(not finding.is_warning for finding in findings)
