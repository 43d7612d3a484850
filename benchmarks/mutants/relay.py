"""What stands before a server and reads its frames: for bugs below gRPC, where no handler comes."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA = 0
_PADDED = 0x08


class _Frames:
    """Picks the frames out of a client's bytes, and tries to unpack every message that says it is compressed."""

    def __init__(self) -> None:
        self._unread = b""
        self._begun = False
        self._messages: dict[int, bytes] = {}

    def feed(self, data: bytes) -> None:
        """Raises :class:`zlib.error` if a message can't be unpacked."""
        self._unread += data
        if not self._begun:
            if len(self._unread) < len(_PREFACE):
                return
            self._begun, self._unread = True, self._unread[len(_PREFACE) :]
        while len(self._unread) >= 9:
            length = int.from_bytes(self._unread[:3])
            if len(self._unread) < 9 + length:
                return
            kind, flags, stream = self._unread[3], self._unread[4], int.from_bytes(self._unread[5:9])
            payload, self._unread = self._unread[9 : 9 + length], self._unread[9 + length :]
            if kind == _DATA and payload:
                self._unpack(stream, payload[1 : length - payload[0]] if flags & _PADDED else payload)

    def _unpack(self, stream: int, payload: bytes) -> None:
        data = self._messages.get(stream, b"") + payload
        while len(data) >= 5 and len(data) >= (end := 5 + int.from_bytes(data[1:5])):
            if data[0]:
                zlib.decompress(data[5:end], wbits=47)  # gzip or zlib, as it comes
            data = data[end:]
        self._messages[stream] = data


@contextlib.asynccontextmanager
async def running(port: int, address: str, crash: Callable[[], Any]) -> AsyncIterator[int]:
    """Pass on what comes to *address*, to this port of the loopback; *crash* when a message can't be unpacked."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            writer.close()
            return
        frames = _Frames()

        def look(data: bytes) -> None:
            try:
                frames.feed(data)
            except zlib.error:
                crash()
                raise ConnectionAbortedError from None

        for source, sink, seen in ((reader, back, look), (there, writer, None)):
            task = asyncio.create_task(_pass_on(source, sink, seen))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    host, _, wanted = address.rpartition(":")
    server = await asyncio.start_server(connected, host, int(wanted))
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None] | None
) -> None:
    try:
        while data := await source.read(65_536):
            if look is not None:
                look(data)
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()
