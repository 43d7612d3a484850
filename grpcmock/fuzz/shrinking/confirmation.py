"""What makes sure of a failure: it is made again, a crash is led back to its calls, and what is firm is made small."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.events import Notice
from grpcmock.fuzz.model.results import CaseResult, Termination
from grpcmock.fuzz.shrinking.case_shrinking import shrink, without_clearing
from grpcmock.fuzz.shrinking.crashes import Crashes
from grpcmock.fuzz.shrinking.fresh_ids import FreshIds
from grpcmock.fuzz.shrinking.lateness import is_long, slowly
from grpcmock.fuzz.shrinking.own_data import after_its_makers, changes_in, needs_data, with_own_data
from grpcmock.fuzz.shrinking.plainest import alone, is_suspicious, simpler
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.suite import CheckSuite
    from grpcmock.fuzz.execution.monitor import Monitor
    from grpcmock.fuzz.generation.generator import Generators
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Failure, Finding
    from grpcmock.fuzz.shrinking.case_shrinking import Effort
    from grpcmock.schema import Method

CONFIRMATIONS = 3
"""So often a case that failed is made again."""

HITS_ANEW = 2
TRIES_ANEW = 5
"""What isn't seen each time must be seen so often, in so many tries, on servers that were just started."""

_SPENT = frozenset({Code.ALREADY_EXISTS, Code.NOT_FOUND})

_DOWN = 4
"""So many times as long may it take to make a case small that brings the server down: it has to come up each time."""


class Confirmation:
    """Makes sure of one failure after the other, within bounds for all of them."""

    def __init__(
        self,
        monitor: Monitor,
        suite: CheckSuite,
        generators: Generators,
        tell: Callable[[Notice], None],
        simplest: Callable[[Method], bytes],
        *,
        effort: Effort,
        seconds_in_all: float,
        seconds_each: float = math.inf,
    ) -> None:
        """*simplest* gives a valid request of a method; *effort* is for making one failure small, *seconds_in_all* for
        all of them, *seconds_each* for all that is done about one."""
        self.so_far: Failure | None = None
        """What is known of the failure that is being confirmed, for when that is broken off."""
        self._monitor = monitor
        self._suite = suite
        self._generators = generators
        self._effort = effort
        self._seconds_left = seconds_in_all
        self._seconds_each = seconds_each
        self._until = math.inf
        self.ran_out = False
        """Whether time was up before it was clear whether the last one can be shown again."""
        self._tell = tell
        self._crashes = Crashes(monitor, suite.evaluate)
        self._accidents: list[tuple[Case, CaseResult]] = []
        self._simplest = simplest
        self._tries = itertools.count(1)
        """Of all failures: two that one case has shown would make the same things otherwise."""
        self._last = CaseResult(replies=())
        """What was seen of the last try."""
        self._blamed: set[tuple[str, ...]] = set()
        """What blames a part of requests, rightly so: by check, method, part and cause."""
        self._innocent: set[tuple[str, ...]] = set()
        """What does so, but the part doesn't matter."""

    def accidents(self) -> Iterator[tuple[Case, CaseResult]]:
        """Yield, once, the cases that brought the server down while another failure was confirmed."""
        while self._accidents:
            yield self._accidents.pop(0)

    def begin(self) -> None:
        """Turn to another failure, which has its time from now on."""
        self._until = time.monotonic() + self._seconds_each
        self.ran_out = False

    @property
    def _is_late(self) -> bool:
        return time.monotonic() >= self._until

    async def confirm(self, failure: Failure) -> Failure:
        """Return the failure with how often it was seen; the smallest calls that show it, if it was seen each time."""
        # What may be merely late is no failure before it was looked at once more.
        self.so_far = None if failure.finding.may_lag else failure
        failure = await self._made_again(failure)
        if not failure.finding.may_lag:
            self.so_far = failure
        health = failure.result.health
        if failure.is_flaky and not health.is_well and not failure.finding.timing_based:
            is_outside = health.exit_code is not None and not health.ended_by_itself
            return failure if is_outside else await self._bisected(failure)
        if failure.finding.may_lag:
            if failure.tries > 1 and not failure.is_flaky and is_long(failure.case):
                failure = await self._smallest(failure)  # or it takes a pause for each change
            failure = self.so_far = await self._made_again_slowly(failure)
            if failure.is_flaky:
                return failure
        if failure.is_flaky:
            return await self._made_again_anew(failure)
        if failure.tries > 1:
            failure = self.so_far = await self._smallest(failure)
        if failure.finding.server_down or self._monitor.is_gone or self._is_late:
            return failure
        own = await with_own_data(failure, self._suite.evaluate, self._monitor.observe, self._monitor.changes)
        return await self._smallest(own) if own.case is not failure.case else own

    async def plainest(self, failure: Failure) -> Failure:
        """Return a failure as the simplest call tells it to which the server says the same; as it is, if there is none.

        One that blames a part of its request, rightly, stands for itself.
        """
        suspicious = is_suspicious(failure)
        key = (failure.finding.check, failure.method.full_name, failure.finding.path, *failure.finding.causes)
        if suspicious and key in self._blamed:
            return replace(failure, finding=replace(failure.finding, causes=()))
        if suspicious and key in self._innocent:
            return failure
        for case in simpler(failure, self._simplest(failure.method)):
            if self._monitor.is_gone:
                return failure
            result = await self._monitor.observe(case)
            if not result.health.is_well:
                self._accidents.append((case, result))
                return failure
            for finding in self._suite.evaluate(case, result):
                if not finding.is_warning and not set(failure.finding.causes).isdisjoint(finding.causes):
                    self._innocent.add(key)
                    return replace(failure, finding=finding, case=case, result=result)
        if suspicious:
            self._blamed.add(key)
            return replace(failure, finding=replace(failure.finding, causes=()))
        return await self._alone(failure)

    async def _alone(self, failure: Failure) -> Failure:
        """Return a failure by one of its calls alone, if that shows it and its check looks at each call by itself."""
        check = self._suite.checks[failure.finding.check]
        has_ended = failure.result.health.exit_code is not None
        can_tell = not failure.finding.server_down or (self._monitor.can_renew and has_ended)
        if check.targeted or check.needs_rules or failure.finding.timing_based or not can_tell:
            return failure
        fresh = FreshIds(failure.case, failure.result, self._tries)
        for case in map(fresh.given_to, alone(failure)):
            if self._monitor.is_gone:
                return failure
            if (found := await self._fails_again(failure, case)) is not None:
                finding, result = found
                return replace(failure, finding=finding, case=case, result=result)
        return failure

    async def _made_again(self, failure: Failure) -> Failure:
        """Make the case some times more, and count how often it fails in the same way."""
        hits = tries = 1
        fresh = FreshIds(failure.case, failure.result, self._tries)
        for number in range(CONFIRMATIONS):
            if self._monitor.is_gone or (number and self._is_late):
                break
            if failure.result.health.silent and tries > 1:
                break  # each try takes a deadline, and a server that is started anew
            accidents = len(self._accidents)
            # What is shown late of new things is shown by now of those that are there.
            case = failure.case if failure.finding.may_lag else fresh.given_to(failure.case)
            found = await self._fails_again(failure, case)
            hits += found is not None
            # What another fault has ended says nothing of this one, nor a busy machine, nor what had its effect before.
            tries += found is not None or (len(self._accidents) == accidents and not self._is_spent(failure))
            if hits < tries and (failure.finding.timing_based or (self._monitor.can_renew and self._hung)):
                break  # noise; or it takes a server on which nothing hangs yet
        return replace(failure, hits=hits, tries=tries)

    async def _made_again_anew(self, failure: Failure) -> Failure:
        """Return a failure as it is on servers that were just started, if it is seen there again: what it did to the
        one that there is, such as to leave a lock behind, may keep it from being seen."""
        if failure.finding.timing_based or failure.finding.server_down or not self._monitor.can_renew:
            return failure
        hits = tries = 0
        while hits < HITS_ANEW and tries < TRIES_ANEW:
            if self._is_late:
                self.ran_out = True
                return failure
            await self._monitor.renew()
            if self._monitor.is_gone:
                return failure
            hits += await self._fails_again(failure, failure.case) is not None
            tries += 1
        if hits < HITS_ANEW:
            return failure
        failure = replace(failure, hits=hits + 1, tries=tries + 1, shown_anew=True)
        return failure if failure.is_flaky else await self._smallest(failure, anew=True)

    async def _made_again_slowly(self, failure: Failure) -> Failure:
        """Make the case once more, and look at each change a while later only: what is right then was merely late."""
        slow = slowly(failure.case)
        found = await self._fails_again(failure, slow)
        if found is None and self._monitor.can_renew:
            await self._monitor.renew()
            found = await self._fails_again(failure, slow)
        return replace(failure, hits=failure.hits + (found is not None), tries=failure.tries + 1)

    @property
    def _hung(self) -> bool:
        """Whether a call of the last try had no end."""
        return any(reply.termination in (Termination.DEADLINE, Termination.OVERDUE) for reply in self._last.replies)

    def _is_spent(self, failure: Failure) -> bool:
        """Whether the last try had no chance: what the calls made is there since the first one, or what they took away
        is gone, or there was no processor for it."""
        before, now = failure.result.replies, self._last.replies
        if any(reply.termination is Termination.STARVED for reply in now):
            return True
        return any(one.is_ok and other.code in _SPENT for one, other in zip(before, now, strict=False))

    async def _fails_again(self, failure: Failure, case: Case) -> tuple[Finding, CaseResult] | None:
        observe = self._monitor.observe_fairly if failure.finding.timing_based else self._monitor.observe
        result = self._last = await observe(case)
        if not result.health.is_well and not failure.finding.server_down:
            self._accidents.append((case, result))
        stands_alone = not failure.finding.causes
        for finding in self._suite.evaluate(case, result):
            finding = replace(finding, causes=()) if stands_alone else finding
            again = replace(failure, finding=finding, case=case)
            if again.id == failure.id and not finding.is_warning:
                return finding, result
        return None

    async def _bisected(self, failure: Failure) -> Failure:
        """Find the calls that bring the server down together, where no case does alone."""
        if (known := self._crashes.explaining(failure)) is not None:
            return known
        if self._is_late:
            self.ran_out = True
            return failure
        if self._crashes.can_bisect:
            message = "the server went down, and no single case does that again: looking for the calls that do together"
            self._tell(Notice(message=message, method=failure.method))
        try:
            found = await self._crashes.bisected(failure, within=self._until - time.monotonic())
        finally:  # also where it is broken off: fewer calls that bring the server down are worth telling
            self.so_far = self._crashes.found(failure) or failure
        if found is None:
            self.ran_out = self._is_late
            return failure
        return found if found.is_flaky else await self._smallest(found, anew=True)

    async def made_sure_of(self, failure: Failure) -> Failure:
        """Go on where time was up before."""
        self.begin()
        return await (self._bisected(failure) if failure.finding.server_down else self._made_again_anew(failure))

    async def on_fresh_server(self, failure: Failure) -> Failure:
        """Return a failure as a server shows it that was just started: by its smallest calls, by those that showed it
        first, or after those that made what it needs; else one that says that it needs data."""
        if failure.finding.server_down or failure.is_remark:
            return failure
        for case in (failure.case, failure.first, after_its_makers(failure, self._monitor.changes)):
            if case is None:
                continue
            await self._monitor.renew()
            if self._monitor.is_gone:
                return failure
            found = await self._fails_again(failure, case)
            if found is not None:
                finding, result = found
                fresh = replace(failure, finding=finding, case=case, result=result, needs_data=False)
                self.so_far = fresh
                if case is failure.case:
                    return fresh
                bare = replace(fresh, case=without_clearing(case, result))
                smaller = await self._smallest(bare, anew=True, keeps_calls=False)
                return fresh if smaller is bare else smaller
        return replace(failure, needs_data=True)

    async def _smallest(self, failure: Failure, *, anew: bool = False, keeps_calls: bool = True) -> Failure:
        """Make the case small, asking the server each time; with *anew*, one that was just started, and and with all
        its calls, if it *keeps_calls*. What needs no data that was there before goes on to need none."""
        best: dict[Case, tuple[Finding, CaseResult, Case]] = {}
        fresh = FreshIds(failure.case, failure.result, self._tries)
        stands_alone = not anew and not self._needs_data(failure)
        # One that may rest on other things besides goes on to make those that it made.
        kept = 0 if anew or stands_alone else changes_in(failure.case, failure.result)
        effort = self._effort_for(failure)
        if effort is None:
            return failure

        async def fails(case: Case) -> bool:
            if anew:
                await self._monitor.renew()
            if self._monitor.is_gone or not fresh.are_kept_by(case):
                return False
            tried = case if anew else fresh.given_to(case)
            found = await self._fails_again(failure, tried)
            if found is None:
                return False
            finding, result = found
            if not anew and (
                changes_in(tried, result) < kept
                or (stands_alone and self._needs_data(replace(failure, finding=finding, case=tried, result=result)))
            ):
                return False
            best.clear()
            best[case] = finding, result, tried
            return True

        started = time.monotonic()
        needs_rules = self._suite.checks[failure.finding.check].needs_rules
        smallest = await shrink(
            failure.case,
            fails,
            self._generators,
            effort,
            needs_rules=needs_rules,
            keeps_calls=anew and keeps_calls,
            is_fresh=anew or bool(fresh),
        )
        self._seconds_left -= time.monotonic() - started
        if smallest not in best:
            return failure
        finding, result, tried = best[smallest]
        return replace(failure, finding=finding, case=tried, result=result)

    def _needs_data(self, failure: Failure) -> bool:
        return needs_data(failure, self._suite.evaluate, self._monitor.changes)

    def _effort_for(self, failure: Failure) -> Effort | None:
        """Return how much may be spent on a failure; None if nothing is left."""
        left = min(self._seconds_left, self._until - time.monotonic())
        if left <= 0:
            return None
        seconds = self._effort.seconds
        if failure.result.health.exit_code is not None:
            seconds *= _DOWN
        return replace(self._effort, seconds=min(seconds, left))
