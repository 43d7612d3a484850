# mypy: disable-error-code="arg-type"
"""Other protocols than gRPC over HTTP/2, on the one port of the native transport; and clients that mean it ill."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.events import PingAckReceived, ResponseReceived, StreamEnded, StreamReset
from http2_client import Client, connected
from support import registry

from grpcmock import MockServer
from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.errors import Problems
from grpcmock.responses.faults import FAULTS
from grpcmock.servers.addresses import Address
from grpcmock.stubs import loader

pytest.importorskip("grpcmock_native", reason="the native transport isn't built")

USERS, LIBRARY = registry("user.proto"), registry("library.proto")
GET, LIST, CREATE = (f"/user.UserService/{name}" for name in ("GetUser", "ListUsers", "CreateUsers"))
STUBS = """
- {name: alice, method: UserService/GetUser, request: {id: 1}, response: {name: Alice}, trailers: {x-t: t}}
- {name: template, method: UserService/GetUser, request: {id: 2}, response: {name: "{{ request.id }}"}}
- {name: reset, method: UserService/GetUser, request: {id: 3}, response: {}, fault: {reset: true}}
- {name: cut, method: UserService/GetUser, request: {id: 4}, response: {name: Alice}, fault: {truncate: true}}
- {name: hang, method: UserService/GetUser, request: {id: 5}, fault: {hang: true}}
- {name: three, method: UserService/ListUsers, request: {page: 1}, responses: [{id: 1}, {id: 2}, {id: 3}]}
- {name: cut stream, method: UserService/ListUsers, request: {page: 2}, responses: [{id: 1}], fault: {truncate: true}}
- {name: no end, method: UserService/ListUsers, request: {page: 3}, responses: [{id: 1}], fault: {drop_trailers: true}}
- name: flood
  method: UserService/ListUsers
  request: {page: 4}
  script: [repeat: {times: forever, steps: [send: {name: XXXX}]}]
- {name: batch, method: UserService/CreateUsers, requests: {$size: {$gte: 0}}, response: {created: 7}}
""".replace("XXXX", "x" * 10_000)

CONNECT = {"content_type": "application/json"}
STREAM = {"content_type": "application/connect+json"}
WEB = {"content_type": "application/grpc-web+proto"}


def framed(message: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(message).to_bytes(4, "big") + message


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    from grpcmock.servers.native.options import NativeOptions
    from grpcmock.servers.native.server import NativeServer

    servers: list[NativeServer] = []

    async def start_server(**options: Any) -> NativeServer:
        problems = Problems()
        stubs = loader.load_text(STUBS, "stubs.yaml", problems)
        engine = Engine(USERS, stubs, options=EngineOptions(faults=FAULTS), problems=problems)
        server = NativeServer(engine, NativeOptions(threads=1, **options), warn=print)
        server.listen(Address.parse("127.0.0.1:0"))
        servers.append(server)
        await server.start()
        return server

    yield start_server
    for server in servers:
        await server.stop()


async def asked(server: Any, body: bytes, path: str = GET, **headers: str) -> Client:
    """Ask once, on a connection of its own."""
    async with connected(server) as client:
        client.ask(1, body, path, **headers)
        assert await client.until(StreamEnded, StreamReset) is not None
        return client


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


async def test_each_protocol_is_answered_on_one_connection(start: Any) -> None:
    server = await start()
    async with connected(server) as client:
        for number, (body, path, headers, status, said) in enumerate(
            [
                (b'{"id": 1}', GET, CONNECT, "200", b'{"name":"Alice"}'),
                (b"\x08\x01", GET, {"content_type": "application/proto"}, "200", b"\x12\x05Alice"),
                (framed(b"\x08\x01"), GET, WEB, "200", framed(b"\x12\x05Alice")),
                (framed(b"\x08\x01"), GET, {}, "200", framed(b"\x12\x05Alice")),
                (framed(b'{"id": 1}'), GET, {"content_type": "application/grpc+json"}, "200", b'{"name":"Alice"}'),
                (b'{"id": 2}', GET, CONNECT, "200", b'{"name":"2"}'),
                (framed(b'{"page": 1}'), LIST, STREAM, "200", b'{"id":1}'),
                (b'{"id": 9}', GET, CONNECT, "501", b"unimplemented"),
                (b'{"id": 1}', "/no.Such/Method", CONNECT, "404", b"unimplemented"),
                (b"id=1", GET, {"content_type": "text/html"}, "415", b"takes application/json"),
                (b"", "/nowhere", {"content_type": ""}, "404", b"There is no path /nowhere"),
            ]
        ):
            client.events.clear()
            client.body, client.headers = b"", {}
            client.ask(2 * number + 1, body, path, **headers)
            assert await client.until(StreamEnded) is not None
            assert client.headers[":status"] == status
            assert said in client.body
            assert ("date" in client.headers) is (headers != {})
    protocols = [call.protocol for call in server.engine.journal]
    assert protocols[:8] == ["connect", "connect", "grpc_web", "grpc", "grpc", "connect", "connect", "connect"]
    assert {call.peer.partition(":")[0] for call in server.engine.journal} == {"ipv4"}


async def test_a_known_answer_is_the_one_that_was_given(start: Any) -> None:
    server = await start()
    for body, path, headers in [
        (b'{"id": 1}', GET, CONNECT),
        (framed(b"\x08\x01"), GET, WEB),
        (framed(b'{"page": 1}'), LIST, STREAM),
    ]:
        answers = [await asked(server, body, path, **headers) for _ in range(3)]
        for answer in answers:
            answer.headers.pop("date")
        assert [(answer.headers, answer.body) for answer in answers] == [(answers[0].headers, answers[0].body)] * 3
    assert [call.stub.name for call in server.engine.journal] == ["alice"] * 6 + ["three"] * 3


async def test_compression_is_in_the_words_of_each_protocol(start: Any) -> None:
    server = await start(compression="gzip")
    for _ in range(2):  # the second is known
        plain = await asked(server, b'{"id": 1}', **CONNECT)
        small = await asked(server, b'{"id": 1}', **CONNECT, accept_encoding="br, gzip")
        web = await asked(server, framed(b"\x08\x01"), **WEB, grpc_accept_encoding="gzip")
        assert plain.body == gzip.decompress(small.body) == b'{"name":"Alice"}'
        assert (small.headers["content-encoding"], web.headers["grpc-encoding"]) == ("gzip", "gzip")
        assert web.body[0] == 1


async def test_a_call_may_be_sent_in_pieces_and_answered_in_between(start: Any) -> None:
    server = await start()
    async with connected(server) as client:
        sent = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": CREATE}
        client.h2.send_headers(1, list({**sent, "content-type": "application/connect+json"}.items()))
        for byte in framed(b'{"name": "a"}') * 2:
            client.h2.send_data(1, bytes([byte]))
            client.flush()
            await client.writer.drain()
        client.h2.end_stream(1)
        client.flush()
        assert await client.until(StreamEnded) is not None
    assert framed(b'{"created":7}') in client.body
    (call,) = server.engine.journal
    assert [frame.direction for frame in call.frames] == ["request", "request", "response"]


# Faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "path", "headers", "body", "code"),
    [
        (3, GET, CONNECT, b"", ErrorCodes.CANCEL),
        (3, GET, WEB, b"", ErrorCodes.CANCEL),
        (4, GET, CONNECT, b'{"name":"Alice"}'[:8], ErrorCodes.CANCEL),
        (4, GET, WEB, framed(b"\x12\x05Alice")[: 5 + 3], None),
        (2, LIST, STREAM, framed(b'{"id":1}')[: 5 + 4], None),
        (3, LIST, STREAM, framed(b'{"id":1}'), None),
        (3, LIST, WEB, framed(b"\x08\x01"), None),
    ],
)
async def test_faults_reach_the_wire(
    start: Any, number: int, path: str, headers: dict[str, str], body: bytes, code: int | None
) -> None:
    is_json = headers is not WEB
    key = "id" if path == GET else "page"
    message = f'{{"{key}": {number}}}'.encode() if is_json else bytes([8, number])
    client = await asked(await start(), message if headers is CONNECT else framed(message), path, **headers)
    assert client.body == body
    reset = [event.error_code for event in client.events if isinstance(event, StreamReset)]
    assert reset == ([] if code is None else [code])


# Clients that mean it ill --------------------------------------------------------------------------


async def test_streams_that_are_reset_at_once_leave_nothing_behind(start: Any) -> None:
    server = await start()
    async with connected(server) as client:
        with suppress(ConnectionError):  # that the connection is ended is as good
            for number in range(1, 1_000, 2):
                client.ask(number, b'{"id": 5}', **CONNECT)
                client.h2.reset_stream(number, ErrorCodes.CANCEL)
                client.flush()
                await client.writer.drain()
            client.h2.ping(b"are you?")
            client.flush()
            await client.until(PingAckReceived)
    await until(lambda: not server._calls)
    assert not server.engine.journal.under_way
    answer = await asked(server, b'{"id": 1}', **CONNECT)
    assert answer.body == b'{"name":"Alice"}'


async def test_pings_and_settings_without_an_end_are_answered_or_the_connection_ends(start: Any) -> None:
    server = await start()
    async with connected(server) as client:
        ping, settings = b"\0\0\x08\6\0\0\0\0\0" + bytes(8), b"\0\0\0\4\0\0\0\0\0"
        try:
            for _ in range(200):
                client.writer.write((ping + settings) * 100)  # and reads none of the answers
                async with asyncio.timeout(2):
                    await client.writer.drain()
        except (ConnectionError, TimeoutError):
            pass
        assert (await asked(server, b'{"id": 1}', **CONNECT)).body == b'{"name":"Alice"}'


async def test_a_client_that_doesnt_read_holds_back_its_stream_alone(start: Any) -> None:
    server = await start()
    async with connected(server) as client:
        client.ask(1, framed(b'{"page": 4}'), LIST, **STREAM)
        assert await client.until(ResponseReceived) is not None
        for _ in range(20):
            assert (await asked(server, b'{"id": 2}', **CONNECT)).body == b'{"name":"2"}'
        (flood,) = server.engine.journal.under_way
        # A window of HTTP/2, what waits on our side, and a message or two; the stub would send without an end.
        assert sum(len(frame.data) for frame in flood.frames) + flood.frames_dropped * 10_000 < 1 << 20
    await until(lambda: not server._calls)
    assert [call.cancelled for call in server.engine.journal if call.stub.name == "flood"] == [True]


@pytest.mark.parametrize("headers", [CONNECT, WEB], ids=["connect", "grpc-web"])
async def test_an_endless_body_is_refused_at_the_limit(start: Any, headers: dict[str, str]) -> None:
    server = await start(max_message_size=100_000)
    async with connected(server) as client:
        sent = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": GET}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        client.h2.send_headers(1, list(sent.items()))
        client.h2.send_data(1, framed(bytes(200_000))[:5])
        reading = asyncio.create_task(client.until(ResponseReceived))
        while not reading.done():
            if client.h2.local_flow_control_window(1) > 16_384:
                client.h2.send_data(1, b"\1" * 16_384)
                client.flush()
                await client.writer.drain()
            await asyncio.sleep(0.001)
        await reading
    status = "429" if headers is CONNECT else "200"
    assert client.headers[":status"] == status
    await until(lambda: len(server.engine.journal) == 1)
    (call,) = server.engine.journal
    assert call.code.name == "RESOURCE_EXHAUSTED"


async def test_heads_may_be_so_large(start: Any) -> None:
    server = await start()
    many = {f"x_{number}": "y" * 1_000 for number in range(40)}
    assert (await asked(server, b'{"id": 2}', **CONNECT, **many)).headers[":status"] == "200"
    async with connected(server) as client:
        client.ask(1, b'{"id": 2}', **CONNECT, **{f"x_{number}": "y" * 1_000 for number in range(90)})
        await client.until(StreamEnded)
    assert client.headers.get(":status", "431") == "431"


# In Python ----------------------------------------------------------------------------------------


def test_a_mock_speaks_all_on_its_one_port() -> None:
    import http.client

    with MockServer(USERS, transport="native", cors="https://a.example") as mock:
        assert mock.http_url == f"http://{mock.target}"
        mock.add(method="user.UserService/GetUser", response={"name": "Alice"})
        connection = http.client.HTTPConnection(mock.target, timeout=20)
        for origin, allowed in (("https://a.example", "https://a.example"), ("http://localhost", None)):
            connection.request("POST", GET, b"{}", {"content-type": "application/json", "origin": origin})
            response = connection.getresponse()
            assert (response.read(), response.headers["access-control-allow-origin"]) == (b'{"name":"Alice"}', allowed)
        connection.request("POST", "/grpc.health.v1.Health/Check", b"{}", {"content-type": "application/json"})
        assert connection.getresponse().read() == b'{"status":"SERVING"}'
        connection.close()
        assert mock.channel().unary_unary(GET)(b"") == b"\x12\x05Alice"
        assert [call.protocol for call in mock.calls] == ["connect", "connect", "grpc"]


def test_paths_of_annotations_are_there_and_what_is_read_from_them_is_known() -> None:
    import http.client

    method = next(path for path in LIBRARY.methods if path.endswith("/GetBook"))
    with MockServer(LIBRARY, transport="native") as mock:
        stub = mock.add(method=method[1:], response={"name": "any"})
        connection = http.client.HTTPConnection(mock.target, timeout=20)
        for shelf in (1, 1, 2):
            connection.request("GET", f"/v1/shelves/{shelf}/books/a%20b")
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b'{"name":"any"}')
        connection.close()
        assert [call.request.name for call in stub.calls] == [f"shelves/{shelf}/books/a b" for shelf in (1, 1, 2)]
        assert {call.protocol for call in mock.calls} == {"json"}
