"""Requests and responses go their ways at the same time, and what goes wrong on one side ends the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import handmade
import pytest

from grpcmock.client.call import Call
from grpcmock.client.channel import connect
from grpcmock.client.conversation import converse
from grpcmock.client.target import Target
from grpcmock.status import Code

LOOKUP = "/user.UserService/LookupUsers"


async def ignore(_: bytes) -> None: ...


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with handmade.serve(reflect=False) as server:
        yield Target.parse(server.address)


async def test_each_response_comes_before_the_next_request_is_asked_for(target: Target) -> None:
    answered = asyncio.Event()
    responses: list[bytes] = []

    async def on_response(data: bytes) -> None:
        responses.append(data)
        answered.set()

    async def requests() -> AsyncIterator[bytes]:
        for number in range(1, 4):
            yield bytes([8, number])
            await answered.wait()
            answered.clear()
            assert len(responses) == number

    async with connect(target) as channel:
        status = await converse(Call(channel, LOOKUP, deadline=10), requests(), on_response)
    assert (status.code, len(responses)) == (Code.OK, 3)


async def test_the_end_of_the_call_ends_the_wait_for_requests(target: Target) -> None:
    async def requests() -> AsyncIterator[bytes]:
        yield b"\x0a\x06nobody"
        await asyncio.sleep(3600)

    async with connect(target) as channel:
        call = Call(channel, "/user.UserService/CreateUsers", deadline=10)
        status = await converse(call, requests(), ignore)
    assert status.code is Code.INVALID_ARGUMENT


async def test_what_fails_cancels_the_call(target: Target) -> None:
    async def requests() -> AsyncIterator[bytes]:
        yield b"\x08\x01"
        raise ValueError("no more")

    async def refuse(_: bytes) -> None:
        raise ValueError("not this")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"\x08\x01"

    async with connect(target) as channel:
        for asked, on_response, said in ((requests(), ignore, "no more"), (endless(), refuse, "not this")):
            call = Call(channel, LOOKUP, deadline=10)
            with pytest.raises(ValueError, match=said):
                await converse(call, asked, on_response)
            assert (await call.status()).code is Code.CANCELLED
