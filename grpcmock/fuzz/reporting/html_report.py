"""A run as a page for people: failures with all that shows them again, what was covered, and when things happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock._version import __version__
from grpcmock.fuzz.checks import explain
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.checks.rendering import also_lines, case_lines, gist
from grpcmock.fuzz.coverage.totals import Share, totals
from grpcmock.fuzz.model.findings import Severity
from grpcmock.fuzz.reporting.history import rank
from grpcmock.fuzz.reporting.html_coverage import counted, coverage, never_ok
from grpcmock.fuzz.reporting.reproduction import forms
from grpcmock.reports.html import (
    Badge,
    Block,
    Code,
    Facts,
    Figure,
    Fold,
    Inline,
    Mark,
    Mono,
    Page,
    Prose,
    Section,
    Span,
    Table,
    Tabs,
    Text,
    Timeline,
    Tone,
    to_html,
)

if TYPE_CHECKING:
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.reporting.history import History, PhaseSpan

_TONES: dict[Severity, Tone] = {
    Severity.CRITICAL: "bad",
    Severity.HIGH: "bad",
    Severity.MEDIUM: "warn",
    Severity.LOW: "plain",
}
_REPRODUCED = 200
"""So many failures come with all their reproducers; thousands would make a page that no browser likes."""

_GIST = 120

_FORMS = ("grpcurl", "bash", "pytest", "go", "python", "stub")


def write(history: History) -> str:
    """Write the page."""
    failures, reach = history.failures, history.reach
    if failures:
        verdict = Badge(counted(len(failures), "failure"), "bad")
    else:
        verdict = Badge("hardly tested", "warn") if reach.too_little else Badge("nothing found", "good")
    sections = [
        *_found(history),
        *_timeline(history),
        *never_ok(history),
        *coverage(history),
        *_warnings(history),
        *_notices(history),
    ]
    covered = totals(history.coverage)
    figures = [
        Figure(str(len(failures)), "failures", "bad" if failures else "plain" if reach.too_little else "good"),
        *([Figure(str(len(history.remarks)), "remarks", "plain")] if history.remarks else []),
        *([Figure(str(len(history.known)), "accepted", "plain")] if history.known else []),
        _share("methods answered OK", covered["methods"]),
        _share("fields exercised", covered["fields"]),
        Figure(f"{history.cases:,}", "cases"),
        Figure(f"{history.calls:,}", "calls"),
        Figure(f"{history.seconds:.1f} s", "in all"),
    ]
    return to_html(
        Page(
            title=f"Fuzzing {history.target.address}",
            verdict=verdict,
            facts=_facts(history),
            figures=figures,
            sections=sections,
            footer=f"Written by grpcmock {__version__}. The same seed makes the same cases.",
        )
    )


def _share(label: str, share: Share) -> Figure:
    return Figure(f"{share.done}/{share.total}", label, "good" if share.done == share.total else "plain")


def _facts(history: History) -> list[tuple[str, str]]:
    started = history.started
    facts = [("started", history.began.strftime("%Y-%m-%d %H:%M:%S UTC"))]
    if started is not None:
        services = sorted({method.service for method in started.methods})
        shown = ", ".join(services[:8]) + (f" and {len(services) - 8} more" if len(services) > 8 else "")
        facts += [("services", shown), ("seed", str(started.seed)), ("checks", f"{len(started.checks)} made")]
    if history.interrupted:
        facts.append(("ended early", history.interrupted))
    if history.not_begun:
        facts.append(("not begun", history.not_begun))
    return facts


# Failures -----------------------------------------------------------------------------------------------


def _found(history: History) -> Iterator[Section]:
    failures, remarks, reach = history.failures, history.remarks, history.reach
    if reach.too_little:
        text = f"{reach.too_little}. To get further: {reach.hint or 'see the notes'}."
        yield Section("Hardly tested", [Text([text])], [Badge("exit code 3", "warn")])
    if not failures:
        text = "Every check that looked had nothing to say against the server."
        if reach.too_little:
            text = "Nothing was found, and nothing follows from that."
        yield Section("Failures", [Text([text])])
    else:
        counts = Counter(find_check(failure.finding.check).severity for failure in failures)
        badges = [Badge(f"{counts[one]} {one.value}", _TONES[one]) for one in Severity if counts[one]]
        yield Section("Failures", [_failure(one, history, number) for number, one in enumerate(failures)], badges)
    if remarks:
        note = Text(["Seen, but not again when the same case was made again: no failures."])
        folds = [_failure(one, history, len(failures) + number) for number, one in enumerate(remarks)]
        yield Section("Remarks", [note, *folds], [Badge(str(len(remarks)), "plain")])
    if history.known:
        note = Text(["These are in the baseline, and don't fail the run."])
        folds = [_failure(one, history, _REPRODUCED) for one in history.known]
        yield Section("Accepted", [note, *folds], [Badge(str(len(folds)), "plain")])


def _failure(failure: Failure, history: History, number: int) -> Fold:
    check = find_check(failure.finding.check)
    badges = [Badge(check.severity.value, _TONES[check.severity])]
    if failure.is_flaky:
        badges.append(Badge(f"{failure.hits} of {failure.tries} tries", "warn"))
    if failure.needs_data:
        badges.append(Badge("may need data", "warn"))
    return Fold(
        f"{check.code} {check.name}",
        list(_about(failure, history, number)),
        badges,
        note=f"{failure.method}  ·  {failure.id}",
        gist=_cut(history.secrets.hide(gist(failure))),
        open=number == 0,
    )


def _cut(text: str) -> str:
    return text if len(text) <= _GIST else f"{text[: _GIST - 1]}…"


def _about(failure: Failure, history: History, number: int) -> Iterator[Block]:
    finding, case, hide = failure.finding, failure.case, history.secrets.hide
    facts: list[tuple[str, Inline]] = [
        ("actual", Mono(hide(finding.actual))),
        ("expected", hide(finding.expected)),
        ("why this input", hide(case.why)),
    ]
    if finding.path or case.path:
        facts.append(("place", Mono(finding.path or case.path)))
    facts.append(("case", Mono(failure.first.id)))
    after = f"after {counted(failure.after_cases, 'case')}, {failure.after_seconds:.2f} s"
    facts.append(("found", f"{after}; seen in {counted(failure.seen, 'case')}"))
    facts += [
        ("also", line.split(maxsplit=1)[-1] if not index else line.strip())
        for index, line in enumerate(also_lines(failure))
    ]
    if failure.needs_data:
        facts.append(("needs", "perhaps, data that the server held then: these calls don't make all of it"))
    if reason := history.accepted.get(failure.id):
        facts.append(("accepted", reason))
    health = failure.result.health
    if health.exit_code is not None:
        facts.append(("server", f"ended with {health.exit_code}"))
    elif not health.alive:
        facts.append(("server", "takes no connections any more"))
    yield Facts(facts)
    calls = "\n".join(map(hide, case_lines(case, failure.result, history.registry)))
    yield Code(calls, "The smallest calls that show it")
    yield _reproducers(failure, history, number)
    page = explain.body(find_check(finding.check))
    if page and number < _REPRODUCED:
        yield Fold("What this check is about, and how it is fixed", [Prose(page)])


def _reproducers(failure: Failure, history: History, number: int) -> Tabs:
    again = "\n".join(
        [f"grpcmock replay {failure.id}", *(f"grpcmock export {failure.id} --as {form}" for form in _FORMS[::-1])]
    )
    panels: list[tuple[str, Sequence[Block]]] = [("grpcmock", [Code(again, copy=True)])]
    if number < _REPRODUCED:
        for form, (text, reason) in forms(failure, history, _FORMS).items():
            block = Code(text.rstrip(), copy=True) if text else Text([f"Not in this form: {reason}"])
            panels.append((form, [block]))
    return Tabs(panels, f"Ways to show {failure.id} again")


# When ---------------------------------------------------------------------------------------------------


def _timeline(history: History) -> Iterator[Section]:
    spans = [span for span in history.spans if span.cases]
    if not spans:
        return
    rows = [Span(span.phase.value, span.end - span.begin, _pace(span)) for span in spans]
    legend = [(span.phase.value, _pace(span)) for span in history.phases if span.cases]
    marks = [
        Mark(
            failure.after_seconds,
            f"{failure.id} {failure.finding.check}, {failure.after_seconds:.2f} s",
            "warn" if rank(failure) > 1 else "bad",
        )
        for failure in sorted(history.failures, key=lambda one: one.after_seconds)[:500]
    ]
    yield Section("Timeline", [Timeline(rows, marks, legend)])


def _pace(span: PhaseSpan) -> str:
    seconds = span.end - span.begin
    rate = f", {span.cases / seconds:,.0f}/s" if seconds else ""
    return f"{counted(span.cases, 'case')} in {seconds:.1f} s{rate}"


# The rest -----------------------------------------------------------------------------------------------


def _warnings(history: History) -> Iterator[Section]:
    hide = history.secrets.hide
    rows: list[list[Inline]] = [
        [
            Mono(f"{one.finding.code} {one.finding.check}"),
            Mono(one.method),
            hide(one.finding.actual),
            hide(one.finding.expected),
        ]
        for one in history.warnings
    ]
    if rows:
        yield Section(
            "Warnings", [Table(["check", "method", "seen", "better"], rows)], [Badge(str(len(rows)), "plain")]
        )


def _notices(history: History) -> Iterator[Section]:
    rows: list[list[Inline]] = [
        [Mono(one.method.full_name) if one.method else "", history.secrets.hide(one.message)] for one in history.notices
    ]
    rows += [[Mono(one.method.full_name), f"left alone: {one.reason}"] for one in history.stopped]
    if rows:
        yield Section("Notes", [Table(["method", "note"], rows)])
