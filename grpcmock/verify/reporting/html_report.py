"""A verification as a page, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.reports.html import Badge, Block, Code, Diff, Difference, Figure, Fold, Mono, Page, Section, Table, Text
from grpcmock.reports.html import to_html as page_to_html
from grpcmock.verify.results import Verdict

if TYPE_CHECKING:
    from grpcmock.reports.html import Inline, Tone
    from grpcmock.verify.results import Report, Result

_TONES: dict[Verdict, Tone] = {
    Verdict.PASSED: "good",
    Verdict.FAILED: "bad",
    Verdict.ERROR: "bad",
    Verdict.PENDING: "warn",
    Verdict.NOT_RUN: "warn",
    Verdict.SKIPPED: "plain",
}


def to_html(report: Report) -> str:
    """Return a page."""
    groups = [
        ("Failed", (Verdict.FAILED, Verdict.ERROR)),
        ("Not run", (Verdict.NOT_RUN,)),
        ("Pending", (Verdict.PENDING,)),
        ("Passed", (Verdict.PASSED,)),
        ("Skipped", (Verdict.SKIPPED,)),
    ]
    sections = [Section("Consumers", [_consumers(report)])] if any(report.consumers) else []
    if report.warnings or report.stale_baseline or report.aborted:
        notes = [report.aborted, *map(str, report.warnings), *(f"Baseline: {text}." for text in report.stale_baseline)]
        sections.append(Section("To be known", [Text([text]) for text in notes if text]))
    for title, verdicts in groups:
        chosen = [result for result in report.results if result.verdict in verdicts]
        if chosen:
            tone = _TONES[verdicts[0]]
            sections.append(Section(title, list(map(_fold, chosen)), [Badge(str(len(chosen)), tone)]))
    page = Page(
        title="Verification",
        verdict=Badge("passed", "good") if report.passed else Badge("failed", "bad"),
        facts=[
            ("Server", report.target),
            ("Begun", report.started.strftime("%Y-%m-%d %H:%M:%S UTC") if report.started else ""),
            ("Took", f"{report.seconds:.2f} s"),
        ],
        figures=[
            Figure(str(report.counts.get(verdict, 0)), verdict.value, _TONES[verdict])
            for verdict in Verdict
            if report.counts.get(verdict, 0) or verdict in (Verdict.PASSED, Verdict.FAILED)
        ],
        sections=sections,
        footer="Written by grpcmock verify.",
    )
    return page_to_html(page)


def _consumers(report: Report) -> Table:
    rows: list[list[Inline]] = []
    for consumer in report.consumers:
        passed, failed, _ = report.counts_of(consumer)
        rows.append(
            [
                consumer or "(stubs)",
                Badge("failed", "bad") if failed else Badge("passed", "good"),
                str(passed),
                str(failed),
            ]
        )
    return Table(["Consumer", "Contract", "passed", "failed"], rows, frozenset({2, 3}))


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
        blocks.append(Code("\n".join([*call.responses, call.status]), "received"))
        if call.findings:
            blocks.append(Diff([Difference(one.path, one.expected, one.actual) for one in call.findings]))
    where = str(result.location) if result.location else ""
    return Fold(
        result.id,
        blocks,
        [Badge(result.verdict.value, _TONES[result.verdict])],
        note=where if where not in result.name else "",
        open=result.verdict is Verdict.FAILED,
    )
