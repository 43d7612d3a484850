"""The shape of a check: a code, a name, words, and a function from a case and what was seen of it to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Finding, Severity
    from grpcmock.fuzz.model.results import CaseResult

CheckFunction = Callable[["Case", "CaseResult", "Expectations"], Iterator["Finding"]]
"""Yields what is wrong with what was seen of a case, as the contract has it. It makes no calls and keeps nothing: what
it needs to know must be in the result."""


class Promise(Enum):
    """What is true of the answer to a call, where its status or its time says all that a check demands."""

    HANDLED = "handled"
    """It is neither UNKNOWN nor INTERNAL."""

    TAKEN = "taken"
    """It is not INVALID_ARGUMENT."""

    REFUSED = "refused"
    """It is not OK."""

    DENIED = "denied"
    """It is UNAUTHENTICATED or PERMISSION_DENIED."""

    NAMED = "named"
    """It is what the finding expects, where that begins with the name of a status, ``NOT_FOUND for 'a': …``; else it is
    OK, where what came begins with that of an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold of every server. What sets it apart from others is said here, and nowhere else."""

    code: str
    """``G102``."""

    name: str
    """``unhandled_error``. Findings and cases name their check by it."""

    severity: Severity

    title: str
    """What must hold, in one sentence."""

    evaluate: CheckFunction

    targeted: bool = False
    """Whether it looks only at cases that have it among their ``targets``."""

    supersedes: frozenset[str] = frozenset()
    """Names of checks that have nothing to add on a case where this one found something."""

    needs_rules: bool = False
    """Whether it rests on the rules that the contract states for requests, so that a smaller request must keep, or
    break, the same ones."""

    reads: frozenset[str] = frozenset()
    """Which of the user's files it goes by: ``stubs``, ``links``. A replay needs them again."""

    concerns_security: bool = False
    """Whether what it finds is of use to an attacker."""

    tells_all: bool = False
    """Whether each of its findings at a method is told, however many there are."""

    promises: tuple[Promise, ...] = ()
    """What must be true of the statuses of the last calls of the method, if that says it all. Tests that are handed on
    assert it in so many words; where there are none, they ask the check."""

    page: str = ""
    """What ``grpcmock explain`` shows besides, in Markdown. Checks of this package have theirs in ``pages/``."""
