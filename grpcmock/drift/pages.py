"""The outcome of a comparison as JUnit XML, and as a page of HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.drift.differences import Breaks, in_words
from grpcmock.reports import html, junit

if TYPE_CHECKING:
    from grpcmock.drift.differences import Difference
    from grpcmock.drift.outcome import Level, Outcome


def to_junit(outcome: Outcome, level: Level) -> str:
    """Write JUnit XML."""
    return junit.to_xml(suites(outcome, level))


def suites(outcome: Outcome, level: Level) -> list[junit.Suite]:
    """Give a case for each difference; those that count fail. Without any, one case passes."""
    failing = {id(one) for one in outcome.failing(level)}
    cases = [_case(outcome, one, failed=id(one) in failing) for one in outcome.differences]
    if not cases:
        cases = [junit.Case(name="no differences", classname="drift", output=outcome.summary)]
    properties = [("old", outcome.old), ("new", outcome.new), *(("note", note) for note in outcome.notes)]
    return [junit.Suite(name="grpcmock drift", cases=cases, properties=properties)]


def _case(outcome: Outcome, one: Difference, *, failed: bool) -> junit.Case:
    home = outcome.home(one)
    text = "\n".join(f"{label}: {value}" for label, value in details(outcome, one))
    trouble = junit.Trouble(f"{one.element}: {one.message}", text, one.rule) if failed else None
    return junit.Case(
        name=f"{one.element}: {one.rule}",
        classname=f"drift.{one.rule}",
        failure=trouble,
        file=home.file if home is not None else "",
        line=home.line if home is not None else 0,
        output="" if failed else f"{one.message}\n{text}",
    )


def details(outcome: Outcome, one: Difference, *, most: int | None = None) -> list[tuple[str, str]]:
    """Give all that there is to say of a difference besides what it is: labels and sentences.

    Of the stubs that it touches, *most* are named; None names them all.
    """
    named = one.stubs if most is None or len(one.stubs) <= most + 1 else one.stubs[:most]
    more = f", and {len(one.stubs) - len(named)} more" if len(named) < len(one.stubs) else ""
    there = "on the server" if outcome.live else "was" if one.new is not None else ""
    away = outcome.away(one)
    found = [
        (there, str(away) if away is not None and there else ""),
        ("why", one.why),
        ("next", one.hint),
        ("stubs", ", ".join(named) + more),
        ("buf", ", ".join(one.buf)),
    ]
    return [(label, value) for label, value in found if value]


def _sides(outcome: Outcome) -> list[tuple[str, str]]:
    if outcome.ahead:
        return [("Server", outcome.old), ("Protos", outcome.new)]
    return [("Protos", outcome.old), ("Server" if outcome.live else "Now", outcome.new)]


def to_html(outcome: Outcome, level: Level) -> str:
    """Write a page: the differences by whom they break, worst first."""
    failing = outcome.failing(level)
    groups: list[tuple[str, html.Tone, list[Difference]]] = [
        ("Breaks the wire", "bad", [one for one in outcome.differences if Breaks.WIRE in one.breaks]),
        (
            "Breaks JSON or source",
            "warn",
            [one for one in outcome.differences if one.breaks and Breaks.WIRE not in one.breaks],
        ),
        ("Compatible", "good", [one for one in outcome.differences if not one.breaks]),
    ]
    return html.to_html(
        html.Page(
            title="Drift",
            verdict=html.Badge("drifted", "bad") if failing else html.Badge("in step", "good"),
            facts=_sides(outcome),
            figures=[
                html.Figure(str(len(some)), title[0].lower() + title[1:], tone if some else "plain")
                for title, tone, some in groups
            ],
            sections=[
                html.Section(title, [_fold(outcome, one, tone) for one in some]) for title, tone, some in groups if some
            ],
            footer=" ".join((outcome.summary, *outcome.notes)),
        )
    )


def _fold(outcome: Outcome, one: Difference, tone: html.Tone) -> html.Fold:
    home = outcome.home(one)
    facts: list[tuple[str, html.Inline]] = [("where", html.Mono(str(home)))] if home is not None else []
    facts += [(label, value) for label, value in details(outcome, one) if label != "stubs"]
    blocks: list[html.Block] = [html.Facts(facts)]
    if one.stubs:
        blocks.append(html.Code("\n".join(one.stubs), f"stubs that it touches: {len(one.stubs)}"))
    badges = [html.Badge(in_words([broken]), tone) for broken in Breaks if broken in one.breaks]
    return html.Fold(
        title=f"{one.element}: {one.message}",
        blocks=blocks,
        badges=badges or [html.Badge("compatible", "good")],
        note=one.rule,
        open=Breaks.WIRE in one.breaks,
    )
