"""The tables of what was measured: bugs by service, source and kind; false alarms; how soon methods answer OK."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.mutants.generated import spoken

BEGIN = "<!-- campaign: {name} -->"
END = "<!-- /campaign: {name} -->"
_FOUND = ("found", "warned")


def _share(rows: Sequence[Mapping[str, Any]]) -> str:
    found = [row for row in rows if row["verdict"] in _FOUND]
    return f"{len(found)} of {len(rows)}" if rows else "–"


def _within(rows: Sequence[Mapping[str, Any]], seconds: float) -> str:
    found = [row for row in rows if row["verdict"] in _FOUND]
    soon = [row for row in found if row["seconds"] is not None and row["seconds"] <= seconds]
    return f"{len(soon) / len(found):.0%}" if found else "–"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def bugs(records: Iterable[Mapping[str, Any]]) -> str:
    """How many bugs were found, by service and source, and by kind; generated ones also by what speaks of them."""
    by_place: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    by_kind: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in records:
        service, source, bug = one["key"].split("/", 2)
        by_place[service, source].append(one)
        by_kind[source, "all" if source == "seeded" else one["kind"]].append(one)
        if one.get("effect"):
            by_kind[f"{source}, by the worst that callers see", one["effect"]].append(one)
        if source == "generated":
            speaks = spoken.speaks(service, bug)
            by_kind["generated, by what speaks of it", speaks].append(one)
            if speaks not in (spoken.Speaks.NOTHING, spoken.NOT_JUDGED):
                by_place[service, "generated, spoken of"].append(one)
    head = ["found", "not proven", "in 5 s", "in 10 s", "missed"]

    def row(rows: Sequence[Mapping[str, Any]]) -> list[str]:
        unproven = [one for one in rows if one["verdict"] == "unproven"]
        missed = ", ".join(f"`{one['key'].split('/', 2)[2]}`" for one in rows if one["verdict"] not in _FOUND)
        return [_share(rows), str(len(unproven)), _within(rows, 5), _within(rows, 10), missed or "–"]

    places = _table(["service", "source", *head], ([*place, *row(rows)] for place, rows in sorted(by_place.items())))
    kinds = _table(["source", "kind", *head[:-1]], ([*kind, *row(rows)[:-1]] for kind, rows in sorted(by_kind.items())))
    return f"{places}\n\n{kinds}"


def clean(records: Iterable[Mapping[str, Any]]) -> str:
    """False alarms of each service without a bug, and when its methods have answered OK."""
    by_service: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in records:
        by_service[one["key"].partition("/")[0]].append(one)
    head = ["clean service", "runs", "with false alarms", "checks", "methods that answered OK", "in 2 s", "all in s"]
    rows = []
    for service, runs in sorted(by_service.items()):
        alarmed = [run for run in runs if run["alarms"]]
        checks = sorted({alarm["code"] for run in runs for alarm in run["alarms"]})
        total = len(runs[0]["methods"])
        least = min(len(run["first_ok"]) for run in runs)
        soon = min(sum(seconds <= 2 for seconds in run["first_ok"].values()) for run in runs)
        last = max((max(run["first_ok"].values(), default=0.0) for run in runs), default=0.0)
        done = f"{last:.1f}" if least == total else "never"
        rows.append(
            [
                service,
                str(len(runs)),
                str(len(alarmed)),
                " ".join(checks) or "–",
                f"{least} of {total}",
                str(soon),
                done,
            ]
        )
    return _table(head, rows)


def put(readme: Path, name: str, text: str) -> None:
    """Write a table between its marks. Raises LookupError if they aren't there."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    whole = readme.read_text()
    if begin not in whole or end not in whole:
        raise LookupError(f"{readme} has no {begin} … {end}.")
    before, _, rest = whole.partition(begin)
    _, _, after = rest.partition(end)
    readme.write_text(f"{before}{begin}\n{text}\n{end}{after}")
