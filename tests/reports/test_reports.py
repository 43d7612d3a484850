# mypy: disable-error-code="arg-type"
"""Reports: XML that parsers take whatever it holds, pages that need nothing else, files whole or not at all."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.cli.report_options import report_option
from grpcmock.errors import ConfigError, Location
from grpcmock.reports import files, sarif
from grpcmock.reports.allure import to_allure
from grpcmock.reports.html import (
    Badge,
    Code,
    Diff,
    Difference,
    Facts,
    Figure,
    Fold,
    Mark,
    Meter,
    Mono,
    Page,
    Prose,
    Section,
    Span,
    Table,
    Tabs,
    Text,
    Timeline,
    to_html,
)
from grpcmock.reports.junit import Case, Suite, Trouble, to_xml


def test_a_suite_counts_what_became_of_its_cases() -> None:
    cases = (
        Case(name="good", seconds=0.5),
        Case(name="wrong", failure=Trouble("id differs", "id  expected 1  actual 2", "reply"), file="a.yaml", line=3),
        Case(name="broken", error=Trouble("no answer")),
        Case(name="left out", skipped="a fault"),
    )
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    suite = Suite(name="stubs", cases=cases, started=started, properties=[("target", "127.0.0.1:1")])
    root = ET.fromstring(to_xml([suite]))
    found = root.find("testsuite")
    assert found is not None
    counts = {name: found.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1", "time": "0.500"}
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "1")
    assert found.get("timestamp") == "2026-01-02T03:04:05+00:00"
    failure = found.find("testcase/failure")
    assert failure is not None
    assert (failure.get("message"), failure.text) == ("id differs", "id  expected 1  actual 2")
    wrong = found.findall("testcase")[1]
    assert (wrong.get("file"), wrong.get("line")) == ("a.yaml", "3")


@given(st.text(st.characters()))
def test_any_text_makes_xml_that_can_be_read(text: str) -> None:
    case = Case(name=text, classname=text, failure=Trouble(text, text), skipped=text, output=text)
    assert ET.fromstring(to_xml([Suite(name=text, cases=[case])]).encode()) is not None


def test_control_characters_are_told_apart() -> None:
    assert "\\x1b[31m" in to_xml([Suite(name="\x1b[31m")])
    assert "\\ud800" in to_xml([Suite(name="\ud800")])


def page(text: str = "x") -> Page:
    inner = Fold("inner", [Code(text, "title")])
    blocks = [
        Text(["a ", Badge(text, "bad"), Mono(text)]),
        Table(["n", "of"], [["1", Badge("b")]], frozenset({0})),
        Facts([(text, Mono(text))]),
        Tabs([(text, [Code(text, copy=True)]), ("other", [Prose(f"**{text}**\n\n    {text}")])], text),
        Table(["n"], [[Meter(1, 3)], [Meter(0, 0)]]),
        Timeline([Span(text, 1.0, text), Span("b", 0.5), Span(text, 0.1)], [Mark(0.2, text)], [(text, "11 s")]),
        Fold(text, [Diff([Difference("request.id", text, "2")]), inner], [Badge("failed", "bad")], note="here"),
    ]
    return Page(
        title="A run",
        verdict=Badge("holds", "good"),
        facts=[("target", text)],
        figures=[Figure("12", "hold", "good")],
        sections=[Section("Stubs", blocks)],
        footer="the end",
    )


def test_a_page_stands_alone() -> None:
    html = to_html(page())
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", html)
    assert "prefers-color-scheme: dark" in html
    assert html.startswith("<!doctype html>")
    for text in ("A run", "Stubs", "request.id", "failed", "the end", "12"):
        assert text in html


class _Balance(HTMLParser):
    """Follows elements that are opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, _: object) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_each_element_of_a_page_is_closed() -> None:
    parser = _Balance()
    parser.feed(to_html(page()))
    assert not parser.open
    assert parser.seen >= {"details", "table", "pre", "dl", "section", "h2"}


def test_a_timeline_gives_one_color_to_each_label() -> None:
    line = Timeline([Span("a", 1.0), Span("b", 2.0), Span("a", 1.0)], [Mark(3.0, "here")])
    assert [line.hue(span.label) for span in line.spans] == [0, 1, 0]
    assert (line.seconds, line.percent(1.0), Timeline([], [Mark(5.0, "x")]).percent(5.0)) == (4.0, 25.0, 100.0)
    assert (Meter(1, 4).percent, Meter(0, 0).percent) == (25.0, 100.0)


def test_what_is_shown_cannot_become_markup() -> None:
    html = to_html(page("<script>alert(1)</script>"))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {}),
        (["junit=a.xml"], {"junit": "a.xml"}),
        (["junit=a.xml,html=b/c.html"], {"junit": "a.xml", "html": "b/c.html"}),
        (["junit=a.xml", "JSON=b.json"], {"junit": "a.xml", "json": "b.json"}),
        (["html=a,b.html,json=c"], {"html": "a,b.html", "json": "c"}),
    ],
)
def test_reports_are_read(values: list[str], expected: dict[str, str]) -> None:
    assert files.parse(values) == {kind: Path(path) for kind, path in expected.items()}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("junti=a", "There is no report 'junti'. Did you mean 'junit'?"),
        ("xyz=a", "There is no report 'xyz'. The kinds are: allure, html, json, junit, ndjson, sarif."),
        ("html", "Where should the report 'html' be written? Write html=PATH."),
        ("html=", "Where should the report 'html' be written? Write html=PATH."),
        ("html=a,html=b", "The report 'html' is asked for twice: a and b."),
        ("html=a,json=./a", "The reports 'html' and 'json' can't be one file: a."),
    ],
)
def test_what_is_no_report_is_said(value: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        files.parse([value])


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    files.check({"junit": path})
    files.write(path, "one\n")
    files.write(path, "two \ud800\n")
    assert path.read_text() == "two \\ud800\n"
    assert [found.name for found in path.parent.iterdir()] == ["b.txt"]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    below = tmp_path / "file" / "report"
    for act in (
        lambda: files.write(below, ""),
        lambda: files.check({"html": below}),
        lambda: files.lines(below).__enter__(),
    ):
        with pytest.raises(ConfigError, match=r"report can't be written: "):
            act()
    with pytest.raises(ConfigError, match="is a directory"):
        files.check({"json": tmp_path})
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_is_not_writable_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="not writable"):
        files.check({"junit": tmp_path / "report"})


def test_lines_can_be_read_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "events.ndjson"
    with files.lines(path) as opened:
        opened.write('{"n": 1}\n')
        assert path.read_text() == '{"n": 1}\n'


def test_a_command_gets_its_reports(tmp_path: Path) -> None:
    @click.command()
    @report_option("junit", "json")
    def command(reports: dict[str, Path]) -> None:
        click.echo(",".join(f"{kind}:{path.name}" for kind, path in reports.items()))

    run = CliRunner().invoke
    assert run(command, ["--report", f"junit={tmp_path / 'a'}", "--report", f"json={tmp_path / 'b'}"]).output == (
        "junit:a,json:b\n"
    )
    assert run(command, []).output == "\n"
    wrong = run(command, ["--report", "html=x"])
    assert wrong.exit_code == 2
    assert "There is no report 'html'" in wrong.output


def suites(text: str) -> list[Suite]:
    cases = [
        Case(name="good", classname=text, seconds=0.5, output=text),
        Case(name="wrong", failure=Trouble(text, f"{text}\n more", "G102")),
        Case(name="broken", error=Trouble("no answer")),
        Case(name="left out", skipped="a fault"),
    ]
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return [Suite(name="stubs", cases=cases, started=started, properties=[("target", "a\\b\nc=ü")])]


@given(st.text())
def test_allure_reads_what_became_of_each_case(text: str) -> None:
    found = to_allure(suites(text), "grpcmock verify")
    results = [json.loads(content) for name, content in found.items() if name.endswith("-result.json")]
    assert [one["status"] for one in results] == ["passed", "failed", "broken", "skipped"]
    assert [(one["start"], one["stop"] - one["start"]) for one in results[:2]] == [
        (1767323045000, 500),
        (1767323045500, 0),
    ]
    assert results[1]["statusDetails"] == {"message": text, "trace": f"{text}\n more"}
    labels = [(label["name"], label["value"]) for label in results[1]["labels"]]
    assert labels[1:] == [("parentSuite", "grpcmock verify"), ("suite", "stubs"), ("tag", "G102")]
    sources = [one["source"] for result in results for one in result.get("attachments", ())]
    assert [found[source] for source in sources] == ([text] if text else [])
    assert found["environment.properties"] == "target = a\\\\b\\nc=\\xfc\n"
    again = to_allure(suites(text), "grpcmock verify")
    assert not found.keys() & again.keys() - {"environment.properties"}
    ids = {json.loads(content)["historyId"] for name, content in again.items() if name.endswith("-result.json")}
    assert ids == {one["historyId"] for one in results}


def test_a_report_of_several_files_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file; the report 'allure' is a directory"):
        files.check({"allure": tmp_path / "file"})
    files.check({"allure": tmp_path / "new" / "results"})
    files.write_all(tmp_path / "new" / "results", {"a.json": "{}"})
    assert (tmp_path / "new" / "results" / "a.json").read_text() == "{}"


def test_sarif_holds_places_as_addresses() -> None:
    rules = [sarif.Rule(id="a"), sarif.Rule(id="b", name="bee", text="So.", markdown="# So", security_severity=9)]
    results = [
        sarif.Result(rule="b", message="wrong", place=Location("my protos/ü.proto", 3, 5), accepted="known"),
        sarif.Result(rule="a", message="odd", level="note", place=Location("/a/b.yaml"), symbol="s.S/M"),
    ]
    started = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    document = json.loads(sarif.to_sarif(sarif.Run(tool="t", rules=rules, results=results, started=started, seconds=2)))
    (run,) = document["runs"]
    assert run["invocations"] == [
        {
            "executionSuccessful": True,
            "startTimeUtc": "2026-01-02T03:04:05.678Z",
            "endTimeUtc": "2026-01-02T03:04:07.678Z",
        }
    ]
    first, second = run["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20protos/%C3%BC.proto"},
        "region": {"startLine": 3, "startColumn": 5},
    }
    assert (first["ruleIndex"], second["ruleIndex"]) == (1, 0)
    assert second["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "file:///a/b.yaml"}}
    assert run["tool"]["driver"]["rules"][1]["properties"] == {"security-severity": "9.0"}
