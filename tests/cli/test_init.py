from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.errors import Problems
from grpcmock.schema import MethodKind
from grpcmock.stubs import loader

Run = Callable[..., Any]


def test_writes_a_stub_for_each_method_and_kind(grpcmock: Run, project: Path) -> None:
    assert grpcmock("init") == (0, "Wrote stubs/user.UserService.yaml (4 stubs).\n", "")
    problems = Problems()
    stubs = loader.load([project / "stubs"], problems)
    assert not list(problems)
    assert [stub.method.rpartition("/")[2] for stub in stubs] == ["GetUser", "ListUsers", "CreateUsers", "LookupUsers"]
    text = (project / "stubs" / "user.UserService.yaml").read_text()
    assert text.endswith("\n")
    assert "# Gives one user; NOT_FOUND if there is none with this id.\n" in text
    for kind in MethodKind:
        assert f"# {kind.value.capitalize()}: user." in text


def test_what_is_written_passes_the_check(grpcmock: Run) -> None:
    grpcmock("init")
    assert grpcmock("check", "--strict").code == 0


def test_only_the_methods_asked_for_at_the_place_asked_for(grpcmock: Run, project: Path) -> None:
    assert grpcmock("init", "protos/user.proto", "--method", "UserService/GetUser", "--out", "a/b").code == 0
    (file,) = (project / "a" / "b").iterdir()
    assert file.read_text().count("- name:") == 1


def test_an_unknown_method_is_named_with_the_nearest(grpcmock: Run, project: Path) -> None:
    code, _, err = grpcmock("init", "--method", "user.UserService/GetUsr")
    assert code == 2
    assert "Did you mean 'user.UserService/GetUser'?" in err
    assert not (project / "stubs").exists()


def test_never_writes_over_a_file_unless_told_to(grpcmock: Run, project: Path) -> None:
    file = project / "stubs" / "user.UserService.yaml"
    file.parent.mkdir()
    file.write_text("mine")
    code, _, err = grpcmock("init")
    assert (code, file.read_text()) == (2, "mine")
    assert err.startswith("error: stubs/user.UserService.yaml: there already")
    assert grpcmock("init", "--force").code == 0
    assert file.read_text() != "mine"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda project: (project / "protos" / "user.proto").write_text('syntax = "proto3";'),
            "There is no service in",
        ),
        (lambda project: (project / "protos").rename(project / "elsewhere"), "There is no directory protos/ here."),
    ],
)
def test_says_what_is_missing(grpcmock: Run, project: Path, make: Callable[[Path], object], said: str) -> None:
    make(project)
    code, _, err = grpcmock("init")
    assert code == 2
    assert said in err
