"""The shape of a check: a code, a name, words, and a function from what was tried and seen to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Finding, Severity
    from grpcmock.fuzz.model.results import CaseResult

CheckFunction = Callable[["Case", "CaseResult", "Expectations"], Iterator["Finding"]]
"""Says what is wrong with what was seen of a case, under the terms of the contract. It makes no calls and keeps
nothing: what it needs to know must be in the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold of every server."""

    code: str
    """``G102``."""

    name: str
    """``unhandled_error``."""

    severity: Severity

    title: str
    """What must hold, in one sentence."""

    evaluate: CheckFunction

    targeted: bool = False
    """Whether it looks only at cases that aim at it."""

    supersedes: frozenset[str] = frozenset()
    """Codes of checks that have nothing to add on a case where this one found something."""

    page: str = ""
    """What ``grpcmock explain`` shows besides, in Markdown: why it matters, what causes it, how it is mended."""
