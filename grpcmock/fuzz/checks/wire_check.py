"""How the checks below the messages are written down, with their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.wire_pages import PAGES

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import CheckFunction
    from grpcmock.fuzz.model.findings import Severity


def check(
    code: str,
    name: str,
    severity: Severity,
    title: str,
    evaluate: CheckFunction,
    *,
    targeted: bool = True,
    supersedes: str = "",
) -> Check:
    """Make a check of the wire level; *covers* names the codes of others that it makes needless."""
    return Check(
        code=code,
        name=name,
        severity=severity,
        title=title,
        evaluate=evaluate,
        targeted=targeted,
        page=PAGES[code],
        supersedes=frozenset(supersedes.split()),
    )
