"""A verification told in lines of text, in JSON, as JUnit XML, and as a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.matching.miss import refused_lines
from grpcmock.reports.html import Badge, Block, Code, Diff, Difference, Figure, Fold, Mono, Page, Section, Table, Text
from grpcmock.reports.html import to_html as page_to_html
from grpcmock.reports.junit import Case, Suite, Trouble, to_xml
from grpcmock.verify.results import Verdict

if TYPE_CHECKING:
    from grpcmock.reports.html import Inline, Tone
    from grpcmock.verify.results import Report, Result, Seen

_TONES: dict[Verdict, Tone] = {
    Verdict.HOLDS: "good",
    Verdict.FAILS: "bad",
    Verdict.ERROR: "bad",
    Verdict.PENDING: "warn",
    Verdict.NOT_RUN: "warn",
    Verdict.SKIPPED: "plain",
}
_MOST_SHOWN = 5


def result_lines(result: Result) -> list[str]:
    """Tell of one interaction: what it is, and what doesn't hold."""
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


def _call_lines(call: Seen) -> Iterator[str]:
    if call.label:
        yield f"  {call.label}"
    yield from _listed("sent", [*call.requests, *(f"{key}: {value}" for key, value in call.metadata)])
    yield from _listed("came", [*call.responses, call.status])
    yield from (line[2:] for line in refused_lines(call.findings))


def _listed(what: str, texts: Sequence[str]) -> Iterator[str]:
    shown = texts if len(texts) <= _MOST_SHOWN else [*texts[: _MOST_SHOWN - 1], texts[-1]]
    for number, text in enumerate(shown):
        if number == _MOST_SHOWN - 1 and len(texts) > _MOST_SHOWN:
            yield f"        … {len(texts) - _MOST_SHOWN} more"
        yield f"  {what if number == 0 else '':4}  {text if len(text) <= 200 else text[:199] + '…'}"


def summary(report: Report) -> str:
    """Count what became of all interactions, in one sentence."""
    total = len(report.results)
    parts = [
        f"{count} {_verb(verdict, count)}"
        for verdict in Verdict
        if (count := report.counts.get(verdict, 0)) or verdict is Verdict.HOLDS
    ]
    stubs = "1 stub" if total == 1 else f"{total:,} stubs"
    at = f" at {report.target}" if report.target else ""
    return f"{', '.join(parts)} of {stubs}{at}, in {report.seconds:.1f} s."


def _verb(verdict: Verdict, count: int) -> str:
    if verdict in (Verdict.HOLDS, Verdict.FAILS):
        word: str = verdict.value
        return word if count == 1 else word.removesuffix("s")
    if verdict is Verdict.ERROR:
        return "could not be verified"
    return str(verdict.value)


def consumer_lines(report: Report) -> list[str]:
    """Say of each consumer how its contract stands; nothing if there is none by name."""
    consumers = [consumer for consumer in report.consumers if consumer]
    lines = []
    for consumer in consumers:
        counts = Counter(result.verdict for result in report.results if result.consumer == consumer)
        broken = sum(counts[verdict] for verdict in (Verdict.FAILS, Verdict.ERROR, Verdict.NOT_RUN))
        total = sum(counts.values()) - counts[Verdict.SKIPPED]
        stands = f"breaks: {broken} of {total} don't hold" if broken else f"holds: {counts[Verdict.HOLDS]} of {total}"
        lines.append(f"the contract of {consumer} {stands}")
    return lines


# --- For programs -----------------------------------------------------------------------------------------------------


def to_json(report: Report) -> str:
    """Write all that is known, as one JSON document."""
    document: dict[str, Any] = {
        "target": report.target,
        "started": report.started.isoformat() if report.started else None,
        "seconds": round(report.seconds, 6),
        "holds": report.holds and not report.lost,
        "counts": {verdict.value: report.counts.get(verdict, 0) for verdict in Verdict},
        "lost": report.lost,
        "warnings": [str(problem) for problem in report.warnings],
        "settled": list(report.settled),
        "results": [_result_document(result) for result in report.results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _result_document(result: Result) -> dict[str, Any]:
    return {
        "id": result.id,
        "name": result.name,
        "consumer": result.consumer or None,
        "method": result.method,
        "kind": result.kind,
        "file": result.location.file if result.location else None,
        "line": (result.location.line or None) if result.location else None,
        "given": result.given or None,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "seconds": round(result.seconds, 6),
        "calls": [
            {
                "label": call.label,
                "requests": list(call.requests),
                "metadata": [list(pair) for pair in call.metadata],
                "responses": list(call.responses),
                "status": call.status,
                "findings": [
                    {"path": finding.path, "expected": finding.expected, "actual": finding.actual}
                    for finding in call.findings
                ],
                "seconds": round(call.seconds, 6),
            }
            for call in result.calls
        ],
    }


def to_junit(report: Report) -> str:
    """Write JUnit XML: a suite for each consumer and file, a case for each stub."""
    suites: dict[str, list[Result]] = {}
    for result in report.results:
        file = result.location.file if result.location else ""
        suites.setdefault(result.consumer or file or "stubs", []).append(result)
    properties = [("target", report.target)] if report.target else []
    return to_xml(
        [
            Suite(
                name=name,
                cases=tuple(map(_case, results)),
                started=report.started,
                properties=properties,
            )
            for name, results in suites.items()
        ],
        "grpcmock verify",
    )


def _case(result: Result) -> Case:
    text = "\n".join(result_lines(result))
    first = result.findings[0] if result.findings else None
    said = f"{first.path}: expected {first.expected}, actual {first.actual}" if first else result.reason
    more = len(result.findings) - 1
    failure = error = skipped = None
    match result.verdict:
        case Verdict.FAILS:
            failure = Trouble(f"{said}, and {more} more" if more > 0 else said, text, "difference")
        case Verdict.ERROR:
            error = Trouble(result.reason, text, "setup")
        case Verdict.NOT_RUN:
            error = Trouble(result.reason, text, "not-run")
        case Verdict.PENDING:
            skipped = f"pending: {said}"
        case Verdict.SKIPPED:
            skipped = result.reason
    return Case(
        name=result.name,
        classname=result.method.replace("/", "."),
        seconds=result.seconds,
        failure=failure,
        error=error,
        skipped=skipped,
        file=result.location.file if result.location else "",
        line=result.location.line if result.location else 0,
    )


# --- For people -------------------------------------------------------------------------------------------------------


def to_html(report: Report) -> str:
    """Write a page."""
    groups = [
        ("What doesn't hold", (Verdict.FAILS, Verdict.ERROR)),
        ("Not run", (Verdict.NOT_RUN,)),
        ("Pending", (Verdict.PENDING,)),
        ("What holds", (Verdict.HOLDS,)),
        ("Skipped", (Verdict.SKIPPED,)),
    ]
    sections = [Section("Consumers", [_consumers(report)])] if any(report.consumers) else []
    if report.warnings or report.settled or report.lost:
        told = [report.lost, *map(str, report.warnings), *(f"Baseline: {text}." for text in report.settled)]
        sections.append(Section("To be known", [Text([text]) for text in told if text]))
    for title, verdicts in groups:
        chosen = [result for result in report.results if result.verdict in verdicts]
        if chosen:
            tone = _TONES[verdicts[0]]
            sections.append(Section(title, list(map(_fold, chosen)), [Badge(str(len(chosen)), tone)]))
    good = report.holds and not report.lost
    page = Page(
        title="Verification",
        verdict=Badge("the contract holds", "good") if good else Badge("the contract doesn't hold", "bad"),
        facts=[
            ("Server", report.target),
            ("Begun", report.started.strftime("%Y-%m-%d %H:%M:%S UTC") if report.started else ""),
            ("Took", f"{report.seconds:.2f} s"),
        ],
        figures=[
            Figure(str(report.counts.get(verdict, 0)), verdict.value, _TONES[verdict])
            for verdict in Verdict
            if report.counts.get(verdict, 0) or verdict in (Verdict.HOLDS, Verdict.FAILS)
        ],
        sections=sections,
        footer="Written by grpcmock verify.",
    )
    return page_to_html(page)


def _consumers(report: Report) -> Table:
    rows: list[list[Inline]] = []
    for consumer in report.consumers:
        counts = Counter(result.verdict for result in report.results if result.consumer == consumer)
        broken = sum(counts[verdict] for verdict in (Verdict.FAILS, Verdict.ERROR, Verdict.NOT_RUN))
        rows.append(
            [
                consumer or "(stubs)",
                Badge("breaks", "bad") if broken else Badge("holds", "good"),
                str(counts[Verdict.HOLDS]),
                str(broken),
            ]
        )
    return Table(["Consumer", "Contract", "hold", "don't"], rows, frozenset({2, 3}))


def _fold(result: Result) -> Fold:
    blocks: list[Block] = [Text([Mono(result.method), f" {result.kind}"])]
    if result.given:
        blocks.append(Text(["Given: ", Mono(result.given)]))
    if result.reason:
        blocks.append(Text([result.reason]))
    for call in result.calls:
        if call.label:
            blocks.append(Text([Badge(call.label)]))
        sent = "\n".join([*call.requests, *(f"{key}: {value}" for key, value in call.metadata)])
        blocks.append(Code(sent or "(no message)", "sent"))
        blocks.append(Code("\n".join([*call.responses, call.status]), "came"))
        if call.findings:
            blocks.append(Diff([Difference(one.path, one.expected, one.actual) for one in call.findings]))
    where = str(result.location) if result.location else ""
    return Fold(
        result.id,
        blocks,
        [Badge(result.verdict.value, _TONES[result.verdict])],
        note=where if where not in result.name else "",
        open=result.verdict is Verdict.FAILS,
    )


WRITERS = {"junit": to_junit, "json": to_json, "html": to_html}
"""Each kind of report, and the function that writes it."""


def chosen(report: Report, verdicts: Iterable[Verdict]) -> list[Result]:
    """Give the results with one of these verdicts."""
    wanted = set(verdicts)
    return [result for result in report.results if result.verdict in wanted]
