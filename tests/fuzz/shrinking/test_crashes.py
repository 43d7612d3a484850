"""Crashes of a server that the run has started, though no case repeats them alone."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from support import registry, server_command

from grpcmock.client.target import Target
from grpcmock.fuzz.model.call_history import Step
from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.events import Finished
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz, prepared
from grpcmock.fuzz.shrinking.crashes import Crashes
from grpcmock.status import Code

PROTOS = registry("user.proto")

_HANDLER = """
calls = []
async def handle(name, requests):
    data = b"".join([data async for data in requests])
    calls.append(name)
    if {deadly}:
        os._exit(3)
    if {wrong}:
        raise ValueError
    yield b""
"""


Fuzzed = Callable[..., Awaitable[Finished]]


@pytest.fixture
def crashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fuzzed:
    """Fuzzes a server that dies where *deadly* holds, and throws where it is *wrong*."""
    monkeypatch.chdir(tmp_path)  # the names of sockets are short

    async def run(deadly: str, *, wrong: str = "False", **settings: Any) -> Finished:
        handler = _HANDLER.replace("{deadly}", deadly).replace("{wrong}", wrong)
        given = {
            "registry": PROTOS,
            "include": ["GetUser", "CreateUsers"],
            "server_command": server_command(handler, "unix:server"),
            # The random phase cancels nothing: who knows what a server has seen of a call that was cancelled.
            "bounds": Bounds(phases=(Phase.RANDOM,), max_cases=20),
        }
        return await fuzz(Settings(target=Target.parse("unix:server"), **{**given, **settings}))

    return run


@pytest.mark.parametrize(
    ("deadly", "paths", "why"),
    [
        ('calls.count("CreateUsers") == 5', ["CreateUsers"] * 5, "the same call 5 times"),
        ('calls[-2:] == ["CreateUsers", "GetUser"]', ["CreateUsers", "GetUser"], "2 calls, one after the other,"),
    ],
    ids=["the fifth of a method", "one after another"],
)
async def test_the_calls_that_bring_a_server_down_together_are_found(
    crashing: Fuzzed, deadly: str, paths: list[str], why: str
) -> None:
    (failure,) = (await crashing(deadly, checks=["G101"])).failures
    assert [call.path.rpartition("/")[2] for call in failure.case.calls * failure.case.repeat] == paths
    assert (failure.hits, failure.tries) == (3, 3)
    assert failure.finding.actual == "the server ended with exit code 3"
    assert failure.case.why == f"{why} to a server that was just started"
    assert failure.method.name == paths[-1]
    assert {message for call in failure.case.calls for message in call.messages} <= {b""}


async def test_a_crash_while_something_else_is_made_sure_of_is_told_too(crashing: Fuzzed) -> None:
    finished = await crashing(
        'calls.count("GetUser") == 20', wrong="len(data) > 3", include=["GetUser"], checks=["G101", "G102"]
    )
    assert {failure.finding.code: failure.is_flaky for failure in finished.failures} == {"G101": False, "G102": False}


# What explains a crash -----------------------------------------------------------------------------------


def steps(*names: str, lost: str = "") -> tuple[Step, ...]:
    made = []
    for number, name in enumerate(names):
        call = call_of(PROTOS.method(f"UserService/{name}"), b"")
        made.append(Step(number, 0, call, is_lost=name == lost))
    return tuple(made)


def crash(*names: str, led: tuple[Step, ...] = (), repeat: int = 1) -> Failure:
    calls = tuple(step.call for step in steps(*names))
    assert calls[-1].method is not None
    case = Case(id="t", phase=Phase.RANDOM, method=calls[-1].method, calls=calls, why="", repeat=repeat)
    result = CaseResult(replies=(), health=Health(alive=False, steps=led))
    finding = Finding(check="server_crash", server_down=True, code="G101", expected="", actual="", key="crash")
    return Failure(finding=finding, case=case, result=result, first=case, after_cases=1, after_seconds=0.0)


@pytest.mark.parametrize(
    ("known", "led", "explains"),
    [
        (crash("CreateUsers", "GetUser"), steps("CreateUsers", "ListUsers", "GetUser", lost="GetUser"), True),
        (crash("CreateUsers", "GetUser"), steps("GetUser", "ListUsers", "CreateUsers", lost="CreateUsers"), False),
        (crash("CreateUsers", "GetUser"), steps("CreateUsers", "GetUser", "ListUsers", lost="ListUsers"), False),
        (crash("GetUser", repeat=3), steps("GetUser", "GetUser", "GetUser", lost="GetUser"), True),
        (crash("GetUser", repeat=3), steps("GetUser", "GetUser", lost="GetUser"), False),
    ],
)
def test_a_crash_is_explained_by_calls_in_their_order_up_to_one_that_was_lost(
    known: Failure, led: tuple[Step, ...], explains: bool
) -> None:
    crashes = Crashes(None, lambda *_: ())  # type: ignore[arg-type]
    crashes._found["known"] = known
    assert (crashes.explaining(crash("ListUsers", led=led)) is known) is explains


@contextlib.asynccontextmanager
async def alone(deadly: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server that the run doesn't start."""
    handler = _HANDLER.replace("{deadly}", deadly).replace("{wrong}", "False")
    process = await asyncio.create_subprocess_exec(*shlex.split(server_command(handler, "unix:server")))
    try:
        async with grpc.aio.insecure_channel(f"unix:{folder / 'server'}") as channel:
            await asyncio.wait_for(channel.channel_ready(), 30)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_server_that_nobody_starts_anew_ends_the_run_with_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with alone("True", tmp_path):
        finished = await fuzz(Settings(target=Target.parse("unix:server"), registry=PROTOS))
    (failure,) = finished.failures
    assert failure.finding.code == "G101"
    assert (failure.was_last, failure.hits) == (True, 1)
    assert "while the call was under way" in failure.finding.actual
    assert not finished.remarks
    assert "takes no connections" in finished.interrupted
    assert "--server-cmd" in finished.interrupted


async def test_a_server_that_is_stopped_between_two_calls_is_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with alone("False", tmp_path) as process:
        settings = Settings(target=Target.parse("unix:server"), registry=PROTOS, include=["GetUser"])
        async with prepared(settings) as run:
            process.kill()
            await process.wait()
            finished = await run.go()
    assert not finished.failures
    assert [failure.finding.code for failure in finished.remarks] == ["G101"]


@pytest.mark.parametrize(
    ("termination", "message", "was_cut_off"),
    [
        (Termination.LOST, "Socket closed", True),
        (Termination.LOST, "recvmsg:Connection reset by peer", True),
        (Termination.LOST, "Stream removed (Socket closed)", True),
        (Termination.LOST, "failed to connect to all addresses; last error: Connection refused", False),
        (Termination.LOST, "there is no connection any more", False),
        (Termination.LOST, "GOAWAY received", False),
        (Termination.SERVER, "Socket closed", False),
        (Termination.DEADLINE, "Deadline Exceeded", False),
    ],
)
def test_which_calls_were_under_way(termination: Termination, message: str, was_cut_off: bool) -> None:
    call = call_of(PROTOS.method("UserService/GetUser"), b"")
    reply = Reply(call=call, termination=termination, code=Code.UNAVAILABLE, message=message)
    assert reply.was_cut_off is was_cut_off
