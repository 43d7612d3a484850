# mypy: disable-error-code="arg-type, attr-defined"
"""The native transport, called by gRPC's own clients, synchronous and asynchronous, and by such as they aren't."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import trustme
from grpc_health.v1 import health_pb2
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.errors import ConfigError, Problems
from grpcmock.protocols import framing
from grpcmock.responses.faults import FAULTS
from grpcmock.servers.addresses import Address
from grpcmock.servers.credentials import TlsFiles
from grpcmock.servers.health import Health
from grpcmock.servers.reflection import Reflection
from grpcmock.stubs import loader

pytest.importorskip("grpcmock_native", reason="the native transport isn't built")

from grpcmock.servers.native.options import NativeOptions
from grpcmock.servers.native.server import NativeServer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CHANNEL = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
)
USERS = registry("user.proto")
GET, LIST, CREATE, LOOKUP = (
    f"/user.UserService/{name}" for name in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers")
)

STUBS = """
- {method: UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}
- method: UserService/GetUser
  request: {id: 2}
  metadata: {x-tag: b, x-bytes-bin: AAE=}
  response: {id: 2, name: "{{ metadata['x-tag'] }}"}
  headers: {x-header: hello, x-raw-bin: /wA=}
  trailers: {x-trailer: [one, two]}
- method: UserService/GetUser
  request: {id: 3}
  error: {code: NOT_FOUND, message: "Grüße: 100 % \\n gone", trailers: {x-why: none}}
- {method: UserService/GetUser, request: {id: 4}, response: {id: 4}, delay: 60s}
- {method: UserService/GetUser, request: {id: 5}, fault: {hang: true}}
- {method: UserService/GetUser, request: {id: 10}, response: {name: abcdef}, fault: {truncate: true}}
- {method: UserService/GetUser, request: {id: 11}, response: {name: abcdef}, fault: {reset: true}}
- {method: UserService/GetUser, request: {id: 12}, response: {name: abcdef}, fault: {drop_trailers: true}}
- {method: UserService/GetUser, request: {id: 13}, response: {name: abcdef}, fault: {garbage: 32}}
- {method: UserService/GetUser, request: {id: 14}, response: {name: abcdef}, fault: {extra_messages: 2}}
- {method: UserService/GetUser, request: {id: 15}, response: {name: abcdef}, fault: {abort: UNAVAILABLE}}
- {method: UserService/ListUsers, request: {page: 0}, responses: [{id: 1}, {id: 2}, {id: 3}]}
- {method: UserService/ListUsers, request: {page: 1}, responses: [{id: 1}], error: {code: DATA_LOSS, message: lost}}
- method: UserService/ListUsers
  request: {page: 2}
  script: [{repeat: {times: forever, steps: [{send: {name: "xxxxxxxxxxxxxxxx"}}]}}]
- {method: UserService/ListUsers, request: {page: 3}, responses: [{id: 1}, {id: 2}], fault: {truncate: true}}
- {method: UserService/ListUsers, request: {page: 4}, responses: [{id: 1}, {id: 2}], fault: {drop_trailers: true}}
- method: UserService/ListUsers
  request: {page: 5}
  script: [{send: {id: 1}}, {wait: 3600s}]
- {method: UserService/CreateUsers, requests: {$size: {$gte: 0}}, response: {created: "{{ requests | length }}"}}
- method: UserService/LookupUsers
  metadata: {x-first: server}
  script: [{headers: {x-early: yes}}, {send: {id: 99}}, {expect: {id: 1}}, {send: {id: 1}}, half_close, finish]
- method: UserService/LookupUsers
  script:
    - on: [{request: {id: {$gt: 0}}, send: ["{{ message }}"]}]
      until: half_close
"""
STUBS = STUBS.replace('["{{ message }}"]', '[{id: "{{ message.id }}", name: again}]')


@dataclass
class Outcome:
    code: grpc.StatusCode
    details: str
    messages: list[bytes]
    headers: dict[str, list[Any]]
    trailers: dict[str, list[Any]]


def _grouped(metadata: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, value in metadata or ():
        found.setdefault(key, []).append(value)
    return found


async def _call_aio(
    target: str, path: str, requests: Sequence[bytes], *, credentials: Any = None, **options: Any
) -> Outcome:
    made = (
        grpc.aio.secure_channel(target, credentials, options=CHANNEL)
        if credentials
        else grpc.aio.insecure_channel(target, options=CHANNEL)
    )
    async with made as channel:
        call = channel.stream_stream(path)(iter(requests), **options)
        messages: list[bytes] = []
        try:
            async for message in call:
                messages.append(message)  # noqa: PERF401 - what came before an error is kept
        except grpc.RpcError:
            pass
        return Outcome(
            await call.code(),
            await call.details(),
            messages,
            _grouped(await call.initial_metadata()),
            _grouped(await call.trailing_metadata()),
        )


async def _call_sync(
    target: str, path: str, requests: Sequence[bytes], *, credentials: Any = None, **options: Any
) -> Outcome:
    def run() -> Outcome:
        made = (
            grpc.secure_channel(target, credentials, options=CHANNEL)
            if credentials
            else grpc.insecure_channel(target, options=CHANNEL)
        )
        with made as channel:
            call = channel.stream_stream(path)(iter(requests), **options)
            messages: list[bytes] = []
            try:
                for message in call:
                    messages.append(message)  # noqa: PERF402 - likewise
            except grpc.RpcError:
                pass
            headers, trailers = call.initial_metadata(), call.trailing_metadata()
            return Outcome(call.code(), call.details(), messages, _grouped(headers), _grouped(trailers))

    return await asyncio.to_thread(run)


Caller = Callable[..., Awaitable[Outcome]]


@pytest.fixture(params=["aio", "sync"])
def call(request: pytest.FixtureRequest) -> Caller:
    return {"aio": _call_aio, "sync": _call_sync}[request.param]


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[NativeServer]]]:
    servers: list[NativeServer] = []

    async def start_server(
        stubs: str = STUBS,
        *,
        address: str = "127.0.0.1:0",
        tls: TlsFiles | None = None,
        max_message_size: int = 4 << 20,
        **options: Any,
    ) -> NativeServer:
        problems = Problems()
        loaded = loader.load_text(stubs, "stubs.yaml", problems)
        engine = Engine(USERS, loaded, options=EngineOptions(faults=FAULTS), problems=problems)
        server = NativeServer(engine, NativeOptions(max_message_size), **options)
        server.listen(Address.parse(address), tls)
        servers.append(server)
        await server.start()
        return server

    yield start_server
    for server in servers:
        await server.stop()


def get(number: int) -> bytes:
    return USERS.message("user.GetUserRequest")(id=number).SerializeToString()


def page(number: int) -> bytes:
    return USERS.message("user.ListUsersRequest")(page=number).SerializeToString()


def users(outcome: Outcome) -> list[Any]:
    return [USERS.message("user.UserResponse").FromString(message) for message in outcome.messages]


def target(server: NativeServer) -> str:
    return str(server.addresses[0])


# The four kinds ------------------------------------------------------------------------------------


async def test_unary(start: Any, call: Caller) -> None:
    found = await call(target(await start()), GET, [get(1)])
    assert (found.code, [user.name for user in users(found)]) == (grpc.StatusCode.OK, ["Alice"])


async def test_server_streaming(start: Any, call: Caller) -> None:
    found = await call(target(await start()), LIST, [page(0)])
    assert (found.code, [user.id for user in users(found)]) == (grpc.StatusCode.OK, [1, 2, 3])


async def test_an_error_after_messages(start: Any, call: Caller) -> None:
    found = await call(target(await start()), LIST, [page(1)])
    assert (found.code, found.details, len(found.messages)) == (grpc.StatusCode.DATA_LOSS, "lost", 1)


@pytest.mark.parametrize("count", [0, 1, 500])
async def test_client_streaming(start: Any, call: Caller, count: int) -> None:
    found = await call(target(await start()), CREATE, [b""] * count)
    assert found.code is grpc.StatusCode.OK
    assert USERS.message("user.BatchResult").FromString(found.messages[0]).created == count


async def test_bidirectional(start: Any, call: Caller) -> None:
    found = await call(target(await start()), LOOKUP, [get(1), get(2), get(3)])
    assert (found.code, [user.id for user in users(found)]) == (grpc.StatusCode.OK, [1, 2, 3])


async def test_messages_go_to_and_fro(start: Any) -> None:
    async with grpc.aio.insecure_channel(target(await start()), options=CHANNEL) as channel:
        stream = channel.stream_stream(LOOKUP)()
        for number in (5, 6):
            await stream.write(get(number))
            assert USERS.message("user.UserResponse").FromString(await stream.read()).id == number
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK


async def test_the_server_may_speak_first(start: Any) -> None:
    async with grpc.aio.insecure_channel(target(await start()), options=CHANNEL) as channel:
        stream = channel.stream_stream(LOOKUP)(metadata=(("x-first", "server"),))
        assert dict(await stream.initial_metadata())["x-early"] == "yes"
        assert USERS.message("user.UserResponse").FromString(await stream.read()).id == 99
        await stream.write(get(1))
        await stream.done_writing()
        assert USERS.message("user.UserResponse").FromString(await stream.read()).id == 1
        assert await stream.code() is grpc.StatusCode.OK


# Metadata and status -------------------------------------------------------------------------------


async def test_metadata_come_and_go(start: Any, call: Caller) -> None:
    sent = (("x-tag", "a"), ("x-tag", "b"), ("x-bytes-bin", b"\0\1"))
    found = await call(target(await start()), GET, [get(2)], metadata=sent)
    assert found.code is grpc.StatusCode.OK, found.details
    assert [user.name for user in users(found)] == ["a"]
    assert (found.headers["x-header"], found.headers["x-raw-bin"]) == (["hello"], [b"\xff\0"])
    assert found.trailers["x-trailer"] == ["one", "two"]


async def test_status_messages_may_hold_anything(start: Any, call: Caller) -> None:
    found = await call(target(await start()), GET, [get(3)])
    assert (found.code, found.details) == (grpc.StatusCode.NOT_FOUND, "Grüße: 100 % \n gone")
    assert found.trailers["x-why"] == ["none"]


async def test_a_miss_is_told(start: Any, call: Caller) -> None:
    found = await call(target(await start()), GET, [get(77)])
    assert found.code is grpc.StatusCode.UNIMPLEMENTED
    assert found.trailers["grpcmock-miss"] == ["1"]


async def test_an_unknown_method(start: Any) -> None:
    async with grpc.aio.insecure_channel(target(await start()), options=CHANNEL) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            await channel.unary_unary("/no.Such/Method")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


# Faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        (10, {"INTERNAL", "UNKNOWN", "UNAVAILABLE"}),
        (11, {"CANCELLED"}),
        (12, {"INTERNAL", "UNKNOWN", "UNAVAILABLE"}),
        (15, {"UNAVAILABLE"}),
    ],
)
async def test_a_broken_call_fails_for_the_client(start: Any, call: Caller, number: int, codes: set[str]) -> None:
    server = await start()
    found = await call(target(server), GET, [get(number)])
    assert found.code.name in codes
    assert (await call(target(server), GET, [get(1)])).code is grpc.StatusCode.OK


async def test_a_truncated_message_does_not_arrive(start: Any, call: Caller) -> None:
    assert (await call(target(await start()), LIST, [page(3)])).messages == []


async def test_without_trailers_no_stream_is_well(start: Any, call: Caller) -> None:
    assert (await call(target(await start()), LIST, [page(4)])).code is not grpc.StatusCode.OK


USER = b"\x12\x06abcdef"


@pytest.mark.parametrize(
    ("number", "body", "reset"),
    [
        (10, b"\0\0\0\0\x08" + USER[:4], None),
        (11, b"", 8),
        (12, b"\0\0\0\0\x08" + USER, None),
    ],
)
async def test_faults_look_so_on_the_wire(start: Any, number: int, body: bytes, reset: int | None) -> None:
    found = await _raw(await start(), get(number))
    assert (found.body, found.reset) == (body, reset)
    assert "grpc-status" not in found.headers


async def test_an_early_end_asks_the_client_to_stop_sending(start: Any) -> None:
    found = await _raw(await start(), get(1), {":path": "/no.Such/Method"}, end=False)
    assert (found.headers["grpc-status"], found.reset) == ("12", 0)


@pytest.mark.parametrize(("number", "count"), [(13, 1), (14, 3)])
async def test_faults_of_messages(start: Any, call: Caller, number: int, count: int) -> None:
    found = await call(target(await start()), GET, [get(number)])
    assert len(found.messages) == count


# Deadlines and cancellation ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [4, 5])
async def test_deadlines_end_the_call(start: Any, call: Caller, number: int) -> None:
    server = await start()
    found = await call(target(server), GET, [get(number)], timeout=0.2)
    assert found.code is grpc.StatusCode.DEADLINE_EXCEEDED
    await _until(lambda: len(server.engine.journal) == 1)


async def test_the_server_itself_ends_a_call_at_its_deadline(start: Any) -> None:
    server = await start()
    found = await _raw(server, get(5), {"grpc-timeout": "20m"})
    assert found.headers["grpc-status"] == "4"
    [journalled] = server.engine.journal
    assert journalled.code.name == "DEADLINE_EXCEEDED"


async def test_cancellation_ends_the_script(start: Any) -> None:
    server = await start()
    async with grpc.aio.insecure_channel(target(server), options=CHANNEL) as channel:
        stream = channel.unary_stream(LIST)(page(5))
        await stream.read()
        stream.cancel()
        await _until(lambda: len(server.engine.journal) == 1)
    [journalled] = server.engine.journal
    assert journalled.cancelled


async def test_a_client_that_vanishes_ends_the_script(start: Any) -> None:
    server = await start()
    async with _connected(server) as (reader, writer):
        writer.write(_asked(framing.framed(page(5)), LIST).data_to_send())
        await reader.read(100)
        writer.transport.abort()
    await _until(lambda: len(server.engine.journal) == 1)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the journal has no event to wait for
            await asyncio.sleep(0.005)


# Limits and flow control ---------------------------------------------------------------------------


async def test_large_messages_pass_both_ways(start: Any, call: Caller) -> None:
    big = USERS.message("user.CreateUserRequest")(name="x" * 3_000_000).SerializeToString()
    stubs = """
    - {method: UserService/CreateUsers, requests: {$size: 3}, response: {created: 3}}
    - {method: UserService/GetUser, fault: {oversize: 9MiB}, response: {}}
    """
    server = await start(stubs)
    assert (await call(target(server), CREATE, [big] * 3)).code is grpc.StatusCode.OK
    assert len((await call(target(server), GET, [get(1)])).messages[0]) == 9 << 20


async def test_a_client_that_reads_slowly_holds_up_only_itself(start: Any) -> None:
    server = await start()
    async with grpc.aio.insecure_channel(target(server), options=CHANNEL) as channel:
        endless = channel.unary_stream(LIST)(page(2))
        await endless.read()
        async with asyncio.timeout(5):
            answers = [await channel.unary_unary(GET)(get(1)) for _ in range(20)]
        assert len(answers) == 20
        endless.cancel()


async def test_a_request_that_is_too_large_is_refused(start: Any, call: Caller) -> None:
    server = await start(max_message_size=1000)
    found = await call(target(server), CREATE, [b"", b"\x0a\xff\x0f" + b"x" * 2047])
    assert found.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "2050 vs. 1000" in found.details


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_requests_are_read(start: Any, call: Caller, compression: grpc.Compression) -> None:
    stubs = "- {method: UserService/CreateUsers, requests: {$each: {name: {$size: 9000}}}, response: {created: 2}}"
    message = USERS.message("user.CreateUserRequest")(name="x" * 9_000).SerializeToString()
    found = await call(target(await start(stubs)), CREATE, [message] * 2, compression=compression)
    assert found.code is grpc.StatusCode.OK, found.details


async def test_many_calls_at_once(start: Any) -> None:
    server = await start()
    user = USERS.message("user.UserResponse").FromString
    async with grpc.aio.insecure_channel(target(server), options=CHANNEL) as channel:

        async def unary(number: int) -> int:
            tag = (("x-tag", "b"), ("x-bytes-bin", b"\x00\x01"))
            return user(await channel.unary_unary(GET)(get(number), metadata=tag)).id

        async def conversation(number: int) -> int:
            stream = channel.stream_stream(LOOKUP)()
            for _ in range(3):
                await stream.write(get(number))
                assert user(await stream.read()).id == number
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
            return number

        # More than is taken at once, of constants, templates and conversations.
        asked = [(call, number) for number in range(1, 200) for call in (unary, conversation)]
        found = await asyncio.gather(*(call(number % 2 + 1) for call, number in asked))
    assert found == [number % 2 + 1 for _, number in asked]
    assert len(server.engine.journal) == len(asked)


# What isn't gRPC -----------------------------------------------------------------------------------


@dataclass
class RawAnswer:
    headers: dict[str, str]
    body: bytes = b""
    reset: int | None = None


@asynccontextmanager
async def _connected(server: NativeServer) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = server.addresses[0]
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        async with asyncio.timeout(5):
            yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def _asked(body: bytes, path: str = GET, headers: dict[str, str] | None = None, *, end: bool = True) -> Any:
    """Begin a call as no gRPC client would."""
    client = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    client.initiate_connection()
    asked = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": path}
    asked |= {"content-type": "application/grpc", "te": "trailers"} | (headers or {})
    client.send_headers(1, list(asked.items()))
    client.send_data(1, body, end_stream=end)
    return client


async def _raw(
    server: NativeServer,
    request: bytes,
    headers: dict[str, str] | None = None,
    *,
    framed: bool = True,
    end: bool = True,
) -> RawAnswer:
    """Call GetUser, and tell what came to the last frame."""
    client = _asked(framing.framed(request) if framed else request, headers=headers, end=end)
    found = RawAnswer({})
    async with _connected(server) as (reader, writer):
        writer.write(client.data_to_send())
        while data := await reader.read(65536):
            events = client.receive_data(data)
            for event in events:
                if isinstance(event, (ResponseReceived, TrailersReceived)):
                    found.headers |= dict(event.headers)
                elif isinstance(event, DataReceived):
                    found.body += event.data
                elif isinstance(event, StreamReset):
                    found.reset = event.error_code
            if any(isinstance(event, StreamReset) or (end and isinstance(event, StreamEnded)) for event in events):
                return found
    raise AssertionError("the connection was closed")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({":method": "GET"}, {":status": "405", "allow": "POST"}),
        ({"content-type": "text/html"}, {":status": "415", "accept-post": "application/json, application/proto"}),
        ({"content-type": "application/grpc+xml"}, {":status": "415"}),
        ({":path": "/user.UserService/GetUsr", "content-type": "application/json"}, {":status": "404"}),
        ({"content-type": "application/grpc+proto"}, {"grpc-status": "0"}),
        ({"grpc-timeout": "soon"}, {"grpc-status": "13"}),
        ({"grpc-encoding": "snappy"}, {"grpc-status": "12", "grpc-accept-encoding": "identity,deflate,gzip"}),
        ({"x-bin": "*"}, {"grpc-status": "13"}),
        ({"x-strange": "\u00e9"}, {"grpc-status": "0"}),
    ],
)
async def test_what_breaks_the_rules_gets_an_answer(
    start: Any, headers: dict[str, str], expected: dict[str, str]
) -> None:
    found = await _raw(await start(), get(1), headers)
    assert expected.items() <= found.headers.items()


async def test_a_request_that_ends_within_a_message(start: Any) -> None:
    found = await _raw(await start(), b"\0\0\0\0\x09half", framed=False)
    assert found.headers["grpc-status"] == "13"


@pytest.mark.parametrize("data", [b"\x00" * 64, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\1\0\0\0\0\0\0x"])
async def test_noise_ends_its_own_connection_only(start: Any, data: bytes) -> None:
    server = await start()
    async with _connected(server) as (reader, writer):
        writer.write(data)
        with suppress(ConnectionError):
            await reader.read()
    assert (await _call_aio(target(server), GET, [get(1)])).code is grpc.StatusCode.OK


# Other protocols -----------------------------------------------------------------------------------


@pytest.fixture
async def told() -> AsyncIterator[tuple[NativeServer, list[str]]]:
    """A server, and what it tells whoever runs it."""
    said: list[str] = []
    engine = Engine(USERS, loader.load_text(STUBS, "s.yaml", Problems()), options=EngineOptions(faults=FAULTS))
    server = NativeServer(engine, warn=said.append)
    server.listen(Address.parse("127.0.0.1:0"))
    await server.start()
    yield server, said
    await server.stop()


@pytest.mark.parametrize(
    ("sent", "reason", "answer"),
    [
        ([b"\x16\x03\x01\x02\x00\x01" + bytes(40)], "TLS came; this port takes plaintext", b""),
        ([b"\x16\x03", b"\x01"], "TLS came; this port takes plaintext", b""),
        ([b"nonsense\r\n\r\n"], "no HTTP that can be read", b""),
        ([b"INVALID CONNECTION PREFACE\r\n\r\n"], "no HTTP that can be read", b""),
        ([b"GE", b"T / HTTP/x\r\n\r\n"], "no HTTP that can be read", b"HTTP/1.1 400 "),
        ([b"GET / HTTP/1.1\r\nhost: x\r\nx: ", b"y" * 200_000], "no HTTP that can be read", b"HTTP/1.1 431 "),
        ([b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n"], "no HTTP that can be read", b"HTTP/1.1 400 "),
    ],
)
async def test_a_client_of_no_protocol_is_told(
    told: tuple[NativeServer, list[str]], sent: list[bytes], reason: str, answer: bytes
) -> None:
    server, said = told
    for _ in range(2):
        async with _connected(server) as (reader, writer):
            with suppress(ConnectionError):
                for part in sent:
                    writer.write(part)
                    await writer.drain()
            got = await reader.read()
        assert got.startswith(answer)
        assert got if answer else not got
    assert len(said) == 1, "once for each reason"
    assert said[0].startswith("A client was refused (ipv4:127.0.0.1:")
    assert reason in said[0]


async def test_a_preface_may_come_in_parts(told: tuple[NativeServer, list[str]]) -> None:
    server, said = told
    client = _asked(framing.framed(get(1)))
    async with _connected(server) as (reader, writer):
        for byte in client.data_to_send():
            writer.write(bytes([byte]))
            await writer.drain()
        while not any(isinstance(event, StreamEnded) for event in client.receive_data(await reader.read(65536))):
            pass
    assert said == []


# Starting and stopping -----------------------------------------------------------------------------


async def test_stopping_waits_for_calls_under_way(start: Any) -> None:
    server = await start("- {method: UserService/GetUser, response: {id: 1}, delay: 100ms}")
    async with grpc.aio.insecure_channel(target(server), options=CHANNEL) as channel:
        under_way = channel.unary_unary(GET)(get(1))
        await _until(lambda: server.engine.journal.under_way)
        await server.stop(grace=5)
        assert await under_way
        with pytest.raises(grpc.RpcError) as caught:
            await channel.unary_unary(GET)(get(1), timeout=0.5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_stopping_cancels_what_does_not_end(start: Any) -> None:
    server = await start()
    async with grpc.aio.insecure_channel(target(server), options=CHANNEL) as channel:
        under_way = channel.unary_stream(LIST)(page(5))
        await under_way.read()
        async with asyncio.timeout(5):
            await server.stop(grace=0.05)
            await server.wait()
        assert await under_way.code() is not grpc.StatusCode.OK
    assert len(server.engine.journal) == 1


async def test_a_port_in_use_is_told(start: Any) -> None:
    server = await start()
    with pytest.raises(ConfigError, match="already in use"):
        await start(address=target(server))


async def test_plaintext_to_a_port_with_tls_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    server = NativeServer(Engine(USERS), warn=said.append)
    server.listen(Address.parse("127.0.0.1:0"), TlsFiles(tmp_path / "own.pem", tmp_path / "own.pem"))
    await server.start()
    for sent, answer in [(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "), (PREFACE, b"")]:
        async with _connected(server) as (reader, writer):
            writer.write(sent)
            got = await reader.read()
        assert got.startswith(answer)
        assert (b"This port takes TLS" in got) is bool(answer)
    await server.stop()
    assert [text.partition("): ")[2][:38] for text in said] == ["plaintext came; this port takes TLS. H"]


async def test_unix_sockets(start: Any, call: Caller, tmp_path: Path) -> None:
    server = await start(address=f"unix:{tmp_path / 's.sock'}")
    assert (await call(target(server), GET, [get(1)])).code is grpc.StatusCode.OK
    await server.stop()
    assert not (tmp_path / "s.sock").exists()


async def test_localhost_has_one_port(start: Any, call: Caller) -> None:
    server = await start(address="localhost:0")
    assert (await call(target(server), GET, [get(1)])).code is grpc.StatusCode.OK


async def test_tls_and_client_certificates(start: Any, call: Caller, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued, client = authority.issue_cert("localhost"), authority.issue_cert("client")
    cert, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    issued.private_key_pem.write_to_path(key)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(cert, append=True)
    authority.cert_pem.write_to_path(ca)
    server = await start(address="localhost:0", tls=TlsFiles(cert, key, ca))
    known = grpc.ssl_channel_credentials(
        ca.read_bytes(), client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
    )
    found = await call(target(server), GET, [get(1)], credentials=known)
    assert (found.code, len(found.messages)) == (grpc.StatusCode.OK, 1)
    unknown = grpc.ssl_channel_credentials(ca.read_bytes())
    assert (await call(target(server), GET, [get(1)], credentials=unknown, timeout=2)).code is not grpc.StatusCode.OK


# Services beside the stubs -------------------------------------------------------------------------


async def test_health_and_reflection_answer_here_too(start: Any, call: Caller) -> None:
    health = Health(lambda: USERS.services)
    services = {**health.handlers(), **Reflection(lambda: USERS).handlers()}
    server = await start(services=services)

    async def check(name: str) -> Outcome:
        request = health_pb2.HealthCheckRequest(service=name).SerializeToString()
        return await call(target(server), "/grpc.health.v1.Health/Check", [request])

    served = await check("user.UserService")
    assert health_pb2.HealthCheckResponse.FromString(served.messages[0]).status == 1
    assert (await check("nobody")).code is grpc.StatusCode.NOT_FOUND
    listed = await call(target(server), "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", [b"\x3a\x01*"])
    assert b"user.UserService" in listed.messages[0]
    none = await call(target(server), "/grpc.health.v1.Health/Check", [])
    assert none.code is grpc.StatusCode.UNIMPLEMENTED


async def test_an_error_of_our_own_is_told_and_survived(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await start()

    def fails(_: object) -> None:
        raise ZeroDivisionError("oh no")

    # A request may come in one piece or in several, and is then answered at once or opened.
    monkeypatch.setattr(server.engine, "open", fails)
    monkeypatch.setattr(server.engine, "answer_at_once", lambda *_: fails(None))
    found = await _call_aio(target(server), GET, [get(1)])
    assert (found.code, found.details) == (grpc.StatusCode.UNKNOWN, "Unexpected ZeroDivisionError: oh no")
    async with grpc.aio.insecure_channel(target(server), options=CHANNEL) as channel:
        for path in (GET, GET, "/grpc.health.v1.Health/Check"):
            with pytest.raises(grpc.aio.AioRpcError, match="Unexpected ZeroDivisionError: oh no") as failed:
                await channel.unary_unary(path)(get(1))
            assert failed.value.code() is grpc.StatusCode.UNKNOWN
