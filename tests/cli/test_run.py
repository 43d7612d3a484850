from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from grpcmock.cli import app, run, settings
from grpcmock.servers.addresses import Address

STUBS = "- {name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}\n"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")

CALL = """
import os, sys, grpc
with grpc.insecure_channel(os.environ["GRPCMOCK_ADDRESS"], [("grpc.enable_http_proxy", 0)]) as channel:
    call = channel.unary_unary("/user.UserService/GetUser")
    for request in sys.argv[1:]:
        try:
            print(call(bytes.fromhex(request), timeout=20).hex(), flush=True)
        except grpc.RpcError as error:
            print(error.code().name, flush=True)
"""
"""A client: it sends each argument, in hexadecimal, to the server of its environment."""

ALICE, NOBODY = "0801", "0863"


@pytest.fixture
def stubs(project: Path) -> Path:
    (project / "stubs").mkdir()
    (project / "stubs" / "users.yaml").write_text(STUBS)
    return project


def python(code: str, *args: str) -> list[str]:
    return ["--", sys.executable, "-c", code, *args]


def test_a_command_calls_the_server_that_its_environment_names(grpcmock: Callable[..., Any], stubs: Path) -> None:
    code, out, err = grpcmock("run", *python(CALL, ALICE))
    assert (code, out) == (0, "08011205416c696365\n")
    assert "Serving 1 stub for 4 methods on 127.0.0.1:" in err
    assert err.endswith("1 call, no misses.\n")


@pytest.mark.parametrize(
    ("options", "requests", "code", "said"),
    [
        ([], [ALICE, NOBODY, NOBODY], 0, "3 calls, of which 2 were misses, answered by no stub: "),
        ([], [NOBODY], 0, "1 call, of which 1 was a miss, answered by no stub: user.UserService/GetUser (1)."),
        ([], [], 0, "No call came. Does the command read GRPCMOCK_ADDRESS"),
        (["--fail-on-miss"], [ALICE, NOBODY], 1, "of which 1 was a miss"),
        (["--fail-on-miss"], [ALICE], 0, "1 call, no misses."),
        (["--auto", "--fail-on-miss"], [NOBODY], 0, "1 call, no misses."),
    ],
)
def test_the_summary_tells_of_misses(
    grpcmock: Callable[..., Any], stubs: Path, options: Sequence[str], requests: Sequence[str], code: int, said: str
) -> None:
    done = grpcmock("run", *options, *python(CALL, *requests))
    assert done.code == code, done.err
    assert said in done.err.splitlines()[-1]


def test_misses_are_told_on_stderr_as_they_come(grpcmock: Callable[..., Any], stubs: Path) -> None:
    _, out, err = grpcmock("run", *python(CALL, NOBODY))
    assert out == "UNIMPLEMENTED\n"
    assert "The nearest stub" in err


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (python("raise SystemExit(7)"), 7, ""),
        pytest.param(python("import os; os.kill(os.getpid(), 9)"), 137, "", marks=POSIX),
        pytest.param(python("import os; os.kill(os.getpid(), 15)"), 143, "", marks=POSIX),
        (["--", "no-such-command"], 127, "error: There is no command 'no-such-command'."),
        pytest.param(["--", "."], 126, "error: The command '.' can't be started: ", marks=POSIX),
        ([], 2, "error: There is no command to run. Write it after two dashes: `grpcmock run -- pytest`."),
        (["--"], 2, "There is no command to run."),
        (["-q", "pytest"], 2, "There is no command to run."),
        (["--stubs", "nowhere", "--", "x"], 1, "nowhere"),
        (["nowhere.proto", "--", "x"], 2, "nowhere.proto"),
        (["--env", "=x", "--", "x"], 2, "'=x' names no variable"),
    ],
)
def test_the_exit_code_is_the_command_s_own(
    grpcmock: Callable[..., Any], stubs: Path, command: Sequence[str], code: int, said: str
) -> None:
    done = grpcmock("run", *command)
    assert done.code == code, done.err
    assert said in done.err


def test_the_address_is_given_in_several_forms(grpcmock: Callable[..., Any], stubs: Path) -> None:
    shown = "import os; print(*(os.environ[name] for name in %r), sep='\\n')"
    names = (*settings.ADDRESSES, "USERS", "USERS_URL")
    given = ["--env", "USERS", "--env", "USERS_URL=http://{host}:{port}/"]
    address, addresses, host, port, users, url = grpcmock("run", *given, *python(shown % (names,))).out.splitlines()
    assert address == addresses == users == f"{host}:{port}"
    assert host == "127.0.0.1"
    assert url == f"http://{address}/"


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (["127.0.0.1:5"], {"ADDRESS": "127.0.0.1:5", "ADDRESSES": "127.0.0.1:5", "HOST": "127.0.0.1", "PORT": "5"}),
        (["0.0.0.0:5"], {"ADDRESS": "127.0.0.1:5", "ADDRESSES": "127.0.0.1:5", "HOST": "127.0.0.1", "PORT": "5"}),
        (["[::]:5"], {"ADDRESS": "[::1]:5", "ADDRESSES": "[::1]:5", "HOST": "::1", "PORT": "5"}),
        (["unix:/a", "b:6"], {"ADDRESS": "unix:/a", "ADDRESSES": "unix:/a b:6"}),
    ],
)
def test_what_the_environment_says_of_addresses(addresses: Sequence[str], told: dict[str, str]) -> None:
    found = run.told([Address.parse(text) for text in addresses])
    assert found == {f"GRPCMOCK_{name}": value for name, value in told.items()}
    assert set(found) <= set(settings.ADDRESSES)


def test_no_option_has_an_environment_variable_of_the_same_name() -> None:
    context = app.click.Context(app.cli)
    commands = [app.cli.get_command(context, name) for name in app.COMMANDS]
    taken = {name for command in commands if command for param in command.params for name in param.envvar or ()}
    assert not taken & set(settings.ADDRESSES)


def test_options_are_those_of_serve_with_names_of_their_own() -> None:
    context = app.click.Context(app.cli)
    serve, here = (app.cli.get_command(context, name) for name in ("serve", "run"))
    assert serve is not None
    assert here is not None
    assert {param.name for param in serve.params} < {param.name for param in here.params}
    for command, name in ((serve, "SERVE"), (here, "RUN")):
        seed = next(param for param in command.params if param.name == "seed")
        assert seed.envvar == [f"GRPCMOCK_{name}_SEED", "GRPCMOCK_SEED"]


WAIT = """
import signal, sys
def end(number, _):
    print(signal.Signals(number).name, flush=True)
    sys.exit(5)
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"):
    signal.signal(getattr(signal, name), end)
print("waiting", flush=True)
while True: signal.pause()
"""


@POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_signals_are_passed_on(stubs: Path, name: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "grpcmock", "run", *python(WAIT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # no terminal has it in its foreground, wherever these tests run
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (5, f"{name}\n"), err
    assert "Traceback" not in err


@POSIX
def test_ctrl_c_reaches_the_command_once(stubs: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    # Its leader is a shell, as at a desk: the terminal has the whole group in its foreground.
    program = [sys.executable, "-c", _IN_TERMINAL, sys.executable, "-m", "grpcmock", "run", *python(_COUNT)]
    process = subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, start_new_session=True)
    os.close(theirs)
    shown = b""
    try:
        while b"waiting" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"\x03")
        while b"ended after" not in shown or not shown.endswith(b"\n"):
            shown += os.read(ours, 4096)
        assert process.wait(30) == 6
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert b"ended after 1" in shown


_IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_COUNT = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("waiting", flush=True)
signal.sigwait([signal.SIGINT])
again = signal.sigtimedwait([signal.SIGINT], 0.5)
print("ended after", 1 if again is None else 2, flush=True)
sys.exit(6)
"""
