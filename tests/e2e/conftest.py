"""Makes the worlds of these tests, and takes them down again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from worlds import USER_PROTO, Mock, Program


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[Callable[..., Mock]]:
    """Start mock servers in this process: ``mock(stubs, …)``."""
    started: list[Mock] = []

    def start(stubs: str = "[]", **options: Any) -> Mock:
        started.append(Mock(tmp_path / f"mock-{len(started)}", stubs, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, and the current directory: ``protos/user.proto``, an empty ``stubs/``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "protos").mkdir()
    (tmp_path / "protos" / "user.proto").write_text(USER_PROTO)
    (tmp_path / "stubs").mkdir()
    return tmp_path


@pytest.fixture
def serve(project: Path) -> Iterator[Callable[..., Program]]:
    """Start ``grpcmock serve`` as a program of its own: ``serve("--option", …)``."""
    started: list[Program] = []

    def start(*args: str, **options: Any) -> Program:
        started.append(Program(*args, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()
