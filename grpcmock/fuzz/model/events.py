"""What happens in a run, as it happens: the engine tells, and terminal and reports listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case, Phase
    from grpcmock.fuzz.model.findings import Failure, Finding
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.schema import Method, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run begins."""

    target: str
    seed: int
    methods: tuple[Method, ...]
    phases: tuple[Phase, ...]
    checks: tuple[str, ...]
    """The codes of the checks that look."""

    registry: Registry
    """The contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A phase begins, or goes on: the first cases of all phases come before the rest of any."""

    phase: Phase
    planned: int | None = None
    """How many cases it has at most in this turn; None if that isn't known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFinished:
    """A case was made and checked."""

    case: Case
    result: CaseResult
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFound:
    """A failure was confirmed, and its case made as small as it gets."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRevised:
    """More is known of a failure that was told."""

    failure: Failure
    replaces: str = ""
    """The id of one that was told for itself, and has turned out to be of the same cause; empty if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodStopped:
    """A method is left alone for the rest of the run."""

    method: Method
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something worth a line that is no failure: a method found to be open-ended, a check that can't run."""

    message: str
    method: Method | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFinished:
    """A phase has ended, or a turn of it."""

    phase: Phase
    cases: int
    calls: int
    seconds: float
    goes_on: bool = False
    """Whether there may be another turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The run has ended."""

    failures: tuple[Failure, ...]
    """Those that count, and that a baseline may accept."""

    warnings: tuple[Finding, ...]
    cases: int
    calls: int
    seconds: float
    remarks: tuple[Failure, ...] = ()
    """What looked like a failure, and couldn't be shown again."""

    interrupted: str = ""
    """Why it ended before its time: ``Ctrl-C``, ``--max-time``; empty if it didn't."""

    lost: bool = False
    """Whether it ended because the server takes no connections any more."""


Event = (
    Started
    | PhaseStarted
    | CaseFinished
    | FailureFound
    | FailureRevised
    | MethodStopped
    | Notice
    | PhaseFinished
    | Finished
)

Listener = Callable[[Event], None]
"""Hears every event, in order. It must not raise and should not take long."""
