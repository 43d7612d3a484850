"""A run, as one loop: cases of all phases are made and checked, and what fails is confirmed, made small, and told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.execution.monitor import Monitor
from grpcmock.fuzz.model.cases import USUAL_PHASES, Phase
from grpcmock.fuzz.model.events import (
    CaseFinished,
    Event,
    FailureFound,
    Finished,
    Listener,
    MethodStopped,
    Notice,
    PhaseFinished,
    PhaseStarted,
    Started,
)
from grpcmock.fuzz.model.findings import Failure, Finding, Severity
from grpcmock.fuzz.phases.all_phases import notices_of
from grpcmock.fuzz.run.case_pool import CasePool
from grpcmock.fuzz.run.failure_log import FailureLog
from grpcmock.fuzz.run.quarantine import MethodQuarantine
from grpcmock.fuzz.run.schedule import PhaseSchedule, turns
from grpcmock.fuzz.shrinking.case_shrinking import Effort
from grpcmock.fuzz.shrinking.confirmation import Confirmation

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.suite import CheckSuite
    from grpcmock.fuzz.execution.executor import Executor
    from grpcmock.fuzz.execution.server import Server
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.storage.example_database import Memory
    from grpcmock.schema import Method, Registry


_ASK_EVERY = 0.5
"""After so many seconds other runs are asked for what they have found."""


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
        self._asked_memory = 0.0
        """When other runs were asked for news."""
        self._trouble_told = ""
        self._monitor = Monitor(server, executor)
        self._confirmation = Confirmation(
            self._monitor,
            suite,
            plan.generators,
            self._tell,
            effort=self._bounds.effort,
            seconds_in_all=self._bounds.effort_in_all,
        )
        self._failures = FailureLog({name: suite.superseding(name) for name in suite.checks})
        self._quarantine = MethodQuarantine()
        self._silenced: set[tuple[str, Method]] = set()
        self._warnings: dict[tuple[str, str, str], Finding] = {}
        self._open_ended: set[str] = set()
        self._early: set[str] = set()
        """The ids of cases that were made before their turn."""
        self._cases = 0
        self._started = 0.0
        self._interrupted = ""
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

    async def observe(self, case: Case) -> CaseResult:
        """Make a case, and see how the server fares with it."""
        return await self._monitor.observe(case)

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
            phases=bounds.phases,
            checks=tuple(check.code for check in self._suite.checks.values()),
            registry=plan.registry,
        )
        self._tell(started)
        self._task = asyncio.create_task(self._turns())
        timer = None
        if bounds.max_seconds is not None:
            timer = asyncio.get_running_loop().call_later(bounds.max_seconds, self.stop, "--max-time")
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._interrupted:
                self._task.cancel()
                raise
        finally:
            if timer is not None:
                timer.cancel()
        return self._finished()

    def _finished(self) -> Finished:
        if self._server.gone:
            hint = "" if self._server.process else "; with --server-cmd it would be started anew"
            self._interrupted = f"{self._server.target} takes no connections any more{hint}"
        finished = Finished(
            failures=tuple(sorted(self._failures.failures.values(), key=self._rank)),
            warnings=tuple(self._warnings.values()),
            cases=self._cases,
            calls=self._executor.calls,
            seconds=time.monotonic() - self._started,
            interrupted=self._interrupted,
            lost=self._server.gone,
        )
        self._tell(finished)
        return finished

    def _rank(self, failure: Failure) -> tuple[int, str, str]:
        severity = self._suite.checks[failure.finding.check].severity
        return (list(Severity).index(severity), failure.finding.code, failure.method.full_name)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    # The loop: phases take turns, and in each turn the cases of all methods -------------------------------

    async def _turns(self) -> None:
        saved = await self._news()
        for schedule in turns(self._bounds.phases, self._plan, self._bounds.max_cases, saved):
            if self._server.gone:
                return
            await self._turn(schedule)

    async def _turn(self, schedule: PhaseSchedule) -> None:
        started, cases, calls = time.monotonic(), self._cases, self._executor.calls
        self._tell(PhaseStarted(phase=schedule.phase, planned=schedule.planned))
        if not schedule.has_begun:
            schedule.has_begun = True
            for message in notices_of(schedule.phase, self._plan):
                self._tell(Notice(message=message))
        pool = CasePool(self._executor, self._monitor, evaluate=self.evaluate, workers=self._bounds.in_flight)
        try:
            for case in schedule.take(self._quarantine.stopped):
                if case.id in self._early:
                    continue
                for outcome in await pool.add(case):
                    await self._take(*outcome)
                if self._server.gone:
                    return
                await self._wait_for_rate()
                for news in await self._news(_ASK_EVERY):
                    self._tell(Notice(message=f"another run has seen it fail: {news.why}", method=news.method))
                    for outcome in await pool.add(news):
                        await self._take(*outcome)
            for outcome in await pool.drain():
                await self._take(*outcome)
        finally:
            pool.cancel()
            finished = PhaseFinished(
                phase=schedule.phase,
                cases=self._cases - cases,
                calls=self._executor.calls - calls,
                seconds=time.monotonic() - started,
                goes_on=bool(schedule.parts),
            )
            self._tell(finished)

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
        return [case for case in found if case.phase in self._bounds.phases]

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
        self._tell_open_ended()
        if case.sub_cases and _has_failures(findings) and await self._take_sub_cases(case):
            findings = ()  # they tell more than all of them together
        for finding in findings:
            await self._take_finding(case, result, finding)
        for other, of_other in self._confirmation.accidents():
            for finding in self._suite.evaluate(other, of_other):
                if finding.server_down:
                    await self._take_finding(other, of_other, finding)
        if reason := self._quarantine.note(case, result):
            self._tell(MethodStopped(method=case.method, reason=reason))

    async def _take_sub_cases(self, case: Case) -> bool:
        """Make the cases for which one stood. Returns whether something is wrong with any of them."""
        wrong = False
        for sub_case in case.sub_cases:
            if self._server.gone:
                break
            self._early.add(sub_case.id)
            result = await self.observe(sub_case)
            wrong |= _has_failures(self.evaluate(sub_case, result))
            await self._take(sub_case, result)
        return wrong

    def _tell_open_ended(self) -> None:
        for path in sorted(self._executor.open_ended - self._open_ended):
            self._open_ended.add(path)
            message = "its stream goes on until the client leaves: it counts as open-ended"
            self._tell(Notice(message=message, method=self._plan.registry.methods.get(path)))

    # Failures -------------------------------------------------------------------------------------------

    async def _take_finding(self, case: Case, result: CaseResult, finding: Finding) -> None:
        if finding.method is not None:
            case = replace(case, method=finding.method)
        method = case.method.full_name
        if finding.is_warning:
            key = (finding.check, "" if finding.server_wide else method, finding.key)
            self._warnings.setdefault(key, finding)
            return
        case = replace(case, sub_cases=())
        failure = Failure(
            finding=finding,
            case=case,
            result=result,
            first=case,
            after_cases=self._cases,
            after_seconds=time.monotonic() - self._started,
        )
        if self._failures.has(failure, method) or self._is_surplus(failure):
            return
        try:
            failure = await self._confirmation.confirm(failure)
        except asyncio.CancelledError:
            if not finding.timing_based:
                self._add(self._confirmation.so_far or failure)  # as it was seen, though it might have got smaller
            raise
        if failure.is_flaky and finding.timing_based:
            return  # noise
        if finding.server_down and self._failures.has(failure, failure.method.full_name):
            return  # led back to calls that are known to bring the server down
        self._add(failure)

    def _add(self, failure: Failure) -> None:
        self._failures.add(failure, was_last=self._server.gone)
        self._plan.proven.add((failure.finding.check, failure.method.full_name, failure.finding.path))
        self._tell(FailureFound(failure=failure))

    def _is_surplus(self, failure: Failure) -> bool:
        """Whether enough was told of this check at this method; that is said once."""
        check, method = failure.finding.check, failure.method
        if self._suite.checks[check].tells_all or not self._failures.is_full(check, method):
            return False
        if (check, method) not in self._silenced:
            self._silenced.add((check, method))
            message = f"{failure.finding.code} fails in more ways; they aren't told any more"
            self._tell(Notice(message=message, method=method))
        return True


def _has_failures(findings: Iterable[Finding]) -> bool:
    """Whether there is more among them than warnings."""
    return any(not finding.is_warning for finding in findings)
