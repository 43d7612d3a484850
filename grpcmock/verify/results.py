"""What came of a verification, as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problem
    from grpcmock.matching.findings import Finding


class Verdict(Enum):
    """What became of one interaction."""

    PASSED = "passed"
    FAILED = "failed"
    """The server does something else than the stub says."""

    PENDING = "pending"
    """It failed, and the baseline says that this is known."""

    ERROR = "error"
    """It couldn't be verified: a hook failed, or doesn't know the state."""

    SKIPPED = "skipped"
    """It isn't for a real server."""

    NOT_RUN = "not run"
    """The server went away before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSummary:
    """One call that was made."""

    label: str = ""
    """Which part of the stub it was for, where it has several."""

    requests: tuple[str, ...] = ()
    """In ProtoJSON."""

    metadata: tuple[tuple[str, str], ...] = ()
    """What was sent besides; what may be secret is left out."""

    responses: tuple[str, ...] = ()
    """In ProtoJSON; of what can't be decoded, its size."""

    status: str = ""
    """Such as ``OK`` or ``NOT_FOUND: User not found``."""

    findings: tuple[Finding, ...] = ()
    """The differences between what was expected and what came."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one interaction."""

    id: str
    name: str
    consumer: str
    method: str
    kind: str
    location: Location | None
    given: str
    verdict: Verdict
    reason: str = ""
    """Why it was skipped, not run, or couldn't be verified; of others, what else is to be known."""

    calls: tuple[CallSummary, ...] = ()
    seconds: float = 0.0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The differences, over all calls."""
        return tuple(finding for call in self.calls for finding in call.findings)

    @property
    def is_good(self) -> bool:
        """Whether a run with this result may pass."""
        return self.verdict in (Verdict.PASSED, Verdict.PENDING, Verdict.SKIPPED)


class ConsumerCounts(NamedTuple):
    """How the contract of one consumer stands."""

    passed: int
    failed: int
    """Those that failed without being known to, couldn't be verified, or were not run."""

    total: int
    """All but those that are not for a real server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a run."""

    results: tuple[Result, ...]
    target: str = ""
    started: datetime | None = None
    seconds: float = 0.0
    warnings: tuple[Problem, ...] = ()
    aborted: str = ""
    """Why the rest was not run; empty if all was."""

    stale_baseline: tuple[str, ...] = ()
    """Entries of the baseline that are not needed any more, and why: their stubs pass by now, or are gone."""

    counts: Mapping[Verdict, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counter(result.verdict for result in self.results))

    @property
    def passed(self) -> bool:
        """Whether all was run, and nothing is wrong that isn't known."""
        return not self.aborted and all(result.is_good for result in self.results)

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results for which a run fails."""
        return tuple(result for result in self.results if not result.is_good)

    @property
    def consumers(self) -> Sequence[str]:
        """Those whose contracts were verified, in order."""
        return tuple(dict.fromkeys(result.consumer for result in self.results))

    def counts_of(self, consumer: str) -> ConsumerCounts:
        """Return how the contract of a consumer stands."""
        counts = Counter(result.verdict for result in self.results if result.consumer == consumer)
        failed = sum(counts[verdict] for verdict in (Verdict.FAILED, Verdict.ERROR, Verdict.NOT_RUN))
        return ConsumerCounts(counts[Verdict.PASSED], failed, sum(counts.values()) - counts[Verdict.SKIPPED])
