"""The engine of a run: cases of all phases are made and judged, what fails is confirmed and made small."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.execution.monitor import Monitor
from grpcmock.fuzz.model.cases import Phase
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
from grpcmock.fuzz.phases.plan import notices_of
from grpcmock.fuzz.run.case_pool import CasePool
from grpcmock.fuzz.run.case_shrinking import Effort, shrink
from grpcmock.fuzz.run.crashes import Crashes
from grpcmock.fuzz.run.failure_log import FailureLog
from grpcmock.fuzz.run.quarantine import MethodQuarantine
from grpcmock.fuzz.run.schedule import PhaseSchedule, turns

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.suite import CheckSuite
    from grpcmock.fuzz.execution.executor import Executor
    from grpcmock.fuzz.execution.server import Server
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method, Registry

CONFIRMATIONS = 3
"""So often a case that failed is made again."""

_DOWN = 4
"""So many times as long may it take to make a case small that brings the server down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a run goes."""

    phases: tuple[Phase, ...] = tuple(Phase)
    max_cases: int = 200
    """Cases of the random phase, for each method."""

    max_seconds: float | None = None
    in_flight: int = 8
    """Cases that are made at once, where one says nothing about another."""

    per_second: float | None = None
    """Calls; None for as many as there can be."""

    effort: Effort = field(default_factory=Effort)
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
    ) -> None:
        self._server = server
        self._executor = executor
        self._plan = plan
        self._jury = suite
        self._bounds = bounds or Bounds()
        self._listeners = tuple(listeners)
        self._monitor = Monitor(server, executor)
        self._crashes = Crashes(self._monitor, self.evaluate)
        self._accidents: list[tuple[Case, CaseResult]] = []
        """Cases that brought the server down while something else was made sure of."""
        self._ledger = FailureLog({check.code: suite.covering(check.code) for check in suite.checks})
        self._attendance = MethodQuarantine()
        self._silenced: set[tuple[str, Method]] = set()
        self._warnings: dict[tuple[str, str, str], Finding] = {}
        self._open_ended: set[str] = set()
        self._early: set[str] = set()
        """The ids of cases that were made before their turn."""
        self._cases = 0
        self._started = 0.0
        self._spent = 0.0
        self._interrupted = ""
        self._task: asyncio.Task[None] | None = None

    @property
    def registry(self) -> Registry:
        """The contract."""
        return self._plan.registry

    def evaluate(self, case: Case, result: CaseResult) -> tuple[Finding, ...]:
        """Give all that the checks of the run have against what was seen of a case, the worst first."""
        return self._jury.evaluate(case, result)

    def stop(self, reason: str) -> None:
        """End the run as soon as what is under way has ended, with all that was found so far."""
        self._interrupted = self._interrupted or reason
        if self._task is not None:
            self._task.cancel()

    async def go(self) -> Finished:
        """Make the run, and give its end, which is also told to the listeners."""
        self._started = time.monotonic()
        plan, bounds = self._plan, self._bounds
        codes = tuple(check.code for check in self._jury.checks)
        self._tell(
            Started(
                target=str(self._server.target),
                seed=plan.seed,
                methods=plan.methods,
                phases=bounds.phases,
                checks=codes,
                registry=plan.registry,
            )
        )
        self._task = asyncio.create_task(self._phases())
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
        if self._server.gone:
            hint = "" if self._server.process else "; with --server-cmd it would be started anew"
            self._interrupted = f"{self._server.target} takes no connections any more{hint}"
        finished = Finished(
            failures=tuple(sorted(self._ledger.failures.values(), key=self._rank)),
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
        severities = {check.code: list(Severity).index(check.severity) for check in self._jury.checks}
        return (severities.get(failure.finding.code, 9), failure.finding.code, failure.method.full_name)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    # Phases ---------------------------------------------------------------------------------------------

    async def _phases(self) -> None:
        for course in turns(self._bounds.phases, self._plan, self._bounds.max_cases):
            if self._server.gone:
                return
            await self._turn(course)

    async def _turn(self, course: PhaseSchedule) -> None:
        started, cases, calls = time.monotonic(), self._cases, self._executor.calls
        self._tell(PhaseStarted(phase=course.phase, planned=course.planned))
        if not course.has_begun:
            course.has_begun = True
            for message in notices_of(course.phase, self._plan):
                self._tell(Notice(message=message))
        try:
            await self._follow(course)
        finally:
            self._tell(
                PhaseFinished(
                    phase=course.phase,
                    cases=self._cases - cases,
                    calls=self._executor.calls - calls,
                    seconds=time.monotonic() - started,
                    goes_on=bool(course.parts),
                )
            )

    async def _follow(self, course: PhaseSchedule) -> None:
        """Make the next cases of each method; the methods take turns, so that none waits for another's end."""
        flight = CasePool(
            self._executor, self._monitor, evaluate=self.evaluate, take=self._take, workers=self._bounds.in_flight
        )
        try:
            for case in course.take(self._attendance.stopped):
                if case.id not in self._early:
                    await flight.add(case)
                if self._server.gone:
                    return
                await self._wait_for_rate()
            await flight.land()
        finally:
            flight.abandon()

    async def _wait_for_rate(self) -> None:
        rate = self._bounds.per_second
        if rate is None:
            return
        ahead = self._started + self._executor.calls / rate - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)

    # Cases ---------------------------------------------------------------------------------------------

    async def observe(self, case: Case) -> CaseResult:
        """Make a case, and see how the server fares with it."""
        return await self._monitor.observe(case)

    async def _take(self, case: Case, result: CaseResult) -> None:
        """Judge a case, tell of it, and go after what is wrong."""
        self._cases += 1
        findings = self._jury.evaluate(case, result)
        self._tell(CaseFinished(case=case, result=result, findings=findings))
        self._plan.dictionary.learn(case, result, self._plan.registry)
        if len(self._executor.open_ended) != len(self._open_ended):
            self._tell_open_ended()
        if case.sub_cases and _are_serious(findings) and await self._take_members(case):
            findings = ()  # they tell more than all of them together
        for finding in findings:
            await self._take_finding(case, result, finding)
        while self._accidents:
            trial_then, evidence_then = self._accidents.pop(0)
            for finding in self._jury.evaluate(trial_then, evidence_then):
                if finding.code == "G101":
                    await self._take_finding(trial_then, evidence_then, finding)
        if reason := self._attendance.note(case, result):
            self._tell(MethodStopped(method=case.method, reason=reason))

    async def _take_members(self, case: Case) -> bool:
        """Make the cases for which one stood. Tells whether something is wrong with any of them."""
        wrong = False
        for member in case.sub_cases:
            if self._server.gone:
                break
            self._early.add(member.id)
            result = await self.observe(member)
            wrong |= _are_serious(self.evaluate(member, result))
            await self._take(member, result)
        return wrong

    def _tell_open_ended(self) -> None:
        for path in sorted(self._executor.open_ended - self._open_ended):
            method = self._plan.registry.methods.get(path)
            self._tell(
                Notice(message="its stream goes on until the client leaves: it counts as open-ended", method=method)
            )
        self._open_ended |= self._executor.open_ended

    # Failures -------------------------------------------------------------------------------------------

    async def _take_finding(self, case: Case, result: CaseResult, finding: Finding) -> None:
        if finding.method is not None:
            case = replace(case, method=finding.method)
        method = case.method.full_name
        if finding.is_warning:
            self._warnings.setdefault((finding.code, "" if finding.server_wide else method, finding.key), finding)
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
        if self._ledger.has(failure, method) or self._is_surplus(failure):
            return
        try:
            failure = await self._confirmed(failure)
            if failure.is_flaky and finding.timing_based:
                return
            if failure.is_flaky and not failure.result.health.is_well:
                failure = await self._bisected(failure)
                if self._ledger.has(failure, failure.method.full_name):
                    return
            elif failure.tries > 1 and not failure.is_flaky:
                failure = await self._smallest(failure)
        except asyncio.CancelledError:
            failure = self._crashes.found(failure) or failure
            if not finding.timing_based:
                self._told(failure)  # as it was seen, though it might have got smaller
            raise
        self._told(failure)

    def _told(self, failure: Failure) -> None:
        self._ledger.add(failure, was_last=self._server.gone)
        self._tell(FailureFound(failure=failure))

    def _is_surplus(self, failure: Failure) -> bool:
        """Whether enough was told of this check at this method; that is said once."""
        code, method = failure.finding.code, failure.method
        if not self._ledger.is_full(code, method):
            return False
        if (code, method) not in self._silenced:
            self._silenced.add((code, method))
            self._tell(Notice(message=f"{code} fails in more ways; they aren't told any more", method=method))
        return True

    async def _confirmed(self, failure: Failure) -> Failure:
        """Make the case three times more, and count how often it fails in the same way."""
        hits = tries = 1
        for _ in range(CONFIRMATIONS):
            if self._server.gone:
                break
            accidents = len(self._accidents)
            hits += await self._fails_again(failure, failure.case) is not None
            tries += len(self._accidents) == accidents
            if failure.finding.timing_based and hits < tries:
                break
        return replace(failure, hits=hits, tries=tries)

    async def _fails_again(self, failure: Failure, case: Case) -> tuple[Finding, CaseResult] | None:
        result = await self.observe(case)
        if not result.health.is_well and failure.finding.code != "G101":
            self._accidents.append((case, result))
        for finding in self._jury.evaluate(case, result):
            again = replace(failure, finding=finding, case=case)
            if again.id == failure.id and not finding.is_warning:
                return finding, result
        return None

    async def _bisected(self, failure: Failure) -> Failure:
        """Find the calls that bring the server down together, where no case does alone."""
        if (known := self._crashes.explaining(failure)) is not None:
            return known
        if self._crashes.can_bisect:
            message = "the server went down, and no single case does that again: looking for the calls that do together"
            self._tell(Notice(message=message, method=failure.method))
        found = await self._crashes.bisected(failure)
        if found is None:
            return failure
        return found if found.is_flaky else await self._smallest(found, anew=True)

    async def _smallest(self, failure: Failure, *, anew: bool = False) -> Failure:
        """Make the case small, asking the server each time; with *anew*, one that was just started."""
        best: dict[Case, tuple[Finding, CaseResult]] = {}
        left = self._bounds.effort_in_all - self._spent
        if left <= 0:
            return failure
        seconds = self._bounds.effort.seconds
        if failure.result.health.exit_code is not None:
            seconds *= _DOWN  # for each try the server has to come up again
        effort = replace(self._bounds.effort, seconds=min(seconds, left))
        started = time.monotonic()

        async def fails(case: Case) -> bool:
            if anew:
                await self._monitor.renew()
            if self._server.gone:
                return False
            found = await self._fails_again(failure, case)
            if found is not None:
                best.clear()
                best[case] = found
            return found is not None

        code, generators = failure.finding.code, self._plan.generators
        smallest = await shrink(failure.case, fails, generators, effort, code=code, keeps_calls=anew)
        self._spent += time.monotonic() - started
        if smallest in best:
            finding, result = best[smallest]
            return replace(failure, finding=finding, case=smallest, result=result)
        return failure


def _are_serious(findings: Iterable[Finding]) -> bool:
    """Whether there is more among them than warnings."""
    return any(not finding.is_warning for finding in findings)
