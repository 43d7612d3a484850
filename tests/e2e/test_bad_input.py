"""What bad input gets: a clear error that names the thing, while the server lives on and loses nothing recorded."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived
from support import ROOT
from worlds import CHANNEL, CREATE, GET, LIST, LOOKUP, PATIENCE, Mock, get_user

from grpcmock.engine.call_record import CallRecord
from grpcmock.errors import StubError
from grpcmock.servers.host import Files, Host
from grpcmock.status import Code

ALICE = "- {name: alice, method: UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}\n"
Start = Callable[..., Mock]


def lives_on(server: Mock, recorded: int) -> None:
    """The server answers, and what was recorded before is there still."""
    assert get_user(server.channel).name == "Alice"
    assert server.ended().stub.name == "alice"  # type: ignore[union-attr]
    assert server.ask(lambda: len(server.host.engine.journal)) == recorded + 1


def failure(call: Any) -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


# Requests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "path", "type_"),
    [
        ("unary_unary", GET, "user.GetUserRequest"),
        ("unary_stream", LIST, "user.ListUsersRequest"),
        ("stream_unary", CREATE, "user.CreateUserRequest"),
        ("stream_stream", LOOKUP, "user.GetUserRequest"),
    ],
)
@pytest.mark.parametrize("looks", [True, False], ids=["a stub looks at it", "no stub does"])
def test_a_request_that_cannot_be_decoded(mock: Start, kind: str, path: str, type_: str, looks: bool) -> None:
    pattern = ", requests: {$size: 1}" if looks and kind.startswith("stream") else ""
    server = mock(f"{ALICE}- {{name: other, method: {path[1:]}{pattern}}}\n")
    garbage: Any = b"\xff\xff"
    if kind.startswith("stream"):
        garbage = iter([garbage])
    method = getattr(server.channel, kind)(path)

    def call() -> None:
        response = method(garbage, timeout=PATIENCE)
        if kind.endswith("stream"):
            list(response)

    code, details = failure(call)
    assert code is grpc.StatusCode.INTERNAL
    assert path[1:] in details
    assert type_ in details
    record = server.ended()
    assert (record.code, record.frames[0].data) == (Code.INTERNAL, b"\xff\xff")
    lives_on(server, 1)


def test_an_unknown_method_and_an_unknown_service(mock: Start) -> None:
    server = mock(ALICE)
    code, details = failure(lambda: server.channel.unary_unary("/user.UserService/GetUsr")(b""))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert "GetUsr" in details
    assert "Did you mean 'user.UserService/GetUser'?" in details
    code, details = failure(lambda: list(server.channel.stream_stream("/no.Such/Method")(iter([b""]))))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert "/no.Such/Method" in details
    assert [server.ended().path for _ in range(2)] == ["/user.UserService/GetUsr", "/no.Such/Method"]
    lives_on(server, 2)


@pytest.mark.parametrize(
    ("path", "stub", "messages", "came"),
    [
        (GET, "", [], "none came"),
        (GET, "- {method: UserService/GetUser, request: {id: 2}, delay: 1h, response: {}}", [], "none came"),
        (GET, "- {method: UserService/GetUser, request: {id: 2}, response: {name: '{{ uuid() }}'}}", [], "none came"),
        (
            GET,
            "- {method: UserService/GetUser, request: {id: 2}, response: {name: '{{ uuid() }}'}}",
            [2, 2],
            "more came",
        ),
        (LIST, "- {method: UserService/ListUsers, response: {}}", [], "none came"),
        (LIST, "- {method: UserService/ListUsers, response: {}}", [1, 2], "more came"),
    ],
)
@pytest.mark.parametrize("transport", ["aio", "auto"])
def test_the_number_of_messages_of_a_method_that_takes_one(
    mock: Start, path: str, stub: str, messages: list[int], came: str, transport: str
) -> None:
    server = mock(f"{ALICE}{stub}\n", transport=transport)
    method = server.channel.stream_stream(path)
    code, details = failure(lambda: list(method((b"\x08" + bytes([n]) for n in messages), timeout=PATIENCE)))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert "takes one request" in details
    assert came in details
    record = server.ended()
    assert (record.code, record.stub, record.cancelled) == (Code.UNIMPLEMENTED, None, False)
    assert [frame.data[1] for frame in record.frames] == messages
    lives_on(server, 1)


def test_a_constant_answer_on_aio_does_not_wait_for_the_half_close(mock: Start) -> None:
    server = mock(ALICE, transport="aio")
    done = threading.Event()

    def requests() -> Iterator[bytes]:
        yield b"\x08\x01"
        done.wait(PATIENCE)

    responses = server.channel.stream_unary(GET)
    assert b"Alice" in responses(requests(), timeout=PATIENCE)
    done.set()
    assert server.ended().code is Code.OK


def test_interceptors_see_the_kind_of_a_method(mock: Start) -> None:
    shown: list[tuple[bool, bool]] = []

    class Looking(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation: Any, details: Any) -> Any:
            handler = await continuation(details)
            shown.append((handler.request_streaming, handler.response_streaming))
            if handler.unary_unary is None:
                return handler

            async def answer(request: bytes, context: Any) -> bytes:
                return bytes(await handler.unary_unary(b"\x08\x01" if request == b"\x08\x07" else request, context))

            return grpc.unary_unary_rpc_method_handler(answer)

    server = mock(
        f"{ALICE}- {{method: UserService/GetUser, request: {{id: 2}}, response: {{name: '{{{{ 1 + 1 }}}}'}}}}",
        interceptors=[Looking()],
    )
    assert [get_user(server.channel, number).name for number in (7, 2)] == ["Alice", "2"]
    assert shown == [(False, False)] * 2


@pytest.mark.parametrize("kind", ["unary_unary", "stream_unary", "stream_stream"])
def test_a_message_that_is_too_long(mock: Start, kind: str) -> None:
    path = {"unary_unary": GET, "stream_unary": CREATE, "stream_stream": LOOKUP}[kind]
    server = mock(f"{ALICE}- {{method: {path[1:]}, priority: -1, request: {{}}}}\n", max_message_size=1000)
    long: Any = b"\x0a" + b"\x80\x10" + bytes(2048)
    method = getattr(server.channel, kind)(path)

    def call() -> None:
        response = method(iter([long]) if kind.startswith("stream") else long, timeout=PATIENCE)
        if kind.endswith("stream"):
            list(response)

    code, details = failure(call)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in details
    assert "1000" in details
    assert get_user(server.channel).name == "Alice"


def test_a_response_that_is_too_long_for_its_client(mock: Start) -> None:
    long = f"- {{method: UserService/GetUser, request: {{id: 2}}, response: {{name: {'x' * 2000}}}}}\n"
    server = mock(ALICE + long, max_message_size=1000)
    assert len(get_user(server.channel, 2).name) == 2000, "the server's limit is about what it takes"
    with grpc.insecure_channel(server.address, [*CHANNEL[:2], ("grpc.max_receive_message_length", 1000)]) as channel:
        assert failure(lambda: get_user(channel, 2))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [server.ended().code for _ in range(2)] == [Code.OK, Code.OK]
    lives_on(server, 2)


def test_a_message_nested_too_deep(mock: Start) -> None:
    proto = ROOT / "tests" / "protos" / "kitchen_sink.proto"
    server = mock("- {method: kitchen.KitchenService/Unary, request: {f_self: {}}}\n", protos=[proto])
    path = "/kitchen.KitchenService/Unary"
    deep = b""
    for _ in range(5_000):  # f_self, field 18
        deep = b"\x92\x01" + _varint(len(deep)) + deep
    code, details = failure(lambda: server.channel.unary_unary(path)(deep, timeout=PATIENCE))
    assert code is grpc.StatusCode.INTERNAL
    assert "kitchen.Everything" in details
    assert server.channel.unary_unary(path)(b"\x92\x01\x00", timeout=PATIENCE) == b""
    assert [server.ended().code for _ in range(2)] == [Code.INTERNAL, Code.OK]


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def test_a_template_that_raises(mock: Start) -> None:
    broken = "- {name: broken, method: UserService/GetUser, response: {id: '{{ 1 // request.id }}'}}\n"
    server = mock(ALICE + broken)
    code, details = failure(lambda: get_user(server.channel, 0))
    assert code is grpc.StatusCode.INTERNAL
    for part in ("broken", "response.id", "division"):
        assert part in details
    assert server.ended().code is Code.INTERNAL
    lives_on(server, 1)


# Clients that go away ----------------------------------------------------------------------------


class Wire:
    """A client of bare HTTP/2, that can be killed in mid-sentence."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.h2 = H2Connection(H2Configuration())
        self.h2.initiate_connection()

    def open(self, path: str, *messages: bytes) -> int:
        stream = int(self.h2.get_next_available_stream_id())
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "test",
            "te": "trailers",
            "content-type": "application/grpc",
        }
        self.h2.send_headers(stream, list(headers.items()))
        for message in messages:
            self.h2.send_data(stream, b"\0" + len(message).to_bytes(4, "big") + message)
        self.flush()
        return stream

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def events(self) -> Iterator[Any]:
        while data := self.socket.recv(65536):
            yield from self.h2.receive_data(data)
            self.flush()

    def kill(self) -> None:
        """Break the connection off: what the other end sees of a machine that loses its power, at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def test_a_client_that_vanishes_while_it_sends(mock: Start) -> None:
    stubs = "- {name: batch, method: UserService/CreateUsers, requests: {$size: {$gte: 0}}, set: {batch: done}}\n"
    server = mock(ALICE + stubs)
    wire = Wire(server.address)
    wire.open(CREATE, b"", b"\x0a\x01a")
    wire.h2.send_data(1, b"\0\0\0\0\x10half")  # the head of a third message
    wire.flush()
    # Another call on the same connection is answered: so what went before has arrived.
    other = wire.open(GET, b"\x08\x01")
    wire.h2.end_stream(other)
    wire.flush()
    assert any(isinstance(event, ResponseReceived) and event.stream_id == other for event in wire.events())
    assert server.ended().stub.name == "alice"  # type: ignore[union-attr]
    wire.kill()
    record = server.ended()
    assert (record.code, record.cancelled, record.stub) == (Code.CANCELLED, True, None)
    assert [frame.data for frame in record.frames] == [b"", b"\x0a\x01a"]
    assert server.count("batch") == 0
    assert server.ask(lambda: dict(server.host.engine.store.states)) == {}
    lives_on(server, 2)


def test_a_client_that_vanishes_while_it_is_answered(mock: Start) -> None:
    server = mock(ALICE + "- {method: UserService/ListUsers, responses: [{id: 1}, {id: 2}], interval: 60s}\n")
    wire = Wire(server.address)
    stream = wire.open(LIST, b"")
    wire.h2.end_stream(stream)
    wire.flush()
    assert any(isinstance(event, DataReceived) for event in wire.events())
    wire.kill()
    record = server.ended()
    assert (record.code, record.cancelled) == (Code.CANCELLED, True)
    assert [frame.direction for frame in record.frames] == ["request", "response"]
    lives_on(server, 1)


ROUNDS = 200


@pytest.mark.parametrize("path", [CREATE, LOOKUP])
async def test_a_cancelled_stream_is_never_taken_for_a_finished_one(mock: Start, path: str) -> None:
    server = mock(f"""{ALICE}
- {{name: whole, method: {path[1:]}, requests: {{$size: 2}}, set: {{whole: chosen}}}}
""")
    async with grpc.aio.insecure_channel(server.address, options=CHANNEL) as channel:
        method = getattr(channel, "stream_unary" if path == CREATE else "stream_stream")(path)
        for _ in range(ROUNDS):
            call = method()
            await call.write(b"")
            await call.write(b"")
            call.cancel()
        records = [server.ended() for _ in range(ROUNDS)]
    assert {(record.code, record.cancelled, record.stub, record.miss) for record in records} == {
        (Code.CANCELLED, True, None, None)
    }
    assert server.count("whole") == 0
    assert server.ask(lambda: dict(server.host.engine.store.states)) == {}
    lives_on(server, ROUNDS)


async def test_a_script_does_not_go_on_after_a_cancellation(mock: Start) -> None:
    server = mock("""
- method: UserService/LookupUsers
  script: [{send: {id: 1}}, half_close, {send: {id: 2}}]
""")
    async with grpc.aio.insecure_channel(server.address, options=CHANNEL) as channel:
        for _ in range(ROUNDS):
            call = channel.stream_stream(LOOKUP)()
            assert await call.read() == b"\x08\x01"
            call.cancel()
        records = [server.ended() for _ in range(ROUNDS)]
    assert {tuple(frame.data for frame in record.frames) for record in records} == {(b"\x08\x01",)}
    assert all(record.cancelled for record in records)


@pytest.mark.parametrize("path", [CREATE, LOOKUP])
def test_a_client_that_never_finishes_sending(mock: Start, path: str) -> None:
    server = mock(f"{ALICE}- {{name: whole, method: {path[1:]}, requests: [{{}}]}}\n")
    done = threading.Event()

    def requests() -> Iterator[bytes]:
        yield b""
        done.wait(PATIENCE)

    method = server.channel.stream_stream(path)
    responses = method(requests(), timeout=0.3)
    assert get_user(server.channel).name == "Alice", "others are answered meanwhile"
    assert failure(lambda: next(responses))[0] is grpc.StatusCode.DEADLINE_EXCEEDED
    done.set()
    records: dict[str, CallRecord] = {}
    for _ in range(2):
        record = server.ended()
        records[record.path] = record
    ended = records[path]
    assert (ended.code, ended.cancelled, ended.stub) == (Code.DEADLINE_EXCEEDED, True, None)
    assert [frame.data for frame in ended.frames] == [b""]
    assert server.count("whole") == 0


# Files -------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(97 + n)}: &{chr(97 + n)} [{', '.join([f'*{chr(96 + n)}'] * 10)}]\n" for n in range(1, 12)
)


def check(folder: Path, *args: str) -> tuple[int, str]:
    """Run ``grpcmock check`` in a program of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "grpcmock", "check", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout + result.stderr


def _huge(file: Path) -> None:
    with file.open("wb") as opened:
        opened.write(b"- {method: UserService/GetUser}\n")
        opened.truncate(100 << 20)


BAD_FILES = [
    ("an alias bomb", lambda file: file.write_text(BOMB), ["bad.yaml:", "alias"]),
    ("100 MB", _huge, ["bad.yaml", "100 MiB", "Split it"]),
    (
        "a deep stub",
        lambda file: file.write_text(
            "- {method: kitchen.KitchenService/Unary, response: " + "{f_self: " * 5000 + "}" * 5000 + "}"
        ),
        ["bad.yaml:1:", "deep"],
    ),
    ("deep brackets", lambda file: file.write_text("[" * 100_000), ["bad.yaml:1:", "deep"]),
    ("no text", lambda file: file.write_bytes(bytes(range(256))), ["bad.yaml"]),
]


@pytest.mark.parametrize(("make", "said"), [row[1:] for row in BAD_FILES], ids=[row[0] for row in BAD_FILES])
def test_a_bad_file_is_refused_at_the_start_and_at_a_reload(
    mock: Start, make: Callable[[Path], Any], said: list[str]
) -> None:
    server = mock(ALICE, watch=True)
    get_user(server.channel)
    make(server.stubs / "bad.yaml")
    text = server.logged("the last good set")
    for part in said:
        assert part in text
    server.ended()
    lives_on(server, 1)
    with pytest.raises(StubError) as caught:
        Host(Files([ROOT / "protos"], [server.stubs]))
    for part in said:
        assert part in str(caught.value)


def test_check_names_what_is_bad(tmp_path: Path) -> None:
    (tmp_path / "protos").mkdir()
    (tmp_path / "protos" / "user.proto").write_text((ROOT / "protos" / "user.proto").read_text())
    (tmp_path / "stubs").mkdir()
    _huge(tmp_path / "stubs" / "a.yaml")
    (tmp_path / "stubs" / "b.yaml").write_text(BOMB)
    (tmp_path / "stubs" / "c.yaml").write_text("- {method: UserService/GetUsr}\n")
    code, out = check(tmp_path)
    assert code == 1
    for part in ("a.yaml", "100 MiB", "b.yaml", "alias", "c.yaml:1:12", "GetUser"):
        assert part in out


def test_a_recursive_message_can_be_stubbed_and_generated(mock: Start) -> None:
    proto = ROOT / "tests" / "protos" / "kitchen_sink.proto"
    depth = 90
    deep = "{f_self: " * depth + "{f_int32: 1}" + "}" * depth
    server = mock(
        f"- {{name: deep, method: kitchen.KitchenService/Unary, request: {deep}, response: {deep}}}\n",
        protos=[proto],
        auto=True,
    )
    message_class = server.host.engine.registry.message("kitchen.Everything")
    message = message_class(f_int32=1)
    for _ in range(depth):
        message = message_class(f_self=message)
    call = server.channel.unary_unary("/kitchen.KitchenService/Unary")
    assert message_class.FromString(call(message.SerializeToString(), timeout=PATIENCE)) == message
    assert message_class.FromString(call(b"", timeout=PATIENCE)) != message_class(), "generated, to some depth"
    assert server.count("deep") == 1


def test_a_stub_directory_that_disappears_and_comes_back(mock: Start) -> None:
    server = mock(ALICE, watch=True)
    get_user(server.channel)
    server.ended()
    gone = server.stubs.with_name("gone")
    server.stubs.rename(gone)
    text = server.logged("the last good set")
    assert str(server.stubs) in text
    lives_on(server, 1)
    gone.rename(server.stubs)
    server.logged("Reloaded")
    server.write(ALICE.replace("name: Alice", "name: Alicia"))
    server.logged("Reloaded")
    assert get_user(server.channel).name == "Alicia"
    notes = server.ask(lambda: [note.level for note in server.host.engine.journal.notes])
    assert notes[0] == "error"
    assert notes[-1] == "info"


# Starting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--listen", "ADDRESS"], ["already in use", "ADDRESS", "--listen 127.0.0.1:0"]),
        (["--tls-cert", "no.pem", "--tls-key", "no.key"], ["--tls-cert", "no.pem"]),
        (["--tls-client-ca", "no.pem"], ["--tls-client-ca", "--tls-cert"]),
        (["--listen", "unix:no/such/folder.sock"], ["no/such"]),
        (["--interceptor", "nowhere:Thing"], ["nowhere"]),
        (["--stubs", "nowhere"], ["nowhere"]),
    ],
)
def test_what_keeps_a_server_from_starting(mock: Start, project: Path, args: list[str], said: list[str]) -> None:
    server = mock(ALICE)
    args = [arg.replace("ADDRESS", server.address) for arg in args]
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "grpcmock",
            "serve",
            *([] if "--listen" in args else ["--listen", "127.0.0.1:0"]),
            *args,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    for part in said:
        assert part.replace("ADDRESS", server.address) in result.stderr
    assert "Traceback" not in result.stderr
    lives_on(server, 0)
