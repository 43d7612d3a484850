# mypy: disable-error-code="arg-type"
"""A proxy changes nothing: each property of a call holds across it, in both directions."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from scripted import OPTIONS, serving
from support import registry

from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.drafting.captured_call import BYTES_KEPT, CapturedCall, EventKind
from grpcmock.engine.engine import Engine
from grpcmock.record.capture.proxy import Proxy
from grpcmock.servers.addresses import Address
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.transports import choose, listen, make_server

EOF = grpc.aio.EOF
BIG = 6 << 20
ANY = "/any.Thing/Does"
UNARY = "/user.UserService/GetUser"
KNOWN = registry("user.proto").methods


class Handler(grpc.GenericRpcHandler):
    """Hands any call to a function over raw bytes."""

    def __init__(self, play: Callable[[Any], Awaitable[None]]) -> None:
        self._play = play
        self.metadata: list[tuple[str, str | bytes]] = []

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        self.metadata = [(key, value) for key, value in details.invocation_metadata]

        async def play(_: Any, context: Any) -> None:
            await self._play(context)

        return grpc.stream_stream_rpc_method_handler(play)


UNBOUNDED = (*OPTIONS, ("grpc.max_receive_message_length", -1))


@pytest.fixture(autouse=True)
def _passing_on(passing_on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "WAY", passing_on)


WAY = ""
"""How the proxy is carried; set for each test."""


@asynccontextmanager
async def carried(proxy: Proxy) -> AsyncIterator[str]:
    if WAY == "a handler of grpc.aio":
        async with serving(proxy) as address:
            yield address
        return
    engine = Engine(registry("user.proto"))
    engine.forwarder = proxy
    transport = choose(WAY)
    server = make_server(transport, engine, ServerOptions(max_message_size=-1), services={}, warn=print)
    address = listen(server, Address.parse("127.0.0.1:0"))
    await server.start()
    try:
        yield str(address)
    finally:
        await server.stop(None)


@asynccontextmanager
async def proxied(handler: Handler, **keywords: Any) -> AsyncIterator[tuple[grpc.aio.Channel, list[CapturedCall]]]:
    """A channel to a proxy of a server with this handler, and what has passed."""
    passed: list[CapturedCall] = []
    async with serving(handler) as address, connect(Target.parse(address)) as there:
        proxy = Proxy(there, Target.parse(address), passed.append, KNOWN)  # type: ignore[arg-type]
        async with (
            carried(proxy) as middle,
            grpc.aio.insecure_channel(middle, options=UNBOUNDED, **keywords) as channel,
        ):
            yield channel, passed


async def answer(context: Any) -> None:
    await context.write(await context.read())


def by_key(pairs: Any, without: str = "") -> list[Any]:
    return sorted((pair for pair in pairs if pair[0] != without), key=lambda pair: pair[0])


async def test_metadata_status_and_trailers_pass_whole() -> None:
    async def play(context: Any) -> None:
        await context.send_initial_metadata((("x-a", "1"), ("x-a", "2"), ("y-bin", b"\0\xff")))
        await context.read()
        trailers = (("t", "v"), ("t-bin", b"\1"), ("grpc-status-details-bin", b"\x08\x05"))
        await context.abort(grpc.StatusCode.NOT_FOUND, "nö: 100 %\n{{ x }}", trailers)

    handler = Handler(play)
    sent = (("k", "v"), ("k", "w"), ("k-bin", b"\xfe"), ("authorization", "Bearer x"))
    async with proxied(handler) as (channel, passed):
        call: Any = channel.unary_stream(ANY)(b"q", metadata=sent, timeout=10)
        assert await call.code() is grpc.StatusCode.NOT_FOUND
        assert tuple(await call.initial_metadata()) == (("x-a", "1"), ("x-a", "2"), ("y-bin", b"\0\xff"))
        assert tuple(await call.trailing_metadata()) == (
            ("t", "v"),
            ("t-bin", b"\1"),
            ("grpc-status-details-bin", b"\x08\x05"),
        )
        assert await call.details() == "nö: 100 %\n{{ x }}"
    # HTTP keeps the order of the values of a key, and no other.
    assert by_key(handler.metadata, "user-agent") == by_key(sent)
    assert (passed[0].code.name, by_key(passed[0].metadata, "user-agent")) == ("NOT_FOUND", by_key(sent))


async def test_initial_metadata_come_before_anything_else_is_sent() -> None:
    async def play(context: Any) -> None:
        await context.send_initial_metadata((("early", "yes"),))
        await answer(context)

    async with proxied(Handler(play)) as (channel, _):
        call: Any = channel.stream_stream(ANY)(timeout=10)
        assert (await call.initial_metadata())["early"] == "yes"
        await call.write(b"now")
        assert await call.read() == b"now"


async def test_a_server_may_speak_first_and_each_side_end_when_it_likes() -> None:
    async def play(context: Any) -> None:
        await context.write(b"hello")
        assert await context.read() == b"a"
        assert await context.read() is EOF
        await context.write(b"after half-close")

    async with proxied(Handler(play)) as (channel, passed):
        call: Any = channel.stream_stream(ANY)(timeout=10)
        assert await call.read() == b"hello"
        await call.write(b"a")
        await call.done_writing()
        assert await call.read() == b"after half-close"
        assert await call.read() is EOF
        assert await call.code() is grpc.StatusCode.OK
    whats = [what for what, _, _ in passed[0].events]
    assert whats == [EventKind.RESPONSE, EventKind.REQUEST, EventKind.HALF_CLOSE, EventKind.RESPONSE]


async def test_a_server_may_end_before_the_client_has() -> None:
    async def play(context: Any) -> None:
        await context.read()
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "enough")

    async with proxied(Handler(play)) as (channel, passed):
        call: Any = channel.stream_stream(ANY)(timeout=10)
        await call.write(b"a")
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [what for what, _, _ in passed[0].events] == [EventKind.REQUEST]
    assert not passed[0].incomplete


@pytest.mark.parametrize("path", [ANY, UNARY])
async def test_a_client_that_goes_away_is_gone_there_too(path: str) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def play(context: Any) -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with proxied(Handler(play)) as (channel, passed):
        call: Any = channel.unary_unary(path)(b"q", timeout=10)
        await began.wait()
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 10)
    assert "the client went away" in passed[0].incomplete


async def test_a_call_that_the_server_cancels_is_cancelled() -> None:
    async def play(context: Any) -> None:
        await context.abort(grpc.StatusCode.CANCELLED, "no more")

    async with proxied(Handler(play)) as (channel, passed):
        call: Any = channel.unary_stream(ANY)(b"q", timeout=10)
        assert await call.code() is grpc.StatusCode.CANCELLED
        assert await call.details() == "no more"
    assert (passed[0].code.name, passed[0].incomplete) == ("CANCELLED", "")


@pytest.mark.parametrize("path", [ANY, UNARY])
async def test_deadlines_hold_there_and_here(path: str) -> None:
    left: list[float] = []
    cancelled = asyncio.Event()

    async def play(context: Any) -> None:
        left.append(context.time_remaining())
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with proxied(Handler(play)) as (channel, passed):
        call: Any = channel.unary_unary(path)(b"q", timeout=0.4)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(cancelled.wait(), 10)
    assert 0 < left[0] <= 0.41
    assert "deadline passed" in passed[0].incomplete


async def test_a_deadline_of_the_servers_own_is_its_answer() -> None:
    async def play(context: Any) -> None:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the database took too long")

    async with proxied(Handler(play)) as (channel, passed):
        call: Any = channel.unary_unary(UNARY)(b"", timeout=30)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not passed[0].incomplete


@pytest.mark.parametrize("path", [ANY, UNARY])
async def test_messages_of_any_size_pass_compressed_or_not(path: str) -> None:
    async with proxied(Handler(answer), compression=grpc.Compression.Gzip) as (channel, passed):
        data = b"ab" * (BIG // 2)
        assert await channel.unary_unary(path)(data, timeout=20) == data
    assert passed[0].messages(EventKind.RESPONSE) == [data]


async def test_a_call_with_too_much_for_a_recording_passes_all_the_same() -> None:
    async def play(context: Any) -> None:
        await context.read()
        for _ in range(3):
            await context.write(bytes(BIG))

    async with proxied(Handler(play)) as (channel, passed):
        call: Any = channel.unary_stream(ANY)(b"q", timeout=20)
        assert [len(message) async for message in call] == [BIG] * 3
    assert 3 * BIG > BYTES_KEPT
    assert passed[0].is_too_long
    assert not passed[0].events


async def test_a_client_that_doesnt_read_holds_up_the_server() -> None:
    piece = bytes(1 << 18)
    most = (1 << 29) // len(piece)  # beyond what all buffers between would hold, however far they grow
    written = 0
    stalled = asyncio.Event()
    goes_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def play(context: Any) -> None:
        nonlocal written
        while not goes_on.is_set() and written < most:
            timer = loop.call_later(2, stalled.set)
            await context.write(piece)
            timer.cancel()
            written += 1

    async with proxied(Handler(play)) as (channel, _):
        call: Any = channel.unary_stream(ANY)(b"q", timeout=60)
        assert len(await call.read()) == len(piece)
        await asyncio.wait_for(stalled.wait(), 40)
        assert written < most
        goes_on.set()
        count = 1
        while await call.read() is not EOF:
            count += 1
        assert count == written


async def test_what_no_proto_would_decode_passes() -> None:
    async with proxied(Handler(answer)) as (channel, passed):
        assert await channel.unary_unary(UNARY)(b"\xff\xff", timeout=10) == b"\xff\xff"
    assert passed[0].messages(EventKind.REQUEST) == [b"\xff\xff"]


async def test_a_unary_method_that_answers_with_nothing_is_no_empty_message() -> None:
    async def play(context: Any) -> None:
        await context.read()

    async with proxied(Handler(play)) as (channel, _):
        call: Any = channel.unary_unary(UNARY)(b"", timeout=10)
        assert await call.code() is grpc.StatusCode.INTERNAL


async def test_a_target_that_goes_away_is_no_answer_of_its_own() -> None:
    passed: list[CapturedCall] = []

    async def wait(context: Any) -> None:
        began.set()
        await asyncio.Event().wait()

    began = asyncio.Event()
    server = grpc.aio.server(handlers=[Handler(wait)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    target = Target.parse(f"127.0.0.1:{port}")
    async with connect(target) as there:
        proxy = Proxy(there, target, passed.append)  # type: ignore[arg-type]
        async with carried(proxy) as middle, grpc.aio.insecure_channel(middle, options=OPTIONS) as channel:
            call: Any = channel.unary_unary(ANY)(b"q", timeout=20)
            await began.wait()
            await server.stop(None)
            first = await call.code()
            call = channel.unary_unary(ANY)(b"q", timeout=20)
            assert await call.code() is grpc.StatusCode.UNAVAILABLE
    assert first in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert "no connection" in passed[1].incomplete
