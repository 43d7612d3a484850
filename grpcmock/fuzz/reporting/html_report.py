"""A run as a page for people: failures with all that shows them again, what was covered, and when things happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock._version import __version__
from grpcmock.fuzz.checks import explain
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.checks.rendering import also_lines, case_lines, gist
from grpcmock.fuzz.coverage.collector import LEFT
from grpcmock.fuzz.coverage.totals import WHAT, Share, shares, totals
from grpcmock.fuzz.model.findings import Severity
from grpcmock.fuzz.reporting.history import rank
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
    Meter,
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
    from grpcmock.fuzz.coverage.collector import MethodCoverage
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

_DETAILED = 300
"""So many methods are shown field by field."""

_GIST = 120

_FORMS = ("grpcurl", "bash", "pytest", "go", "python", "stub")
_YES, _NO = Badge("✓", "good"), Badge("–", "plain")


def write(history: History) -> str:
    """Write the page."""
    failures, reach = history.failures, history.reach
    if failures:
        verdict = Badge(_count(len(failures), "failure"), "bad")
    else:
        verdict = Badge("hardly tested", "warn") if reach.too_little else Badge("nothing found", "good")
    sections = [
        *_found(history),
        *_timeline(history),
        *_never_ok(history),
        *_coverage(history),
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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
    after = f"after {_count(failure.after_cases, 'case')}, {failure.after_seconds:.2f} s"
    facts.append(("found", f"{after}; seen in {_count(failure.seen, 'case')}"))
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
    return f"{_count(span.cases, 'case')} in {seconds:.1f} s{rate}"


# Coverage -----------------------------------------------------------------------------------------------


def _never_ok(history: History) -> Iterator[Section]:
    never = list(history.coverage.never_ok())
    if not never or not history.cases:
        return
    note = Text(["What lies behind these answers wasn't exercised: credentials, data or a rule may be missing."])
    rows: list[list[Inline]] = [
        [Mono(str(one.method)), history.secrets.hide(one.why_never_ok), one.stopped] for one in never
    ]
    table = Table(["method", "most frequent answer", "left alone"], rows)
    yield Section("Methods that never answered OK", [note, table], [Badge(str(len(never)), "warn")])


def _coverage(history: History) -> Iterator[Section]:
    methods = list(history.coverage.methods.values())
    if not methods:
        return
    total = totals(history.coverage)
    what = [key for key in WHAT if total[key].total]
    columns = ["method", "calls", "statuses", *(WHAT[key] for key in what)]
    rows = [_method_row(method, what) for method in methods]
    if len(rows) > 1:
        rows.append(["all", "", "", *(Meter(total[key].done, total[key].total) for key in what)])
    folds = [_method_fold(method, history) for method in methods[:_DETAILED]]
    words = (
        f"{LEFT.capitalize()}: we cancelled, or stopped reading, before the server gave a status. Of requests, only"
        " those count that got past UNAUTHENTICATED, PERMISSION_DENIED and UNIMPLEMENTED."
    )
    yield Section("Coverage of the contract", [Text([words]), Table(columns, rows, frozenset({1})), *folds])


def _method_row(method: MethodCoverage, what: Sequence[str]) -> list[Inline]:
    statuses = ", ".join(f"{code} {count:,}" for code, count in method.statuses.most_common(2))
    more = len(method.statuses) - 2
    found = shares(method)
    return [
        Mono(str(method.method).rpartition(".")[2]),
        f"{method.calls:,}",
        statuses + (f", {more} more" if more > 0 else ""),
        *(Meter(found[key].done, found[key].total) for key in what),
    ]


def _method_fold(method: MethodCoverage, history: History) -> Fold:
    badge = Badge("answered", "plain") if method.is_ok else Badge("never OK", "warn")
    found = sum(failure.method is method.method for failure in history.failures)
    badges = [badge, *([Badge(_count(found, "failure"), "bad")] if found else [])]
    note = f"{method.method.kind.value}, {_count(method.cases, 'case')}"
    return Fold(str(method.method), list(_method_blocks(method)), badges, note=note)


def _method_blocks(method: MethodCoverage) -> Iterator[Block]:
    statuses: list[list[Inline]] = [[code, f"{count:,}"] for code, count in method.statuses.most_common()]
    if statuses:
        yield Table(["status", "calls"], statuses, frozenset({1}))
    fields: list[list[Inline]] = [
        [
            Mono(field.path),
            _mark(field.present > 0),
            _mark(field.absent > 0),
            _mark(field.path.replace("[]", "") in method.boundaries),
            _enum(field.declared, undeclared=field.undeclared) if field.enum is not None else "",
        ]
        for field in method.seen.all_fields()
    ]
    if fields:
        yield Table(["field", "set", "unset", "boundary", "enum values not sent"], fields)
    oneofs: list[list[Inline]] = [
        [Mono(path), ", ".join(arm for arm, done in arms.items() if done), _missing(arms)]
        for path, arms in method.seen.all_oneofs()
    ]
    if oneofs:
        yield Table(["oneof", "arms taken", "not taken"], oneofs)
    rules: list[list[Inline]] = [
        [Mono(rule.path or "(the whole)"), Mono(rule.rule), rule.bound, _mark(rule.inside), _mark(rule.outside)]
        for rule in method.rules
    ]
    if rules:
        yield Table(["field", "rule", "bound", "kept (at the bound)", "broken"], rules)
    for label, all_lengths, done in zip(
        ("sent", "received"), method.lengths, (method.sent, method.received), strict=True
    ):
        if all_lengths:
            parts: list[Inline] = [f"Lengths of streams {label}: "]
            parts += [Badge(length, "good" if length in done else "plain") for length in all_lengths]
            yield Text(parts)


def _mark(done: object) -> Badge:
    return _YES if done else _NO


def _enum(declared: dict[str, bool], *, undeclared: bool) -> Inline:
    return _missing(declared | {"(an undeclared number)": undeclared})


def _missing(seen: dict[str, bool]) -> Inline:
    left = [name for name, done in seen.items() if not done]
    if not left:
        return Badge("all sent", "good")
    return ", ".join(left[:12]) + (f" and {len(left) - 12} more" if len(left) > 12 else "")


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
