"""The program in its surroundings: streams that are closed or full, color or none, Ctrl-C in the first moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from grpcmock.cli import terminals

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a shell of Unix, and its signals")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
STYLED = "\x1b["


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``grpcmock`` as *line* has it, through a shell."""
    line = line.replace("grpcmock", f"'{sys.executable}' -m grpcmock", 1)
    return subprocess.run(
        ["sh", "-c", line],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )


@POSIX
@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        ("grpcmock list protos >&-", 0, "", ""),
        ("grpcmock list protos <&- >&- 2>&-", 0, "", ""),
        ("grpcmock list nowhere.proto 2>&-", 2, "", ""),
        ("grpcmock list nowhere.proto >&-", 2, "", "nowhere.proto"),
        pytest.param("grpcmock list protos >/dev/full", 2, "", "can't be written: No space left", marks=FULL),
        pytest.param("grpcmock list nowhere.proto 2>/dev/full", 2, "", "", marks=FULL),
        pytest.param("grpcmock serve --listen 127.0.0.1:0 >/dev/full", 2, "", "can't be written", marks=FULL),
    ],
)
def test_streams_that_take_nothing(project: Path, line: str, code: int, out: str, err: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stdout) == (code, out), done.stderr
    assert err in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@POSIX
@pytest.mark.parametrize("closed", [(1,), (0, 1, 2)])
def test_a_server_serves_without_standard_streams(project: Path, closed: tuple[int, ...]) -> None:
    redirected = " ".join(f"{number}>&-" for number in closed)
    program = f"exec '{sys.executable}' -m grpcmock serve --listen 127.0.0.1:0 --ready-file ready {redirected}"
    server = subprocess.Popen(["sh", "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not Path("ready").exists():
            with pytest.raises(subprocess.TimeoutExpired):  # else it has ended
                server.wait(0.02)
        called = shell(f"grpcmock call {Path('ready').read_text().strip()} grpc.health.v1.Health/Check")
        assert json.loads(called.stdout) == {"status": "SERVING"}, called.stderr
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, None),
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"TERM": "xterm"}, None),
    ],
)
def test_color_is_as_the_environment_has_it(environment: Mapping[str, str], wanted: bool | None) -> None:
    assert terminals.wants_color(environment) is wanted


@pytest.mark.parametrize("line", ["grpcmock list protos", "grpcmock list nowhere.proto 2>&1", "grpcmock check 2>&1"])
@POSIX
def test_color_can_be_had_in_a_pipe(project: Path, line: str) -> None:
    plain = {"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm"}
    assert STYLED in shell(line, **{**plain, "FORCE_COLOR": "1"}).stdout


@pytest.mark.parametrize(
    ("line", "variable", "value"),
    [
        ("list protos", "NO_COLOR", "1"),
        ("list nowhere.proto", "TERM", "dumb"),
        ("check", "NO_COLOR", "1"),
        ("describe protos", "NO_COLOR", "1"),
        ("explain", "TERM", "dumb"),
        ("explain G102", "NO_COLOR", "1"),
    ],
)
@POSIX
def test_a_terminal_can_be_told_to_show_none(project: Path, line: str, variable: str, value: str) -> None:
    assert STYLED not in on_terminal(line, {variable: value})


@POSIX
def test_help_is_as_wide_as_the_terminal(project: Path) -> None:
    widths = {
        columns: max(map(len, on_terminal("serve --help", {}, columns=columns).splitlines())) for columns in (60, 160)
    }
    assert 50 < widths[60] <= 60 < widths[160] <= 100, widths


def on_terminal(line: str, environment: Mapping[str, str], *, columns: int = 80) -> str:
    """Run ``grpcmock`` with a terminal, and give what it shows."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "grpcmock", *line.split()],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            shown += chunk
    except OSError:  # Linux has it so when the last program has left
        pass
    finally:
        os.close(ours)
        process.wait(20)
    return shown.decode().replace("\r", "")


@POSIX
@pytest.mark.parametrize(("module", "said"), [("click", ""), ("grpc", "\n"), ("yaml", "\n")])
def test_ctrl_c_while_it_is_imported(project: Path, module: str, said: str) -> None:
    # A module of this name that is interrupted, and would wait for ever.
    (project / "early").mkdir()
    interrupted = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n"
    (project / "early" / f"{module}.py").write_text(interrupted)
    done = subprocess.run(
        [sys.executable, "-m", "grpcmock", "serve"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(project / "early"), os.environ["PYTHONPATH"]])},
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", said)
