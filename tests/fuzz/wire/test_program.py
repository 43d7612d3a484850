"""A snippet is run as it stands, and sends the bytes that the client sends."""

from __future__ import annotations

import ast
import asyncio
import gzip
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.client.raw import RawRequest
from grpcmock.client.raw_stream import send_raw
from grpcmock.client.target import Target, Tls
from grpcmock.fuzz.wire import requests, snippet
from grpcmock.fuzz.wire.program import literal

GOOD = requests.good("/user.UserService/GetUser", b"\x08\5")

_REQUESTS = {
    "good": GOOD,
    "no messages": requests.good("/user.UserService/CreateUsers"),
    "split": replace(GOOD, chunks=(b"\0\0\0", b"", b"\0\2\x08\5")),
    "odd-headers": requests.extended(requests.headed(GOOD, {"te": None}), ("X-Upper", "\xff\0")),
    "reset": replace(GOOD, reset_after=1),
    "late": replace(GOOD, after_end=(b"late",)),
    "open": replace(GOOD, end_stream=False),
    "nothing": replace(GOOD, chunks=()),
    "long": replace(GOOD, chunks=(requests.framed(bytes(20_000)),)),
}


class Tap(asyncio.Protocol):
    """Takes what comes, and lets go of the connection once nothing more is awaited."""

    def __init__(self, seen: list[bytes], is_whole: Callable[[bytes], bool], taps: list[Tap]) -> None:
        self._seen, self._is_whole, self._data = seen, is_whole, b""
        self._lost = asyncio.get_running_loop().create_future()
        taps.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        self._lost.set_result(None)

    async def end(self) -> None:
        self._transport.close()
        await self._lost

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._is_whole(self._data):
            self._seen.append(self._data)
            self._transport.close()


def _frames(data: bytes) -> list[tuple[int, int, bytes]]:
    """The frames of the stream: type, flags, payload."""
    found, data = [], data.removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
        size = 9 + int.from_bytes(data[:3], "big")
        if int.from_bytes(data[5:9], "big") == 1 or data[3] == 6:
            found.append((data[3], data[4], data[9:size]))
        data = data[size:]
    return found


@pytest.mark.parametrize("name", _REQUESTS)
async def test_a_snippet_sends_the_same_frames(name: str, tmp_path: Path) -> None:
    request: RawRequest = _REQUESTS[name]
    wanted = 1 + len(request.chunks) + len(request.after_end) + 2 * (request.reset_after is not None)
    if name == "long":
        wanted += 1
    seen: list[bytes] = []
    taps: list[Tap] = []
    server = await asyncio.get_running_loop().create_server(
        lambda: Tap(seen, lambda data: len(_frames(data)) >= wanted, taps), "127.0.0.1", 0
    )
    async with server:
        target = Target(address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await send_raw(target, request, deadline=10)
        program = tmp_path / "snippet.py"
        program.write_text(snippet(request, target))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate()
        for tap in taps:
            await tap.end()
    ours, theirs = map(_frames, seen)
    assert ours == theirs, errors.decode()
    assert ours[-1][2] or name in ("nothing", "no messages")


@given(
    st.binary(max_size=200)
    | st.builds(lambda b, n, t: b * n + t, st.binary(max_size=2), st.integers(0, 999), st.binary())
)
def test_literals_are_read_back(data: bytes) -> None:
    text = literal(data)
    assert eval(text, {"zlib": __import__("zlib"), "base64": __import__("base64")}) == data
    assert len(text) <= 5 * len(data) + 60


@pytest.mark.parametrize(
    "target",
    [
        Target(address="unix:/run/app.sock"),
        Target(address="unix-abstract:app", authority="a"),
        Target(address="[::1]:1", tls=Tls()),
        Target(address="h:1", tls=Tls(ca=Path("ca.pem"), cert=Path("c.pem"), key=Path("k.pem"), insecure=True)),
    ],
)
def test_snippets_are_programs_for_every_kind_of_target(target: Target) -> None:
    ast.parse(snippet(GOOD, target))


@pytest.mark.parametrize(("head", "size"), [(b"", 0), (b"abc", 1), (b"abc", (1 << 20) - 1), (b"", (3 << 20) + 7)])
def test_a_bomb_holds_what_it_says(head: bytes, size: int) -> None:
    assert gzip.decompress(requests.bomb(head, size)) == head + bytes(size)


def test_a_bomb_stays_small() -> None:
    chunk = requests.framed(requests.bomb(b"", 64 << 20), flag=1)
    assert len(chunk) < 100_000
    assert len(snippet(replace(GOOD, chunks=(chunk,)), Target(address="h:1"))) < 5_000
