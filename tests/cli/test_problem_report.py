from __future__ import annotations

import json

import click
import pytest

from grpcmock.cli import problem_report
from grpcmock.errors import Location, Problem

PROBLEMS = [
    Problem(
        "no field 'nmae'.",
        Location("a.yaml", 3, 5),
        "request.nmae",
        stub="alice",
        hint="Did you mean 'name'?",
        rule="unknown-field",
    ),
    Problem("never answers.", Location("b.yaml", 9), rule="shadowed-stub", severity="warning"),
    Problem("takes any call.", rule="catch-all", severity="info"),
]


def test_text() -> None:
    assert [click.unstyle(line) for line in problem_report.lines(PROBLEMS, "text", checked="3 stubs")] == [
        "a.yaml:3:5: error: request.nmae: no field 'nmae'. Did you mean 'name'? [unknown-field]",
        "b.yaml:9: warning: never answers. [shadowed-stub]",
        "info: takes any call. [catch-all]",
        "1 error, 1 warning, 1 info in 3 stubs.",
    ]


@pytest.mark.parametrize(
    ("problems", "said"),
    [
        ([], "No problems in 3 stubs."),
        (PROBLEMS[:1] * 2, "2 errors in 3 stubs."),
        (PROBLEMS[1:2], "0 errors, 1 warning in 3 stubs."),
    ],
)
def test_summary(problems: list[Problem], said: str) -> None:
    assert problem_report.summary(problems, "3 stubs") == said


def test_json() -> None:
    document = json.loads("\n".join(problem_report.lines(PROBLEMS, "json")))
    assert (document["errors"], document["warnings"]) == (1, 1)
    assert document["problems"][0] == {
        "severity": "error",
        "rule": "unknown-field",
        "message": "no field 'nmae'.",
        "hint": "Did you mean 'name'?",
        "stub": "alice",
        "path": "request.nmae",
        "file": "a.yaml",
        "line": 3,
        "column": 5,
    }
    assert document["problems"][1]["column"] is None
    assert document["problems"][2]["file"] is None


def test_github() -> None:
    said = "request.nmae: no field 'nmae'. Did you mean 'name'?"
    multiline = Problem("a: 100%\nb", Location("x,y:z.yaml", 1), rule="invalid")
    assert list(problem_report.lines([*PROBLEMS, multiline], "github")) == [
        f"::error file=a.yaml,line=3,col=5,title=grpcmock%3A unknown-field::{said}",
        "::warning file=b.yaml,line=9,title=grpcmock%3A shadowed-stub::never answers.",
        "::notice title=grpcmock%3A catch-all::takes any call.",
        "::error file=x%2Cy%3Az.yaml,line=1,title=grpcmock%3A invalid::a: 100%25%0Ab",
        "2 errors, 1 warning, 1 info.",
    ]
