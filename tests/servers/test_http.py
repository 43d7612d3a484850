"""HTTP/1.1 on real sockets, on each server that speaks it: streams, clients that go, that are slow, that speak
nonsense; TLS; the end."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from support import registry

from grpcmock import MockServer
from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.engine.call_record import CallRecord
from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.errors import ConfigError, Problems
from grpcmock.protocols.face import HttpFace
from grpcmock.protocols.interface import FaceOptions
from grpcmock.responses.faults import FAULTS
from grpcmock.servers.addresses import Address
from grpcmock.servers.credentials import TlsFiles, tls_context
from grpcmock.servers.transports import has_native
from grpcmock.status import Code
from grpcmock.stubs import loader

PATIENCE = 20.0
IDLE = 0.5
GET = "/user.UserService/GetUser"
LIST = "/user.UserService/ListUsers"
LOOKUP = "/user.UserService/LookupUsers"
JSON = {"content-type": "application/json"}
STREAM = {"content-type": "application/connect+json"}

STUBS = """
- {name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {name: Alice}}
- {name: reset, method: user.UserService/GetUser, request: {id: 2}, response: {}, fault: {reset: true}}
- {name: cut, method: user.UserService/GetUser, request: {id: 3}, response: {name: Alice}, fault: {truncate: true}}
- {name: hang, method: user.UserService/GetUser, request: {id: 4}, response: {}, fault: {hang: true}}
- name: forever
  method: user.UserService/ListUsers
  request: {page: 1}
  script: [repeat: {times: forever, every: 1ms, steps: [send: {name: tick}]}]
- name: flood
  method: user.UserService/ListUsers
  request: {page: 2}
  script: [repeat: {times: forever, steps: [send: {name: XXXX}]}]
- name: large
  method: user.UserService/ListUsers
  request: {page: 3}
  script: [repeat: {times: 200, steps: [send: {name: XXXX}]}]
- {name: late, method: user.UserService/GetUser, request: {id: 5}, response: {name: Eve}, delay: 50ms}
- name: echo
  method: user.UserService/LookupUsers
  script: [on: [send: {id: "{{ message.id }}"}]]
""".replace("XXXX", "x" * 50_000)


def envelope(message: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(message)) + message


class Served:
    """A server in a loop of its own, its calls as they end, and what it warns of."""

    def __init__(self, kind: str, listen: str = "127.0.0.1:0", tls: TlsFiles | None = None, **options: Any) -> None:
        self.warnings: queue.Queue[str] = queue.Queue()
        self.calls: queue.Queue[CallRecord] = queue.Queue()
        protos, problems = registry("user.proto"), Problems()
        stubs = loader.load_text(STUBS, "stubs.yaml", problems)
        engine = Engine(protos, stubs, options=EngineOptions(faults=FAULTS), problems=problems)
        engine.journal.subscribe(self.calls.put)
        self.kind = kind
        self.face = HttpFace(engine, FaceOptions(**options))
        self.loop = LoopThread()
        self._connections: list[http.client.HTTPConnection] = []
        self.server = self.loop.run(self._start(listen, tls), PATIENCE)
        self.address = self.server.addresses[0]

    async def _start(self, listen: str, tls: TlsFiles | None) -> Any:
        address = Address.parse(listen, "--http")
        server: Any
        if self.kind == "native":
            from grpcmock.servers.native.options import NativeOptions
            from grpcmock.servers.native.server import NativeServer

            options = NativeOptions(threads=1, idle=IDLE)
            server = NativeServer(self.face.engine, options, face=lambda: self.face, warn=self.warnings.put)
            server.listen(address, tls)
        else:
            from grpcmock.servers.asgi.server import HttpServer

            server = HttpServer(self.face, services={}, warn=self.warnings.put)
            server.listen(address, tls_context(tls) if tls else None)
        await server.start()
        return server

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=PATIENCE)
        self._connections.append(connection)
        return connection

    def hang_up(self) -> None:
        while self._connections:
            self._connections.pop().close()

    def socket(self) -> socket.socket:
        return socket.create_connection((self.address.host, self.address.port), timeout=PATIENCE)

    def ended(self) -> CallRecord:
        return self.calls.get(timeout=PATIENCE)

    def warned(self) -> str:
        return self.warnings.get(timeout=PATIENCE)

    def stop(self, grace: float = 0) -> None:
        self.hang_up()
        self.loop.run(self.server.stop(grace), PATIENCE)
        self.loop.close()


KINDS = [
    "asgi",
    pytest.param("native", marks=pytest.mark.skipif(not has_native(), reason="the native transport isn't built")),
]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shared(kind: str) -> Iterator[Served]:
    served = Served(kind, max_message_size=1 << 20)
    yield served
    served.stop()


@pytest.fixture
def served(shared: Served) -> Iterator[Served]:
    """The server of all these tests; what others left is forgotten."""
    while not shared.calls.empty():
        shared.calls.get()
    while not shared.warnings.empty():
        shared.warnings.get()
    yield shared
    shared.hang_up()


def exchange(client: socket.socket, body: bytes) -> bytes:
    """Call GetUser, and give what comes until the connection is closed, or reset."""
    head = f"POST {GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(10_000):
            received += chunk
    return received


def post(connection: http.client.HTTPConnection, path: str, body: Any, headers: dict[str, str] = JSON) -> Any:
    connection.request("POST", path, body, headers)
    return connection.getresponse()


def test_calls_follow_each_other_on_one_connection(served: Served) -> None:
    connection = served.connect()
    for _ in range(3):
        response = post(connection, GET, b'{"id": 1}')
        assert (response.status, response.read()) == (200, b'{"name":"Alice"}')
        assert response.headers["date"]
        call = served.ended()
        assert (call.code, call.protocol) == (Code.OK, "connect")
        assert call.peer.startswith("ipv4:127.0.0.1:")
    connection.close()


def test_requests_that_come_at_once_are_answered_in_their_order(served: Served) -> None:
    request = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    bodies = [b'{"id": 1}', b'{"id": 9}', b'{"id": 1}']
    with served.socket() as client:
        client.sendall(b"".join(request % (GET.encode(), len(body), body) for body in bodies))
        received = b""
        while len(statuses := re.findall(rb"HTTP/1.1 (\d+)", received)) < 3:
            received += client.recv(10_000)
    assert statuses == [b"200", b"501", b"200"]


def test_a_stream_comes_as_it_is_sent_and_ends_with_its_client(served: Served) -> None:
    connection = served.connect()
    response = post(connection, LIST, envelope(b'{"page": 1}'), STREAM)
    ticks = [response.read(5 + len(b'{"name":"tick"}')) for _ in range(3)]
    assert ticks == [envelope(b'{"name":"tick"}')] * 3
    response.close()
    connection.close()
    call = served.ended()
    assert (call.code, call.cancelled) == (Code.CANCELLED, True)


def test_a_client_that_goes_before_its_request_is_whole_ends_the_call(served: Served) -> None:
    with served.socket() as client:
        head = f"POST {LOOKUP} HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\n"
        client.sendall(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
        chunk = envelope(b'{"id": 7}')
        client.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        assert b"200 OK" in client.recv(1000), "the first answer doesn't wait for the second request"
    assert served.ended().cancelled


def asks(path: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def all_of(client: socket.socket) -> bytes:
    """Receive until the server closes the connection."""
    received = b""
    while chunk := client.recv(1 << 16):
        received += chunk
    return received


@pytest.mark.parametrize(
    ("request_", "says", "times"),
    [
        (asks(GET, b'{"id": 1}'), b'{"name":"Alice"}', 1),
        (asks(GET, b'{"id": 5}'), b'{"name":"Eve"}', 1),
        (asks(GET, b'{"id": 1}') * 3, b'{"name":"Alice"}', 3),
        (asks(GET, b'{"id": 5}') * 2 + asks(GET, b'{"id": 1}') + b"POST", b'{"name":"Eve"}', 2),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b" 404 ", 1),
        (asks(LIST, envelope(b'{"page": 3}'), STREAM["content-type"]), b"x" * 50_000, 200),
    ],
    ids=["at once", "late", "three", "and a part of one", "none of ours", "a large stream"],
)
def test_a_client_that_has_closed_its_half_gets_its_answer(
    served: Served, request_: bytes, says: bytes, times: int
) -> None:
    with served.socket() as client:
        client.sendall(request_)
        client.shutdown(socket.SHUT_WR)
        assert all_of(client).count(says) == times


def test_a_client_that_closes_its_half_while_it_waits_gets_its_answer(served: Served) -> None:
    engine = served.face.engine
    with served.socket() as client:
        client.sendall(asks(GET, b'{"id": 5}'))
        while not engine.journal.under_way and served.calls.empty():
            pass
        client.shutdown(socket.SHUT_WR)
        assert b'{"name":"Eve"}' in all_of(client)
    assert served.ended().code is Code.OK


@pytest.mark.parametrize(
    ("request_", "is_whole", "ends"),
    [
        (asks(GET, b'{"id": 4}'), True, True),
        (asks(LIST, envelope(b'{"page": 1}'), STREAM["content-type"]), True, True),
        (asks(GET, b'{"id": 4}'), True, False),
        (asks(LOOKUP, envelope(b'{"id": 7}') + b"x", STREAM["content-type"])[:-1], False, False),
    ],
    ids=["waits for nothing", "is sent messages", "stays", "hasn't said all"],
)
def test_a_client_that_has_gone_is_not_waited_for_forever(
    served: Served, request_: bytes, is_whole: bool, ends: bool
) -> None:
    """The first byte of its end looks like that of a client that still waits."""
    with served.socket() as client:
        client.sendall(request_)
        while is_whole and not served.face.engine.journal.under_way:
            pass
        if ends:
            client.close()
        else:
            client.shutdown(socket.SHUT_WR)
        assert served.ended().cancelled


def test_a_client_that_wanted_to_ask_more_has_gone_at_its_end(served: Served) -> None:
    """As browsers do: one that may still wait for its answer is waited for meanwhile."""
    waits = asks(GET, b'{"id": 4}')
    leaves = waits.replace(b"\r\n", b"\r\nconnection: Keep-Alive\r\nx-leaves: yes\r\n", 1)
    with served.socket() as waiting, served.socket() as leaving:
        waiting.sendall(waits)
        leaving.sendall(leaves)
        while len(served.face.engine.journal.under_way) < 2:
            pass
        waiting.shutdown(socket.SHUT_WR)
        leaving.close()
        first, last = served.ended(), served.ended()
    assert first.cancelled and last.cancelled
    assert ("x-leaves", "yes") in first.metadata
    assert ("x-leaves", "yes") not in last.metadata


def test_a_client_that_doesnt_read_holds_back_the_stream_and_nobody_else(served: Served) -> None:
    with served.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = envelope(b'{"page": 2}')
        head = f"POST {LIST} HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\n"
        client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert client.recv(100)
        for _ in range(20):
            connection = served.connect()
            assert post(connection, GET, b'{"id": 1}').read() == b'{"name":"Alice"}'
            connection.close()
        (flood,) = served.face.engine.journal.under_way
        # What the kernel's buffers take, uvicorn's and one message more; the stub would send without an end.
        assert sum(len(frame.data) for frame in flood.frames) + flood.frames_dropped * 50_000 < 30_000_000
    while served.ended().method.name != "ListUsers":  # type: ignore[union-attr]
        pass


def test_a_fault_that_resets(served: Served) -> None:
    with served.socket() as client:
        assert exchange(client, b'{"id": 2}') == b""
    assert served.ended().code is Code.CANCELLED


def test_a_fault_that_cuts(served: Served) -> None:
    with served.socket() as client:
        head, _, body = exchange(client, b'{"id": 3}').partition(b"\r\n\r\n")
    assert b"content-length: 16" in head
    assert len(body) == 8


def test_a_deadline_ends_a_call_that_hangs(served: Served) -> None:
    response = post(served.connect(), GET, b'{"id": 4}', {**JSON, "connect-timeout-ms": "50"})
    assert (response.status, json.loads(response.read())["code"]) == (504, "deadline_exceeded")
    assert served.ended().code is Code.DEADLINE_EXCEEDED


def test_an_endless_body_is_refused_at_the_limit(served: Served) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1_000):
            yield b" " * 100_000

    connection = served.connect()
    try:
        connection.request("POST", GET, endless(), JSON, encode_chunked=True)
    except (BrokenPipeError, ConnectionResetError):
        pass
    else:
        assert connection.getresponse().status == 429
    assert served.ended().code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("kind", ["asgi"], indirect=True)
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2 came"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "TLS came"),
        (b"nonsense\r\n\r\n", "Invalid HTTP"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 1_000_000, "Invalid HTTP"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", "Invalid HTTP"),
    ],
)
def test_what_is_no_http1_is_refused_and_told(served: Served, data: bytes, said: str) -> None:
    with served.socket() as client:
        client.sendall(data)
        received = b""
        try:
            while chunk := client.recv(10_000):
                received += chunk
        except ConnectionResetError:
            pass
    assert received.startswith(b"HTTP/1.1 400")
    assert said in served.warned()
    connection = served.connect()
    assert post(connection, GET, b'{"id": 1}').status == 200
    connection.close()


def test_an_upgrade_is_left_alone(served: Served) -> None:
    upgrade = {"connection": "upgrade, http2-settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}
    assert post(served.connect(), GET, b'{"id": 1}', {**JSON, **upgrade}).status == 200


def test_a_client_may_wait_for_the_word_to_go_on(served: Served) -> None:
    with served.socket() as client:
        head = f"POST {GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n"
        client.sendall(f"{head}content-length: 9\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 100")
        client.sendall(b'{"id": 1}')
        assert client.recv(1000).startswith(b"HTTP/1.1 200")


# The end ------------------------------------------------------------------------------------------


def test_stopping_gives_calls_time_to_end(kind: str) -> None:
    served = Served(kind)
    connection = served.connect()
    connection.putrequest("POST", GET)
    for name, value in {**JSON, "content-length": "9"}.items():
        connection.putheader(name, value)
    connection.endheaders(b'{"id"')
    idle = served.connect()
    assert post(idle, GET, b'{"id": 1}').read()
    stopping = served.loop.submit(served.server.stop(PATIENCE))
    assert idle.sock.recv(10) == b"", "what is idle is closed at once"
    connection.send(b": 1}")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b'{"name":"Alice"}')
    stopping.result(PATIENCE)
    served.hang_up()
    served.loop.close()


def test_stopping_breaks_off_what_doesnt_end(kind: str) -> None:
    served = Served(kind)
    connection = served.connect()
    response = post(connection, LIST, envelope(b'{"page": 1}'), STREAM)
    assert response.read(10)
    served.loop.run(served.server.stop(0), PATIENCE)
    assert served.ended().cancelled
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        while response.read(100):
            pass
    served.stop()


# Where it listens ---------------------------------------------------------------------------------


def first_bytes(plain: socket.socket, context: ssl.SSLContext) -> bytes:
    try:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            return client.recv(100)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_tls_and_client_certificates(kind: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    files = TlsFiles(tmp_path / "own.pem", tmp_path / "own.pem", tmp_path / "ca.pem")
    served = Served(kind, tls=files)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    # Where HTTP/2 is spoken, too, a client that offers it gets that.
    context.set_alpn_protocols(["http/1.1"] if kind == "native" else ["h2", "http/1.1"])
    with served.socket() as plain:
        assert first_bytes(plain, context) == b"", "without a certificate there is no answer"
    authority.issue_cert("client").configure_cert(context)
    where = served.address.host, served.address.port
    connection = http.client.HTTPSConnection(*where, context=context, timeout=PATIENCE)
    assert post(connection, GET, b'{"id": 1}').read() == b'{"name":"Alice"}'
    assert connection.sock.selected_alpn_protocol() == "http/1.1"  # type: ignore[attr-defined]
    connection.close()
    served.stop()


def test_a_unix_socket(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    served = Served(kind, f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(f"POST {GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n".encode())
        client.sendall(b'content-length: 9\r\n\r\n{"id": 1}')
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    served.stop()
    assert not path.exists()


def test_a_port_in_use_is_told_with_its_option(served: Served) -> None:
    with pytest.raises(ConfigError, match=r"^--http: can't listen on .* already in use.*--http 127\.0\.0\.1:0"):
        Served(served.kind, str(served.address))


# Native alone ------------------------------------------------------------------------------------

NATIVE = pytest.mark.parametrize("kind", KINDS[1:], indirect=True)


@NATIVE
def test_a_head_has_so_much_time(kind: str) -> None:
    served = Served(kind)
    for begun in (b"POST / HTTP/1.1\r\nx-slow: ", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"):
        with served.socket() as client:
            client.sendall(begun)
            while client.recv(1000):  # after the answer, if there is one
                pass
    served.stop()


@NATIVE
def test_a_whole_response_is_broken_off_where_it_was(kind: str) -> None:
    """The half of a body comes, and over HTTP/1.0, too, which has no chunks."""
    served = Served(kind)
    for version in ("1.0", "1.1"):
        with served.socket() as client:
            head = f"POST {GET} HTTP/{version}\r\nhost: x\r\ncontent-type: application/json\r\n"
            client.sendall(f'{head}content-length: 9\r\n\r\n{{"id": 3}}'.encode())
            received = b""
            while chunk := client.recv(1000):
                received += chunk
        assert received.endswith(b"\r\n\r\n" + b'{"name":"Alice"}'[:8])
    served.stop()


# Mocks in tests -----------------------------------------------------------------------------------


def http_of(mock: MockServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(mock.http_url.partition("://")[2], timeout=PATIENCE)


def test_a_mock_in_a_test_speaks_http_too() -> None:
    with MockServer(registry("user.proto"), http="127.0.0.1:0") as mock:
        stub = mock.add(method="user.UserService/GetUser", response={"name": "Alice"})
        connection = http_of(mock)
        assert post(connection, GET, b'{"id": 1}').read() == b'{"name":"Alice"}'
        assert mock.calls.last.protocol == "connect"
        health = json.loads(post(connection, "/grpc.health.v1.Health/Check", b"{}").read())
        assert health == {"status": "SERVING"}
        listing = envelope(b'{"listServices": "*"}')
        reflected = post(connection, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", listing, STREAM)
        assert b"user.UserService" in reflected.read()
        connection.close()
        assert stub.calls.last.request.id == 1


def test_handlers_in_python_answer_in_every_protocol() -> None:
    with MockServer(registry("user.proto"), http="127.0.0.1:0") as mock:

        async def double(call: Any) -> Any:
            async for request in call:
                yield {"id": 2 * request.id}

        mock.on("user.UserService/LookupUsers").answers(double)
        connection = http_of(mock)
        body = envelope(b'{"id": 2}') + envelope(b'{"id": 3}')
        answer = post(connection, LOOKUP, body, STREAM).read()
        assert answer.startswith(envelope(b'{"id":4}') + envelope(b'{"id":6}'))
        connection.close()


def test_a_mock_without_http_says_how_to_have_it() -> None:
    with (
        MockServer(registry("user.proto"), transport="aio") as mock,
        pytest.raises(ConfigError, match=r"http='127\.0\.0\.1:0'"),
    ):
        _ = mock.http_url


def test_a_fault_for_http_alone_is_told_to_clients_of_the_other_port() -> None:
    import grpc

    said = "the fault 'reset' can't be put on the wire in gRPC"
    with MockServer(registry("user.proto"), http="127.0.0.1:0", transport="aio") as mock:
        mock.add(method="user.UserService/GetUser", response={}, fault={"reset": True})
        with pytest.raises(grpc.RpcError, match=said):
            mock.channel().unary_unary(GET)(b"")  # type: ignore[arg-type]
        with pytest.raises(AssertionError, match=said):
            mock.verify()
        host, _, port = mock.http_url.partition("://")[2].partition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
            assert exchange(client, b"{}") == b""
