"""How the checks below the messages are written down, with their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.wire_pages import PAGES

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Judge
    from grpcmock.fuzz.model.findings import Severity


def check(
    code: str, name: str, severity: Severity, title: str, judge: Judge, *, aimed: bool = True, covers: str = ""
) -> Check:
    """Make a check of the wire level; *covers* names the codes of others that it makes needless."""
    return Check(
        code=code,
        name=name,
        severity=severity,
        title=title,
        judge=judge,
        aimed=aimed,
        page=PAGES[code],
        covers=frozenset(covers.split()),
    )
