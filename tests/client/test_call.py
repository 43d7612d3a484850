# mypy: disable-error-code="arg-type"
"""A call of any kind over raw bytes ends as the server ended it, with every message counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import handmade
import pytest

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Headers, Pause, Receive, Send
from grpcmock.client.call import Call, Status, breach, perform
from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.schema import MethodKind
from grpcmock.status import Code


async def echo(_: Any, context: Any) -> None:
    await context.send_initial_metadata((("x-first", "1"),))
    while (data := await context.read()) is not grpc.aio.EOF:
        await context.write(data * 2)
    context.set_trailing_metadata((("x-last", "2"), ("x-bytes-bin", b"\xff")))


async def count(_: Any, context: Any) -> None:
    number = 0
    while await context.read() is not grpc.aio.EOF:
        number += 1
    await context.write(str(number).encode())


async def speaks_first(_: Any, context: Any) -> None:
    await context.write(b"welcome")
    while await context.read() is not grpc.aio.EOF:
        pass


async def ends_early(_: Any, context: Any) -> None:
    """Ends the call with a status of its own while the client is still sending."""
    await context.read()
    for number in range(5):
        await context.write(b"%d" % number)
    context.set_trailing_metadata((("x-why", "enough"),))
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


async def endless(_: Any, context: Any) -> None:
    while True:
        await context.write(b"more")


async def hangs(_: Any, context: Any) -> None:
    await asyncio.sleep(3600)


async def silent(_: Any, context: Any) -> None:
    return


HANDLERS = {f"/t.T/{handler.__name__}": handler for handler in (
    echo, count, speaks_first, ends_early, endless, hangs, silent
)}  # fmt: skip


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with handmade.serve(HANDLERS, reflect=False) as server:
        yield Target.parse(server.address)


@pytest.mark.parametrize(
    ("path", "actions", "code", "responses", "sent"),
    [
        pytest.param("echo", [Send(b"a"), HALF_CLOSE], Code.OK, [b"aa"], 1, id="one message"),
        pytest.param("echo", [Send(b""), HALF_CLOSE], Code.OK, [b""], 1, id="an empty message is a message"),
        pytest.param("echo", [HALF_CLOSE], Code.OK, [], 0, id="no message"),
        pytest.param("echo", [Send(b"a"), Send(b"b"), HALF_CLOSE], Code.OK, [b"aa", b"bb"], 2, id="two messages"),
        pytest.param(
            "echo",
            [Headers(), Send(b"a"), Receive(), Send(b"b"), Receive(), HALF_CLOSE],
            Code.OK,
            [b"aa", b"bb"],
            2,
            id="ping pong",
        ),
        pytest.param(
            "echo",
            [Send(b"a"), Send(b"b"), Receive(2), Pause(0), Receive(0), HALF_CLOSE],
            Code.OK,
            [b"aa", b"bb"],
            2,
            id="several received at once",
        ),
        pytest.param("count", [*[Send(b"x")] * 7, HALF_CLOSE], Code.OK, [b"7"], 7, id="the server counts as we do"),
        pytest.param("speaks_first", [Receive(), HALF_CLOSE], Code.OK, [b"welcome"], 0, id="the server speaks first"),
        pytest.param("echo", [Send(b"a"), Receive(), Cancel()], Code.CANCELLED, [b"aa"], 1, id="cancel after response"),
        pytest.param("hangs", [Send(b"a"), HALF_CLOSE, Cancel()], Code.CANCELLED, [], 1, id="cancel before response"),
        pytest.param("nobody", [Send(b"a"), HALF_CLOSE], Code.UNIMPLEMENTED, [], None, id="no such method"),
        pytest.param(
            "silent", [HALF_CLOSE, Receive(3), Send(b"late")], Code.OK, [], 0, id="waiting ends with the call"
        ),
        pytest.param("echo", [HALF_CLOSE, Send(b"late")], Code.OK, [], 0, id="sending after half-close"),
    ],
)
async def test_actions_are_carried_out_to_the_letter(
    target: Target, path: str, actions: list[Action], code: Code, responses: list[bytes], sent: int | None
) -> None:
    async with connect(target) as channel:
        outcome = await perform(channel, f"/t.T/{path}", actions, deadline=10)
    assert (outcome.code, list(outcome.responses)) == (code, responses)
    if sent is not None:
        assert outcome.sent == sent


async def test_a_slow_reader_gets_all_in_the_end(target: Target) -> None:
    async with connect(target) as channel:
        outcome = await perform(channel, "/t.T/echo", [*[Send(b"a")] * 5, HALF_CLOSE], deadline=10, unread=0.02)
    assert (outcome.code, list(outcome.responses)) == (Code.OK, [b"aa"] * 5)


async def test_headers_and_trailers_are_kept_with_their_bytes(target: Target) -> None:
    async with connect(target) as channel:
        for _ in range(50):
            actions = [Send(b"a"), HALF_CLOSE]
            outcome = await perform(channel, "/t.T/echo", actions, metadata=(("x-a-bin", b"\x00"),), deadline=10)
            assert outcome.headers == (("x-first", "1"),)
            assert outcome.trailers == (("x-last", "2"), ("x-bytes-bin", b"\xff"))


async def test_the_deadline_ends_the_call(target: Target) -> None:
    async with connect(target) as channel:
        outcome = await perform(channel, "/t.T/hangs", [HALF_CLOSE], deadline=0.05)
    assert outcome.code is Code.DEADLINE_EXCEEDED
    assert outcome.seconds < 5


async def test_an_endless_stream_is_cut_at_the_limit(target: Target) -> None:
    async with connect(target) as channel:
        outcome = await perform(channel, "/t.T/endless", [HALF_CLOSE], deadline=10, limit=3)
    assert (outcome.code, outcome.responses) == (Code.CANCELLED, (b"more",) * 3)


async def test_the_servers_status_survives_writes_that_come_too_late(target: Target) -> None:
    """grpc.aio alone says INTERNAL here more often than not (grpc/grpc#36066), and loses the responses."""
    async with connect(target) as channel:
        for _ in range(30):
            outcome = await perform(channel, "/t.T/ends_early", [*[Send(b"x" * 9000)] * 50, HALF_CLOSE], deadline=10)
            assert (outcome.code, outcome.message) == (Code.RESOURCE_EXHAUSTED, "enough")
            assert outcome.trailers == (("x-why", "enough"),)
            assert len(outcome.responses) <= 5
            assert outcome.responses == tuple(b"%d" % number for number in range(len(outcome.responses)))


async def test_the_server_sees_the_client_cancel() -> None:
    with handmade.serve(reflect=False) as server:
        async with connect(Target.parse(server.address)) as channel:
            call = Call(channel, "/user.UserService/GetUser")
            await call.send(b"\x08\x09")
            await call.half_close()
            receiving = asyncio.create_task(call.receive())
            while not server.received:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)  # let it begin to wait
            receiving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await receiving
            assert (await call.status()).code is Code.CANCELLED
            assert await asyncio.to_thread(server.cancelled.wait, 5)


async def test_nothing_is_sent_or_received_after_the_end(target: Target) -> None:
    async with connect(target) as channel:
        call = Call(channel, "/t.T/silent")
        await call.half_close()
        assert await call.receive() is None
        assert (await call.status()).code is Code.OK
        assert await call.send(b"late") is False
        await call.half_close()
        call.cancel()
        assert await call.receive() is None
        assert await call.headers() == ()
        assert (call.sent, call.received) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "code", "responses", "said"),
    [
        (MethodKind.UNARY, Code.OK, 1, ""),
        (MethodKind.UNARY, Code.OK, 0, "0 responses with OK"),
        (
            MethodKind.CLIENT_STREAMING,
            Code.OK,
            2,
            "2 responses with OK; a client streaming method must send exactly one",
        ),
        (MethodKind.UNARY, Code.NOT_FOUND, 0, ""),
        (MethodKind.UNARY, Code.NOT_FOUND, 2, "2 responses; a unary method may send one at most"),
        (MethodKind.SERVER_STREAMING, Code.OK, 0, ""),
        (MethodKind.BIDI_STREAMING, Code.OK, 9, ""),
    ],
)
def test_a_wrong_number_of_responses_is_named(kind: MethodKind, code: Code, responses: int, said: str) -> None:
    found = breach(kind, Status(code), responses)
    assert said in found
    assert bool(found) == bool(said)
