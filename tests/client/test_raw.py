"""Requests over HTTP/2 as they stand, sent to servers of several makes, and what is understood of what comes back."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import grpc
import grpc.aio
import pytest
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from http2_server import answering
from hyperframe.frame import DataFrame
from support import registry

from grpcmock.client.raw import Frame, RawEnd, RawOutcome, RawRequest, split
from grpcmock.client.raw_stream import _Exchange, send_raw
from grpcmock.client.target import Target, Tls
from grpcmock.engine.engine import Engine
from grpcmock.errors import Problems, TargetError
from grpcmock.servers.addresses import Address
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.transports import has_native, listen, make_server
from grpcmock.stubs import loader

USERS = registry("user.proto")
GET = USERS.method("UserService/GetUser")
LOOKUP = USERS.method("UserService/LookupUsers")
FIVE = GET.request_class(id=5).SerializeToString()  # type: ignore[call-arg]
ANSWER = GET.response_class(id=5, name="x").SerializeToString()  # type: ignore[call-arg]


def frame(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def request(*messages: bytes, path: str = GET.path, **more: Any) -> RawRequest:
    headers = ((":method", "POST"), (":scheme", ""), (":path", path), (":authority", ""), ("te", "trailers"))
    headers = (*headers, ("content-type", "application/grpc"), *more.pop("headers", ()))
    return RawRequest(headers=headers, chunks=tuple(map(frame, messages)), **more)


# The servers ----------------------------------------------------------------------------------------


def _handlers(kind: str) -> list[Any]:
    def typed(method: Any) -> dict[str, Any]:
        return {
            "request_deserializer": method.request_class.FromString,
            "response_serializer": method.response_class.SerializeToString,
        }

    def answer(query: Any) -> Any:
        return GET.response_class(id=query.id, name="x")  # type: ignore[call-arg]

    async def get(query: Any, context: Any) -> Any:
        return answer(query)

    async def lookup(queries: Any, context: Any) -> Any:
        async for query in queries:
            yield answer(query)

    def lookup_sync(queries: Any, context: Any) -> Any:
        yield from map(answer, queries)

    is_aio = kind == "aio"
    table = {
        "GetUser": grpc.unary_unary_rpc_method_handler(get if is_aio else lambda q, _: answer(q), **typed(GET)),
        "LookupUsers": grpc.stream_stream_rpc_method_handler(lookup if is_aio else lookup_sync, **typed(LOOKUP)),
    }
    return [grpc.method_handlers_generic_handler("user.UserService", table)]


@asynccontextmanager
async def aio(**options: Any) -> AsyncIterator[str]:
    server = grpc.aio.server(handlers=_handlers("aio"))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@contextmanager
def _sync() -> Iterator[str]:
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, handlers=_handlers("sync"))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


@asynccontextmanager
async def sync() -> AsyncIterator[str]:
    with _sync() as address:
        yield address


STUBS = """
- {method: UserService/GetUser, response: {id: "{{ request.id }}", name: x}}
- method: UserService/LookupUsers
  script: [{on: [{request: {}, send: [{id: "{{ message.id }}", name: x}]}], until: half_close}]
"""


@asynccontextmanager
async def own(where: str = "127.0.0.1:0") -> AsyncIterator[str]:
    problems = Problems()
    engine = Engine(USERS, loader.load_text(STUBS, "stubs.yaml", problems), problems=problems)
    server = make_server("native", engine, ServerOptions(), services={}, warn=print)
    address = listen(server, Address.parse(where))
    await server.start()
    yield str(address)
    await server.stop()


needs_native = pytest.mark.skipif(not has_native(), reason="the native transport isn't built")
SERVERS = [aio, sync, pytest.param(own, marks=needs_native)]


@pytest.mark.parametrize("serve", SERVERS, ids=["aio", "sync", "own"])
async def test_a_good_request_gets_what_any_client_gets(serve: Any) -> None:
    async with serve() as address:
        outcome = await send_raw(Target.parse(address), request(FIVE), deadline=10)
    assert (outcome.end, outcome.code, outcome.messages) == (RawEnd.SERVER, 0, (ANSWER,))
    assert (outcome.http_status, outcome.grpc_status, outcome.trailers_only, outcome.late) == (200, 0, False, 0)
    assert outcome.first_seconds is not None
    assert outcome.first_seconds <= outcome.seconds


@pytest.mark.parametrize("serve", SERVERS, ids=["aio", "sync", "own"])
@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"chunks": tuple(bytes([byte]) for byte in frame(FIVE))}, {0}),
        ({"chunks": (b"", frame(FIVE)[:3], b"", frame(FIVE)[3:], b"")}, {0}),
        ({"chunks": (b"\1" + frame(FIVE)[1:],)}, {13}),
        ({"chunks": (frame(b"\x08"),)}, {2, 3, 13}),
        ({"chunks": (frame(b"\xc2\x3e\x80\x80\x80\2" + bytes(4 << 20)),)}, {8}),
        ({"headers": (*request().headers, ("x-bin", "!!"))}, {13}),
        ({"headers": (*request().headers, ("X-Upper", "1"))}, {0, 13, 14}),
        ({"headers": tuple((k, "/no.Such/Method" if k == ":path" else v) for k, v in request().headers)}, {12}),
    ],
    ids=["byte-by-byte", "empty-frames", "unnamed-compression", "malformed", "too-large", "base64", "upper", "unknown"],
)
async def test_what_no_library_sends_is_answered(serve: Any, changed: dict[str, Any], codes: set[int]) -> None:
    async with serve() as address:
        outcome = await send_raw(Target.parse(address), replace(request(FIVE), **changed), deadline=10)
    assert outcome.code in codes, outcome
    assert bool(outcome.messages) == (outcome.code == 0)


async def test_a_stream_has_all_its_messages() -> None:
    async with aio() as address:
        outcome = await send_raw(Target.parse(address), request(*[FIVE] * 50, path=LOOKUP.path), deadline=10)
        assert outcome.messages == (ANSWER,) * 50
        few = await send_raw(
            Target.parse(address), request(FIVE, FIVE, path=LOOKUP.path, end_stream=False), deadline=10, limit=2
        )
    assert (few.end, len(few.messages), few.sent) == (RawEnd.ENOUGH, 2, 2)


async def test_a_stream_that_goes_silent_is_left() -> None:
    async with aio() as address:
        outcome = await send_raw(
            Target.parse(address), request(FIVE, path=LOOKUP.path, end_stream=False), deadline=10, idle=0.01
        )
    assert (outcome.end, outcome.messages) == (RawEnd.ENOUGH, (ANSWER,))


async def test_a_request_without_an_end_is_waited_for_until_the_deadline() -> None:
    async with own() as address:
        outcome = await send_raw(Target.parse(address), request(end_stream=False), deadline=0.05)
    assert (outcome.end, outcome.code) == (RawEnd.DEADLINE, 4)


@pytest.mark.parametrize("after", [0, 1])
async def test_after_its_own_reset_the_client_sees_whether_the_server_lives(after: int) -> None:
    async with own() as address:
        outcome = await send_raw(Target.parse(address), request(FIVE, FIVE, reset_after=after), deadline=10)
    assert (outcome.end, outcome.code, outcome.sent) == (RawEnd.CANCELLED, 1, after)


async def test_the_preface_comes_before_all_else() -> None:
    """Also where the server's settings, which want an answer, are there before a word was said."""
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    reader = asyncio.StreamReader()
    reader.feed_data(server.data_to_send())
    writer = Mock()
    writer.drain = AsyncMock(side_effect=reader.feed_eof)
    outcome = await _Exchange(Target.parse("localhost:1"), request(FIVE), reader, writer).run(10, None, None)
    assert outcome.end is RawEnd.LOST
    assert b"".join(call.args[0] for call in writer.write.call_args_list).startswith(b"PRI * HTTP/2.0")


async def test_data_after_the_end_of_the_stream_goes_out() -> None:
    sent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(DataFrame(1, b"late").serialize())
        sent.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        target = Target(address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await send_raw(target, request(FIVE, after_end=(b"late",)), deadline=10)
    assert sent.is_set()


async def test_the_metadata_of_the_target_is_sent() -> None:
    seen: dict[bytes, bytes] = {}

    def answer(h2: H2Connection, number: int) -> None:
        h2.send_headers(number, [(":status", "200"), ("grpc-status", "0")], end_stream=True)

    async with answering(answer, seen) as target:
        target = replace(target, metadata=(("x-key", "v"), ("x-raw-bin", b"\xff\0")), authority="name.test")
        await send_raw(target, request(FIVE), deadline=10)
    assert (seen[b"x-key"], seen[b"x-raw-bin"], seen[b":authority"]) == (b"v", b"/wA", b"name.test")
    assert seen[b":scheme"] == b"http"


async def test_sockets_and_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2"])
    authority.issue_cert("localhost").configure_cert(context)

    def answer(h2: H2Connection, number: int) -> None:
        h2.send_headers(number, [(":status", "200"), ("grpc-status", "0")], end_stream=True)

    async with answering(answer, tls=context) as target:
        address = target.address.replace("127.0.0.1", "localhost")
        for tls in (Tls(ca=tmp_path / "ca.pem"), Tls(insecure=True)):
            assert (await send_raw(Target(address=address, tls=tls), request(), deadline=10)).code == 0
        with pytest.raises(TargetError, match="can't be verified"):
            await send_raw(Target(address=address, tls=Tls()), request(), deadline=10)
        assert (await send_raw(Target(address=address), request(), deadline=10)).end is RawEnd.LOST
    async with own(where=f"unix:{tmp_path}/socket") as address:
        assert (await send_raw(Target.parse(address), request(FIVE), deadline=10)).messages == (ANSWER,)
    with pytest.raises(TargetError, match="Nothing is listening"):
        await send_raw(Target.parse(address), request(FIVE), deadline=10)


# What servers do that none should -------------------------------------------------------------------


def _headers(*pairs: tuple[str, str], end: bool = False) -> Callable[[H2Connection, int], None]:
    return lambda h2, number: h2.send_headers(number, pairs, end_stream=end)


def _late_message(h2: H2Connection, number: int) -> None:
    h2.send_headers(number, [(":status", "200"), ("grpc-status", "5"), ("grpc-message", "gone%20%C3%BC")])
    h2.send_data(number, frame(b"x"), end_stream=True)


def _half_message(h2: H2Connection, number: int) -> None:
    h2.send_headers(number, [(":status", "200")])
    h2.send_data(number, frame(b"abc")[:-1], end_stream=True)


def _goaway(h2: H2Connection, number: int) -> None:
    h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, b"calm down", last_stream_id=0)


OK = (":status", "200")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_headers(OK, ("grpc-status", "99"), end=True), {"code": 99, "trailers_only": True}),
        (_headers(OK, ("grpc-status", "nonsense"), end=True), {"code": 2, "grpc_status": None}),
        (_headers(OK, end=True), {"code": 13, "message": "HTTP status 200 and no grpc-status"}),
        (_headers((":status", "404"), end=True), {"code": 12, "http_status": 404}),
        (_headers((":status", "503"), end=True), {"code": 14}),
        (_headers((":status", "418"), end=True), {"code": 2}),
        (_late_message, {"code": 5, "late": 1, "message": "gone ü", "messages": (b"x",), "trailers_only": False}),
        (_half_message, {"messages": (), "rest": frame(b"abc")[:-1]}),
        (lambda h2, n: h2.reset_stream(n, 8), {"end": RawEnd.RESET, "code": 1, "reset": 8}),
        (lambda h2, n: h2.reset_stream(n, 7), {"code": 14}),
        (lambda h2, n: h2.reset_stream(n, 0), {"code": 13, "message": "RST_STREAM with NO_ERROR"}),
        (_goaway, {"end": RawEnd.GOAWAY, "goaway": 11, "message": "GOAWAY with ENHANCE_YOUR_CALM calm down"}),
    ],
)
async def test_every_end_is_told(answer: Any, expected: dict[str, Any]) -> None:
    async with answering(answer) as target:
        outcome = await send_raw(target, request(FIVE), deadline=10)
    assert {name: getattr(outcome, name) for name in expected} == expected


async def test_a_connection_that_is_dropped_or_speaks_no_http2_is_lost() -> None:
    for greeting in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"):

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: bytes = greeting) -> None:
            writer.write(greeting)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            target = Target(address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
            outcome = await send_raw(target, request(FIVE), deadline=10)
        assert (outcome.end, outcome.code) == (RawEnd.LOST, 14)
        assert outcome.reason


def test_messages_are_split_and_unpacked() -> None:
    packed = zlib.compress(b"hello")
    data = b"\1" + len(packed).to_bytes(4, "big") + packed + frame(b"plain") + b"\0\0\0"
    frames, rest = split(data)
    assert frames == (Frame(1, packed), Frame(0, b"plain"))
    assert rest == b"\0\0\0"
    headers = (OK, ("grpc-encoding", "deflate"), ("x-bin", "AAE"), ("x-bad-bin", "!"))
    outcome = RawOutcome(end=RawEnd.SERVER, seconds=0, headers=headers, frames=frames)
    assert outcome.messages == (b"hello", b"plain")
    assert outcome.initial_metadata == (("x-bin", b"\0\1"), ("x-bad-bin", b"!"))
