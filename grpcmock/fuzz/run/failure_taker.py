"""What becomes of a finding: is it known, can it be shown again, how small does it get, and does it need data?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.events import Event, FailureFound, FailureRevised, Notice
from grpcmock.fuzz.model.findings import Failure, Finding, Severity
from grpcmock.fuzz.run.failure_log import FailureLog
from grpcmock.fuzz.shrinking.plainest import is_suspicious

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.suite import CheckSuite
    from grpcmock.fuzz.execution.server import Server
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.shrinking.confirmation import Confirmation
    from grpcmock.schema import Method


class FailureTaker:
    """Takes findings, and tells of failures."""

    def __init__(
        self,
        suite: CheckSuite,
        confirmation: Confirmation,
        server: Server,
        proven: set[tuple[str, str, str]],
        tell: Callable[[Event], None],
    ) -> None:
        """Note in *proven* what was shown to be wrong: see ``Plan``."""
        self.warnings: dict[tuple[str, str, str], Finding] = {}
        self._suite = suite
        self._confirmation = confirmation
        self._server = server
        self._proven = proven
        self._tell = tell
        self._log = FailureLog(suite.checks)
        self._silenced: set[tuple[str, Method]] = set()
        self._has_habit = False
        self._unsure: list[str] = []
        """The ids of those for which there was too little time: they are looked at again at the end."""

    @property
    def failures(self) -> list[Failure]:
        """All that was told, remarks among them, the worst first."""
        return sorted(self._log.failures.values(), key=self._rank)

    def _rank(self, failure: Failure) -> tuple[int, str, str]:
        severity = self._suite.checks[failure.finding.check].severity
        return (list(Severity).index(severity), failure.finding.code, failure.method.full_name)

    async def take(self, case: Case, result: CaseResult, finding: Finding, *, cases: int, seconds: float) -> None:
        """Go after a finding of the case that was the so many-th, after so many *seconds*."""
        if finding.method is not None:
            case = replace(case, method=finding.method)
        method = case.method.full_name
        if finding.is_warning:
            key = (finding.check, "" if finding.server_wide else method, finding.key)
            self.warnings.setdefault(key, finding)
            return
        case = replace(case, sub_cases=())
        # Where a service is silent for good, any call of it would look like the one that has silenced it.
        is_last = finding.server_down and result.health.silent != "" and self._server.process is None
        if is_last:
            finding = replace(finding, causes=(f"{result.health.silent} is silent",))
        failure = Failure(
            finding=finding, case=case, result=result, first=case, after_cases=cases, after_seconds=seconds
        )
        self._confirmation.begin()
        if not is_last and (is_suspicious(failure) or self._log.known(failure) is None):
            failure = await self._confirmation.plainest(failure)
        blame = () if failure.finding.causes else finding.causes
        failure = replace(failure, was_last=is_last or self._went_within(failure))
        if self._has(failure, method):
            self._note(failure)
            return
        if self._is_surplus(failure):
            return
        if is_last:
            self._add(failure)
            return
        failure = await self._confirmed(failure)
        if failure.is_flaky and finding.timing_based:
            return  # noise
        if finding.server_down and self._has(failure, failure.method.full_name):
            return  # led back to calls that are known to bring the server down
        self._add(failure)
        self._log.note_blame(failure, blame)
        if self._confirmation.ran_out and failure.is_remark:
            self._unsure.append(failure.id)

    async def _confirmed(self, failure: Failure) -> Failure:
        try:
            return await self._confirmation.confirm(failure)
        except asyncio.CancelledError:
            if not failure.finding.timing_based and (seen := self._confirmation.so_far) is not None:
                self._add(seen)  # as it was seen, though it might have got smaller
            raise

    def _went_within(self, failure: Failure) -> bool:
        """Whether the server, which isn't ours to start anew, has gone for good while a call of the failure was under
        way. Where none was, somebody may have stopped it."""
        if not (failure.finding.server_down and self._server.gone and self._server.process is None):
            return False
        return any(reply.was_cut_off for reply in failure.result.replies)

    def _has(self, failure: Failure, method: str) -> bool:
        """Whether a fault is known; if so, it is counted."""
        found = self._log.has(failure, method)
        self._tell_withdrawn()
        return found

    def _add(self, failure: Failure) -> None:
        self._log.add(failure, was_last=self._server.gone)
        self._note(failure)
        self._tell(FailureFound(failure=failure))
        self._tell_withdrawn()
        self._tell_habit()

    def _tell_habit(self) -> None:
        """Say, once, that errors without a status aren't told one by one any more."""
        habit = self._log.habit
        if habit is not None and not self._has_habit:
            self._has_habit = True
            message = f"errors come without a status in many ways; from here on they count to {habit.id}"
            self._tell(Notice(message=message))

    def _note(self, failure: Failure) -> None:
        self._proven.add((failure.finding.check, failure.method.full_name, failure.finding.path))

    def _tell_withdrawn(self) -> None:
        """Tell of failures that have turned out to be part of others."""
        withdrawn = self._log.withdrawn
        while withdrawn:
            part, head = withdrawn.popitem()
            while head in withdrawn:
                head = withdrawn[head]
            if head in self._log.failures:
                self._tell(FailureRevised(failure=self._log.failures[head], replaces=part))

    def _is_surplus(self, failure: Failure) -> bool:
        """Whether enough was told of this check at this method; that is said once."""
        check, method = failure.finding.check, failure.method
        if self._suite.checks[check].tells_all or not self._log.is_full(check, method):
            return False
        if (check, method) not in self._silenced:
            self._silenced.add((check, method))
            message = f"{failure.finding.code} fails in more ways; they aren't told any more"
            self._tell(Notice(message=message, method=method))
        return True

    async def settle(self) -> None:
        """Make failures again on a server that was just started: those that rest on what earlier cases had left there
        are made to create it, or say so."""
        for failure in [self._log.failures[one] for one in self._unsure if one in self._log.failures]:
            if self._server.gone:
                return
            self._revise(failure, await self._confirmation.made_sure_of(failure))
        for failure in sorted(self.failures, key=lambda one: not one.needs_data):
            if self._server.gone:
                return
            self._confirmation.begin()
            self._confirmation.so_far = None
            try:
                self._revise(failure, await self._confirmation.on_fresh_server(failure))
            except asyncio.CancelledError:
                self._revise(failure, self._confirmation.so_far)
                raise

    def _revise(self, failure: Failure, settled: Failure | None) -> None:
        if settled is None or settled == failure or settled.id != failure.id:
            return
        self._log.failures[failure.id] = settled
        self._tell(FailureRevised(failure=settled))
