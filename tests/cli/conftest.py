from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from grpcmock.cli import app

ROOT = Path(__file__).parent.parent.parent


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own to work in: the current directory, with ``protos/user.proto``, and no settings around."""
    for name in list(os.environ):
        if name.startswith("GRPCMOCK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for programs started in this project
    monkeypatch.chdir(tmp_path)
    (tmp_path / "protos").mkdir()
    shutil.copy(ROOT / "protos" / "user.proto", tmp_path / "protos")
    return tmp_path


@pytest.fixture
def grpcmock(project: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command line in this process, in a project of its own."""

    def run(*args: str) -> Result:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            app.main(args)
        out, err = capfd.readouterr()
        return Result(int(ended.value.code or 0), out, err)

    return run
