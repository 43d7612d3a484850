"""How a run against a bug is judged, kept and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutants.campaign import figures, judging
from benchmarks.mutants.campaign.judging import Alarms, Judged, Run, judge
from benchmarks.mutants.campaign.reach import Reach
from benchmarks.mutants.campaign.records import Records
from benchmarks.mutants.campaign.suspects import Source, Suspect, chosen_services, suspects
from benchmarks.mutants.generated import spoken
from benchmarks.mutants.services.definition import SERVICES

SUSPECT = Suspect("library", Source.BLIND, "x", "easy", frozenset({"G102"}), "It is wrong.")


def failure(code: str, seconds: float) -> dict[str, Any]:
    return {"id": f"{code}-{seconds}", "code": code, "method": "A/B", "after_seconds": seconds}


def judged(
    monkeypatch: pytest.MonkeyPatch,
    failures: list[dict[str, Any]],
    exits: dict[tuple[str, str], int],
    suspect: Suspect = SUSPECT,
    warnings: tuple[dict[str, Any], ...] = (),
) -> Judged:
    report = {"failures": failures, "warnings": warnings}
    monkeypatch.setattr(judging, "fuzz", lambda *_, **__: Run(report, Reach(Path("none")), 1.0, ""))
    monkeypatch.setattr(judging, "replay", lambda one, _, __, bug, arguments: exits[one, bug])
    return judge(suspect, Alarms(), seed=1, max_time=1.0)


def test_a_bug_is_found_where_a_reproducer_tells_both_servers_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [failure("G102", 3.0), failure("G102", 1.0), failure("G126", 0.5)]
    exits = {
        ("G102-1.0", "blind/x"): 1,
        ("G102-1.0", "clean"): 1,
        ("G102-3.0", "blind/x"): 1,
        ("G102-3.0", "clean"): 0,
    }
    found = judged(monkeypatch, failures, exits)
    assert (found.verdict, found.code, found.seconds, found.others) == ("found", "G102", 3.0, ("G126",))
    assert found.replays == (("G102-1.0", 1, 1), ("G102-3.0", 1, 0))


@pytest.mark.parametrize(
    ("mutant", "clean", "verdict"),
    [(0, 0, "unproven"), (3, 0, "unproven"), (1, 3, "unproven"), (1, 1, "missed")],
    ids=["not seen again", "not seen", "clean not seen", "false alarm"],
)
def test_a_failure_that_does_not_is_no_find(
    monkeypatch: pytest.MonkeyPatch, mutant: int, clean: int, verdict: str
) -> None:
    exits = {("G102-1.0", "blind/x"): mutant, ("G102-1.0", "clean"): clean}
    assert judged(monkeypatch, [failure("G102", 1.0)], exits).verdict == verdict


def test_known_false_alarms_are_tried_last() -> None:
    alarms = Alarms()
    alarms.add("library", "G102-1.0")
    failures = [failure("G102", 3.0), failure("G102", 1.0), failure("G102", 2.0)]
    assert [one["id"] for one in alarms.last("library", failures)] == ["G102-2.0", "G102-3.0", "G102-1.0"]
    assert alarms.last("parcels", failures)[0]["id"] == "G102-1.0"


def test_a_failure_of_another_check_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(monkeypatch, [failure("G115", 1.0)], {})
    assert (found.verdict, found.others) == ("missed", ("G115",))


def test_a_warning_counts_where_the_check_gives_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    suspect = Suspect("directory", Source.SEEDED, "x", "G144", frozenset({"G144"}), "It is wrong.", warned=True)
    found = judged(monkeypatch, [], {}, suspect, ({"code": "G144", "method": "A/B", "after_seconds": 2.0},))
    assert (found.verdict, found.seconds) == ("warned", 2.0)


def test_checks_of_the_wire_do_not_fit_what_operators_make() -> None:
    (bug,) = suspects(["parcels"], [Source.GENERATED], 1)
    assert [code for code in ("G102", "G126", "G129", "G115", "G119") if bug.fits(code)] == ["G102", "G126", "G129"]


def test_services_that_are_kept_out_are_asked_for() -> None:
    assert not {"booking", "tickets"} & set(chosen_services())
    assert {"booking", "tickets", "directory"} <= set(chosen_services(kept_out=True))
    with pytest.raises(LookupError, match="tickets is kept out"):
        chosen_services(["tickets"])
    with pytest.raises(LookupError, match="no service 'nothing'"):
        chosen_services(["nothing"])


def test_samples_are_the_same_and_smaller_ones_are_part_of_larger() -> None:
    services = chosen_services()
    few, more = suspects(services, list(Source), 2), suspects(services, list(Source), 4)
    assert {one.key for one in few} < {one.key for one in more}
    with_generated = sum(one.in_python and not one.kept_out for one in SERVICES.values())
    others = sum(not one.in_python and not one.kept_out for one in SERVICES.values())
    assert len(few) == 2 * (with_generated * 2 + others + 1)


def test_the_first_ok_of_a_method_is_told_from_events_as_they_come() -> None:
    reach = Reach(Path("none"))
    case = '{"event": "case_finished", "calls": [{"path": "/A/B", "status": "%s"}, {"path": "/A/C", "status": "OK"}]}\n'
    text = '{"event": "started", "methods": ["A/B"]}\n' + case % "NOT_FOUND"
    reach.read(text[:50], 10.0)
    reach.read(text[50:], 11.0)
    assert (reach.methods, reach.first_ok) == (("A/B",), {})
    reach.read(case % "OK", 12.5)
    reach.read(case % "OK", 13.0)
    assert reach.first_ok == {"A/B": 2.5}


def test_records_are_gone_on_with(tmp_path: Path) -> None:
    conditions = {"key": "a/blind/x", "seed": 1, "max_time": 30.0, "commit": "abc"}
    path = tmp_path / "records.jsonl"
    Records(path).add({**conditions, "verdict": "found"})
    with path.open("a") as opened:
        opened.write('{"key": "a/blind/y", "se')
    again = Records(path)
    assert again.has(**conditions)
    assert not again.has(**{**conditions, "commit": "def"})
    assert [one["verdict"] for one in again.read()] == ["found"]


def test_the_tables_count_by_service_source_and_kind(tmp_path: Path) -> None:
    base: dict[str, Any] = {"kind": "easy", "seconds": None}
    bugs = [
        {**base, "key": "library/blind/x", "verdict": "found", "seconds": 2.0},
        {**base, "key": "library/blind/y", "verdict": "found", "seconds": 7.0},
        {**base, "key": "library/blind/z", "verdict": "unproven"},
    ]
    assert "| library | blind | 2 of 3 | 1 | 50% | 100% | `z` |" in figures.bugs(bugs)
    assert "| blind | easy | 2 of 3 | 1 | 50% | 100% |" in figures.bugs(bugs)
    alarm = {"code": "G126"}
    runs: list[dict[str, Any]] = [
        {"key": "library/clean", "alarms": [alarm, alarm], "methods": ["a", "b"], "first_ok": {"a": 1.0, "b": 3.0}},
        {"key": "library/clean", "alarms": [], "methods": ["a", "b"], "first_ok": {"a": 0.5, "b": 4.0}},
    ]
    assert "| library | 2 | 1 | G126 | 2 of 2 | 1 | 4.0 |" in figures.clean(runs)
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- campaign: bugs -->\nold\n<!-- /campaign: bugs -->\nafter\n")
    figures.put(readme, "bugs", "new")
    assert readme.read_text() == "before\n<!-- campaign: bugs -->\nnew\n<!-- /campaign: bugs -->\nafter\n"
    with pytest.raises(LookupError, match="campaign: clean"):
        figures.put(readme, "clean", "new")


def test_the_tables_count_generated_bugs_by_what_speaks_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = {"bound:f:0": "contract", "bound:f:1": "nothing", "bound:f:2": spoken.NOT_JUDGED}
    monkeypatch.setattr(spoken, "speaks", lambda _, bug: judged[bug])
    base: dict[str, Any] = {"kind": "bound", "effect": "answer", "verdict": "missed", "seconds": None}
    bugs = [{**base, "key": f"library/generated/{name}"} for name in judged]
    bugs.append({**base, "key": "library/blind/x", "kind": "easy", "effect": ""})
    rows = figures.bugs(bugs).splitlines()
    assert [row for row in rows if "generated" in row and "worst" not in row] == [
        "| library | generated | 0 of 3 | 0 | – | – | `bound:f:0`, `bound:f:1`, `bound:f:2` |",
        "| library | generated, spoken of | 0 of 1 | 0 | – | – | `bound:f:0` |",
        "| generated | bound | 0 of 3 | 0 | – | – |",
        "| generated, by what speaks of it | contract | 0 of 1 | 0 | – | – |",
        "| generated, by what speaks of it | not judged | 0 of 1 | 0 | – | – |",
        "| generated, by what speaks of it | nothing | 0 of 1 | 0 | – | – |",
    ]
