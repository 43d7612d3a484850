"""Reports of a run made by hand: they can be read by machines, stand alone, and keep secrets."""

from __future__ import annotations

import base64
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import support
from rich.console import Console

from grpcmock.cli.fuzz_output import Output
from grpcmock.fuzz.model.cases import Expect, Phase
from grpcmock.fuzz.model.events import (
    CaseFinished,
    Event,
    FailureFound,
    FailureRevised,
    Finished,
    PhaseFinished,
    PhaseStarted,
)
from grpcmock.fuzz.model.findings import Sighting
from grpcmock.fuzz.model.secrets import Secrets
from grpcmock.fuzz.reporting import junit_report as junit
from grpcmock.fuzz.reporting import sarif_report, summary
from grpcmock.fuzz.reporting.listener import KINDS, Reporting

Report = Callable[..., Reporting]


def test_the_summary_groups_by_severity_and_says_what_to_do_next(reported: Report) -> None:
    lines = summary.plain(reported("json").history, 80).splitlines()
    headings = [line for line in lines if re.match(r"[A-Z][a-z ]+OK \(|[A-Z][a-z ]+\(", line)]
    assert headings == [
        "Critical (2)",
        "Remarks (1): seen, but not again, and so no failures",
        "Warnings (1): worth a look, but no failure",
        "Never OK (1): beyond these answers nothing was tried",
        "Left alone (1)",
    ]
    text = "\n".join(lines)
    assert "G102 unhandled_error (critical)  user.UserService/GetUser  G102-" in text
    assert "  seen      in 2 of 4 tries of the same case" in text
    assert re.search(r"again     grpcmock replay G102-[0-9a-f]{6}\n +grpcmock export G102-\w+ --as pytest\|", text)
    assert re.search(r"grpcurl   grpcurl -plaintext -H 'authorization: \$\{AUTHORIZATION\}' -expand-headers", text)
    assert "user.UserService/CreateUsers  UNKNOWN: two (1 of 1 calls)" in text
    assert "The run ended early: Ctrl-C." in lines
    assert all(len(line) < 80 for line in lines[-3:-1])
    assert lines[-3].startswith("G101-") and "critical  server_crash" in lines[-3]
    assert lines[-2].startswith("G102-") and "UNKNOWN: boom, not no <UNKN" in lines[-2]
    assert lines[-1] == "2 failures, 1 remark in 4 cases, 17 calls of 2 methods at 127.0.0.1:50051, 0.6 s; seed 7."


def test_the_list_at_the_end_is_as_wide_as_the_terminal_and_whole_in_a_log(reported: Report) -> None:
    history = reported("json").history
    narrow, log = (summary.plain(history, *columns).splitlines()[-2] for columns in ((20,), ()))
    assert (len(narrow), narrow[-1]) == (79, "…")
    assert log.startswith(narrow[:-1]) and len(log) > len(narrow) and "…" not in log


def test_the_summary_in_colors_says_the_same(reported: Report) -> None:
    history = reported("json").history
    out = io.StringIO()
    summary.show(history, Console(file=out, width=80, force_terminal=True, color_system="standard"))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert [line.rstrip() for line in plain.splitlines()] == [
        line.rstrip() for line in summary.plain(history, 80).splitlines()
    ]
    assert "\x1b[1;31m" in out.getvalue()
    assert "\\x1b[31m" in plain  # the server's own: told, not done


def test_no_report_holds_a_secret(reported: Report, tmp_path: Path) -> None:
    reporting = reported()
    written = [tmp_path / f"report.{kind}" for kind in KINDS if kind != "allure"]
    assert len(written) == len(KINDS) - 1
    written += [*(tmp_path / "report.allure").iterdir(), *(tmp_path / "failures").glob("*.json")]
    texts = [path.read_text() for path in written] + [summary.plain(reporting.history)]
    for text in texts:
        assert "hush-hush" not in text
    assert any("who is ${AUTHORIZATION}?" in text for text in texts)


def test_the_document_tells_of_each_failure(reported: Report, tmp_path: Path) -> None:
    reported("json")
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["version"] == 1
    assert (found["summary"]["failures"], found["summary"]["remarks"]) == (2, 1)
    assert found["summary"]["by_severity"] == {"critical": 2}
    assert (found["summary"]["answered"], found["summary"]["untested"]) == ({"done": 1, "total": 2}, None)
    assert found["summary"]["interrupted"] == "Ctrl-C"
    (crash, unhandled), (flaky,) = found["failures"], found["remarks"]
    assert (crash["code"], crash["server"]) == ("G101", {"alive": False, "exit_code": -11})
    assert (unhandled["code"], unhandled["method"], unhandled["fields"]) == ("G102", "user.UserService/GetUser", 1)
    assert (unhandled["after_cases"], unhandled["after_seconds"], unhandled["seen"]) == (3, 0.25, 4)
    assert unhandled["request"] == {"bytes": 3, "json": {"id": 2000}, "base64": "CNAP"}
    assert unhandled["reproducers"]["replay"] == f"grpcmock replay {unhandled['id']}"
    assert "grpcurl -plaintext" in unhandled["reproducers"]["grpcurl"]
    assert (flaky["flaky"], flaky["hits"], flaky["tries"], flaky["request"]) == (True, 2, 4, None)
    assert [(one["code"], one["after_cases"]) for one in found["warnings"]] == [("G104", 2)]
    assert [(one["phase"], one["cases"]) for one in found["phases"]] == [("boundary", 3), ("random", 1)]
    methods = {one["method"]: one for one in found["coverage"]["methods"]}
    assert methods["user.UserService/GetUser"]["statuses"] == {"OK": 1, "UNKNOWN": 1, "UNAVAILABLE": 1}
    assert methods["user.UserService/CreateUsers"]["stopped"] == "no answers"


def test_continuous_integration_sees_a_case_for_each_failure(reported: Report, tmp_path: Path) -> None:
    reporting = reported("junit")
    root = ET.parse(tmp_path / "report.junit").getroot()
    assert (root.get("tests"), root.get("failures")) == ("4", "2")
    cases = root.findall("testsuite/testcase")
    assert [case.get("classname") for case in cases] == ["user.UserService"] * 4
    assert {one.get("type") for one in root.iter("failure")} == {"G101", "G102"}
    (remark,) = [case for case in cases if "G103" in case.get("name", "")]
    assert "(seen in 2 of 4 tries)" in remark.find("skipped").get("message")  # type: ignore[union-attr, operator]
    assert [case.get("name") for case in cases if len(case) == 1 and case[0].tag == "system-out"] == ["CreateUsers"]
    properties = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert (properties["seed"], properties["target"]) == ("7", "127.0.0.1:50051")
    assert reporting.trouble == ""


def test_a_method_without_failures_passes_and_accepted_ones_are_skipped(reported: Report, events: list[Event]) -> None:
    reporting = reported("json")
    for failure in reporting.history.failures:
        reporting.history.accepted[failure.id] = "we know"
    root = ET.fromstring(junit.write(reporting.history))
    assert (root.get("failures"), len(list(root.iter("skipped")))) == ("0", 3)  # the remark, too
    assert "accepted by the baseline: we know" in str(ET.tostring(root))
    text = summary.plain(reporting.history)
    assert "Accepted (2): by the baseline" in text
    assert "0 failures, 1 remark, 2 accepted in 4 cases" in text
    passing = [event for event in events if type(event).__name__ in ("Started", "PhaseStarted")]
    root = ET.fromstring(junit.write(reported("json", run=passing).history))
    assert [one.get("message") for one in root.iter("skipped")] == ["no case of it was made"] * 2


def test_sarif_points_at_the_method_and_brings_the_page_of_the_check(reported: Report, tmp_path: Path) -> None:
    reporting = reported("json")
    (crash, unhandled), (flaky,) = reporting.history.failures, reporting.history.remarks
    reporting.history.accepted[crash.id] = "we know"
    reporting.history.origin = replace(reporting.history.origin, protos=(str(support.ROOT / "protos"),))
    (run,) = json.loads(sarif_report.write(reporting.history))["runs"]
    rules = run["tool"]["driver"]["rules"]
    results = {result["partialFingerprints"]["grpcmock/v1"]: result for result in run["results"]}
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [one["ruleId"] for one in run["results"]]
    assert rules[0]["help"]["markdown"].startswith("# G10")
    assert {rule["id"]: "security-severity" in rule.get("properties", {}) for rule in rules}["G103"] is True
    found = results[unhandled.id]
    source = (support.ROOT / "protos" / "user.proto").read_text().splitlines()
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("protos/user.proto")
    assert "rpc GetUser" in source[place["region"]["startLine"] - 1]
    related = found["relatedLocations"][0]
    assert "int32 id" in source[related["physicalLocation"]["region"]["startLine"] - 1]
    assert "grpcmock replay" in found["message"]["text"]
    assert found["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "user.UserService/GetUser"}]
    assert results[crash.id]["suppressions"] == [{"kind": "external", "justification": "we know"}]
    assert [results[one.id]["level"] for one in (crash, unhandled, flaky)] == ["error", "error", "note"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "Ctrl-C"
    reported("json", "sarif")
    assert "hush" not in (tmp_path / "report.sarif").read_text()


def test_allure_has_the_cases_that_junit_has(reported: Report, tmp_path: Path) -> None:
    reported("allure", "junit")
    cases = ET.parse(tmp_path / "report.junit").findall("testsuite/testcase")
    results = [json.loads(path.read_text()) for path in (tmp_path / "report.allure").glob("*-result.json")]
    assert sorted(one["name"] for one in results) == sorted(str(case.get("name")) for case in cases)
    assert Counter(one["status"] for one in results) == {"failed": 2, "passed": 1, "skipped": 1}
    assert all("grpcmock replay" in one["statusDetails"]["trace"] for one in results if one["status"] == "failed")
    assert "seed = 7" in (tmp_path / "report.allure" / "environment.properties").read_text()


def test_each_event_is_a_line(reported: Report, tmp_path: Path, events: list[Event]) -> None:
    reported("ndjson")
    lines = [json.loads(line) for line in (tmp_path / "report.ndjson").read_text().splitlines()]
    assert len(lines) == len(events)
    assert [line["event"] for line in lines[:4]] == ["started", "phase_started", "case_finished", "case_finished"]
    assert lines[3]["calls"][0]["requests"] == ["CNAP"]
    assert lines[3]["findings"][0]["code"] == "G102"
    assert lines[4]["failure"]["code"] == "G102"
    assert lines[-1] == {
        "event": "finished",
        "failures": [line["failure"]["id"] for line in (lines[6], lines[4])],
        "remarks": [lines[12]["failure"]["id"]],
        "warnings": 1,
        "cases": 4,
        "calls": 17,
        "seconds": 0.6,
        "interrupted": "Ctrl-C",
    }


class _Elements(HTMLParser):
    """Follows elements that are opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.classes += (dict(attrs).get("class") or "").split()
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_is_well_formed(reported: Report, tmp_path: Path) -> None:
    reported("html")
    html = (tmp_path / "report.html").read_text()
    parser = _Elements()
    parser.feed(html)
    assert not parser.open
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", html)
    assert "prefers-color-scheme: dark" in html
    assert parser.classes.count("tabs") == 3
    assert parser.classes.count("copy") >= 9
    assert {"timeline", "meter", "prose"} <= set(parser.classes)
    for text in ("G102 unhandled_error", "2 of 4 tries", "ended with -11", "that never answered OK", "no answers"):
        assert text in html


def test_what_a_server_says_cannot_become_markup(reported: Report, tmp_path: Path) -> None:
    reported("html")
    html = (tmp_path / "report.html").read_text()
    assert "<b>bold" not in html
    assert "&lt;b&gt;bold" in html
    assert "id is &lt;large&gt; &amp; odd" in html


def test_a_run_that_is_broken_off_is_reported_all_the_same(
    reported: Report, tmp_path: Path, events: list[Event]
) -> None:
    reporting = reported(run=events[:6])
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["interrupted"] == "the run was broken off"
    assert ET.parse(tmp_path / "report.junit").getroot().get("failures") == "1"
    assert "The run ended early: the run was broken off." in summary.plain(reporting.history)


def test_a_run_that_never_began_leaves_reports_alone(reported: Report, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("as it was")
    reported("json", run=[])
    assert (tmp_path / "report.json").read_text() == "as it was"


def test_failures_that_cannot_be_kept_are_said_once(tmp_path: Path, reported: Report) -> None:
    (tmp_path / "failures").write_text("in the way")
    reporting = reported("json")
    assert "can't be kept for `grpcmock replay`" in reporting.trouble
    assert len(json.loads((tmp_path / "report.json").read_text())["failures"]) == 2


def test_secrets_are_found_in_all_their_forms(secret: str) -> None:
    token = secret.split()[1]
    given = (("authorization", secret), ("x-tenant", "user"), ("x-on", "true"))
    secrets = Secrets(given, public=["user.UserService/Get"])
    for text in (secret, token, base64.b64encode(token.encode()).decode(), secret.encode().hex()):
        assert secrets.hide(f"<{text}>") == "<${AUTHORIZATION}>"
    assert secrets.hide("user true") == "user true"  # part of a public name; no secret at all
    tree: Any = {"a": [secret, 1, None], secret: ("x",)}
    assert secrets.hidden(tree) == {"a": ["${AUTHORIZATION}", 1, None], secret: ["x"]}


def test_what_was_found_is_told_when_the_run_itself_fails(reported: Report, capsys: pytest.CaptureFixture[str]) -> None:
    history = reported("json").history
    history.finished = None
    with pytest.raises(LookupError), Output(history):
        raise LookupError("a bug of ours")
    said = capsys.readouterr().out
    assert "Critical (2)" in said
    assert "The run ended early: the run was broken off." in said


def revised(events: list[Event]) -> list[Event]:
    """Give the run in which the second failure turns out to be of one cause with the first."""
    found = [event for event in events if isinstance(event, FailureFound)]
    head = replace(found[1].failure, also=(Sighting("G102", "user.UserService/GetUser"),))
    *rest, end = events
    assert isinstance(end, Finished)
    revision = FailureRevised(failure=head, replaces=found[0].failure.id)
    return [*rest, revision, replace(end, failures=(head,))]


@pytest.mark.parametrize("change", [list, revised], ids=["as it is", "with one cause of two"])
def test_all_reports_have_the_same_counts(
    reported: Report, events: list[Event], tmp_path: Path, change: Callable[[list[Event]], list[Event]]
) -> None:
    history = reported(run=change(events)).history
    failures, remarks = len(history.failures), len(history.remarks)
    assert (failures, remarks) == (2 if change is list else 1, 1)
    document = json.loads((tmp_path / "report.json").read_text())
    assert (document["summary"]["failures"], document["summary"]["remarks"]) == (failures, remarks)
    assert (len(document["failures"]), len(document["remarks"])) == (failures, remarks)
    assert ET.parse(tmp_path / "report.junit").getroot().get("failures") == str(failures)
    assert f"{failures} failure{'' if failures == 1 else 's'}</span>" in (tmp_path / "report.html").read_text()
    *listed, last = summary.plain(history).splitlines()
    assert last.startswith(f"{history.counts} in 4 cases")
    assert [line[:11] for line in listed[-failures:]] == [failure.id for failure in history.failures]
    finished = json.loads((tmp_path / "report.ndjson").read_text().splitlines()[-1])
    assert (len(finished["failures"]), len(finished["remarks"])) == (failures, remarks)
    assert len(list((tmp_path / "failures").glob("*.json"))) == failures + remarks


def test_a_run_in_which_nothing_was_tested_is_told_so(reported: Report, events: list[Event], tmp_path: Path) -> None:
    (seen,) = [one for one in events if isinstance(one, CaseFinished) and one.case.expect is Expect.ACCEPTED]
    (reply,) = seen.result.replies
    shut = replace(seen, result=replace(seen.result, replies=(replace(reply, code=16, message="who?", responses=()),)))
    history = reported(run=[events[0], events[1], shut]).history
    assert history.reach.too_little == "None of 2 methods ever answered OK: nothing behind their answers was tested"
    assert history.reach.hint == "what -H gives isn't enough: is it meant for this server, and has it expired?"
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["untested"] == history.reach.too_little
    assert ET.parse(tmp_path / "report.junit").getroot().get("errors") == "1"
    assert ">hardly tested</span>" in (tmp_path / "report.html").read_text()
    assert f"{history.reach.too_little}." in summary.plain(history).splitlines()


def test_what_was_made_of_a_phase_so_far_is_all_of_it(reported: Report, events: list[Event]) -> None:
    begun = PhaseFinished(phase=Phase.BOUNDARY, cases=3, calls=12, seconds=0.5, goes_on=True)
    again = [PhaseStarted(phase=Phase.BOUNDARY), replace(begun, cases=2, calls=2, goes_on=False)]
    history = reported("json", run=[events[0], events[1], begun, *again]).history
    assert [(span.cases, span.calls) for span in history.phases] == [(5, 14)]
