"""The engine of a run: trials of all phases are made and judged, what fails is confirmed and made small."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.words import shape
from grpcmock.fuzz.company import Company, company
from grpcmock.fuzz.events import (
    Event,
    Finished,
    Found,
    Listener,
    MethodStopped,
    Noticed,
    PhaseFinished,
    PhaseStarted,
    Started,
    Tried,
)
from grpcmock.fuzz.evidence import Ending, Evidence, Health
from grpcmock.fuzz.failures import Failure, Finding, Severity
from grpcmock.fuzz.phases.plan import maker_of, notices_of
from grpcmock.fuzz.process import accepts
from grpcmock.fuzz.shrinking import Effort, shrink
from grpcmock.fuzz.trials import Expect, Phase
from grpcmock.fuzz.wire.reflected import reflections
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.evidence import Reply
    from grpcmock.fuzz.health import Server
    from grpcmock.fuzz.jury import Jury
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.runner import Runner
    from grpcmock.fuzz.trials import Trial
    from grpcmock.schema import Method, Registry

CONFIRMATIONS = 3
"""So often a trial that failed is made again."""

_PARTS = 5
"""A trial that looks at memory is made in so many parts, with a look between them."""

_OUTAGES = 3
"""After so many calls without an answer, once that is a known failure, a method is left alone."""

_NOT_THERE = 10
"""After so many trials that were answered UNIMPLEMENTED, and none that wasn't, a method is left alone."""

_CUT_SHORT = frozenset({Code.CANCELLED, Code.DEADLINE_EXCEEDED})
"""What a call says that the client ends, whether the method is there or not."""

_ANSWERED_SO = frozenset({"G111", "G120", "G144"})
"""Checks whose trials a method that is there may well answer so."""

_FAILURES_EACH = 5
"""So many failures of one check are told for one method: what comes after them would hardly be news."""

_ALIKE = 3
"""So many failures of one check in which the server says the same are told; more methods are named with the first."""

_WAITING = 16
"""So many trials are made at once that do little but wait."""

_FIRST = 12
"""So many trials of each method does a phase make in its first turn."""

_SECOND = {Phase.BOUNDARY: 400, Phase.EXAMPLES: 100, Phase.WIRE: 60, Phase.RANDOM: 36, Phase.STATEFUL: 100}
"""And so many in its second one, the phases from the last to the first; what is left comes after that."""

_NO_ANSWER = frozenset({Ending.LOST, Ending.OVERDUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a run goes."""

    phases: tuple[Phase, ...] = tuple(Phase)
    max_cases: int = 200
    """Trials of the random phase, for each method."""

    max_seconds: float | None = None
    in_flight: int = 4
    """Trials that are made at once, where one says nothing about another."""

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
        runner: Runner,
        plan: Plan,
        jury: Jury,
        *,
        bounds: Bounds | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._server = server
        self._runner = runner
        self._plan = plan
        self._jury = jury
        self._bounds = bounds or Bounds()
        self._listeners = tuple(listeners)
        self._failures: dict[str, Failure] = {}
        self._silenced: dict[tuple[str, str], int] = {}
        self._advice: dict[tuple[str, str, str], Finding] = {}
        self._stopped: set[Method] = set()
        self._outages: dict[Method, int] = {}
        self._unimplemented: dict[Method, int] = {}
        self._gone_with = ""
        self._open_ended: set[str] = set()
        self._covering = {check.code: jury.covering(check.code) for check in jury.checks}
        self._trials = 0
        self._started = 0.0
        self._spent = 0.0
        self._interrupted = ""
        self._task: asyncio.Task[None] | None = None
        self._next_call = 0.0

    @property
    def registry(self) -> Registry:
        """The contract."""
        return self._plan.registry

    def judge(self, trial: Trial, evidence: Evidence) -> tuple[Finding, ...]:
        """Give all that the checks of the run have against what was seen of a trial, the worst first."""
        return self._jury.judge(trial, evidence)

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
        finished = Finished(
            failures=tuple(sorted(self._failures.values(), key=self._rank)),
            advice=tuple(self._advice.values()),
            trials=self._trials,
            calls=self._runner.calls,
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
        """Make the first trials of all phases, which tell the most, before the rest of any."""
        courses = [_Course(phase, self._plan, self._bounds.max_cases) for phase in self._bounds.phases]
        turns: list[tuple[_Course, int | None]] = []
        if len(courses) > 1:
            # Lists are short while a server keeps little: then it shows what they leave out.
            stateful_first = sorted(courses, key=lambda course: course.phase is not Phase.STATEFUL)
            turns += [(course, _FIRST) for course in stateful_first]
            turns += [(course, _SECOND[course.phase]) for course in reversed(courses)]
        for course, most in (*turns, *((course, None) for course in courses)):
            if course.makers and not self._server.gone:
                await self._turn(course, most)

    async def _turn(self, course: _Course, most: int | None) -> None:
        started, trials, calls = time.monotonic(), self._trials, self._runner.calls
        self._tell(PhaseStarted(phase=course.phase, planned=self._planned(course.phase, most)))
        if not course.has_begun:
            course.has_begun = True
            for message in notices_of(course.phase, self._plan):
                self._tell(Noticed(message=message))
        try:
            await self._follow(course, most)
        finally:
            self._tell(
                PhaseFinished(
                    phase=course.phase,
                    trials=self._trials - trials,
                    calls=self._runner.calls - calls,
                    seconds=time.monotonic() - started,
                    goes_on=bool(course.makers),
                )
            )

    def _planned(self, phase: Phase, most: int | None) -> int | None:
        if phase is Phase.RANDOM:
            each = self._bounds.max_cases if most is None else min(most, self._bounds.max_cases)
            return each * len([method for method in self._plan.methods if method not in self._stopped])
        return len(self._plan.examples) if phase is Phase.EXAMPLES else None

    async def _follow(self, course: _Course, most: int | None) -> None:
        """Make up to so many trials of each method; the methods take turns, so that none waits for another's end."""
        batches: dict[Company, list[Trial]] = {}
        for trial in course.take(most, self._stopped):
            kind = company(trial, self._runner.open_ended)
            batch = batches.setdefault(kind, [])
            batch.append(trial)
            if len(batch) >= self._room(kind):
                batches[kind] = []
                await self._make(batch)
            if self._server.gone:
                return
        for batch in batches.values():
            await self._make(batch)

    def _room(self, kind: Company) -> int:
        """Give how many trials of a kind are made at once."""
        workers = max(self._bounds.in_flight, 1)
        if kind is Company.NONE or workers == 1:
            return 1
        return _WAITING if kind is Company.WAITING else workers

    async def _make(self, batch: list[Trial]) -> None:
        """Make trials, at once if there are several; judge them in their order."""
        if not batch:
            return
        if len(batch) == 1:
            seen = [await self.observe(batch[0])]
        else:
            seen = await asyncio.gather(*(self._runner.run(trial) for trial in batch))
            if any(reply.ending is Ending.LOST for evidence in seen for reply in evidence.replies):
                seen = await self._one_by_one(batch, seen)
        for trial, evidence in zip(batch, seen, strict=True):
            if len(batch) > 1 and trial.expect is Expect.SAME and self._jury.judge(trial, evidence):
                evidence = await self.observe(trial)  # what differs when others call, too, may do so for that reason
            await self._take(trial, evidence)
        if self._bounds.per_second is not None:
            await self._wait_for_rate()

    async def _one_by_one(self, batch: list[Trial], seen: list[Evidence]) -> list[Evidence]:
        """Find out which of several trials brought the server down: make each alone."""
        health = await self._revive()
        if self._is_gone():
            return [replace(evidence, health=health) for evidence in seen]
        lost = [reply for evidence in seen for reply in evidence.replies if reply.ending is Ending.LOST]
        if health.alive and health.exit_code is None and all(reply.call.raw is not None for reply in lost):
            return seen  # a raw request may break HTTP/2 itself, for which its own connection is dropped
        again: list[Evidence] = []
        for trial in batch:
            again.append(await self.observe(trial))
            if self._is_gone():
                break
        return again + seen[len(again) :]

    def _is_gone(self) -> bool:
        return self._server.gone

    async def _wait_for_rate(self) -> None:
        rate = self._bounds.per_second
        assert rate is not None
        ahead = self._started + self._runner.calls / rate - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)

    # Trials ---------------------------------------------------------------------------------------------

    async def observe(self, trial: Trial) -> Evidence:
        """Make a trial, and see how the server fares with it."""
        if "G147" in trial.aims or "G138" in trial.aims:
            evidence = await self._observe_use(trial)
        else:
            evidence = await self._runner.run(trial)
        if "G145" in trial.aims:
            said = await reflections(self._server.channel, self._server.target.metadata)
            evidence = replace(evidence, reflected=said)
        if await self._is_cut_off(evidence):
            return replace(evidence, health=await self._revive())
        if self._server.process is not None and self._server.process.exit_code is not None:
            return replace(evidence, health=await self._revive())
        return evidence

    async def _is_cut_off(self, evidence: Evidence) -> bool:
        """Whether the server may be gone. A raw request has a connection of its own, which may well be closed on it."""
        lost = [reply for reply in evidence.replies if reply.ending in _NO_ANSWER]
        if all(reply.call.raw is not None for reply in lost):
            return bool(lost) and not await accepts(self._server.target.address)
        return True

    async def _observe_use(self, trial: Trial) -> Evidence:
        """Make a trial and look at what the server uses: between the parts of a repetition, or all the while."""
        if self._server.look() is None:
            return await self._runner.run(trial)
        if trial.repeat >= _PARTS:
            if trial.method.path in self._runner.open_ended:
                trial = replace(trial, repeat=_PARTS)  # each takes its time
            part = replace(trial, repeat=trial.repeat // _PARTS)
            replies: list[Any] = []
            samples = [self._server.look()]
            for _ in range(_PARTS):
                replies += (await self._runner.run(part)).replies
                samples.append(self._server.look())
        else:
            async with self._server.watched() as watched:
                replies = list((await self._runner.run(trial)).replies)
            samples = [watched[0], max(watched, key=lambda sample: sample.memory)] if watched else []
        seen = [sample for sample in samples if sample is not None]
        health = Health(
            memory=tuple(sample.memory for sample in seen),
            threads=tuple(sample.threads for sample in seen),
            descriptors=tuple(sample.descriptors for sample in seen),
        )
        return Evidence(replies=tuple(replies), health=health)

    async def _revive(self) -> Health:
        health = await self._server.revive()
        if not self._server.gone:
            self._runner.use(self._server.channel)
        else:
            self._interrupted = f"{self._server.target} takes no connections any more"
            if self._server.process is None:
                self._interrupted += "; with --server-cmd it would be started anew"
        return health

    async def _take(self, trial: Trial, evidence: Evidence) -> None:
        """Judge a trial, tell of it, and go after what is wrong."""
        self._trials += 1
        findings = self._jury.judge(trial, evidence)
        self._tell(Tried(trial=trial, evidence=evidence, findings=findings))
        self._plan.lessons.learn(trial, evidence, self._plan.registry)
        if len(self._runner.open_ended) != len(self._open_ended):
            self._tell_open_ended()
        for finding in findings:
            await self._take_finding(trial, evidence, finding)
        self._count_outage(trial, evidence)
        self._count_unimplemented(trial, evidence)

    def _tell_open_ended(self) -> None:
        for path in sorted(self._runner.open_ended - self._open_ended):
            method = self._plan.registry.methods.get(path)
            self._tell(
                Noticed(message="its stream goes on until the client leaves: it counts as open-ended", method=method)
            )
        self._open_ended |= self._runner.open_ended

    def _count_outage(self, trial: Trial, evidence: Evidence) -> None:
        """Leave a method alone that gives no answer any more, once that has been told."""
        method = trial.method
        if evidence.health.alive and not any(map(_is_outage, evidence.replies)):
            if evidence.last.ending is Ending.SERVER and not trial.aims:
                self._outages.pop(method, None)
            return
        self._outages[method] = self._outages.get(method, 0) + 1
        if self._outages[method] >= _OUTAGES and method not in self._stopped:
            self._stopped.add(method)
            reason = f"{self._outages[method]} trials in a row had no answer, or brought the server down"
            self._tell(MethodStopped(method=method, reason=reason))

    def _count_unimplemented(self, trial: Trial, evidence: Evidence) -> None:
        """Leave a method alone that has never answered anything but UNIMPLEMENTED: G144 tells of it."""
        method, count = trial.method, self._unimplemented.get(trial.method, 0)
        if trial.expect is Expect.UNDECODABLE or trial.aims & _ANSWERED_SO:
            return
        own = [reply for reply in evidence.replies if reply.call.method is method]
        codes = {reply.code for reply in own if reply.responses or reply.ending is Ending.SERVER} - _CUT_SHORT
        if codes - {Code.UNIMPLEMENTED}:
            self._unimplemented[method] = -sys.maxsize
        elif codes:
            self._unimplemented[method] = count + 1
            if count + 1 == _NOT_THERE:
                self._stopped.add(method)

    # Failures -------------------------------------------------------------------------------------------

    async def _take_finding(self, trial: Trial, evidence: Evidence, finding: Finding) -> None:
        if finding.method is not None:
            trial = replace(trial, method=finding.method)
        method = trial.method.full_name
        if finding.advice:
            self._advice.setdefault((finding.code, "" if finding.common else method, finding.key), finding)
            return
        failure = Failure(
            finding=finding,
            trial=trial,
            evidence=evidence,
            first=trial,
            after_trials=self._trials,
            after_seconds=time.monotonic() - self._started,
        )
        if (known := self._known(failure)) is not None:
            self._failures[known.id] = _seen_again(known, method)
            return
        if self._is_surplus(failure):
            return
        failure = await self._confirmed(failure)
        if failure.is_flaky and finding.measured:
            return
        if not failure.is_flaky and failure.tries > 1:
            failure = await self._smallest(failure)
        self._failures[failure.id] = failure
        if failure.finding.code == "G101" and self._server.gone:
            self._gone_with = failure.id
        self._tell(Found(failure=failure))

    def _known(self, failure: Failure) -> Failure | None:
        """Give the failure that tells of this fault already: the same one, or that of a check that covers it."""
        if (known := self._failures.get(failure.id)) is not None:
            return known
        if failure.finding.code == "G101" and self._gone_with:
            return self._failures[self._gone_with]  # it was under way, too, when the server went
        alike = [other for other in self._failures.values() if _is_alike(other, failure)]
        if len(alike) >= _ALIKE:
            return alike[0]
        covering = self._covering.get(failure.finding.code, frozenset())
        if not covering or not failure.finding.key:
            return None
        for other in self._failures.values():
            if (
                other.finding.code in covering
                and other.finding.key == failure.finding.key
                and other.method is failure.method
            ):
                return other
        return None

    def _is_surplus(self, failure: Failure) -> bool:
        code, method = failure.finding.code, failure.method
        count = sum(other.finding.code == code and other.method is method for other in self._failures.values())
        if count < _FAILURES_EACH:
            return False
        key = (code, method.full_name)
        self._silenced[key] = self._silenced.get(key, 0) + 1
        if self._silenced[key] == 1:
            message = f"{code} has failed in {count} ways already; other ways aren't told any more"
            self._tell(Noticed(message=message, method=method))
        return True

    async def _confirmed(self, failure: Failure) -> Failure:
        """Make the trial three times more, and count how often it fails in the same way."""
        hits = tries = 1
        for _ in range(CONFIRMATIONS):
            if self._server.gone:
                break
            tries += 1
            hits += await self._fails_again(failure, failure.trial) is not None
            if failure.finding.measured and hits < tries:
                break
        return replace(failure, hits=hits, tries=tries)

    async def _fails_again(self, failure: Failure, trial: Trial) -> tuple[Finding, Evidence] | None:
        evidence = await self.observe(trial)
        for finding in self._jury.judge(trial, evidence):
            again = replace(failure, finding=finding, trial=trial)
            if again.id == failure.id and not finding.advice:
                return finding, evidence
        return None

    async def _smallest(self, failure: Failure) -> Failure:
        """Make the trial small, asking the server each time."""
        best: dict[Trial, tuple[Finding, Evidence]] = {}
        left = self._bounds.effort_in_all - self._spent
        if left <= 0:
            return failure
        effort = replace(self._bounds.effort, seconds=min(self._bounds.effort.seconds, left))
        started = time.monotonic()

        async def fails(trial: Trial) -> bool:
            if self._server.gone:
                return False
            found = await self._fails_again(failure, trial)
            if found is not None:
                best.clear()
                best[trial] = found
            return found is not None

        smallest = await shrink(failure.trial, fails, self._plan.generators, effort)
        self._spent += time.monotonic() - started
        if smallest in best:
            finding, evidence = best[smallest]
            return replace(failure, finding=finding, trial=smallest, evidence=evidence)
        return failure


class _Course:
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


def _is_alike(one: Failure, other: Failure) -> bool:
    """Whether two failures, at different methods, are likely of one cause: the server says the same of both."""
    if (one.finding.code, one.finding.key) != (other.finding.code, other.finding.key):
        return False
    return bool(other.evidence.last.message) and other.finding.key == shape(other.evidence.last)


def _seen_again(known: Failure, method: str) -> Failure:
    """Count one more trial that shows a failure, and the method if it is a new one."""
    others = known.others
    if method != known.method.full_name and method not in others:
        others += (method,)
    return replace(known, seen=known.seen + 1, others=others)


def _is_outage(reply: Reply) -> bool:
    call = reply.call
    if call.raw is not None:
        return False
    return reply.ending in _NO_ANSWER or (reply.ending is Ending.DEADLINE and call.deadline is None)
