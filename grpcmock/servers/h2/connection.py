"""One HTTP/2 connection of a gRPC client: bytes in, calls out, and an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
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

from grpcmock.protocols import framing
from grpcmock.protocols.interface import WireError
from grpcmock.servers.h2 import foreign
from grpcmock.servers.h2.foreign import PREFACE
from grpcmock.servers.h2.stream import WINDOW, Stream

if TYPE_CHECKING:
    from h2.events import Event

_CONNECTION_WINDOW = 1 << 30
"""Bytes that it may send ahead on all of them: so many that one slow stream doesn't hold up the others."""

_MOST_STREAMS = 1_000
Handler = Callable[[Stream], Coroutine[None, None, None]]


class Connection(asyncio.Protocol):
    """The server's end of a connection. Each stream is handed to *handler*, in a task that ends with the stream."""

    def __init__(
        self,
        handler: Handler,
        limit: int,
        made: Callable[[Connection], None],
        lost: Callable[[Connection], None],
        foreign: Callable[[str, str], None],
    ) -> None:
        """*foreign* is told of other protocols that a client speaks, and its address."""
        self.limit = limit
        """Bytes of the largest request."""

        self.peer = ""
        self._handler = handler
        self._made = made
        self._lost = lost
        self._foreign = foreign
        self._begun = False
        self._head = b""
        """The first bytes, until it is clear what protocol they are of."""

        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
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
        self._made(self)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._transport.close()
            return
        if tls is not None:
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self._flush()

    def _is_begun_by(self, data: bytes) -> bool:
        """Whether the client has begun HTTP/2 by now. Until then nothing is sent, which others couldn't read."""
        self._head += data
        if self._head.startswith(PREFACE):
            self._begin()
            return True
        if PREFACE.startswith(self._head) or self._transport is None:
            return False
        protocol = foreign.of_bytes(self._head)
        if protocol is None:
            self._begin()  # h2 says best what is wrong
            return True
        self._foreign(protocol, self.peer)
        if protocol == "HTTP/1.1":
            self._transport.write(foreign.http1_response(foreign.sentence(protocol, self.peer)))
        self._close()
        return False

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            if not self._is_begun_by(data):
                return
            data, self._head = self._head, b""
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
            stream = Stream(self, number, headers, framing.metadata_of(pairs))
        except WireError as error:
            refused = error
            stream = Stream(self, number, {}, ())
        self._streams[number] = stream
        if event.stream_ended is not None:
            stream.half_close()
        protocol = foreign.of_headers(headers)
        if protocol is not None:
            self._foreign(protocol, self.peer)
            answer = stream.refuse(415)
        elif headers.get(":method") != "POST":
            answer = stream.refuse(405)
        elif not headers.get("content-type", "").startswith("application/grpc"):
            answer = stream.refuse(415)
        elif refused is not None:
            answer = stream.finish(refused.code, refused.message)
        else:
            answer = self._handler(stream)
        task = asyncio.get_running_loop().create_task(self._run(stream, answer))
        self._tasks[number] = task
        task.add_done_callback(lambda _: answer.close())  # which a task that is cancelled at once never began
        task.add_done_callback(lambda _: self._done(number))

    async def _run(self, stream: Stream, answer: Coroutine[None, None, None]) -> None:
        try:
            await answer
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

    def reset(self, number: int, code: int) -> None:
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
        if not self._begun:
            self._close()
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
