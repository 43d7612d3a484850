"""One call on an HTTP/2 connection: messages in and out, flow control, and every way in which it may end."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Protocol

from h2.errors import ErrorCodes

from grpcmock.protocols import compression, framing
from grpcmock.protocols.framing import MessageReader
from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.status import Metadata

WINDOW = 1 << 20
"""Bytes that a client may send ahead on one stream."""

_MOMENT = 0.02
"""Seconds that a call lives at least while the client is still writing."""

_FAIR_SHARE = 16
"""After so many writes, other streams have their turn."""

_ACCEPTED = ",".join(compression.ENCODINGS)


class Carrier(Protocol):
    """The connection, as its streams see it. What it is told about a stream that is gone is dropped."""

    peer: str
    limit: int

    def send_headers(self, number: int, headers: list[tuple[str, str]], *, end: bool = False) -> None: ...
    async def send_data(self, number: int, data: bytes, *, end: bool) -> None: ...
    def acknowledge(self, number: int, size: int) -> None: ...
    def reset(self, number: int, code: int) -> None: ...
    def drain(self) -> None: ...
    def kill(self) -> None: ...


class Stream:
    """One call on the wire. When the client goes, its task is cancelled; what is still sent then is dropped."""

    def __init__(self, connection: Carrier, number: int, headers: dict[str, str], metadata: Metadata) -> None:
        self._connection = connection
        self.number = number
        self.path = headers.get(":path", "")
        self.metadata = metadata
        self.peer = connection.peer
        self.deadline = framing.parse_timeout(headers["grpc-timeout"]) if "grpc-timeout" in headers else None
        """Seconds that the client gives the call."""

        self.headers_sent = False
        self.ended = False
        """Whether the server's side is closed."""

        self._reader = MessageReader(headers.get("grpc-encoding", "identity"), connection.limit)
        self._messages: deque[bytes] = deque()
        self._waiting = 0
        self._unacknowledged = 0
        self._half_closed = False
        self._broken: WireError | None = None
        self._arrived = asyncio.Event()
        self._writes = 0

    # What the connection tells -------------------------------------------------------------------

    def received(self, data: bytes, size: int) -> None:
        """Take bytes of the body; *size* is what they count for flow control."""
        self._unacknowledged += size
        if self._broken is None:
            try:
                for message in self._reader.feed(data):
                    self._messages.append(message)
                    self._waiting += len(message)
            except WireError as error:
                self._broken = error
        self._acknowledge()
        self._arrived.set()

    def half_close(self) -> None:
        if self._reader.is_within_message and self._broken is None:
            self._broken = WireError(Code.INTERNAL, "The request ends within a message.")
        self._half_closed = True
        self._arrived.set()

    def _acknowledge(self) -> None:
        """Let the client send more, as long as not too much lies here unread."""
        if self._unacknowledged and self._waiting < WINDOW:
            self._connection.acknowledge(self.number, self._unacknowledged)
            self._unacknowledged = 0

    # What a handler asks for ----------------------------------------------------------------------

    async def read(self) -> bytes | None:
        """Give the next message; None once the client has finished sending. Raises :class:`WireError`."""
        while not self._messages:
            if self._broken is not None:
                raise self._broken
            if self._half_closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        self._waiting -= len(message)
        self._acknowledge()
        return message

    def send_headers(self, metadata: Metadata = ()) -> None:
        """Send initial metadata, unless they were sent already."""
        if not self.headers_sent:
            self.headers_sent = True
            headers = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-accept-encoding", _ACCEPTED)]
            self._connection.send_headers(self.number, headers + framing.headers_of(metadata))

    async def write(self, message: bytes) -> None:
        """Send one message; waits until the client lets it through."""
        self.send_headers()
        await self._write(framing.framed(message))
        self._writes += 1
        if self._writes % _FAIR_SHARE == 0:
            await asyncio.sleep(0)

    async def _write(self, data: bytes, *, end: bool = False) -> None:
        await self._connection.send_data(self.number, data, end=end)

    async def finish(self, code: Code, message: str = "", trailers: Metadata = (), wire_status: str = "") -> None:
        """End the call with a status; *wire_status* takes the place of its number on the wire."""
        if not self.headers_sent and not self._half_closed:
            await self._settle()
        headers = [("grpc-status", wire_status or str(int(code)))]
        if message:
            headers.append(("grpc-message", framing.percent_encoded(message)))
        if not self.headers_sent:
            self.headers_sent = True
            headers[:0] = [
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("grpc-accept-encoding", _ACCEPTED),
            ]
        self._end(headers + framing.headers_of(trailers))

    async def _settle(self) -> None:
        """Give a client that has only just begun a moment to send its request.

        gRPC's own clients report a failure of theirs, not the status, if the end comes while they write.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT):
                while not self._half_closed:
                    self._arrived.clear()
                    await self._arrived.wait()

    async def refuse(self, status: int) -> None:
        """End what is no gRPC call with an HTTP status."""
        self._end([(":status", str(status))])

    def _end(self, headers: list[tuple[str, str]]) -> None:
        self.ended = True
        self._connection.send_headers(self.number, headers, end=True)
        self._let_go()

    async def truncate(self, message: bytes) -> None:
        """Send the head of a message, then end the stream without a status."""
        self.send_headers()
        await self._write(framing.truncated(message), end=True)
        self.ended = True
        self._let_go()

    async def drop(self) -> None:
        """End the stream without a status."""
        self.send_headers()
        await self._write(b"", end=True)
        self.ended = True
        self._let_go()

    def _let_go(self) -> None:
        """Tell a client that is still sending to stop: nobody reads it any more."""
        if not self._half_closed:
            self._connection.reset(self.number, ErrorCodes.NO_ERROR)

    def reset(self, code: int = ErrorCodes.CANCEL) -> None:
        """Reset the stream."""
        self.ended = True
        self._connection.reset(self.number, code)

    def go_away(self) -> None:
        """Have the client send its next calls over another connection."""
        self._connection.drain()

    def close_connection(self) -> None:
        """Close the connection at once, with all calls on it."""
        self.ended = True
        self._connection.kill()
