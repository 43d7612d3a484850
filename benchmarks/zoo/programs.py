"""grpcmock's commands as programs of their own: run to their end, or servers that are told to end."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_CRASHES = ("Traceback (most recent call last)", "grpcmock itself failed", "Task exception was never retrieved")
_TAIL = 600


class ProgramError(Exception):
    """A program that didn't do as it should."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program left behind."""

    code: int
    out: str
    err: str


def run(*arguments: str | Path, seconds: float, codes: tuple[int, ...] = (0,)) -> Ended:
    """Run a command of grpcmock. Raises :class:`ProgramError` if it crashes, takes longer, or ends otherwise."""
    name = str(arguments[0])
    try:
        made = subprocess.run(
            _command(*arguments), capture_output=True, text=True, check=False, timeout=seconds, env=_environment()
        )
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{name} takes longer than {seconds:g} s") from None
    _raise_for_crash(name, made.stderr)
    if made.returncode not in codes:
        raise ProgramError(f"{name} ended with {made.returncode}: {_tail(made.stderr or made.stdout)}")
    return Ended(made.returncode, made.stdout, made.stderr)


@contextmanager
def server(*arguments: str | Path, log: Path, seconds: float) -> Iterator[str]:
    """Have a command of grpcmock serve on a free port, and yield its address. Afterwards it is told to end.

    Raises :class:`ProgramError` if it doesn't start in time, crashes, or doesn't end as it should.
    """
    name = str(arguments[0])
    with log.open("w") as err:
        process = subprocess.Popen(
            _command(*arguments, "--listen", "127.0.0.1:0"),
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            env=_environment(),
        )
        try:
            yield _address(process, name, log, seconds)
            process.send_signal(signal.SIGINT)
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProgramError(f"{name} doesn't end within {seconds:g} s") from None
        finally:
            process.kill()
            process.wait()
    _raise_for_crash(name, log.read_text())
    if code not in (0, 130):
        raise ProgramError(f"{name} ended with {code}: {_tail(log.read_text())}")


def _address(process: subprocess.Popen[str], name: str, log: Path, seconds: float) -> str:
    lines: queue.Queue[str] = queue.Queue()
    out = process.stdout
    assert out is not None

    def read() -> None:
        with out:
            lines.put(out.readline())
            for _ in out:  # the log: in a pipe that nobody reads it would hold the server up
                pass

    threading.Thread(target=read, daemon=True).start()
    try:
        line = lines.get(timeout=seconds)
    except queue.Empty:
        raise ProgramError(f"{name} doesn't listen within {seconds:g} s") from None
    if not line:
        process.wait(seconds)
        _raise_for_crash(name, log.read_text())
        raise ProgramError(f"{name} didn't start: {_tail(log.read_text())}")
    return str(json.loads(line)["addresses"][0])


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "grpcmock", *map(str, arguments)]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRPCMOCK_")}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def _raise_for_crash(name: str, err: str) -> None:
    for words in _CRASHES:
        if words in err:
            raise ProgramError(f"{name} crashed: {_tail(err[err.index(words) :])}")


def _tail(text: str) -> str:
    lines = " / ".join(line.strip() for line in text.strip().splitlines() if line.strip())
    return lines if len(lines) <= _TAIL else f"{lines[: _TAIL // 2]} … {lines[-_TAIL // 2 :]}"
