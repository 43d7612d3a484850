"""Differences, printed: as text for people, as JSON for programs, as annotations for GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcmock.cli.problem_report import annotation

if TYPE_CHECKING:
    from grpcmock.drift.differences import Difference
    from grpcmock.drift.outcome import Level, Outcome

_STUBS = 4
"""Stubs named for a person to read; of more, reports and JSON have the rest."""


def lines(outcome: Outcome, form: str, level: Level) -> Iterator[str]:
    """Give the report of a comparison in one of the formats; *level* says which differences count as errors."""
    if form == "json":
        yield json.dumps(outcome.document(), indent=2, ensure_ascii=False)
        return
    failing = {id(one) for one in outcome.failing(level)}
    for one in outcome.differences:
        if form == "github":
            yield _annotated(outcome, one, failed=id(one) in failing)
        else:
            yield from _text(outcome, one, failed=id(one) in failing)
    for note in outcome.notes:
        yield f"note: {note}" if form == "github" else f"{click.style('note:', bold=True)} {note}"
    color = "red" if failing else "yellow" if any(one.breaks for one in outcome.differences) else "green"
    yield outcome.summary if form == "github" else click.style(outcome.summary, fg=color, bold=True)


def _text(outcome: Outcome, one: Difference, *, failed: bool) -> Iterator[str]:
    from grpcmock.drift.differences import in_words
    from grpcmock.drift.pages import details

    home = outcome.home(one)
    where = click.style(f"{home}: ", bold=True) if home is not None else ""
    verdict = f"breaks {in_words(one.breaks)}: " if one.breaks else "compatible: "
    color = "red" if failed else "yellow" if one.breaks else "cyan"
    rule = click.style(f" [{one.rule}]", dim=True)
    yield f"{where}{click.style(verdict, fg=color, bold=True)}{one.element}: {one.message}{rule}"
    for label, value in details(outcome, one, most=_STUBS):
        yield f"    {click.style(f'{label}:', dim=True)} {value}"


def _annotated(outcome: Outcome, one: Difference, *, failed: bool) -> str:
    from grpcmock.drift.differences import in_words

    severity = "error" if failed else "warning" if one.breaks else "notice"
    verdict = f"Breaks {in_words(one.breaks)}." if one.breaks else "Compatible."
    stubs = f" Stubs: {', '.join(one.stubs)}." if one.stubs else ""
    text = f"{one.element}: {one.message} {verdict} {one.why} {one.hint}".rstrip() + stubs
    return annotation(severity, outcome.home(one), one.rule, text)


def write(outcome: Outcome, reports: Mapping[str, Path], level: Level) -> None:
    """Write the reports that were asked for, by their kinds."""
    if not reports:
        return
    from grpcmock.drift import pages
    from grpcmock.drift.sarif_report import to_sarif
    from grpcmock.reports import files
    from grpcmock.reports.allure import to_allure

    for kind, path in reports.items():
        match kind:
            case "junit":
                text = pages.to_junit(outcome, level)
            case "html":
                text = pages.to_html(outcome, level)
            case "sarif":
                text = to_sarif(outcome, level)
            case "allure":
                files.write_all(path, to_allure(pages.suites(outcome, level)))
                continue
            case _:
                text = json.dumps(outcome.document(), indent=2, ensure_ascii=False) + "\n"
        files.write(path, text)
