"""A verification in lines of text, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.matching.findings import cut
from grpcmock.verify.results import Verdict

if TYPE_CHECKING:
    from grpcmock.matching.findings import Finding
    from grpcmock.verify.results import CallSummary, Report, Result

_MAX_SHOWN = 5
"""Messages shown of one side."""

_MAX_DIFFERENCES = 8
_MAX_WIDTH = 200
_MAX_COLUMN = 40
"""Characters up to which a path, or a value, has those of the other lines stand below it."""


def result_lines(result: Result) -> list[str]:
    """Return what is to be said of one interaction: what it is, and what differs."""
    where = f"  {result.location}" if result.location and str(result.location) not in result.name else ""
    lines = [f"{result.id}{where}", f"  {result.method}, {result.kind}"]
    if result.given:
        lines.append(f"  given: {result.given}")
    if result.reason:
        lines.append(f"  {result.reason}")
    for call in result.calls:
        if call.findings:
            lines += _call_lines(call)
    return lines


def _call_lines(call: CallSummary) -> Iterator[str]:
    if call.label:
        yield f"  {call.label}"
    yield from _listed("sent", [*call.requests, *(f"{key}: {value}" for key, value in call.metadata)])
    yield from _listed("received", [*call.responses, call.status])
    yield from _difference_lines(call.findings)


def _listed(what: str, texts: Sequence[str]) -> Iterator[str]:
    shown = texts if len(texts) <= _MAX_SHOWN else [*texts[: _MAX_SHOWN - 1], texts[-1]]
    for number, text in enumerate(shown):
        if number == _MAX_SHOWN - 1 and len(texts) > _MAX_SHOWN:
            yield f"            … {len(texts) - _MAX_SHOWN} more"
        yield f"  {what if number == 0 else '':8}  {text if len(text) <= _MAX_WIDTH else text[: _MAX_WIDTH - 1] + '…'}"


def _difference_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the differences, one a line, their parts below each other."""
    shown = findings[:_MAX_DIFFERENCES]
    path_width = min(max(len(found.path) for found in shown), _MAX_COLUMN)
    expected_width = min(max(len(found.expected) for found in shown), _MAX_COLUMN)
    for found in shown:
        expected = f"expected {found.expected:<{expected_width}}"
        yield f"     {found.path:<{path_width}}  {expected}  actual {cut(found.actual)}"
    if len(findings) > len(shown):
        yield f"     and {len(findings) - len(shown)} more differences"


def summary(report: Report) -> str:
    """Count what became of all interactions, in one sentence."""
    total = len(report.results)
    parts = [
        f"{count} {_word(verdict)}"
        for verdict in Verdict
        if (count := report.counts.get(verdict, 0)) or verdict is Verdict.PASSED
    ]
    stubs = "1 stub" if total == 1 else f"{total:,} stubs"
    at = f" at {report.target}" if report.target else ""
    return f"{', '.join(parts)} of {stubs}{at}, in {report.seconds:.1f} s."


def _word(verdict: Verdict) -> str:
    return "could not be verified" if verdict is Verdict.ERROR else str(verdict.value)


def consumer_lines(report: Report) -> Iterator[tuple[str, bool]]:
    """Yield for each consumer how its contract stands, and whether it passed; nothing if there is none by name."""
    for consumer in filter(None, report.consumers):
        passed, failed, total = report.counts_of(consumer)
        stands = f"failed: {failed} of {total}" if failed else f"passed: {passed} of {total}"
        yield f"the contract of {consumer} {stands}", not failed
