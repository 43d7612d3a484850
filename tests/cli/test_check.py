from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FINE = "- {name: a, method: user.UserService/GetUser, request: {id: 1}}\n"
SHADOWED = FINE + FINE.replace("name: a", "name: b")
WRONG = "- {name: a, method: user.UserService/GetUser, request: {idd: 1}}\n"
CATCH_ALL = "- {name: all, method: user.UserService/GetUser}\n" + FINE


@pytest.mark.parametrize(
    ("stubs", "args", "code", "said"),
    [
        (FINE, [], 0, "No problems in 1 stub for 4 methods.\n"),
        (FINE, ["--strict"], 0, "No problems"),
        (SHADOWED, [], 0, "stubs/a.yaml:2: warning: this stub can never answer"),
        (SHADOWED, ["--strict"], 1, "0 errors, 1 warning in 2 stubs for 4 methods.\n"),
        (CATCH_ALL, ["--strict"], 0, "info: this stub takes any call"),
        (WRONG, [], 1, "Did you mean 'id'?"),
        (WRONG, ["--format", "github"], 1, "::error file=stubs/a.yaml,line=1,col="),
        ("a: [", [], 1, "stubs/a.yaml:"),
        ("", [], 0, "stubs/a.yaml: warning: This file holds no stub. [no-stubs]\n0 errors, 1 warning in 0 stubs for 4"),
        ("# - method: a/b\n", ["--strict"], 1, "This file holds no stub."),
        ("stubs: []", ["--strict"], 1, "This file holds no stub."),
    ],
)
def test_what_is_found_and_the_exit_code(
    grpcmock: Callable[..., Any], project: Path, stubs: str, args: list[str], code: int, said: str
) -> None:
    (project / "stubs").mkdir()
    (project / "stubs" / "a.yaml").write_text(stubs)
    result = grpcmock("check", *args)
    assert (result.code, result.err) == (code, "")
    assert said in result.out


def test_all_problems_of_protos_and_stubs_are_told_together(grpcmock: Callable[..., Any], project: Path) -> None:
    (project / "stubs").mkdir()
    (project / "stubs" / "a.yaml").write_text("a: 1\n---\nb: 2\n")
    (project / "protos" / "wrong.proto").write_text('syntax = "proto3";\nmessage A { Nothing b = 1; }\n')
    result = grpcmock("check", "--format", "json")
    assert result.code == 1
    files = [problem["file"] for problem in json.loads(result.out)["problems"]]
    assert "protos/wrong.proto" in files
    assert "stubs/a.yaml" in files


@pytest.mark.parametrize(("args", "code"), [([], 0), (["--strict"], 1), (["--strict", "--against", "protos"], 0)])
def test_no_stubs_at_all(grpcmock: Callable[..., Any], args: list[str], code: int) -> None:
    result = grpcmock("check", *args)
    assert result.code == code
    assert ("There are no stubs to check" in result.out) is ("--against" not in args)


def test_a_directory_without_stubs(grpcmock: Callable[..., Any], project: Path) -> None:
    (project / "empty").mkdir()
    result = grpcmock("check", "--strict", "--stubs", "empty")
    assert result.code == 1
    assert "empty: warning: The directory holds no stub files (.yaml, .yml, .json)." in result.out


def test_nothing_to_check_against(grpcmock: Callable[..., Any]) -> None:
    result = grpcmock("check", "nowhere")
    assert result.code == 2
    assert "nowhere" in result.err
