from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click
import pytest

from grpcmock.cli import failures, terminals
from grpcmock.errors import (
    CompileError,
    ConfigError,
    GrpcmockError,
    Location,
    MissingExtraError,
    Problem,
    RenderError,
    SchemaError,
    StubError,
    TargetError,
)


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def run() -> NoReturn:
        raise error

    return run


TWO = [Problem("wrong.", Location("a.yaml", 1, 2), "request.id"), Problem("too.", Location("b.yaml", 3))]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("No."), 2, "error: No.\n"),
        (TargetError("Away."), 2, "error: Away.\n"),
        (SchemaError("Gone."), 2, "error: Gone.\n"),
        (RenderError("Hm."), 1, "error: Hm.\n"),
        (
            MissingExtraError("CEL", "cel"),
            2,
            (
                "error: CEL needs an optional dependency: install grpcmock with its extra cel, as from a clone: "
                "pip install '.[cel]'\n"
            ),
        ),
        (StubError(TWO), 1, "a.yaml:1:2: request.id: wrong.\nb.yaml:3: too.\nerror: 2 problems\n"),
        (CompileError(TWO[:1]), 1, "a.yaml:1:2: request.id: wrong.\nerror: 1 problem\n"),
        (click.UsageError("so not"), 2, "error: so not.\n"),
        (PermissionError(13, "Permission denied", "x.json"), 2, "error: x.json: Permission denied.\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (click.Abort(), 130, ""),
        (click.exceptions.Exit(1), 1, ""),
        (BrokenPipeError(32, "Broken pipe"), 0, ""),
    ],
)
def test_each_error_is_one_message_and_an_exit_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminals, "discard_stdout", lambda: None)
    assert failures.guard(raising(error)) == code
    assert capsys.readouterr() == ("", said)


def test_a_bug_is_named_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.guard(raising(KeyError("x"))) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: grpcmock itself failed: KeyError: 'x'\n")
    assert "GRPCMOCK_TRACEBACK=1" in err
    assert "Traceback" not in err


def test_tracebacks_are_shown_when_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPCMOCK_TRACEBACK", "1")
    assert failures.guard(raising(GrpcmockError("No."))) == 2
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert err.endswith("error: No.\n")


def test_the_code_of_a_good_run_is_passed_on() -> None:
    assert failures.guard(lambda: 0) == 0
    assert failures.guard(lambda: 1) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
def test_a_reader_who_leaves_is_no_error(project: Path) -> None:
    import subprocess

    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "grpcmock", "completion", "bash"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_option_that_is_not_there_is_named_with_options_alone(grpcmock: Callable[..., tuple[int, str, str]]) -> None:
    # An argument has no dashes, and so is nothing to propose: PROTOS, here.
    assert grpcmock("serve", "--prot", "x")[2].startswith("error: No such option '--prot'.")
    assert "'protos'" not in grpcmock("serve", "--prot", "x")[2]
