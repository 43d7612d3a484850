"""On a machine that is busy with other things, a call that doesn't end says nothing of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from support import registry

from grpcmock.client.channel import connect
from grpcmock.fuzz.execution.executor import Executor, Patience
from grpcmock.fuzz.execution.pulse import Pulse
from grpcmock.fuzz.model.cases import call_of
from grpcmock.fuzz.model.results import Termination

GET = registry("user.proto").method("user.UserService/GetUser")


async def hangs(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    async for _ in requests:
        await asyncio.Event().wait()
    yield b""


class Waiting:
    """A contention that tells of a server which waits for a processor for a part of the time."""

    def __init__(self, part: float) -> None:
        self._part = part

    def begin(self) -> float:
        return time.monotonic()

    def seconds_since(self, before: float, *, of_server: bool) -> float:
        assert of_server
        return (time.monotonic() - before) * self._part


async def ended(serving: Any, pulse: Any) -> Termination:
    async with serving({GET.path: hangs}) as target, connect(target) as channel:
        executor = Executor(channel, patience=Patience(deadline=1.0))
        executor.pulse.look_at(pulse)
        return (await executor.call(call_of(GET, b""))).termination


async def test_a_call_that_hangs_is_no_hang_where_the_server_had_no_processor(serving: Any) -> None:
    assert await ended(serving, Waiting(0.1)) is Termination.DEADLINE
    assert await ended(serving, Waiting(0.9)) is Termination.STARVED


async def test_what_holds_up_the_loop_itself_counts() -> None:
    pulse = Pulse()
    began = pulse.begin()
    held_up = asyncio.Event()

    def hold_up() -> None:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            pass
        held_up.set()

    asyncio.get_running_loop().call_soon(hold_up)
    await held_up.wait()
    assert pulse.end(began) > 0.15
    began = pulse.begin()
    assert pulse.end(began) < 0.15
