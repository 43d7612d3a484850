"""What a check is about, in Markdown: what must hold, why it matters, what usually breaks it, how that is fixed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.fuzz import checks as package
from grpcmock.fuzz.checks.registry import all_checks

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check

_PAGES = Path(package.__path__[0]) / "pages"


def page(check: Check) -> str:
    """Return the page of a check."""
    head = f"# {check.code} {check.name}\n\n**{check.title}**\n\n"
    facts = f"Severity: {check.severity.value}. Leave it out with `--exclude-checks {check.name}`.\n\n"
    return f"{head}{facts}{body(check)}\n"


def body(check: Check) -> str:
    """Return what the page says beyond the title; empty if nobody has written it."""
    file = _PAGES / f"{check.code}.md"
    return (file.read_text(encoding="utf-8") if file.is_file() else check.page).strip()


def table() -> list[tuple[str, str, str, str]]:
    """List all checks: code, name, severity, what must hold."""
    return [(check.code, check.name, check.severity.value, check.title) for check in all_checks()]


def markdown_table() -> str:
    """Return the list of all checks as a table in Markdown: ``docs/checks.md`` holds it."""
    rows = [f"| {code} | `{name}` | {severity} | {title} |" for code, name, severity, title in table()]
    return "\n".join(["| code | name | severity | what must hold |", "|---|---|---|---|", *rows])
