"""One HTTP/2 connection of a gRPC client, and its streams: bytes in, calls out; flow control and orderly ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from grpcmock.servers import wire
from grpcmock.servers.wire import MessageReader, WireError
from grpcmock.status import Code

if TYPE_CHECKING:
    from h2.events import Event

    from grpcmock.engine.steps import Metadata

_STREAM_WINDOW = 1 << 20
"""Bytes that a client may send ahead on one stream."""

_CONNECTION_WINDOW = 1 << 30
"""Bytes that it may send ahead on all of them: so many that one slow stream doesn't hold up the others."""

_MOST_STREAMS = 1_000
_FAIR_SHARE = 16
"""After so many writes, other streams have their turn."""

Handler = Callable[["Stream"], Awaitable[None]]


class Stream:
    """One call on the wire. When the client goes, its task is cancelled; what is still sent then is dropped."""

    def __init__(self, connection: Connection, number: int, headers: dict[str, str], metadata: Metadata) -> None:
        self._connection = connection
        self.number = number
        self.path = headers.get(":path", "")
        self.metadata = metadata
        self.peer = connection.peer
        self.deadline = wire.parse_timeout(headers["grpc-timeout"]) if "grpc-timeout" in headers else None
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
        if self._unacknowledged and self._waiting < _STREAM_WINDOW:
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
            self._connection.send_headers(self.number, headers + wire.headers_of(metadata))

    async def write(self, message: bytes) -> None:
        """Send one message; waits until the client lets it through."""
        self.send_headers()
        await self._write(wire.framed(message))
        self._writes += 1
        if self._writes % _FAIR_SHARE == 0:
            await asyncio.sleep(0)

    async def _write(self, data: bytes, *, end: bool = False) -> None:
        await self._connection.send_data(self.number, data, end=end)

    def finish(self, code: Code, message: str = "", trailers: Metadata = ()) -> None:
        """End the call with a status."""
        headers = [("grpc-status", str(int(code)))]
        if message:
            headers.append(("grpc-message", wire.percent_encoded(message)))
        if not self.headers_sent:
            self.headers_sent = True
            headers[:0] = [
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("grpc-accept-encoding", _ACCEPTED),
            ]
        self._end(headers + wire.headers_of(trailers))

    def refuse(self, status: int) -> None:
        """End what is no gRPC call with an HTTP status."""
        self._end([(":status", str(status))])

    def _end(self, headers: list[tuple[str, str]]) -> None:
        self.ended = True
        self._connection.send_headers(self.number, headers, end=True)
        self._let_go()

    async def truncate(self, message: bytes) -> None:
        """Send the head of a message, then end the stream without a status."""
        self.send_headers()
        await self._write(wire.truncated(message), end=True)
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

    def reset(self, code: ErrorCodes = ErrorCodes.CANCEL) -> None:
        """Reset the stream."""
        self.ended = True
        self._connection.reset(self.number, code)


_ACCEPTED = ",".join(wire.ENCODINGS)


class Connection(asyncio.Protocol):
    """The server's end of a connection. Each stream is handed to *handler*, in a task that ends with the stream."""

    def __init__(self, handler: Handler, limit: int, lost: Callable[[Connection], None]) -> None:
        self.limit = limit
        """Bytes of the largest request."""

        self.peer = ""
        self._handler = handler
        self._lost = lost
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
                SettingCodes.MAX_CONCURRENT_STREAMS: _MOST_STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 16,
            },
        )
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, Stream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._last_stream = 0
        self._draining = False
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._window_opened = asyncio.Event()

    # asyncio.Protocol -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.peer = _peer(self._transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._transport.close()
            return
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except ProtocolError:
            self._flush()  # h2 has put a GOAWAY there that says what was wrong
            self._close()
            return
        for event in events:
            self._take(event)
        self._flush()

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._may_write.set()
        for task in self._tasks.values():
            task.cancel()
        self._lost(self)

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    # Events ---------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._open(event)
            case DataReceived():
                stream = self._streams.get(event.stream_id)
                if stream is None or stream.ended:
                    self.acknowledge(event.stream_id, event.flow_controlled_length)
                else:
                    stream.received(event.data, event.flow_controlled_length)
            case StreamEnded():
                if stream := self._streams.get(event.stream_id):
                    stream.half_close()
            case StreamReset():
                if task := self._tasks.get(event.stream_id):
                    task.cancel()
            case WindowUpdated() | RemoteSettingsChanged():
                opened, self._window_opened = self._window_opened, asyncio.Event()
                opened.set()
            case ConnectionTerminated():
                self._close()

    def _open(self, event: RequestReceived) -> None:
        number = event.stream_id
        if self._draining:
            self.reset(number, ErrorCodes.REFUSED_STREAM)
            return
        self._last_stream = number
        pairs = [(_text(key), _text(value)) for key, value in event.headers or ()]
        headers = dict(pairs)
        refused: WireError | None = None
        try:
            stream = Stream(self, number, headers, wire.metadata_of(pairs))
        except WireError as error:
            refused = error
            stream = Stream(self, number, {}, ())
        self._streams[number] = stream
        if event.stream_ended is not None:
            stream.half_close()
        if headers.get(":method") != "POST":
            stream.refuse(405)
        elif not headers.get("content-type", "").startswith("application/grpc"):
            stream.refuse(415)
        elif refused is not None:
            stream.finish(refused.code, refused.message)
        else:
            task = asyncio.get_running_loop().create_task(self._run(stream))
            self._tasks[number] = task
            task.add_done_callback(lambda _: self._done(number))
            return
        self._done(number)

    async def _run(self, stream: Stream) -> None:
        try:
            await self._handler(stream)
        finally:
            if not stream.ended:
                stream.reset(ErrorCodes.CANCEL)

    def _done(self, number: int) -> None:
        self._streams.pop(number, None)
        self._tasks.pop(number, None)
        if self._draining and not self._tasks:
            self._close()

    # What streams ask for -------------------------------------------------------------------------

    def send_headers(self, number: int, headers: list[tuple[str, str]], *, end: bool = False) -> None:
        self._do(lambda: self._h2.send_headers(number, headers, end_stream=end))

    async def send_data(self, number: int, data: bytes, *, end: bool) -> None:
        """Send data as fast as flow control and the transport allow."""
        left = memoryview(data)
        while self._transport is not None:
            await self._may_write.wait()
            opened = self._window_opened
            room = self._room(number)
            if room < 0:
                return
            if room == 0 and left:
                await opened.wait()
                continue
            chunk, left = left[:room].tobytes(), left[room:]
            self._do(partial(self._h2.send_data, number, chunk, end_stream=end and not left))
            if not left:
                return

    def _room(self, number: int) -> int:
        """Give how many bytes may be sent in one frame now; -1 if the stream is gone."""
        try:
            return min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
        except ProtocolError:
            return -1

    def acknowledge(self, number: int, size: int) -> None:
        if size:
            self._do(lambda: self._h2.acknowledge_received_data(size, number))

    def reset(self, number: int, code: ErrorCodes) -> None:
        self._do(lambda: self._h2.reset_stream(number, code))

    def _do(self, action: Callable[[], None]) -> None:
        """Do something with the connection; nothing if the stream, or all of it, is gone."""
        if self._transport is None:
            return
        try:
            action()
        except ProtocolError:
            return
        self._flush()

    def _flush(self) -> None:
        if self._transport is not None and (data := self._h2.data_to_send()):
            self._transport.write(data)

    # The end --------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Take no new streams, and close once those under way have ended."""
        self._draining = True
        if self._transport is None:
            return
        # h2 itself sends nothing more after a GOAWAY, so this one goes past it.
        self._transport.write(GoAwayFrame(0, last_stream_id=self._last_stream).serialize())
        if not self._tasks:
            self._close()

    def abort(self) -> None:
        """Cancel what is left, and close."""
        for task in self._tasks.values():
            task.cancel()
        if not self._tasks:
            self._close()

    def kill(self) -> None:
        """Close without waiting for a client that reads nothing."""
        if self._transport is not None:
            self._transport.abort()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _text(header: bytes | str) -> str:
    return header.decode("utf-8", "replace") if isinstance(header, bytes) else header


def _peer(transport: asyncio.Transport) -> str:
    """Name the client as gRPC does: ``ipv4:127.0.0.1:50123``, ``ipv6:%5B::1%5D:50123``, ``unix:``."""
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        return "unix:"
    host, port = str(name[0]), name[1]
    return f"ipv6:{quote(f'[{host}]', safe=':')}:{port}" if ":" in host else f"ipv4:{host}:{port}"
