# mypy: disable-error-code="arg-type, attr-defined"
"""The native server under broken HTTP: whatever comes, it lives, keeps its memory, and answers the next good call.

A few hundred inputs are thrown at it here. ``GRPCMOCK_BROKEN_INPUTS=100000 pytest tests/servers/test_broken_input.py``
throws more; ``GRPCMOCK_BROKEN_SEED`` makes others of them, and a failure names the one that it came with.
"""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest

from grpcmock.servers.transports import has_native

if not has_native():
    pytest.skip("the native transport isn't built", allow_module_level=True)

ROOT = Path(__file__).parent.parent.parent
INPUTS = int(os.environ.get("GRPCMOCK_BROKEN_INPUTS", "300"))
SEED = int(os.environ.get("GRPCMOCK_BROKEN_SEED", "0"))
AT_ONCE = 25
"""Inputs between two good calls."""

MOST_GROWTH = 96 << 20
"""Bytes by which the server may grow under all of it, once it has come to rest: what open connections may hold."""

PATIENCE = 60
"""Seconds that it has to come to rest: to carry out what is still under way, and give back what that took."""

GET, LOOKUP, LIST = (f"/user.UserService/{name}" for name in ("GetUser", "LookupUsers", "ListUsers"))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
GOOD_BODY = b"\0\0\0\0\x02\x08\x01"


class Server:
    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])
        self._get: Callable[..., Any] = self._channel.unary_unary(GET)
        self.lives("the beginning")
        self.at_first = self.resident_bytes()

    def lives(self, after: object) -> None:
        assert self.process.poll() is None, f"the server ended after {after}"
        try:
            assert b"Alice" in self._get(b"\x08\x01", timeout=60)
        except grpc.RpcError as error:
            pytest.fail(f"no answer after {after}: {error}")

    def resident_bytes(self) -> int:
        try:
            return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096
        except FileNotFoundError:
            return 0

    def is_no_larger(self) -> None:
        ends = time.monotonic() + PATIENCE
        while (grown := self.resident_bytes() - self.at_first) >= MOST_GROWTH:
            assert time.monotonic() < ends, f"{grown >> 20} MiB more than at first"
            self.connect().close()  # the end of a connection is when it looks
            self.lives("a burst")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def throw(self, pieces: Sequence[bytes]) -> bytes:
        """Send pieces, as far as the server takes them, and return the beginning of what comes back."""
        back = b""
        with suppress(OSError), self.connect() as client:
            with suppress(OSError):
                for piece in pieces:
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
            client.settimeout(0.2)
            while len(back) < 1 << 16 and (data := client.recv(1 << 16)):
                back += data
        return back

    def stop(self) -> None:
        self._channel.close()
        self.process.terminate()
        self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    stubs = tmp_path_factory.mktemp("broken") / "stubs.yaml"
    stubs.write_text(
        "- {method: user.UserService/GetUser, request: {id: 1}, response: {name: Alice}}\n"
        "- {method: user.UserService/GetUser, request: {id: 2}, response: {name: 'a{{ request.id }}'}, delay: 20ms}\n"
        "- {method: user.UserService/GetUser, request: {id: 3}, response: {name: 'a{{ request.id }}"
        + "b"
        * 60_000
        + "'}}\n"
        "- {method: user.UserService/LookupUsers, script: [{on: [{send: {name: '{{ message.id }}'}}]}]}\n"
        "- method: user.UserService/ListUsers\n"
        f"  script: [repeat: {{times: forever, steps: [send: {{name: {'c' * 50_000}}}]}}]\n"
    )
    command = [sys.executable, "-m", "grpcmock", "serve", str(ROOT / "protos" / "user.proto"), "--stubs", str(stubs)]
    command += ["--listen", "127.0.0.1:0", "--transport", "native", "--no-watch", "--log", "none"]
    command += ["--journal-bytes", "4MiB"]  # which would be most of what it holds
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    assert process.stdout is not None
    port = int(json.loads(process.stdout.readline())["address"].rpartition(":")[2])
    made = Server(process, port)
    yield made
    made.stop()


# Inputs ----------------------------------------------------------------------------------------------


def frame(kind: int, flags: int, stream: int, payload: bytes, size: int | None = None) -> bytes:
    length = len(payload) if size is None else size
    return struct.pack(">I", length)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: str, value: str | bytes) -> bytes:
    """A header without indexing, as HPACK has it."""
    data = value.encode() if isinstance(value, str) else value
    return b"\0" + _integer(len(name)) + name.encode() + _integer(len(data)) + data


def _integer(number: int) -> bytes:
    if number < 127:
        return bytes([number])
    found, number = [127], number - 127
    while number >= 128:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def request_head(path: str = GET, *more: tuple[str, str | bytes]) -> bytes:
    pairs = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", path)]
    return b"".join(
        literal(*pair) for pair in [*pairs, ("content-type", "application/grpc"), ("te", "trailers"), *more]
    )


def call(stream: int, body: bytes = GOOD_BODY, *more: tuple[str, str | bytes], path: str = GET) -> bytes:
    return frame(HEADERS, 4, stream, request_head(path, *more)) + frame(DATA, 1, stream, body)


BEGUN = PREFACE + frame(SETTINGS, 0, 0, b"")


def broken(source: random.Random) -> list[bytes]:
    """Make one input."""
    return source.choice([_frames, _frames, _mutated, _mutated, _http1, _noise, _gRPC, _cut])(source)


def _noise(source: random.Random) -> list[bytes]:
    return [source.choice([b"", BEGUN, b"\x16\x03\x01"]) + source.randbytes(source.randrange(300))]


def _frames(source: random.Random) -> list[bytes]:
    """Frames of any kind, flags and length, on any stream."""
    made = [BEGUN]
    for _ in range(source.randrange(1, 12)):
        kind = source.choice([*range(10), source.randrange(256)])
        payload = source.choice([b"", source.randbytes(source.choice([1, 4, 5, 6, 8, 40])), request_head()])
        size = source.choice([None, None, None, source.randrange(1 << 24)])
        stream = source.choice([0, 1, 1, 2, 3, 5, source.randrange(1 << 32)])
        made.append(frame(kind, source.choice([0, 1, 4, 5, 8, 32, 255]), stream, payload, size))
    return made


def _mutated(source: random.Random) -> list[bytes]:
    """Good calls in which some bytes are others, or missing, or there twice."""
    data = bytearray(BEGUN + call(1) + call(3, GOOD_BODY * 2) + frame(PING, 0, 0, bytes(8)))
    for _ in range(source.randrange(1, 6)):
        place = source.randrange(len(PREFACE) if source.random() < 0.8 else 0, len(data))
        match source.randrange(3):
            case 0:
                data[place] = source.randrange(256)
            case 1:
                del data[place : place + source.randrange(1, 9)]
            case _:
                data[place:place] = data[place : place + source.randrange(1, 40)]
    return [bytes(data)]


def _cut(source: random.Random) -> list[bytes]:
    """Good calls in odd pieces that end too early."""
    data = BEGUN + call(1) + call(3)
    data = data[: source.randrange(len(data))]
    places = sorted(source.randrange(len(data) + 1) for _ in range(4))
    return [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]


def _gRPC(source: random.Random) -> list[bytes]:
    """HTTP/2 that is right, with calls that are not."""
    bodies = [b"", b"\0", b"\0\0\0\0\x05\x08\x01", b"\0\xff\xff\xff\xff\x08", b"\x01\0\0\0\x02\x08\x01"]
    bodies += [b"\x07" + GOOD_BODY[1:], GOOD_BODY * 3, b"\0\0\0\0\x02\xff\xff", source.randbytes(20)]
    body = source.choice(bodies)
    more: list[tuple[str, str | bytes]] = [
        source.choice(
            [
                ("grpc-timeout", source.choice(["", "1", "0n", "-1S", "99999999H", "999999999H", "1x", "\xff"])),
                ("grpc-encoding", source.choice(["gzip", "deflate", "br", "", "\0"])),
                ("x-bin", source.choice(["====", "AA", "\xff", "a,b,"])),
                ("content-length", source.choice(["1", "99999999999999999999", "x"])),
                (source.choice(["X-Upper", "", ":path", "connection", "a b"]), "x"),
                ("x-long", "x" * source.choice([100, 20_000, 70_000])),
            ]
        )
    ]
    path = source.choice([GET, GET, "", "*", "/", "//", GET + "?x=1", LOOKUP, "/\xff", "x" * 300])
    made = [BEGUN + call(1, body, *more, path=path)]
    if source.random() < 0.5:
        made.append(frame(RST_STREAM, 0, 1, struct.pack(">I", source.randrange(20))))
    return [*made, call(3)]


def _http1(source: random.Random) -> list[bytes]:
    method = source.choice([b"GET", b"POST", b"PRI", b"OPTIONS", b"\0", b"G" * 5_000])
    target = source.choice([b"/", b"*", GET.encode(), b"/" + b"a" * 20_000, b"\xff\0"])
    version = source.choice([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b""])
    headers = source.sample(
        [
            b"Host: x",
            b"Content-Type: application/json",
            b"Content-Length: 5",
            b"Content-Length: -1",
            b"Content-Length: 99999999999999999999",
            b"Transfer-Encoding: chunked",
            b"Upgrade: h2c",
            b"Connection: Upgrade, HTTP2-Settings",
            b": empty",
            b"no colon",
            b" folded",
            b"X: " + b"y" * 70_000,
            b"\x00: \x00",
        ],
        source.randrange(6),
    )
    body = source.choice(
        [b"", b'{"id":1}', b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n", b"-1\r\n", b"zz\r\n"]
    )
    end = source.choice([b"\r\n", b"\r\n", b"\n", b"\r"])
    head = end.join([b" ".join([method, target, version]), *headers])
    return [head + end + end + body]


# The laws --------------------------------------------------------------------------------------------


def test_the_server_outlives_whatever_is_thrown_at_it(server: Server) -> None:
    numbers = iter(range(INPUTS))
    while batch := list(islice(numbers, AT_ONCE)):
        for number in batch:
            server.throw(broken(random.Random(f"{SEED}/{number}")))
        server.lives(f"the inputs {batch[0]} to {batch[-1]} of seed {SEED}")
    server.is_no_larger()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"POST /a/b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 404),
        (b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 0\r\n\r\n", 415),
        (b'POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"id":1}', 200),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
    ],
)
def test_http_1_is_answered_in_its_own_words(server: Server, text: bytes, status: int) -> None:
    with server.connect() as client:
        client.sendall(text.replace(b"%b", GET.encode()))
        client.settimeout(60)
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 %d " % status)
    server.lives("HTTP/1.1")


FLOODS_OF_HTTP_2: dict[str, Callable[[int], bytes]] = {
    "resets": lambda n: call(2 * n + 1) + frame(RST_STREAM, 0, 2 * n + 1, bytes(4)),
    "slow calls reset": lambda n: call(2 * n + 1, b"\0\0\0\0\x02\x08\x02") + frame(RST_STREAM, 0, 2 * n + 1, bytes(4)),
    "pings": lambda _: frame(PING, 0, 0, bytes(8)),
    "settings": lambda _: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)),
    "priorities": lambda n: frame(PRIORITY, 0, 2 * n + 1, bytes(5)),
    "window updates": lambda _: frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
    "empty data": lambda n: frame(HEADERS, 4, 1, request_head()) if not n else frame(DATA, 0, 1, b""),
    "an endless message": lambda n: (
        frame(HEADERS, 4, 1, request_head())
        if not n
        else frame(DATA, 0, 1, (b"\0\xff\xff\xff\xff" if n == 1 else b"") + bytes(16_000))
    ),
    "an endless stream": lambda n: (
        frame(HEADERS, 4, 1, request_head(LOOKUP)) if not n else frame(DATA, 0, 1, GOOD_BODY * 500)
    ),
    "endless headers": lambda n: (
        frame(HEADERS, 0, 1, request_head()) if not n else frame(CONTINUATION, 0, 1, literal(f"x-{n}", "y" * 4_000))
    ),
    "open calls": lambda n: frame(HEADERS, 4, 2 * n + 1, request_head()),
    "open calls with large heads": lambda n: large_head(2 * n + 1),
    "heads that are too large": lambda n: frame(HEADERS, 4, 2 * n + 1, request_head(GET, *[("x", "y" * 4_000)] * 4)),
    # An entry of HPACK's table, and a byte for each time that it is meant.
    "references to a header": lambda n: frame(
        HEADERS,
        5,
        2 * n + 1,
        request_head() + (b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4_000 if not n else b"") + b"\xbe" * 12_000,
    ),
    "answers that aren't read": lambda n: call(2 * n + 1),
    "large answers that aren't read": lambda n: call(2 * n + 1, b"\0\0\0\0\x02\x08\x03"),
    "streams that aren't read": lambda n: call(2 * n + 1, b"\0\0\0\0\0", path=LIST),
    "requests in JSON": lambda n: json_call(2 * n + 1, b'{"id": 3}'),
    "an endless body of JSON": lambda n: json_call(1) if not n else frame(DATA, 0, 1, b" " * 16_000),
    "a byte a frame": lambda n: frame(HEADERS, 4, 1, request_head(LOOKUP)) if not n else frame(DATA, 0, 1, b"\0"),
    "unknown frames": lambda n: frame(200, 0, n, bytes(16_000)),
    "padding": lambda n: (
        frame(HEADERS, 4, 1, request_head(LOOKUP)) if not n else frame(DATA, 8, 1, b"\xff" + bytes(255))
    ),
}

JSON_HEAD = f"POST {GET} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def whole(body: bytes) -> bytes:
    return JSON_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def begun(head: bytes, more: bytes) -> Callable[[int], bytes]:
    """A request that begins, and doesn't end."""
    return lambda n: more if n else head


FLOODS_OF_HTTP_1: dict[str, Callable[[int], bytes]] = {
    "requests": lambda _: whole(b'{"id": 1}'),
    "requests whose answers are large": lambda _: whole(b'{"id": 3}'),
    "requests of nothing": lambda _: b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n",
    "an endless target": begun(b"GET /", b"a" * 4_000),
    "endless headers": begun(b"GET / HTTP/1.1\r\n", b"x: " + b"y" * 4_000 + b"\r\n"),
    "an endless body": begun(JSON_HEAD + CHUNKED, b"fa0\r\n" + b" " * 4_000 + b"\r\n"),
    "an endless body to nobody": begun(
        b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b" " * 4_000
    ),
    "a byte a chunk": begun(JSON_HEAD + CHUNKED, b"1\r\n \r\n"),
    "an endless extension of a chunk": begun(JSON_HEAD + CHUNKED + b"1;", b"x" * 4_000),
    "endless trailers": begun(JSON_HEAD + CHUNKED + b"0\r\n", b"x: " + b"y" * 4_000 + b"\r\n"),
    "empty lines": lambda _: b"\r\n" * 100,
}

FLOODS: dict[str, tuple[bytes, Callable[[int], bytes]]] = {
    **{f"HTTP/2: {name}": (BEGUN, make) for name, make in FLOODS_OF_HTTP_2.items()},
    **{f"HTTP/1.1: {name}": (b"", make) for name, make in FLOODS_OF_HTTP_1.items()},
}
"""What a client begins with, and what it writes then, by a number that counts up."""


def large_head(stream: int) -> bytes:
    """A head nearly as large as it may be, in as many frames as it takes."""
    parts = [literal(f"x-{number}", "y" * 4_000) for number in range(15)]
    groups = [b"".join(parts[at : at + 3]) for at in range(0, len(parts), 3)]
    return frame(HEADERS, 0, stream, request_head()) + b"".join(
        frame(CONTINUATION, 4 if at == len(groups) - 1 else 0, stream, group) for at, group in enumerate(groups)
    )


def json_call(stream: int, body: bytes | None = None) -> bytes:
    pairs = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", GET)]
    block = b"".join(literal(*pair) for pair in [*pairs, ("content-type", "application/json")])
    return frame(HEADERS, 4, stream, block) + (frame(DATA, 1, stream, body) if body is not None else b"")


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_costs_bounded_memory(server: Server, name: str) -> None:
    """Its client reads nothing, and writes as long as the server takes it."""
    begins, make = FLOODS[name]
    with server.connect() as client:
        client.settimeout(0.5)
        with suppress(OSError):
            client.sendall(begins)
            for first in range(0, 20_000, 100):
                client.sendall(b"".join(map(make, range(first, first + 100))))
        server.lives(f"a flood of {name}")
    server.lives(f"the end of a flood of {name}")
    server.is_no_larger()


@pytest.mark.parametrize(
    "asks",
    [
        BEGUN + b"".join(call(2 * n + 1, b"\0\0\0\0\0", path=LIST) for n in range(10)),
        (JSON_HEAD.replace(GET.encode(), LIST.encode()) + b"Content-Length: 2\r\n\r\n{}"),
        whole(b'{"id": 3}') * 100,
    ],
    ids=["streams over HTTP/2", "a stream over HTTP/1.1", "answers over HTTP/1.1"],
)
def test_many_that_do_not_read_cost_bounded_memory_and_hold_back_nobody(server: Server, asks: bytes) -> None:
    with ExitStack() as open_:
        for _ in range(100):
            client = open_.enter_context(server.connect())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(asks)
        server.lives("a hundred clients that don't read")
        server.is_no_larger()
    server.lives("their end")


@pytest.mark.parametrize(
    "begins", [b"", b"G", b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n", BEGUN, JSON_HEAD + CHUNKED]
)
def test_many_that_say_no_more_hold_back_nobody(server: Server, begins: bytes) -> None:
    with ExitStack() as open_:
        for _ in range(200):
            client = open_.enter_context(server.connect())
            client.sendall(begins)
        server.lives("two hundred clients that have begun")
        server.is_no_larger()
    server.lives("their end")
