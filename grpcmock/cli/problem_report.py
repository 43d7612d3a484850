"""Problems, printed: as text for people, as JSON for programs, as annotations for GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problem

FORMATS = ("text", "json", "github")


def lines(problems: Sequence[Problem], form: str, *, checked: str = "") -> Iterator[str]:
    """Give the report of *problems* in one of the formats. *checked* says in words what was looked at."""
    match form:
        case "json":
            yield json.dumps(document(problems), indent=2, ensure_ascii=False)
        case "github":
            yield from map(_annotation, problems)
            yield summary(problems, checked)
        case _:
            yield from map(_styled, problems)
            yield _color(summary(problems, checked), problems)


def summary(problems: Iterable[Problem], checked: str = "") -> str:
    """Count the problems in words: ``2 errors, 1 warning in 12 stubs.``"""
    severities: list[str] = [problem.severity for problem in problems]
    counts = [
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity in ("error", "warning", "info")
        if (count := severities.count(severity)) or severity == "error"
    ]
    text = ", ".join(counts) if severities else "No problems"
    return f"{text} in {checked}." if checked else f"{text}."


def document(problems: Sequence[Problem]) -> dict[str, Any]:
    """Give problems as JSON."""
    return {
        "errors": sum(problem.severity == "error" for problem in problems),
        "warnings": sum(problem.severity == "warning" for problem in problems),
        "problems": [
            {
                "severity": problem.severity,
                "rule": problem.rule,
                "message": problem.message,
                "hint": problem.hint,
                "stub": problem.stub,
                "path": problem.path,
                "file": problem.location.file if problem.location else None,
                "line": problem.location.line or None if problem.location else None,
                "column": problem.location.column or None if problem.location else None,
            }
            for problem in problems
        ],
    }


_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def _annotation(problem: Problem) -> str:
    path = f"{problem.path}: " if problem.path else ""
    text = f"{path}{problem.message} {problem.hint}".rstrip()
    return annotation(_COMMANDS[problem.severity], problem.location, problem.rule, text)


def annotation(command: str, where: Location | None, rule: str, text: str) -> str:
    """Give a workflow command (docs.github.com: "Workflow commands for GitHub Actions")."""
    properties: dict[str, object] = {}
    if where:
        properties = {"file": where.file, "line": where.line, "col": where.column}
    properties["title"] = f"grpcmock: {rule}"
    written = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in properties.items() if value)
    return f"::{command} {written}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    for character in ("%", "\r", "\n", *more):  # the percent sign first: the others bring their own
        text = text.replace(character, f"%{ord(character):02X}")
    return text


_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def _styled(problem: Problem) -> str:
    where = click.style(f"{problem.location}: ", bold=True) if problem.location else ""
    severity = click.style(f"{problem.severity}: ", fg=_COLORS[problem.severity], bold=True)
    path = f"{problem.path}: " if problem.path else ""
    hint = f" {problem.hint}" if problem.hint else ""
    rule = click.style(f" [{problem.rule}]", dim=True)
    return f"{where}{severity}{path}{problem.message}{hint}{rule}"


def _color(text: str, problems: Sequence[Problem]) -> str:
    severities = {problem.severity for problem in problems}
    color = "red" if "error" in severities else "yellow" if "warning" in severities else "green"
    return click.style(text, fg=color, bold=True)
