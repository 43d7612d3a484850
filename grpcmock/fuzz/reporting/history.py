"""What a report is written from: all that is worth keeping of a run, heard while it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.coverage.collector import Coverage
from grpcmock.fuzz.coverage.reach import Reach
from grpcmock.fuzz.model.events import (
    CaseFinished,
    FailureFound,
    FailureRevised,
    Finished,
    MethodStopped,
    Notice,
    PhaseFinished,
    PhaseStarted,
    Started,
)
from grpcmock.fuzz.model.findings import Severity
from grpcmock.fuzz.model.secrets import Secrets
from grpcmock.fuzz.replay.case_file import Origin

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.checks.check import Check
    from grpcmock.fuzz.model.cases import Phase
    from grpcmock.fuzz.model.events import Event
    from grpcmock.fuzz.model.findings import Failure, Finding
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata


@dataclass(slots=True)
class PhaseSpan:
    """One phase, or a turn of it, in seconds after the start of the run."""

    phase: Phase
    begin: float
    end: float
    cases: int = 0
    calls: int = 0
    is_whole: bool = False
    """Whether nothing is left of the phase."""


@dataclass(frozen=True, slots=True)
class SeenWarning:
    """A finding that is no failure."""

    finding: Finding
    method: str
    """The full name."""

    after_cases: int
    """Cases until it was seen first, that one included."""

    after_seconds: float
    """Since the start of the run."""


class History:
    """Listens to a run. Nothing is lost if the run is broken off: what was heard so far is there."""

    def __init__(
        self,
        target: Target,
        *,
        origin: Origin | None = None,
        second_identity: Metadata = (),
        min_answered: float | None = None,
    ) -> None:
        """Hear of a run against *target*. *origin* says where its contract came from, and its terms; *min_answered*,
        between 0 and 1, which share of its methods must have answered OK for a run without failures to have passed."""
        self._min_answered = min_answered
        self.target = target
        self.origin = origin or Origin(target=target.address, headers=tuple(key for key, _ in target.metadata))
        self.second_identity = second_identity
        self.secrets = Secrets(target.metadata, second_identity)
        self.coverage = Coverage()
        self.began = datetime.now(UTC)
        self.started: Started | None = None
        self.finished: Finished | None = None
        self.spans: list[PhaseSpan] = []
        self.notices: list[Notice] = []
        self.stopped: list[MethodStopped] = []
        self.accepted: dict[str, str] = {}
        """Failures that a baseline accepts: why, by their ids. They don't count."""
        self.cases = 0
        self._failures: dict[str, Failure] = {}
        self._warnings: dict[tuple[str, str, str], SeenWarning] = {}
        self._clock = time.monotonic()

    def hear(self, event: Event) -> None:
        """Take an event into account."""
        self.coverage.hear(event)
        match event:
            case CaseFinished():
                self.cases += 1
                self._note_warnings(event)
            case Started():
                self.started = event
                self._clock = time.monotonic()
                names = [method.full_name for method in event.methods]
                self.secrets = Secrets(self.target.metadata, self.second_identity, public=names)
            case PhaseStarted():
                self.spans.append(PhaseSpan(event.phase, self.seconds, self.seconds))
            case PhaseFinished():
                span = self.spans[-1]
                span.end, span.cases, span.calls = span.begin + event.seconds, event.cases, event.calls
                span.is_whole = not event.goes_on
            case FailureFound():
                self._failures[event.failure.id] = event.failure
            case FailureRevised():
                self._failures.pop(event.replaces, None)
                self._failures[event.failure.id] = event.failure
            case Notice():
                self.notices.append(event)
            case MethodStopped():
                self.stopped.append(event)
            case Finished():
                self.finished = event
                self._failures = {failure.id: failure for failure in (*event.failures, *event.remarks)}

    def _note_warnings(self, event: CaseFinished) -> None:
        for finding in event.findings:
            name = (finding.method or event.case.method).full_name
            key = (finding.code, "" if finding.server_wide else name, finding.key)
            if finding.is_warning and key not in self._warnings:
                self._warnings[key] = SeenWarning(finding, name, self.cases, self.seconds)

    @property
    def reach(self) -> Reach:
        """How far the run got."""
        return Reach.of(self.coverage, self._min_answered, credentials=bool(self.target.metadata))

    @property
    def not_begun(self) -> str:
        """Say what a run that ended early didn't come to; empty if it came to everything, or didn't end early."""
        if not self.interrupted or self.started is None:
            return ""
        begun = {span.phase for span in self.spans if span.cases or span.is_whole}
        phases = [phase.value for phase in self.started.phases if phase not in begun]
        methods = [one for one in self.coverage.methods.values() if not one.cases]
        parts = [f"{', '.join(phases)} ({'a phase' if len(phases) == 1 else 'phases'})"] if phases else []
        if methods and len(methods) < len(self.started.methods):
            parts.append(f"{len(methods)} of {len(self.started.methods)} methods")
        return " and ".join(parts)

    @property
    def phases(self) -> list[PhaseSpan]:
        """The phases, each with all of its turns: ``end`` is that of one as long as they were together."""
        found: dict[Phase, PhaseSpan] = {}
        for span in self.spans:
            if (whole := found.get(span.phase)) is None:
                found[span.phase] = replace(span)
            else:
                whole.end += span.end - span.begin
                whole.cases += span.cases
                whole.calls += span.calls
        return list(found.values())

    @property
    def seconds(self) -> float:
        """How long the run has lasted, or did."""
        return self.finished.seconds if self.finished is not None else time.monotonic() - self._clock

    @property
    def calls(self) -> int:
        """How many calls were made: while the run goes, those of the cases."""
        if self.finished is not None:
            return self.finished.calls
        return sum(method.calls for method in self.coverage.methods.values())

    @property
    def failures(self) -> list[Failure]:
        """Failures that count, the worst first."""
        return self._ranked(lambda failure: failure.id not in self.accepted and not failure.is_remark)

    @property
    def remarks(self) -> list[Failure]:
        """What looked like a failure, and couldn't be shown again."""
        return self._ranked(lambda failure: failure.id not in self.accepted and failure.is_remark)

    @property
    def known(self) -> list[Failure]:
        """Failures that a baseline accepts."""
        return self._ranked(lambda failure: failure.id in self.accepted)

    def _ranked(self, wanted: Callable[[Failure], bool]) -> list[Failure]:
        chosen = [failure for failure in self._failures.values() if wanted(failure)]
        return sorted(chosen, key=lambda one: (rank(one), one.finding.code, one.case.method.full_name, one.id))

    @property
    def warnings(self) -> list[SeenWarning]:
        """What is worth saying but no failure, in the order of codes and methods."""
        return sorted(self._warnings.values(), key=lambda one: (one.finding.code, one.method, one.finding.key))

    @property
    def registry(self) -> Registry | None:
        """The contract; None if the run never started."""
        return self.started.registry if self.started is not None else None

    @property
    def checks(self) -> list[Check]:
        """The checks that looked."""
        return [find_check(code) for code in self.started.checks] if self.started is not None else []

    @property
    def counts(self) -> str:
        """What was found, in figures: ``2 failures, 1 remark``. All reports have the same."""
        told = [(len(self.failures), "failure")]
        told += [(len(found), noun) for found, noun in ((self.remarks, "remark"),) if found]
        parts = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in told]
        return ", ".join([*parts, *([f"{len(self.known)} accepted"] if self.known else [])])

    @property
    def interrupted(self) -> str:
        """Why the run ended before its time; empty if it didn't."""
        if self.finished is None:
            return "the run was broken off"
        return self.finished.interrupted


def rank(failure: Failure) -> int:
    """Give the place of a failure among others by its severity: 0 for the worst."""
    return list(Severity).index(find_check(failure.finding.check).severity)
