"""The outcome of a comparison as SARIF: each difference at its place in the protos at home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.drift.differences import in_words
from grpcmock.drift.pages import details
from grpcmock.reports import sarif

if TYPE_CHECKING:
    from grpcmock.drift.differences import Difference
    from grpcmock.drift.outcome import Level, Outcome


def to_sarif(outcome: Outcome, level: Level) -> str:
    """Write the document: those that count are errors, others that break something warnings, and the rest notes."""
    failing = {id(one) for one in outcome.failing(level)}
    first = {one.rule: one for one in reversed(outcome.differences)}
    return sarif.to_sarif(
        sarif.Run(
            tool="grpcmock drift",
            rules=[sarif.Rule(id=rule, text=first[rule].why, tags=["protobuf"]) for rule in sorted(first)],
            results=[_result(outcome, one, failed=id(one) in failing) for one in outcome.differences],
            properties={"old": outcome.old, "new": outcome.new, "notes": list(outcome.notes)},
        )
    )


def _result(outcome: Outcome, one: Difference, *, failed: bool) -> sarif.Result:
    away = outcome.away(one)
    return sarif.Result(
        rule=one.rule,
        message="\n".join(
            (f"{one.element}: {one.message}", *(f"{label}: {value}" for label, value in details(outcome, one)))
        ),
        level="error" if failed else "warning" if one.breaks else "note",
        place=outcome.home(one),
        symbol=one.element,
        related=[(away, "the other version")] if away is not None and not outcome.live else (),
        fingerprint=f"{one.rule} {one.element}",
        properties={"breaks": in_words(one.breaks)} if one.breaks else {},
    )
