"""Records calls of the session against a real server (``--grpcmock-record``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from grpcmock.mock.server import MockServer

_SAID = pytest.StashKey[list[str]]()


def check(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` where one file would be written by several processes."""
    if config.getoption("--grpcmock-record") and config.getoption("numprocesses", None):
        raise pytest.UsageError("grpcmock: --grpcmock-record writes the stubs of one process. Run it without -n.")


@contextmanager
def recording(server: MockServer, config: pytest.Config) -> Iterator[None]:
    """Record for as long as the session's server runs, if asked to. A target that can't be called ends the session."""
    target = config.getoption("--grpcmock-record")
    if not target:
        yield
        return
    from grpcmock.errors import GrpcmockError

    try:
        recorder = server.recorder(
            target,
            redact=config.getini("grpcmock_record_redact"),
            ignore_varying=config.getini("grpcmock_record_ignore_varying"),
            match_metadata=config.getini("grpcmock_record_match_metadata"),
        )
    except GrpcmockError as error:
        wrong = f"grpcmock: --grpcmock-record={target}: {error}"
    else:
        wrong = ""
    if wrong:
        pytest.exit(wrong, returncode=pytest.ExitCode.USAGE_ERROR)
    said = config.stash[_SAID] = []
    try:
        yield
    finally:
        recorder.stop()
        said += [text if level == "info" else f"{level}: {text}" for level, text in recorder.summary().remarks_on_it()]
        folder = config.rootpath / config.getoption("--grpcmock-record-to")
        said += [f"recorded {_shown(file, config)}" for file in recorder.write(folder)] or ["nothing was recorded"]


def _shown(file: Path, config: pytest.Config) -> str:
    return file.relative_to(config.rootpath).as_posix() if file.is_relative_to(config.rootpath) else str(file)


def summary(config: pytest.Config) -> list[str]:
    """Say what was recorded, in lines."""
    return config.stash.get(_SAID, [])
