"""A client of HTTP/2 that costs next to nothing: its requests are all different, its answers are only counted."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM = _ACK = 1
_END_HEADERS = 4
_INITIAL_WINDOW = 4
_LARGE = 1 << 30


def ask_all(port: int, path: str, requests: Sequence[bytes], *, clients: int = 4, streams: int = 32) -> None:
    """Make a unary call of gRPC with each request: so many clients, of which each waits until its streams are done."""
    with ExitStack() as stack:
        made = [stack.enter_context(_Client(port, path)) for _ in range(clients)]
        for first in range(0, len(requests), clients * streams):
            batch = requests[first : first + clients * streams]
            for number, client in enumerate(made):
                client.ask(batch[number::clients])
            for client in made:
                client.wait()


class _Client:
    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pairs = {":method": "POST", ":scheme": "http", ":authority": f"127.0.0.1:{port}", ":path": path}
        pairs |= {"content-type": "application/grpc", "te": "trailers"}
        self._head = b"".join(_literal(*pair) for pair in pairs.items())
        self._stream = 1
        self._left = 0
        self._buffer = b""
        settings = struct.pack(">HI", _INITIAL_WINDOW, _LARGE)
        window = struct.pack(">I", _LARGE)
        self._socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, window))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, requests: Sequence[bytes]) -> None:
        """Send requests; :meth:`wait` comes next."""
        parts = []
        for request in requests:
            parts.append(_frame(_HEADERS, _END_HEADERS, self._stream, self._head))
            body = b"\0" + len(request).to_bytes(4, "big") + request
            parts.append(_frame(_DATA, _END_STREAM, self._stream, body))
            self._stream += 2
        self._left += len(requests)
        self._socket.sendall(b"".join(parts))

    def wait(self) -> None:
        """Return once each request has its answer. Raises ``ConnectionError`` if one never will."""
        while self._left:
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionError("The server ended the connection.")
            self._buffer += data
            at = 0
            while at + 9 <= len(self._buffer):
                size = int.from_bytes(self._buffer[at : at + 3], "big")
                if at + 9 + size > len(self._buffer):
                    break
                kind, flags = self._buffer[at + 3], self._buffer[at + 4]
                self._take(kind, flags, self._buffer[at + 9 : at + 9 + size])
                at += 9 + size
            self._buffer = self._buffer[at:]

    def _take(self, kind: int, flags: int, payload: bytes) -> None:
        if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            self._left -= 1
        elif kind == _SETTINGS and not flags & _ACK:
            self._socket.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self._socket.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind in (_RST_STREAM, _GOAWAY):
            raise ConnectionError(f"The server took no more: {payload!r}")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header as HPACK has it, without any table; both parts are short."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
