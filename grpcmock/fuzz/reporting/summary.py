"""The end of a run in a terminal: what was found, what was covered, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.checks.rendering import gist, named
from grpcmock.fuzz.coverage.totals import WHAT, totals
from grpcmock.fuzz.model.findings import Severity
from grpcmock.fuzz.reporting.reproduction import told

if TYPE_CHECKING:
    from rich.console import Console

    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.reporting.history import History, SeenWarning

Tone = Literal["heading", "bad", "warn", "good", "soft", "plain"]

_STYLES = {"heading": "bold", "bad": "bold red", "warn": "yellow", "good": "bold green", "soft": "dim", "plain": ""}
_MOST_ADVICE = 10
"""Of each kind."""
_MOST_METHODS = 20
_WIDEST = 200
_NARROW = 80
"""So many columns a terminal has at least."""

_WIDEST_CHECK = 18
_WIDEST_METHOD = 18
_MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and how it is meant."""

    text: str
    tone: Tone = "plain"


def plain(history: History, columns: int = _WIDEST) -> str:
    """Write the summary without colors, for so many *columns*: the list of failures keeps to them."""
    return "".join(f"{line.text}\n" for line in lines(history, columns))


def show(history: History, console: Console) -> None:
    """Print the summary in colors."""
    from rich.text import Text

    for line in lines(history, console.width):
        text = Text(line.text, style=_STYLES[line.tone])
        if line.tone == "plain" and line.text.startswith("  "):
            text.stylize("dim", 2, 12)  # the label
        console.print(text, soft_wrap=True, highlight=False)


def lines(history: History, columns: int = _WIDEST) -> Iterator[Line]:
    """Yield the lines of the summary. What a server says can't move the cursor: control characters are escaped."""
    for line in _lines(history, columns):
        yield line if line.text.isprintable() else Line("".join(map(_harmless, line.text)), line.tone)


def _harmless(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _lines(history: History, columns: int) -> Iterator[Line]:
    for severity in Severity:
        chosen = [one for one in history.failures if find_check(one.finding.check).severity is severity]
        yield from _failures(f"{severity.value.capitalize()} ({len(chosen)})", chosen, history)
    remarks = f"Remarks ({len(history.remarks)}): seen, but not again, and so no failures"
    yield from _failures(remarks, history.remarks, history)
    yield from _known(history)
    yield from _warnings(history.warnings, history)
    yield from _troubles(history)
    yield from _coverage(history)
    yield from _end(history, columns)


def _failures(title: str, failures: Sequence[Failure], history: History) -> Iterator[Line]:
    if not failures:
        return
    yield Line(title, "heading")
    for failure in failures:
        yield Line("")
        head, *rest = told(failure, history)
        yield Line(f"  {head}", "warn" if failure.is_remark else "bad")
        yield from (Line(f"  {line}") for line in rest)
    yield Line("")


def _known(history: History) -> Iterator[Line]:
    if not history.known:
        return
    yield Line(f"Accepted ({len(history.known)}): by the baseline", "heading")
    for failure in history.known:
        reason = history.accepted[failure.id]
        name = failure.finding.check
        yield Line(f"  {failure.id}  {name}  {failure.case.method}{f'  {reason}' if reason else ''}", "soft")
    yield Line("")


def _warnings(warnings: Sequence[SeenWarning], history: History) -> Iterator[Line]:
    if not warnings:
        return
    groups: dict[tuple[str, str], dict[str, tuple[str, list[str]]]] = {}
    for one in warnings:
        group = groups.setdefault((one.finding.code, one.finding.expected), {})
        _, methods = group.setdefault(one.finding.key or one.finding.actual, (one.finding.actual, []))
        if one.method not in methods:
            methods.append(one.method)
    yield Line(f"Warnings ({sum(map(len, groups.values()))}): worth a look, but no failure", "heading")
    for (code, expected), group in groups.items():
        yield Line(f"  {code} {find_check(code).name}: better {_short(history.secrets.hide(expected))}", "warn")
        for actual, methods in list(group.values())[:_MOST_ADVICE]:
            yield Line(f"    {named(methods)}  {_short(history.secrets.hide(actual))}")
        if len(group) > _MOST_ADVICE:
            yield Line(f"    … {len(group) - _MOST_ADVICE} more", "soft")
    yield Line("")


def _troubles(history: History) -> Iterator[Line]:
    never = list(history.coverage.never_ok())
    if never and history.cases:
        yield Line(f"Never OK ({len(never)}): beyond these answers nothing was tried", "heading")
        for method in never[:_MOST_METHODS]:
            text = history.secrets.hide(method.why_never_ok)
            yield Line(f"  {method.method}  {_short(text)}", "warn")
        if len(never) > _MOST_METHODS:
            yield Line(f"  … {len(never) - _MOST_METHODS} more", "soft")
        yield Line("")
    if history.stopped:
        yield Line(f"Left alone ({len(history.stopped)})", "heading")
        yield from (Line(f"  {one.method}  {one.reason}", "warn") for one in history.stopped)
        yield Line("")


def _coverage(history: History) -> Iterator[Line]:
    found = totals(history.coverage)
    parts = [f"{found['methods']} methods answered OK"]
    parts += [f"{found[key]} {name}" for key, name in WHAT.items() if found[key].total]
    yield Line(f"Covered: {'; '.join(parts)}.", "soft")
    for span in history.phases:
        if span.cases:
            seconds = span.end - span.begin
            rate = span.cases / seconds if seconds else 0
            yield Line(f"  {span.phase.value:10} {span.cases:>7} cases  {seconds:6.1f} s  {rate:>7,.0f}/s", "soft")


def _end(history: History, columns: int) -> Iterator[Line]:
    """Yield what has to be on the screen in the end: why it may not be the whole, what was found, the figures."""
    if history.interrupted:
        yield Line(f"The run ended early: {history.interrupted}.", "warn")
        if not_begun := history.not_begun:
            hint = "a longer --max-time, or less at once by --include, tries them"
            yield Line(f"Not begun: {not_begun}; {hint}.", "warn")
    reach, failures = history.reach, history.failures
    if text := reach.too_little or reach.little:
        yield Line(f"{text}.", "bad" if reach.too_little else "warn")
        if reach.hint:
            yield Line(f"To get further: {reach.hint}", "warn")
    if failures:
        code = failures[0].finding.code
        yield Line(f"`grpcmock explain {code}` says why it matters and how to fix it.", "soft")
        yield Line("")
        yield from (Line(text, "bad") for text in listed(failures[:_MOST_LISTED], history, columns))
        if len(failures) > _MOST_LISTED:
            yield Line(f"… {len(failures) - _MOST_LISTED} more", "soft")
    started = history.started
    seed = started.seed if started is not None else 0
    work = f"{_count(history.cases, 'case')}, {_count(history.calls, 'call')}"
    methods = _count(len(started.methods) if started is not None else 0, "method")
    where = f"{methods} at {history.target.address}, {history.seconds:.1f} s; seed {seed}"
    is_bad = failures or reach.too_little
    yield Line(f"{history.counts} in {work} of {where}.", "bad" if is_bad else "good")


def listed(failures: Sequence[Failure], history: History, columns: int = _NARROW) -> Iterator[str]:
    """Yield each failure on one line of so many *columns*: id, severity, check, method, and what is wrong."""
    rows = []
    for failure in failures:
        check = find_check(failure.finding.check)
        more = f" +{len(failure.others)}" if failure.others else ""
        method = _short(failure.method.name, _WIDEST_METHOD - len(more)) + more
        words = history.secrets.hide(gist(failure))
        rows.append((failure.id, check.severity.value, _short(check.name, _WIDEST_CHECK), method, words))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, words in rows:
        head = "".join(f"{cell:{width}}  " for cell, width in zip(cells, widths, strict=True))
        yield head + _short(words, max(columns, _NARROW) - 1 - len(head))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _short(text: str, widest: int = _WIDEST) -> str:
    text = " ".join(text.split())
    return text if len(text) <= widest else f"{text[: widest - 1]}…"
