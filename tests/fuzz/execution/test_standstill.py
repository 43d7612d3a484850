"""Services that answer nothing any more after one call, as where a lock is kept for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from support import registry

from grpcmock.client.actions import HalfClose, Send
from grpcmock.fuzz.execution.standstill import Standstill
from grpcmock.fuzz.model.cases import Call, Phase
from grpcmock.fuzz.model.events import Event, MethodStopped
from grpcmock.fuzz.model.results import Reply, Termination

PROTOS = registry("user.proto")

LARGEST = b"\x08\xff\xff\xff\xff\x07"


def call(name: str = "GetUser") -> Call:
    method = PROTOS.method(f"user.UserService/{name}")
    return Call(path=method.path, method=method, actions=(Send(b""), HalfClose()))


def reply(made: Call, end: Termination = Termination.SERVER, seconds: float = 0.01, code: int = 0) -> Reply:
    return Reply(call=made, termination=end, code=code, seconds=seconds)


HUNG = reply(call(), Termination.DEADLINE, 3.0, 4)


@pytest.mark.parametrize(
    ("known", "ends", "seen", "silent"),
    [
        (reply(call()), [Termination.DEADLINE], HUNG, True),
        (reply(call()), [Termination.OVERDUE], HUNG, True),
        (reply(call(), code=5), [Termination.DEADLINE], HUNG, True),  # an error is an answer, too
        (reply(call()), [Termination.SERVER], HUNG, False),
        (reply(call()), [Termination.LOST], HUNG, False),  # that it has gone is another matter
        (reply(call()), [Termination.STARVED, Termination.DEADLINE], HUNG, True),
        (reply(call()), [Termination.STARVED, Termination.SERVER], HUNG, False),
        (reply(call()), [Termination.STARVED] * 9, HUNG, False),
        # Of what was slow before, or changes something, or is no single answer, nothing follows.
        (reply(call(), seconds=2.0), [Termination.DEADLINE], HUNG, False),
        (reply(call("ListUsers")), [Termination.DEADLINE], HUNG, False),
        (reply(call("CreateUsers")), [Termination.DEADLINE], HUNG, False),
        # Nor is anything asked after calls that have an answer, or a deadline of their own.
        (reply(call()), [Termination.DEADLINE], reply(call()), False),
        (reply(call()), [Termination.DEADLINE], replace(HUNG, call=replace(HUNG.call, deadline=0.1)), False),
    ],
)
async def test_a_service_is_silent_if_no_quick_read_is_answered_any_more(
    known: Reply, ends: list[Termination], seen: Reply, silent: bool
) -> None:
    left = iter(ends)

    async def perform(made: Call) -> Reply:
        assert made.deadline is not None
        return reply(made, next(left))

    standstill = Standstill(perform)
    standstill.note(known)
    assert await standstill.seen_by([seen]) == ("user.UserService" if silent else "")


@pytest.mark.parametrize(("second", "silent"), [(Termination.DEADLINE, "user.UserService"), (Termination.SERVER, "")])
async def test_what_was_held_up_for_a_moment_answers_at_the_second_look(second: Termination, silent: str) -> None:
    left = iter([Termination.DEADLINE, second])

    async def perform(made: Call) -> Reply:
        return reply(made, next(left))

    standstill = Standstill(perform)
    standstill.note(reply(call()))
    assert await standstill.seen_by([HUNG], looks=2) == silent


async def test_one_method_that_answers_is_enough() -> None:
    hangs = asyncio.Event()

    async def perform(made: Call) -> Reply:
        if made.path.endswith("GetUser"):
            await hangs.wait()
        return reply(made)

    standstill = Standstill(perform)
    other = registry("user.proto").method("user.UserService/GetUser")
    standstill.note(reply(call()))
    standstill.note(reply(replace(call(), path="/user.UserService/GetOther", method=replace(other, name="GetOther"))))
    assert await standstill.seen_by([HUNG]) == ""


async def test_what_silences_a_service_is_told_once_and_the_run_ends(fuzzed: Callable[..., Any]) -> None:
    lock, kept = asyncio.Lock(), []

    async def get(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            if data == LARGEST:
                kept.append(asyncio.ensure_future(lock.acquire()))
                await asyncio.shield(kept[-1])
            async with lock:
                yield b""

    events: list[Event] = []
    finished = await fuzzed({"GetUser": get}, Phase.BOUNDARY, events=events, include=["GetUser"], deadline=2.0)
    (failure,) = finished.failures
    assert failure.finding.check == "server_crash"
    assert "nothing of user.UserService answers any more" in failure.finding.actual
    assert (failure.was_last, finished.remarks) == (True, ())
    assert finished.lost
    assert finished.interrupted.endswith("answers nothing any more; with --server-cmd it would be started anew")
    (stopped,) = (event for event in events if isinstance(event, MethodStopped))
    assert "nothing of user.UserService answers any more" in stopped.reason
