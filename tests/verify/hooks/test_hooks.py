"""Set-up hooks: commands, HTTP endpoints and functions are told, undo, don't know, fail and hang."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from grpcmock.errors import ConfigError
from grpcmock.verify import hooks
from grpcmock.verify.hooks import CallableHook, CommandHook, Given, HookError, UnknownGivenError, UrlHook

GIVEN = Given("user 1 is Alice", "alice", "user.UserService/GetUser", "billing")


async def outcomes(hook: hooks.Hook, given: Given = GIVEN) -> None:
    undo = await hook.set_up(given)
    await undo()


# --- Commands ---------------------------------------------------------------------------------------------------------


SCRIPT = """
import json, os, sys
action, words = sys.argv[-2:]
asked = json.load(sys.stdin)
assert asked["action"] == action == os.environ["GRPCMOCK_ACTION"], asked
assert asked["given"] == words == os.environ["GRPCMOCK_GIVEN"], asked
with open(sys.argv[1], "a") as file:
    print(action, words, asked["stub"], os.environ["GRPCMOCK_METHOD"], asked["consumer"], file=file)
if words == "unknown":
    sys.exit(3)
if words == "broken":
    sys.exit("the database is gone")
if words == "hangs":
    import time; time.sleep(60)
"""


@pytest.fixture
def command(tmp_path: Path) -> tuple[CommandHook, Path]:
    script, log = tmp_path / "set_up.py", tmp_path / "log"
    script.write_text(SCRIPT)
    return CommandHook((sys.executable, str(script), str(log)), 30), log


async def test_a_command_is_told_by_arguments_environment_and_stdin(command: tuple[CommandHook, Path]) -> None:
    hook, log = command
    await outcomes(hook)
    line = "user 1 is Alice alice user.UserService/GetUser billing\n"
    assert log.read_text() == f"setup {line}teardown {line}"


async def test_a_command_may_not_know_or_fail(command: tuple[CommandHook, Path]) -> None:
    hook, _ = command
    with pytest.raises(UnknownGivenError, match="doesn't know the state 'unknown'"):
        await outcomes(hook, Given("unknown"))
    with pytest.raises(HookError, match=r"\(setup 'broken'\) exited with 1: the database is gone"):
        await outcomes(hook, Given("broken"))


async def test_a_command_that_hangs_is_ended(command: tuple[CommandHook, Path]) -> None:
    hook = CommandHook(command[0].command, 0.5)
    begun = time.monotonic()
    with pytest.raises(HookError, match=r"\(setup 'hangs'\) took longer than 0.5 s"):
        await outcomes(hook, Given("hangs"))
    assert time.monotonic() - begun < 20


async def test_what_a_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    hook = CommandHook(("sh", "-c", "sleep 60 & echo $! > " + str(tmp_path / "pid")), 20)
    try:
        await outcomes(hook)
    finally:
        import os
        import signal

        with contextlib.suppress(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_a_command_that_is_not_there_is_said() -> None:
    with pytest.raises(HookError, match=r"'no-such-command' can't be run: No such file or directory"):
        await outcomes(CommandHook(("no-such-command",)))


@pytest.mark.parametrize(("text", "message"), [("", "is empty"), ("a 'b", "can't be read: no closing quotation")])
def test_a_command_is_read_as_a_shell_would(text: str, message: str) -> None:
    assert CommandHook.parse("python 'set up.py'").command == ("python", "set up.py")
    with pytest.raises(ConfigError, match=message):
        CommandHook.parse(text)


# --- HTTP -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[Any]]]:
    said: list[Any] = []
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            said.append(asked)
            if asked["given"] == "hangs":
                ended.wait(20)
            code = {"unknown": 404, "broken": 500}.get(asked["given"], 204)
            self.send_response(code)
            self.end_headers()
            if code == 500:
                self.wfile.write(b"the database is gone")

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/states", said
    ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


async def test_an_endpoint_is_told_as_json(endpoint: tuple[str, list[Any]]) -> None:
    url, said = endpoint
    await outcomes(UrlHook.parse(url))
    both = {"given": "user 1 is Alice", "stub": "alice", "method": "user.UserService/GetUser", "consumer": "billing"}
    assert said == [{"action": "setup", **both}, {"action": "teardown", **both}]


async def test_an_endpoint_may_not_know_fail_or_hang(endpoint: tuple[str, list[Any]]) -> None:
    url, _ = endpoint
    with pytest.raises(UnknownGivenError, match=f"doesn't know the state 'unknown' \\({re.escape(url)} answered 404"):
        await outcomes(UrlHook.parse(url), Given("unknown"))
    with pytest.raises(HookError, match="answered 500: the database is gone"):
        await outcomes(UrlHook.parse(url), Given("broken"))
    with pytest.raises(HookError, match=r"took longer than 0\.3 s"):
        await outcomes(UrlHook(url, 0.3), Given("hangs"))


async def test_an_endpoint_that_is_not_there_is_said() -> None:
    with pytest.raises(HookError, match=r"can't be reached: .*refused"):
        await outcomes(UrlHook.parse("http://127.0.0.1:9/states"))


@pytest.mark.parametrize("text", ["file:///etc/passwd", "localhost:80", "http://", ""])
def test_what_is_no_url_of_http_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="is not the URL of a set-up hook"):
        UrlHook.parse(text)


# --- Python -----------------------------------------------------------------------------------------------------------


def _hooks(said: list[str]) -> dict[str, Any]:
    def plain(words: str) -> None:
        said.append(f"+{words}")

    async def coroutine(words: str) -> None:
        await asyncio.sleep(0)
        said.append(f"+{words}")

    def generator(words: str) -> Iterator[None]:
        said.append(f"+{words}")
        yield
        said.append("-")

    async def async_generator(words: str) -> Any:
        said.append(f"+{words}")
        yield
        said.append("-")

    async def with_details(words: str, given: Given) -> None:
        said.append(f"+{words} {given.consumer}")

    return {
        "plain": plain,
        "coroutine": coroutine,
        "generator": generator,
        "async generator": async_generator,
        "context manager": contextlib.contextmanager(generator),
        "async context manager": contextlib.asynccontextmanager(async_generator),
        "details": with_details,
        "mapping": {"x": lambda: said.append("+x")},
        "mapping of context managers": {"x": contextlib.contextmanager(generator)("x")},
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", ["+x"]),
        ("coroutine", ["+x"]),
        ("generator", ["+x", "-"]),
        ("async generator", ["+x", "-"]),
        ("context manager", ["+x", "-"]),
        ("async context manager", ["+x", "-"]),
        ("details", ["+x billing"]),
        ("mapping", ["+x"]),
        ("mapping of context managers", ["+x", "-"]),
    ],
)
async def test_functions_of_every_sort(name: str, expected: list[str]) -> None:
    said: list[str] = []
    await outcomes(CallableHook(_hooks(said)[name]), Given("x", consumer="billing"))
    assert said == expected


async def test_a_function_may_not_know_fail_or_hang() -> None:
    def hook(words: str) -> None:
        if words == "unknown":
            raise LookupError("no such state")
        if words == "broken":
            raise RuntimeError("the database is gone")
        never.wait(20)

    never = threading.Event()
    with pytest.raises(UnknownGivenError, match="'unknown' \\(LookupError: no such state\\)"):
        await outcomes(CallableHook(hook), Given("unknown"))
    with pytest.raises(HookError, match="set-up of 'broken' failed: RuntimeError: the database is gone"):
        await outcomes(CallableHook(hook), Given("broken"))
    with pytest.raises(HookError, match=r"set-up of 'hangs' took longer than 0\.2 s"):
        await outcomes(CallableHook(hook, timeout=0.2), Given("hangs"))
    never.set()
    with pytest.raises(UnknownGivenError, match="doesn't know the state 'y'"):
        await outcomes(CallableHook({"x": None}), Given("y"))


def test_functions_are_imported_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    (tmp_path / "my_states_of_test.py").write_text("class States:\n    def set_up(words): ...\nnumber = 1\n")
    found = hooks.parse("my_states_of_test:States.set_up")
    assert isinstance(found, CallableHook)
    for text, message in (
        ("my_states_of_test:state", "has no 'state'. Did you mean 'States'?"),
        ("my_states_of_test:number", "is neither a function nor a mapping"),
        ("no_such_module:x", "'no_such_module' can't be imported: ModuleNotFoundError"),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            hooks.parse(text)
    assert isinstance(hooks.parse("python states.py"), CommandHook)
