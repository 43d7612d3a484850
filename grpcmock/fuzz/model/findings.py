"""Failures as data: what a check found, on which case, and the smallest calls that show it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.schema import Method


class Severity(Enum):
    """How bad a failure is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has to say against one case."""

    expected: str
    """What the contract demands, in words."""

    actual: str
    """What came instead."""

    check: str = ""
    """The name of the check: ``unhandled_error``. Checks of users needn't say it: their decorator does."""

    path: str = ""
    """The place in the request or response that it is about; empty for the whole."""

    key: str = ""
    """What tells this fault from others of the same check and method: findings with equal keys are one failure."""

    causes: tuple[str, ...] = ()
    """What is likely behind it, whichever check tells of it and at whichever method: findings that share one of their
    causes are one failure."""

    method: Method | None = None
    """The method that is wrong, where that isn't the one that was tried: in a conversation it may be another."""

    is_warning: bool = False
    """Worth saying, but no failure."""

    server_wide: bool = False
    """Likely the doing of the server's library, and so alike at all its methods: told once, for the first of them."""

    timing_based: bool = False
    """Whether it rests on time or memory, so that what doesn't repeat is noise and no failure."""

    may_lag: bool = False
    """Whether a server that shows changes a moment later may do so by right: what a pause mends is a remark."""

    server_down: bool = False
    """Whether it says that the server has gone, or has dropped its connections: then later calls may fail with it."""

    code: str = ""
    """The code of the check, by which people name it: ``G102``. The suite of checks fills it in."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where else the cause of a failure was seen."""

    code: str
    method: str
    """The full name."""

    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A fault of the server, shown by the smallest case that was found for it."""

    finding: Finding
    case: Case
    result: CaseResult

    first: Case
    """The case that showed it first, before it was made smaller."""

    after_cases: int
    """How many cases the run had made when it was found, this one among them."""

    after_seconds: float

    hits: int = 1
    tries: int = 1
    """How often it was seen in how many tries of the same case; fewer hits than tries make it flaky."""

    shown_anew: bool = False
    """Whether it was seen again on servers that were just started, though not each time on one that was used."""

    was_last: bool = False
    """Whether its call was under way when the server went for good, or fell silent: it can't be made again."""

    seen: int = 1
    """How many cases of the run showed it."""

    also: tuple[Sighting, ...] = ()
    """Where the same cause was seen by another check, at another method or place, in the order in which it was."""

    needs_data: bool = False
    """Whether it rests on what the server held when it was found, and its calls don't make that."""

    @property
    def method(self) -> Method:
        """The method that is wrong."""
        return self.finding.method or self.case.method

    @property
    def others(self) -> tuple[str, ...]:
        """The full names of more methods that showed it."""
        names = dict.fromkeys(one.method for one in self.also)
        names.pop(self.method.full_name, None)
        return tuple(names)

    @property
    def is_flaky(self) -> bool:
        return self.hits < self.tries

    @property
    def is_remark(self) -> bool:
        """Whether it is worth a line but no failure, since it can't be shown again.

        Only where calls are made at once, or on servers that were just started, may one go well for once; and a server
        that has gone counts if it goes again by the same calls, has ended in a way that nobody from outside would
        choose, or went for good within a call.
        """
        if self.finding.server_down:
            return self.hits == 1 and not (self.was_last or self.result.health.ended_by_itself)
        at_once = self.case.concurrent or self.case.together
        return self.is_flaky and not self.shown_anew and not (at_once and self.hits > 1)

    @property
    def id(self) -> str:
        """Stable from run to run, and short enough to type: ``G102-3f9a1c``."""
        finding = self.finding
        prefix = finding.code or finding.check
        if finding.causes:
            what = "\0".join((prefix, finding.causes[0]))
        else:
            where = "" if finding.server_wide else self.method.full_name
            what = "\0".join((prefix, where, finding.key or finding.path))
        return f"{prefix}-{blake2b(what.encode(), digest_size=3).hexdigest()}"
