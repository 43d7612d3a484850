"""The outcome of all visits as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.zoo.outcome import Outcome, Verdict, Visit
from benchmarks.zoo.steps import STEPS

_DETAIL = 400
"""Characters of a detail that are shown."""


def markdown(visits: Sequence[Visit]) -> str:
    """Return a table with a row for each package, and below it what needs words."""
    head = ["package", "version", "from", "files", "methods", *STEPS]
    align = ["---", "---", "---", "--:", "--:", *["--:"] * len(STEPS)]
    lines = [_row(head), _row(align), *(_row(_cells(visit)) for visit in visits), "", _total(visits)]
    notes = [f"- {note}" for note in (*_skipped(visits), *(note for visit in visits for note in _notes(visit)))]
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def _cells(visit: Visit) -> list[str]:
    specimen = visit.specimen
    outcomes = [_cell(visit.outcomes.get(name)) for name in STEPS]
    figures = [f"{specimen.files:,}", f"{visit.methods:,}"]
    return [specimen.package.name, specimen.version, specimen.package.source.value, *figures, *outcomes]


def _cell(outcome: Outcome | None) -> str:
    if outcome is None or outcome.verdict is Verdict.SKIPPED:
        return Verdict.SKIPPED.value
    return f"{outcome.verdict.value} {outcome.seconds:.1f}".strip()


def _total(visits: Sequence[Visit]) -> str:
    made = [outcome for visit in visits for outcome in visit.outcomes.values()]
    failed = sum(outcome.verdict is Verdict.FAILED for outcome in made)
    skipped = sum(outcome.verdict is Verdict.SKIPPED for outcome in made)
    files, methods = sum(visit.specimen.files for visit in visits), sum(visit.methods for visit in visits)
    return (
        f"{len(visits)} packages, {files:,} files, {methods:,} methods: {len(made) - failed - skipped} steps passed, "
        f"{failed} failed, {skipped} skipped."
    )


def _skipped(visits: Sequence[Visit]) -> Iterable[str]:
    """Tell each reason once: most hold for many packages."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for visit in visits:
        for name, outcome in visit.outcomes.items():
            if outcome.verdict is Verdict.SKIPPED:
                reasons.setdefault((name, outcome.detail), []).append(visit.specimen.package.name)
    for (name, reason), packages in reasons.items():
        everywhere = len(packages) == len(visits)
        yield f"{name}: skipped {'everywhere' if everywhere else 'for ' + ', '.join(packages)}, since {reason}."


def _notes(visit: Visit) -> Iterable[str]:
    package = visit.specimen.package.name
    if left_out := visit.specimen.left_out:
        more = f", and {len(left_out) - 1:,} more" if len(left_out) > 1 else ""
        yield f"{package}: left out {left_out[0]}{more}."
    for name, outcome in visit.outcomes.items():
        if outcome.verdict is Verdict.FAILED:
            text = outcome.detail if len(outcome.detail) <= _DETAIL else f"{outcome.detail[:_DETAIL]} …"
            yield f"{package}, {name}: {text.replace(chr(10), ' ')}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
