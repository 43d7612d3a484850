"""A report in lines, in JUnit XML, in JSON and as a page: each verdict has its place in all of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from grpcmock.errors import Location, Problem
from grpcmock.matching.findings import Finding
from grpcmock.verify import baseline
from grpcmock.verify.results import Report, Result, Seen, Verdict
from grpcmock.verify.telling import result_lines, summary, to_html, to_json, to_junit

DIFFERENCE = Finding("response.name", '"Alice"', '"\x1b[31mBob<b>"', False)


def result(verdict: Verdict, **keys: object) -> Result:
    call = Seen(requests=('{"id": 1}',), responses=("{}",), status="OK", findings=(DIFFERENCE,), label="answers[0]")
    made = {
        "id": verdict.value,
        "name": verdict.value,
        "consumer": "",
        "method": "user.UserService/GetUser",
        "kind": "unary",
        "location": Location("a.yaml", 3),
        "given": "user 1 exists",
        "verdict": verdict,
        "reason": "" if verdict in (Verdict.HOLDS, Verdict.FAILS, Verdict.PENDING) else "because.",
        "calls": (call,) if verdict in (Verdict.FAILS, Verdict.PENDING) else (),
        **keys,
    }
    return Result(**made)  # type: ignore[arg-type]


REPORT = Report(
    results=tuple(map(result, Verdict)),
    target="127.0.0.1:1",
    started=datetime(2026, 1, 2, tzinfo=UTC),
    seconds=1.25,
    warnings=(Problem("careful.", severity="warning"),),
    lost="it went away",
    settled=("x: it holds by now",),
)


def test_the_summary_counts_every_verdict() -> None:
    assert summary(REPORT) == (
        "1 holds, 1 fails, 1 pending, 1 could not be verified, 1 skipped, 1 not run of 6 stubs "
        "at 127.0.0.1:1, in 1.2 s."
    )


def test_a_result_is_told_in_lines() -> None:
    assert result_lines(result(Verdict.FAILS)) == [
        "fails  a.yaml:3",
        "  user.UserService/GetUser, unary",
        "  given: user 1 exists",
        "  answers[0]",
        '  sent  {"id": 1}',
        "  came  {}",
        "        OK",
        '     response.name  expected "Alice"  actual "\x1b[31mBob<b>"',
    ]


def test_long_streams_are_cut() -> None:
    call = Seen(responses=tuple(map(str, range(100))), status="OK", findings=(DIFFERENCE,))
    lines = result_lines(result(Verdict.FAILS, calls=(call,)))
    assert lines[3:9] == ["  came  0", "        1", "        2", "        3", "        … 96 more", "        OK"]


def test_each_verdict_has_its_place_in_junit() -> None:
    suite = ET.fromstring(to_junit(REPORT)).find("testsuite")
    assert suite is not None
    assert {case.get("name"): [child.tag for child in case] for case in suite.findall("testcase")} == {
        "holds": [],
        "fails": ["failure"],
        "pending": ["skipped"],
        "error": ["error"],
        "skipped": ["skipped"],
        "not run": ["error"],
    }
    assert suite.get("name") == "a.yaml"


def test_the_json_says_all() -> None:
    document = json.loads(to_json(REPORT))
    assert document["holds"] is False
    assert document["lost"] == "it went away"
    assert [found["verdict"] for found in document["results"]] == [verdict.value for verdict in Verdict]
    assert document["settled"] == ["x: it holds by now"]


def test_the_page_shows_each_verdict_and_nothing_as_markup() -> None:
    page = to_html(REPORT)
    for text in ("What doesn&#39;t hold", "Not run", "Pending", "What holds", "Skipped", "it went away", "careful."):
        assert text in page
    assert "Bob<b>" not in page


def test_a_baseline_holds_what_fails_and_what_did(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "baseline.txt"
    assert baseline.write(path, REPORT) == 2
    assert baseline.read(path) == {"fails", "pending"}


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_is_wrong_and_unknown_fails_a_run(verdict: Verdict) -> None:
    good = verdict in (Verdict.HOLDS, Verdict.PENDING, Verdict.SKIPPED)
    assert Report(results=(result(verdict),)).holds is good
