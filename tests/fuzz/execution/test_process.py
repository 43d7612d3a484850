"""Servers that a run starts: none outlives the run, however that ends, and none is taken for another process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import registry, server_command

from grpcmock.client.target import Target
from grpcmock.errors import TargetError
from grpcmock.fuzz.execution.process import ServerProcess
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz

PROTOS = registry("user.proto")

LISTEN = """
import socket, sys, time
print("about to listen", flush=True)
address = sys.argv[1]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(address.rpartition(":")[2])))
listener.listen()
time.sleep(120)
"""

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + LISTEN

PARENT = """
import subprocess, sys
sys.exit(subprocess.run([sys.executable, "-c", sys.argv[2], sys.argv[1]]).returncode)
"""

RUN = """
import asyncio, sys
from grpcmock.client.target import Target
from grpcmock.fuzz.execution.process import ServerProcess

async def main():
    process = ServerProcess(sys.argv[2], Target.parse(sys.argv[1]), within=20)
    await process.start()
    print(process.pid, flush=True)
    await asyncio.sleep(120)

asyncio.run(main())
"""


@pytest.fixture
def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def listening(address: str, program: str = LISTEN, *more: str) -> str:
    return shlex.join([sys.executable, "-c", program, address, *more])


@contextlib.contextmanager
def taken(address: str) -> Iterator[None]:
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))):
        yield


def is_free(address: str, within: float = 5.0) -> bool:
    """Whether nobody listens at an address any more, or soon."""
    host, _, port = address.rpartition(":")
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            return True
        time.sleep(0.05)
    return False


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def process(address: str) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(listening(address), Target.parse(address), within=20)
    yield process
    await process.close()


# None is left running --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.01, 0.05, 0.3])
async def test_who_is_cancelled_while_it_starts_a_server_ends_it(
    address: str, process: ServerProcess, pause: float
) -> None:
    starting = asyncio.create_task(process.start())
    await asyncio.sleep(pause)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    pid = process.pid
    await process.close()
    assert process.exit_code is not None or pid is None
    assert is_free(address)


async def test_who_is_cancelled_while_it_ends_a_server_ends_it_at_once(address: str) -> None:
    process = ServerProcess(listening(address, STUBBORN), Target.parse(address), within=20)
    await process.start()
    stopping = asyncio.create_task(process.close())
    await asyncio.sleep(0.1)
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await stopping
    assert await asyncio.to_thread(is_free, address, 2)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda address: listening(address), id="alone"),
        pytest.param(lambda address: listening(address, PARENT, LISTEN), id="child of its own"),
        pytest.param(lambda address: listening(address, STUBBORN), id="deaf to SIGTERM"),
    ],
)
def test_a_server_ends_with_who_started_it(address: str, command: Any, sign: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN, address, command(address)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        assert is_there(pid)
        run.send_signal(sign)
    assert is_free(address, 8)


async def test_a_run_that_ends_by_its_time_leaves_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    handler = """
import pathlib
pathlib.Path("pids").open("a").write(f"{os.getpid()} ")
async def handle(name, requests):
    data = b"".join([data async for data in requests])
    if len(data) > 3:
        os._exit(3)
    yield b""
"""
    command = server_command(handler, "unix:server")
    for seconds in (1.0, 1.7):
        settings = Settings(
            target=Target.parse("unix:server"),
            registry=PROTOS,
            server_command=command,
            include=["GetUser"],
            bounds=Bounds(phases=(Phase.BOUNDARY, Phase.RANDOM), max_seconds=seconds),
        )
        await fuzz(settings)
    pids = list(map(int, (tmp_path / "pids").read_text().split()))
    assert len(pids) > 3
    assert not [pid for pid in pids if is_there(pid)]


# None is taken for another ---------------------------------------------------------------------------------


async def test_an_address_that_is_taken_is_told_before_the_server_is_started(
    address: str, process: ServerProcess
) -> None:
    with taken(address), pytest.raises(TargetError) as told:
        await process.start()
    assert f"Another process listens at {address} already" in str(told.value)
    assert "time.sleep" in str(told.value) or "-c" in str(told.value)  # the command
    assert process.pid is None


LATE = """
import socket, sys, time
print("mine at last", flush=True)
port = int(sys.argv[1].rpartition(":")[2])
while True:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        pass
time.sleep({pause})
socket.create_server(("127.0.0.1", port))
"""
"""Gets to its address once somebody else is there."""


async def test_an_address_that_is_taken_meanwhile_is_told_with_the_last_words(address: str) -> None:
    """The other process comes between our look and the server's start."""
    process = ServerProcess(listening(address, LATE.replace("{pause}", "0")), Target.parse(address), within=20)
    starting = asyncio.create_task(process.start())
    while process.pid is None:  # noqa: ASYNC110  (nothing tells)
        await asyncio.sleep(0.001)
    try:
        with taken(address), pytest.raises(TargetError) as told:
            await starting
    finally:
        await process.close()
    said = str(told.value)
    assert "ended with exit code 1" in said
    assert "That address is taken" in said
    assert "mine at last" in said
    assert "Address already in use" in said


async def test_a_server_that_finds_its_address_taken_in_a_run_is_no_crash(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [False]  # as if the other process came right after the look

    async def is_taken(_: ServerProcess) -> bool:
        return looks.pop() if looks else True

    async def handler(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield b""

    monkeypatch.setattr(ServerProcess, "_is_taken", is_taken)
    async with serving({"/user.UserService/GetUser": handler}) as target:
        command = listening(target.address, LATE.replace("{pause}", "0.7"))
        settings = Settings(target=target, registry=PROTOS, server_command=command, include=["GetUser"])
        finished = await fuzz(settings)
    assert not [one for one in (*finished.failures, *finished.remarks) if one.finding.code == "G101"]
    assert finished.lost
    assert "the server can't be started anew: Another process listens at" in finished.interrupted


async def test_a_server_whose_address_becomes_free_is_started_anew(address: str, process: ServerProcess) -> None:
    await process.start()
    first = process.pid
    await process.stop()
    host, _, port = address.rpartition(":")
    blocker = socket.create_server((host, int(port)))
    asyncio.get_running_loop().call_later(0.5, blocker.close)
    await process.start()
    assert process.pid != first
    assert process.exit_code is None


async def test_a_run_whose_address_is_taken_ends_before_any_case(address: str) -> None:
    events: list[Any] = []
    settings = Settings(
        target=Target.parse(address), registry=PROTOS, server_command=listening(address), startup_timeout=5
    )
    with taken(address), pytest.raises(TargetError, match="wasn't started"):
        await fuzz(settings, [events.append])
    assert not events


async def test_a_crash_after_words_of_a_taken_address_is_a_crash(address: str) -> None:
    """Some servers say so of another address, and go on."""
    crashing = LISTEN.replace("time.sleep(120)", "print('[::]:1: Address already in use'); time.sleep(0.5); 1 / 0")
    process = ServerProcess(listening(address, crashing), Target.parse(address), within=20)
    try:
        await process.start()
        assert await process.ended(20)
        assert not await process.was_another()
    finally:
        await process.close()
