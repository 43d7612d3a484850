# mypy: disable-error-code="arg-type"
"""All four kinds of call by both of grpcio's clients, and what HTTP/2 does around them: deadlines, compression, TLS."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import trustme
from support import ROOT
from worlds import CHANNEL, CREATE, GET, LIST, LOOKUP, PATIENCE, Mock, Program, connect, get_user

from grpcmock.status import Code

Start = Callable[..., Mock]
Serve = Callable[..., Program]

STUBS = """
- {name: get, method: UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}
- {name: list, method: UserService/ListUsers, responses: [{id: 1}, {id: 2}], trailers: {x-last: "yes"}}
- {name: create, method: UserService/CreateUsers, response: {created: "{{ requests | length }}"}}
- name: lookup
  method: UserService/LookupUsers
  headers: {x-first: "yes"}
  script: [{on: [{request: {id: {$gt: 0}}, send: {id: "{{ message.id }}"}}, {error: {code: OUT_OF_RANGE}}]}]
"""

ONE, TWO = b"\x08\x01", b"\x08\x02"

# The four kinds ------------------------------------------------------------------------------------


def test_the_four_kinds_by_the_synchronous_client(mock: Start) -> None:
    server = mock(STUBS)
    channel = server.channel
    assert get_user(channel).name == "Alice"
    listed = channel.unary_stream(LIST)(b"", timeout=PATIENCE)
    assert list(listed) == [ONE, TWO]
    assert ("x-last", "yes") in [tuple(pair) for pair in listed.trailing_metadata()]
    assert channel.stream_unary(CREATE)(iter([b"", b""]), timeout=PATIENCE) == TWO
    looked_up = channel.stream_stream(LOOKUP)(iter([ONE, TWO]), timeout=PATIENCE)
    assert list(looked_up) == [ONE, TWO]
    assert ("x-first", "yes") in [tuple(pair) for pair in looked_up.initial_metadata()]
    records = [server.ended() for _ in range(4)]
    assert [(record.path, record.stub.name, record.code) for record in records if record.stub] == [
        (GET, "get", Code.OK),
        (LIST, "list", Code.OK),
        (CREATE, "create", Code.OK),
        (LOOKUP, "lookup", Code.OK),
    ]
    assert [[frame.direction[:3] for frame in record.frames] for record in records] == [
        ["req", "res"],
        ["req", "res", "res"],
        ["req", "req", "res"],
        ["req", "res", "req", "res"],
    ]


async def test_the_four_kinds_by_the_asynchronous_client(mock: Start) -> None:
    server = mock(STUBS)
    async with grpc.aio.insecure_channel(server.address, options=CHANNEL) as channel:
        assert await channel.unary_unary(GET)(ONE, timeout=PATIENCE)
        assert [reply async for reply in channel.unary_stream(LIST)(b"", timeout=PATIENCE)] == [ONE, TWO]
        assert await channel.stream_unary(CREATE)(iter([b""]), timeout=PATIENCE) == ONE
        call = channel.stream_stream(LOOKUP)(timeout=PATIENCE)
        for message in (ONE, TWO):
            await call.write(message)
            assert await call.read() == message
        await call.write(b"")
        assert await call.code() is grpc.StatusCode.OUT_OF_RANGE


async def test_many_calls_at_once(mock: Start) -> None:
    server = mock(STUBS)

    async def one(channel: grpc.aio.Channel, number: int) -> int:
        call = channel.stream_unary(CREATE)
        reply = await call(iter([b""] * number), timeout=PATIENCE)
        return reply[1] if reply else 0

    async with grpc.aio.insecure_channel(server.address, options=CHANNEL) as channel:
        assert await asyncio.gather(*(one(channel, number) for number in range(60))) == list(range(60))
    assert server.count("create") == 60


def test_a_miss_as_a_client_sees_it(mock: Start) -> None:
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    server = mock(STUBS)
    with pytest.raises(grpc.RpcError) as caught:
        get_user(server.channel, 7)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert ("grpcmock-miss", "1") in [tuple(pair) for pair in error.trailing_metadata()]
    status = rpc_status.from_call(error)
    info = error_details_pb2.DebugInfo()
    assert status.details[0].Unpack(info)
    for text in (error.details(), info.detail, server.ended().miss.text):  # type: ignore[union-attr]
        for part in ("user.UserService/GetUser", '"id": 7', "get", "stubs.yaml:2", "expected 1", "actual 7"):
            assert part in text


# Deadlines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stub",
    [
        "{method: UserService/LookupUsers, delay: 60s}",
        "{method: UserService/LookupUsers, responses: [{}, {}], interval: 60s}",
        "{method: UserService/LookupUsers, script: [{wait: 60s}]}",
        "{method: UserService/LookupUsers, script: [{expect: {}}]}",
        "{method: UserService/LookupUsers, script: [{repeat: {times: forever, every: 10ms, steps: [{send: {}}]}}]}",
        "{method: UserService/LookupUsers, script: [{repeat: {times: forever, steps: [{send: {}}]}}]}",
        "{method: UserService/LookupUsers, fault: {hang: true}}",
    ],
)
async def test_a_deadline_ends_a_script_at_once(mock: Start, stub: str) -> None:
    server = mock(f"- {stub}\n{STUBS}")
    async with grpc.aio.insecure_channel(server.address, options=CHANNEL) as channel:
        call = channel.stream_stream(LOOKUP)(timeout=0.2)
        with suppress(grpc.aio.AioRpcError):
            while await call.read() is not grpc.aio.EOF:
                pass
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    record = server.ended()
    assert (record.code, record.cancelled) == (Code.DEADLINE_EXCEEDED, True)
    assert record.duration is not None
    assert record.duration < 5
    assert get_user(server.channel).name == "Alice"


# Compression ---------------------------------------------------------------------------------------


class Relay:
    """Passes bytes between a client and a server, and counts them: so that one sees what is on the wire."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.up = self.down = 0
        self._target = (host, int(port))
        self._threads = [threading.Thread(target=self._run, daemon=True)]
        self._threads[0].start()

    def _run(self) -> None:
        ours, _ = self._listener.accept()
        theirs = socket.create_connection(self._target)
        back = threading.Thread(target=self._pass, args=(theirs, ours, "down"), daemon=True)
        back.start()
        self._pass(ours, theirs, "up")
        back.join()
        ours.close()
        theirs.close()

    def _pass(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with suppress(OSError):  # one end went away
            while data := source.recv(1 << 16):
                setattr(self, way, getattr(self, way) + len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._threads[0].join(PATIENCE)
        self._listener.close()


@pytest.mark.parametrize("theirs", [grpc.Compression.Gzip, grpc.Compression.NoCompression, grpc.Compression.Deflate])
@pytest.mark.parametrize("ours", [grpc.Compression.Gzip, grpc.Compression.NoCompression])
def test_compression_works_both_ways(mock: Start, ours: grpc.Compression, theirs: grpc.Compression) -> None:
    size = 100_000
    server = mock(
        "- {method: UserService/CreateUsers, requests: [{name: {$size: 100000}}], response: {created: 1}}\n"
        f"- {{method: UserService/ListUsers, responses: [{{name: {'x' * size}}}]}}\n",
        compression=ours,
    )
    relay = Relay(server.address)
    request = b"\x0a\xa0\x8d\x06" + b"x" * size
    with grpc.insecure_channel(relay.address, CHANNEL, compression=theirs) as channel:
        assert channel.stream_unary(CREATE)(iter([request]), timeout=PATIENCE) == ONE
        assert len(next(channel.unary_stream(LIST)(b"", timeout=PATIENCE))) > size
    relay.close()
    assert (relay.up < size) is (theirs is not grpc.Compression.NoCompression)
    assert (relay.down < size) is (ours is not grpc.Compression.NoCompression)


def test_compression_and_size_by_option(serve: Serve, project: Path) -> None:
    (project / "stubs" / "a.yaml").write_text(
        f"{STUBS}\n- {{method: UserService/GetUser, request: {{id: 3}}, response: {{name: {'x' * 50_000}}}}}\n"
    )
    program = serve("--compression", "gzip", "--max-message-size", "1KB", "--log", "none")
    relay = Relay(program.address)
    with connect(relay.address) as channel:
        assert len(get_user(channel, 3).name) == 50_000
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(GET)(bytes(1001), timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    relay.close()
    assert relay.down < 10_000


# Addresses and TLS -----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets here")
def test_several_listeners_one_of_them_a_unix_socket(serve: Serve, project: Path) -> None:
    (project / "stubs" / "a.yaml").write_text(STUBS)
    program = serve("--ready-file", "ready", listen=("127.0.0.1:0", "unix:a.sock", "127.0.0.1:0"))
    assert (project / "ready").read_text().splitlines() == program.addresses
    assert len({*program.addresses}) == 3
    for address in program.addresses:
        with connect(address) as channel:
            assert get_user(channel).name == "Alice"
    assert (project / "a.sock").is_socket()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("mutual", [False, True], ids=["TLS", "mTLS"])
def test_tls_by_options(serve: Serve, project: Path, authority: trustme.CA, mutual: bool) -> None:
    (project / "stubs" / "a.yaml").write_text(STUBS)
    ours = authority.issue_cert("localhost")
    ours.cert_chain_pems[0].write_to_path(project / "cert.pem")
    ours.private_key_pem.write_to_path(project / "key.pem")
    authority.cert_pem.write_to_path(project / "ca.pem")
    asking = ("--tls-client-ca", "ca.pem") if mutual else ()
    program = serve("--tls-cert", "cert.pem", "--tls-key", "key.pem", *asking)
    target = program.address.replace("127.0.0.1", "localhost")
    ca = authority.cert_pem.bytes()
    theirs = authority.issue_cert("client")
    chain, key = theirs.cert_chain_pems[0].bytes(), theirs.private_key_pem.bytes()
    attempts = {
        "plain": None,
        "TLS": grpc.ssl_channel_credentials(ca),
        "mTLS": grpc.ssl_channel_credentials(ca, key, chain),
        "another authority": grpc.ssl_channel_credentials(trustme.CA().cert_pem.bytes()),
    }
    answered = set()
    for name, credentials in attempts.items():
        channel = grpc.secure_channel(target, credentials, CHANNEL) if credentials else connect(target)
        with channel:
            try:
                assert get_user(channel).name == "Alice"
                answered.add(name)
            except grpc.RpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert answered == ({"mTLS"} if mutual else {"TLS", "mTLS"})


# What stands beside ----------------------------------------------------------------------------------


def test_interceptors_by_module_and_attribute(serve: Serve, project: Path) -> None:
    (project / "stubs" / "a.yaml").write_text(STUBS)
    example = (ROOT / "examples" / "interceptors.py").read_text()
    (project / "interceptors.py").write_text(f"{example}\nlogging.basicConfig(level=logging.INFO)\n")
    program = serve(
        "--interceptor",
        "interceptors:LoggingInterceptor",
        "--interceptor",
        "interceptors:require_token",
        "--log",
        "none",
    )
    with connect(program.address) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            get_user(channel)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert get_user(channel, metadata=(("authorization", "Bearer secret"),)).name == "Alice"
    program.err.wait("gRPC call: /user.UserService/GetUser")


def test_the_admin_service_by_a_real_client(serve: Serve, project: Path) -> None:
    from grpcmock.schema import admin

    (project / "stubs" / "a.yaml").write_text(STUBS)
    program = serve("--admin", "--log", "none")
    service = admin.registry()

    def ask(channel: grpc.Channel, name: str, **fields: Any) -> Any:
        method = service.method(f"grpcmock.admin.v1.AdminService/{name}")
        call = channel.unary_unary(
            method.path, method.request_class.SerializeToString, method.response_class.FromString
        )
        return call(method.request_class(**fields), timeout=PATIENCE)

    with connect(program.address) as channel:
        bob = "- {name: bob, method: UserService/GetUser, request: {id: 1}, response: {name: Bob}}"
        assert list(ask(channel, "AddStubs", stubs=bob).names) == ["bob"]
        assert get_user(channel).name == "Bob"
        assert [stub.name for stub in ask(channel, "ListStubs").stubs][:2] == ["bob", "get"]
        assert list(ask(channel, "RemoveStubs", names=["bob"]).names) == ["bob"]
        assert get_user(channel).name == "Alice"
        calls = ask(channel, "ListCalls").calls
        assert [(call.stub, call.code_name) for call in calls] == [("bob", "OK"), ("get", "OK")]
        assert ask(channel, "VerifyCalls", method="UserService/GetUser", match="request: {id: 1}", exactly=2).satisfied
        ask(channel, "Reset")
        assert not ask(channel, "ListCalls").calls


def test_reflection_and_health_by_real_clients(serve: Serve, project: Path) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    (project / "stubs" / "a.yaml").write_text(STUBS)
    program = serve("--log", "none")
    with connect(program.address) as channel:
        assert "user.UserService" in ProtoReflectionDescriptorDatabase(channel).get_services()
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "user.UserService", "grpcmock.reload"):
            assert health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE).status == 1
