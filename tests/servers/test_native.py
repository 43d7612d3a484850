# mypy: disable-error-code="arg-type"
"""What the native transport alone has: keepalive, the age of connections, compression of answers, orderly ends."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from h2.events import (
    ConnectionTerminated,
    PingAckReceived,
    PingReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from http2_client import Never, connected, split
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.errors import ConfigError, Problems
from grpcmock.responses.faults import WIRE_FAULTS
from grpcmock.servers.addresses import Address
from grpcmock.servers.transports import choose
from grpcmock.stubs import loader

pytest.importorskip("grpcmock_native", reason="the native transport isn't built")

USERS = registry("user.proto")
GET, LIST = "/user.UserService/GetUser", "/user.UserService/ListUsers"
STUBS = """
- {method: UserService/GetUser, request: {id: 1}, response: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}
- {method: UserService/GetUser, request: {id: 2}, response: {name: slow}, delay: 200ms}
- {method: UserService/GetUser, request: {id: 3}, response: {name: "{{ request.id }} aaaaaaaaaaaaaaaaaaaaaaaaaaa"}}
- {method: UserService/ListUsers, responses: [{name: a}, {name: b}, {name: c}]}
"""
HEADERS = [
    *((":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", LIST)),
    ("content-type", "application/grpc"),
]
ONE = b"\0\0\0\0\x02\x08\x01"
SLOW = b"\0\0\0\0\x02\x08\x02"


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    from grpcmock.servers.native.options import NativeOptions
    from grpcmock.servers.native.server import NativeServer

    servers: list[NativeServer] = []

    async def start_server(**options: Any) -> NativeServer:
        problems = Problems()
        stubs = loader.load_text(STUBS, "stubs.yaml", problems)
        engine = Engine(USERS, stubs, options=EngineOptions(faults=WIRE_FAULTS), problems=problems)
        server = NativeServer(engine, NativeOptions(threads=1, **options))
        server.listen(Address.parse("127.0.0.1:0"))
        servers.append(server)
        await server.start()
        return server

    yield start_server
    for server in servers:
        await server.stop()


# Connections ---------------------------------------------------------------------------------------


async def test_a_silent_client_is_asked_and_a_deaf_one_dropped(start: Any) -> None:
    server = await start(keepalive=(0.02, 0.1))
    async with connected(server) as client:
        assert await client.until(PingReceived) is not None
        client.ask(1, ONE)
        assert await client.until(StreamEnded) is not None
    async with connected(server, is_deaf=True) as client:
        assert await client.until(StreamEnded) is None  # the connection has ended
        assert any(isinstance(event, PingReceived) for event in client.events)


async def test_an_old_connection_takes_no_more_calls_and_ends_those_it_has(start: Any) -> None:
    server = await start(max_connection_age=(0.05, 10))
    async with connected(server) as client:
        client.ask(1, SLOW)
        assert await client.until(ConnectionTerminated) is not None
        assert await client.until(StreamEnded) is not None
        assert client.headers["grpc-status"] == "0"
        assert await client.until(Never) is None


async def test_a_call_may_outlive_its_connection_only_so_long(start: Any) -> None:
    server = await start(max_connection_age=(0.02, 0.02))
    async with connected(server) as client:
        client.ask(1, SLOW)
        assert await client.until(StreamEnded) is None


async def test_clients_are_told_to_go_when_the_server_stops(start: Any) -> None:
    server = await start()
    async with connected(server) as client:
        client.ask(1, SLOW)
        while not server.engine.journal.under_way:  # noqa: ASYNC110 - the journal has no event to wait for
            await asyncio.sleep(0)
        stopping = asyncio.create_task(server.stop(10))
        gone = await client.until(ConnectionTerminated)
        assert isinstance(gone, ConnectionTerminated)
        assert gone.error_code == 0
        assert await client.until(StreamEnded) is not None
        await stopping
    assert client.headers["grpc-status"] == "0"


# Compression ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "path"), [(1, GET), (3, GET), (0, LIST)])
@pytest.mark.parametrize(("name", "unpack"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
async def test_answers_are_compressed_where_the_client_takes_that(
    start: Any, number: int, path: str, name: str, unpack: Callable[[bytes], bytes]
) -> None:
    server = await start(compression=name)
    request = bytes([0, 0, 0, 0, 2, 8, number])
    plain: dict[str, list[bytes]] = {}
    for accepted in ("identity", f"identity, {name}", f"identity, {name}"):  # the last is known by now
        async with connected(server) as client:
            client.ask(1, request, path, grpc_accept_encoding=accepted)
            assert await client.until(StreamEnded) is not None
        is_compressed = accepted != "identity"
        assert client.headers.get("grpc-encoding") == (name if is_compressed else None)
        messages = [message for flag, message in split(client.body) if flag == is_compressed]
        plain[accepted] = [unpack(message) for message in messages] if is_compressed else messages
    first, second = plain.values()
    assert first == second
    assert first


# Faults that a connection carries out ---------------------------------------------------------------

ASKED = {
    "gRPC": ("application/grpc", ONE),
    "gRPC-Web": ("application/grpc-web", ONE),
    "Connect": ("application/json", b'{"id": 1}'),
}
in_each_protocol = pytest.mark.parametrize(("kind", "body"), ASKED.values(), ids=ASKED)


@in_each_protocol
async def test_a_client_is_sent_away_behind_its_answer(start: Any, kind: str, body: bytes) -> None:
    server = await start()
    server.engine.faults.set("it", {"goaway": True})
    async with connected(server) as client:
        client.ask(1, body, content_type=kind)
        assert await client.until(StreamEnded) is not None
        assert (client.headers[":status"], client.headers.get("grpc-status", "0")) == ("200", "0")
        assert await client.until(ConnectionTerminated) is not None
        assert await client.until(Never) is None


@in_each_protocol
async def test_a_stream_is_reset_with_the_error_of_the_fault(start: Any, kind: str, body: bytes) -> None:
    server = await start()
    server.engine.faults.set("it", {"reset": "REFUSED_STREAM"})
    async with connected(server) as client:
        client.ask(1, body, content_type=kind)
        reset = await client.until(StreamReset)
        assert isinstance(reset, StreamReset)
        assert reset.error_code == 7


@in_each_protocol
async def test_a_connection_is_closed_without_a_word(start: Any, kind: str, body: bytes) -> None:
    server = await start()
    server.engine.faults.set("it", {"close": True})
    async with connected(server) as client:
        client.ask(1, body, content_type=kind)
        assert await client.until(Never) is None
        assert not {type(event) for event in client.events} & {StreamEnded, ResponseReceived, ConnectionTerminated}


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc-web", "application/connect+proto"])
@pytest.mark.parametrize("fault", [{"reset": "INTERNAL_ERROR"}, {"close": True}], ids=["reset", "close"])
async def test_what_was_sent_before_the_call_breaks_off_comes(start: Any, kind: str, fault: dict[str, Any]) -> None:
    server = await start()
    server.engine.faults.set("it", {"abort_after": 2, **fault})
    async with connected(server) as client:
        client.ask(1, ONE, LIST, content_type=kind)
        end = await client.until(StreamReset, StreamEnded)
        assert end is None or isinstance(end, StreamReset)
        assert end is None or (kind, fault) != ("application/grpc", {"close": True})
        assert [message for _, message in split(client.body)] == [b"\x12\x01a", b"\x12\x01b"]


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ({"goaway": True}, b'{"name":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}'),
        ({"close": True}, b""),
        ({"reset": "REFUSED_STREAM"}, b""),
    ],
)
async def test_a_connection_over_http1_ends(start: Any, fault: dict[str, Any], answer: bytes) -> None:
    server = await start()
    server.engine.faults.set("it", fault)
    address = server.addresses[0]
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        head = f"POST {GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
        writer.write(head.encode() + b'{"id": 1}')
        async with asyncio.timeout(10):
            assert (await reader.read()).partition(b"\r\n\r\n")[2] == answer
    finally:
        writer.close()


# Requests that come in parts, or break off ---------------------------------------------------------


@pytest.mark.parametrize("cut", range(len(ONE) + 1))
async def test_a_known_answer_is_found_however_its_request_is_cut(start: Any, cut: int) -> None:
    server = await start()
    for number in (1, 3):  # from the engine, then from the table
        async with connected(server) as client:
            client.h2.send_headers(
                number,
                HEADERS,
            )
            client.h2.send_data(number, ONE[:cut])
            client.flush()
            await client.writer.drain()
            client.h2.send_data(number, ONE[cut:])
            client.h2.end_stream(number)
            client.flush()
            assert await client.until(StreamEnded) is not None
            assert [message for _, message in split(client.body)] == [b"\x12\x01a", b"\x12\x01b", b"\x12\x01c"]
    assert [call.code.name for call in server.engine.journal] == ["OK", "OK"]


async def test_a_client_that_goes_before_its_request_is_whole_is_in_the_journal(start: Any) -> None:
    server = await start()
    for _ in range(2):
        async with connected(server) as client:
            client.ask(1, ONE, LIST)
            await client.until(StreamEnded)
    async with connected(server) as client:
        client.h2.send_headers(
            1,
            HEADERS,
        )
        client.h2.send_data(1, ONE[:3])
        client.h2.ping(b"are you?")
        client.flush()
        assert await client.until(PingAckReceived) is not None
    async with asyncio.timeout(10):
        while len(server.engine.journal) < 3:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
    assert [call.cancelled for call in server.engine.journal] == [False, False, True]


# Options -------------------------------------------------------------------------------------------


def test_options_of_native_alone_need_it() -> None:
    assert choose("native", native_only=["--keepalive"]) == "native"
    with pytest.raises(ConfigError, match="--keepalive: the transport 'aio' can't do that; 'native' can"):
        choose("aio", native_only=["--keepalive"])
