"""A report in lines, in JUnit XML, in JSON and as a page: each verdict has its place in all of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from grpcmock.errors import Location, Problem
from grpcmock.matching.findings import Finding
from grpcmock.verify import baseline
from grpcmock.verify.reporting.html_report import to_html
from grpcmock.verify.reporting.json_report import to_json
from grpcmock.verify.reporting.junit_report import to_junit
from grpcmock.verify.reporting.sarif_report import to_sarif
from grpcmock.verify.reporting.terminal import result_lines, summary
from grpcmock.verify.results import CallSummary, Report, Result, Verdict

DIFFERENCE = Finding("response.name", '"Alice"', '"\x1b[31mBob<b>"', False)


def result(verdict: Verdict, **keys: object) -> Result:
    call = CallSummary(
        requests=('{"id": 1}',), responses=("{}",), status="OK", findings=(DIFFERENCE,), label="answers[0]"
    )
    made = {
        "id": verdict.value,
        "name": verdict.value,
        "consumer": "",
        "method": "user.UserService/GetUser",
        "kind": "unary",
        "location": Location("a.yaml", 3),
        "given": "user 1 exists",
        "verdict": verdict,
        "reason": "" if verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.PENDING) else "because.",
        "calls": (call,) if verdict in (Verdict.FAILED, Verdict.PENDING) else (),
        **keys,
    }
    return Result(**made)  # type: ignore[arg-type]


REPORT = Report(
    results=tuple(map(result, Verdict)),
    target="127.0.0.1:1",
    started=datetime(2026, 1, 2, tzinfo=UTC),
    seconds=1.25,
    warnings=(Problem("careful.", severity="warning"),),
    aborted="it went away",
    stale_baseline=("x: it passes by now",),
)


def test_the_summary_counts_every_verdict() -> None:
    assert summary(REPORT) == (
        "1 passed, 1 failed, 1 pending, 1 could not be verified, 1 skipped, 1 not run of 6 stubs "
        "at 127.0.0.1:1, in 1.2 s."
    )


def test_a_result_is_told_in_lines() -> None:
    assert result_lines(result(Verdict.FAILED)) == [
        "failed  a.yaml:3",
        "  user.UserService/GetUser, unary",
        "  given: user 1 exists",
        "  answers[0]",
        '  sent      {"id": 1}',
        "  received  {}",
        "            OK",
        '     response.name  expected "Alice"  actual "\x1b[31mBob<b>"',
    ]


def test_long_streams_are_cut() -> None:
    call = CallSummary(responses=tuple(map(str, range(100))), status="OK", findings=(DIFFERENCE,))
    lines = result_lines(result(Verdict.FAILED, calls=(call,)))
    assert lines[3:9] == ["  received  0", *(f"{'':12}{text}" for text in ("1", "2", "3", "… 96 more", "OK"))]


def test_many_differences_are_counted() -> None:
    call = CallSummary(findings=tuple(Finding(f"response.f{number}", "1", "2", False) for number in range(11)))
    lines = result_lines(result(Verdict.FAILED, calls=(call,)))
    assert lines[-2:] == ["     response.f7  expected 1  actual 2", "     and 3 more differences"]


def test_each_verdict_has_its_place_in_junit() -> None:
    suite = ET.fromstring(to_junit(REPORT)).find("testsuite")
    assert suite is not None
    assert {case.get("name"): [child.tag for child in case] for case in suite.findall("testcase")} == {
        "passed": [],
        "failed": ["failure"],
        "pending": ["skipped"],
        "error": ["error"],
        "skipped": ["skipped"],
        "not run": ["error"],
    }
    assert suite.get("name") == "a.yaml"


def test_sarif_points_at_the_stubs_of_what_is_wrong() -> None:
    (run,) = json.loads(to_sarif(REPORT))["runs"]
    assert {one["partialFingerprints"]["grpcmock/v1"]: one["ruleId"] for one in run["results"]} == {
        "failed": "difference",
        "pending": "difference",
        "error": "setup",
        "not run": "not-run",
    }
    failed, pending, *_ = run["results"]
    assert "suppressions" not in failed
    assert pending["suppressions"][0]["kind"] == "external"
    assert failed["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "a.yaml"}, "region": {"startLine": 3}},
            "logicalLocations": [{"fullyQualifiedName": "user.UserService/GetUser"}],
        }
    ]
    assert 'expected "Alice"' in failed["message"]["text"]
    assert run["invocations"][0]["executionSuccessful"] is False


def test_the_json_says_all() -> None:
    document = json.loads(to_json(REPORT))
    assert document["passed"] is False
    assert document["aborted"] == "it went away"
    assert [found["verdict"] for found in document["results"]] == [verdict.value for verdict in Verdict]
    assert document["stale_baseline"] == ["x: it passes by now"]
    [finding] = document["results"][1]["calls"][0]["findings"]
    assert finding == {"path": "response.name", "expected": '"Alice"', "actual": '"\x1b[31mBob<b>"'}


def test_the_page_shows_each_verdict_and_nothing_as_markup() -> None:
    page = to_html(REPORT)
    for text in ("Failed", "Not run", "Pending", "Passed", "Skipped", "it went away", "careful."):
        assert text in page
    assert "Bob<b>" not in page


def test_a_baseline_holds_what_fails_and_what_did(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "baseline.txt"
    assert baseline.write(path, REPORT) == 2
    assert baseline.read(path) == {"failed", "pending"}


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_is_wrong_and_unknown_fails_a_run(verdict: Verdict) -> None:
    good = verdict in (Verdict.PASSED, Verdict.PENDING, Verdict.SKIPPED)
    assert Report(results=(result(verdict),)).passed is good
