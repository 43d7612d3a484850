"""``grpcmock report merge``: reports of several runs, made into one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken_server import broken_server

from grpcmock.fuzz.reporting import merging
from grpcmock.reports.junit import Case, Suite, Trouble, from_xml, to_xml

Run = Callable[..., Any]


@pytest.fixture
def merge(grpcmock: Run) -> Run:
    """Merge files: gives the exit code, and what is said."""

    def run(*words: str | Path) -> tuple[int, str]:
        done = grpcmock("report", "merge", *map(str, words))
        return done.code, done.out + done.err

    return run


def test_junit_of_any_tool_is_merged(merge: Run, tmp_path: Path) -> None:
    one, two, out = tmp_path / "one.xml", tmp_path / "two.xml", tmp_path / "all.xml"
    one.write_text('<testsuite name="pytest" time="1"><testcase name="a" classname="t" time="1"/></testsuite>')
    bad = Case(name="a", classname="t", failure=Trouble("it broke", "line by line"))
    two.write_text(to_xml([Suite(name="pytest", cases=[bad])]))
    code, said = merge(one, two, "--report", f"junit={out},html={tmp_path / 'all.html'}")
    assert (code, said) == (1, "2 reports: 1 failed.\n")
    [suite] = from_xml(out.read_text())
    assert len(suite.cases) == 1
    assert "line by line" in (tmp_path / "all.html").read_text()

    code, _ = merge(one, one, "--apart", "--report", f"junit={out}")
    assert code == 0
    code, _ = merge(one, two, "--apart", "--report", f"junit={out}")
    assert [suite.name.rpartition("/")[2] for suite in from_xml(out.read_text())] == ["one: pytest", "two: pytest"]


def test_sarif_is_merged(merge: Run, tmp_path: Path) -> None:
    def sarif(rule: str, mark: str) -> str:
        result = {"ruleId": rule, "ruleIndex": 0, "level": "error", "partialFingerprints": {"id": mark}}
        driver = {"name": "grpcmock", "rules": [{"id": rule}]}
        return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": [result]}]})

    texts = {"1": sarif("G102", "x"), "2": sarif("G103", "y"), "3": sarif("G102", "x")}
    for name, text in texts.items():
        (tmp_path / f"{name}.sarif").write_text(text)
    out = tmp_path / "all.sarif"
    code, said = merge(*sorted(tmp_path.glob("?.sarif")), "--report", f"sarif={out}")
    assert (code, said) == (1, "3 reports: 2 failed.\n")
    [run] = json.loads(out.read_text())["runs"]
    assert [(one["ruleId"], one["ruleIndex"]) for one in run["results"]] == [("G102", 0), ("G103", 1)]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["G102", "G103"]


def test_shards_of_a_fuzz_run_are_merged(grpcmock: Run, merge: Run, project: Path) -> None:
    quick = ("--include", "GetUser", "--phases", "boundary,random", "--max-cases", "40", "--seed", "7")
    with broken_server(project) as target:
        for shard in (1, 2):
            report = f"json={project / f'{shard}.json'}"
            assert grpcmock("fuzz", target, "protos", *quick, "--shard", f"{shard}/2", "--report", report).code == 1
    out = project / "all.json"
    kinds = f"json={out},junit={project / 'all.xml'},html={project / 'all.html'}"
    code, said = merge(project / "1.json", project / "2.json", "--report", kinds)
    shards = [json.loads((project / f"{shard}.json").read_text()) for shard in (1, 2)]
    merged = json.loads(out.read_text())
    told = {failure["id"] for shard in shards for failure in shard["failures"]}
    assert [failure["id"] for failure in merged["failures"]] == list(dict.fromkeys(f["id"] for f in merged["failures"]))
    assert {failure["id"] for failure in merged["failures"]} == told
    assert (code, said) == (1, f"2 reports: {len(told)} failed.\n")
    assert merged["summary"]["cases"] == sum(shard["summary"]["cases"] for shard in shards)
    assert merged["summary"].keys() == shards[0]["summary"].keys()
    [suite] = from_xml((project / "all.xml").read_text())
    assert len(suite.cases) == len(told)
    assert all(identity in (project / "all.html").read_text() for identity in told)

    def alone() -> Any:
        return json.loads((project / "1.json").read_text())

    assert merging.merged([alone()]) == alone(), "a report merged with none is itself"
    # Each run learns rules of its own from what a server says.
    taught = alone()
    [method] = (one for one in taught["coverage"]["methods"] if one["method"].endswith("/GetUser"))
    method["rules"] = [{"path": "id", "rule": "int32.gt", "bound": "0", "inside": True, "outside": False}]
    for runs in ([alone(), taught], [taught, alone()]):
        together = merging.merged([json.loads(json.dumps(run)) for run in runs])
        [found] = (one for one in together["coverage"]["methods"] if one["method"].endswith("/GetUser"))
        assert found["rules"] == method["rules"]
        assert found["shares"]["rules"] == {"done": 1, "total": 2}
    twice = merging.merged([alone(), alone()])
    assert twice["coverage"]["totals"] == alone()["coverage"]["totals"], "what was seen twice counts once"


@pytest.mark.parametrize(
    ("texts", "words", "says"),
    [
        ({"a.xml": "<testsuites/>", "b.json": '{"runs": []}'}, ["--report", "junit=o.xml"], "Reports of one kind"),
        ({"a.xml": "<testsuites/>"}, [], "Say what to write"),
        ({"a.xml": "<testsuites/>"}, ["--report", "json=o.json"], "From reports of the kind junit, json can't"),
        ({"a.json": "[]"}, ["--report", "json=o.json"], "is none of the reports that can be merged"),
        ({"a.json": "{"}, ["--report", "json=o.json"], "can't be read"),
        ({"a.sarif": '{"runs": []}'}, ["--apart", "--report", "sarif=o"], "--apart is for JUnit XML"),
    ],
)
def test_what_cant_be_merged(texts: dict[str, str], words: list[str], says: str, merge: Run, project: Path) -> None:
    for name, text in texts.items():
        (project / name).write_text(text)
    code, said = merge(*texts, *words)
    assert code == 2
    assert says in said


def test_a_file_that_never_comes_is_named(merge: Run, tmp_path: Path) -> None:
    code, said = merge(tmp_path / "none.xml", "--wait", "0.1", "--report", f"junit={tmp_path / 'out'}")
    assert code == 2
    assert "none.xml can't be read" in said
