# mypy: disable-error-code="union-attr"
"""``grpcmock mcp`` as a program: the official client on its stdin and stdout, and nothing else on these."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from support import ROOT
from worlds import PATIENCE, USER_PROTO, Program, connect, get_user

from grpcmock import MockServer
from grpcmock.cli import app

STUBS = "- {name: alice, method: GetUser, request: {id: 1}, response: {id: 1, name: Alice}}\n"
BOB = "- {name: bob, method: GetUser, request: {id: 2}, response: {id: 2, name: Bob}}\n"
COMMAND = [sys.executable, "-m", "grpcmock", "mcp"]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GRPCMOCK_")},
    "PYTHONPATH": str(ROOT),
}
TOKEN = "open-sesame"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "protos").mkdir()
    (tmp_path / "stubs").mkdir()
    (tmp_path / "protos" / "user.proto").write_text(USER_PROTO)
    (tmp_path / "stubs" / "users.yaml").write_text(STUBS)
    return tmp_path


@asynccontextmanager
async def client(project: Path, *args: str) -> AsyncIterator[Client]:
    command, *words = COMMAND
    server = StdioServerParameters(command=command, args=[*words, *args], env=ENVIRONMENT, cwd=project)
    with (project / "said").open("w") as said:
        async with Client(stdio_client(server, errlog=said)) as found:
            yield found


async def use(one: Client, tool: str, **arguments: Any) -> Any:
    result = await one.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def test_without_arguments_it_serves_what_is_here(project: Path) -> None:
    async with client(project) as one:
        assert "describe_services" in one.instructions
        assert len((await one.list_tools()).tools) == 11
        assert [stub["name"] for stub in (await use(one, "list_stubs"))["stubs"]] == ["alice"]
        await use(one, "add_stubs", stubs=BOB)
        assert [stub["name"] for stub in (await use(one, "list_stubs"))["stubs"]] == ["bob", "alice"]
    assert "Steering the mock at 127.0.0.1:" in (project / "said").read_text()


async def test_it_steers_a_mock_that_runs(project: Path) -> None:
    program = Program("--admin-token", TOKEN, folder=project)
    try:
        async with client(project, "--target", program.address, "--admin-token", TOKEN) as one:
            await use(one, "add_stubs", stubs=BOB)
            with connect(program.address) as channel:
                assert get_user(channel, 2).name == "Bob"
            [call] = (await use(one, "read_journal"))["calls"]
            assert call["stub"] == "bob"
    finally:
        program.kill()


def test_stdout_belongs_to_the_protocol(project: Path) -> None:
    """Even where a reload, a warning and a miss have something to say; and it ends with its stdin."""
    (project / "stubs" / "dead.yaml").write_text(STUBS.replace("alice", "again"))
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
    requests = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_stubs", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "no_such_tool", "arguments": {}}},
    ]
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        env=ENVIRONMENT,
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        answers = []
        for request in requests:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            if "id" in request:
                answers.append(json.loads(process.stdout.readline()))
        rest, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert answers[0]["result"]["serverInfo"]["name"] == "grpcmock"
    assert (rest, process.returncode) == ("", 0)
    assert "Traceback" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_though_stdin_stays_open(project: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=project, env=ENVIRONMENT
    )
    try:
        assert process.stderr is not None
        while b"Steering" not in process.stderr.readline():
            pass
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("change", "args", "said"),
    [
        (lambda project: (project / "protos" / "user.proto").unlink(), (), "protos"),
        (lambda project: (project / "stubs" / "users.yaml").write_text("- {method: GetUsr}"), (), "GetUser"),
        (lambda _: None, ("--target", "127.0.0.1:1", "--connect-timeout", "1s"), "127.0.0.1:1"),
        (lambda _: None, ("--admin-token", TOKEN), "--target"),
    ],
)
def test_what_keeps_it_from_starting_is_said_on_stderr(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], object],
    args: tuple[str, ...],
    said: str,
) -> None:
    change(project)
    monkeypatch.chdir(project)
    done = CliRunner().invoke(app.cli, ["mcp", *args])
    assert done.exit_code in (1, 2)
    assert done.stdout == ""
    assert said in done.stderr


def test_a_mock_without_the_admin_service_is_no_use() -> None:
    with MockServer(ROOT / "protos") as mock:
        done = CliRunner().invoke(app.cli, ["mcp", "--target", mock.target])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "grpcmock serve --admin" in done.stderr
