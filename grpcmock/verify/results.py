"""What came of a verification, as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problem
    from grpcmock.matching.findings import Finding


class Verdict(Enum):
    """What became of one interaction."""

    HOLDS = "holds"
    FAILS = "fails"
    """The server does something else than the stub says."""

    PENDING = "pending"
    """It doesn't hold, and the baseline says that this is known."""

    ERROR = "error"
    """It couldn't be found out: a hook failed, or doesn't know the state."""

    SKIPPED = "skipped"
    """It isn't for a real server."""

    NOT_RUN = "not run"
    """The server went away before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
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
    """What doesn't hold."""

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
    """Why it was skipped, not run, or couldn't be found out; of others, what else is to be known."""

    calls: tuple[Seen, ...] = ()
    seconds: float = 0.0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What doesn't hold, over all calls."""
        return tuple(finding for call in self.calls for finding in call.findings)

    @property
    def is_good(self) -> bool:
        """Whether a run with this result may pass."""
        return self.verdict in (Verdict.HOLDS, Verdict.PENDING, Verdict.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a run."""

    results: tuple[Result, ...]
    target: str = ""
    started: datetime | None = None
    seconds: float = 0.0
    warnings: tuple[Problem, ...] = ()
    lost: str = ""
    """Why the rest was not run; empty if all was."""

    settled: tuple[str, ...] = ()
    """Entries of the baseline whose interactions hold by now, and those that there are no interactions for."""

    counts: Mapping[Verdict, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counter(result.verdict for result in self.results))

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong that isn't known."""
        return all(result.is_good for result in self.results)

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.is_good)

    @property
    def consumers(self) -> Sequence[str]:
        """Those whose contracts were verified, in order."""
        return tuple(dict.fromkeys(result.consumer for result in self.results))
