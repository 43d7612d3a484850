"""An HTTP/2 client that sends a request as it stands, one stream on a connection of its own."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    PingAckReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hpack import Encoder
from hyperframe.frame import DataFrame

from grpcmock.client.dialing import dial
from grpcmock.client.raw import Fields, RawEnd, RawOutcome, header_fields, split

if TYPE_CHECKING:
    from h2.events import Event

    from grpcmock.client.raw import RawRequest
    from grpcmock.client.target import Target

CONNECT_TIMEOUT = 5.0
"""Seconds that a connection may take."""

_STREAM = 1
_WINDOW = 8 << 20
_MOST_BYTES = 256 << 20
_LARGEST_HEADERS = 1 << 20
_LARGE_HEADERS = 1 << 16
_OUR_PING = b"grpcmock"


async def send_raw(
    target: Target,
    request: RawRequest,
    *,
    deadline: float,
    limit: int | None = None,
    idle: float | None = None,
    within: float = CONNECT_TIMEOUT,
) -> RawOutcome:
    """Send a request and gather what comes back, on a new connection that is closed afterwards.

    The target's own metadata is added to the headers. After *deadline* seconds, *limit* messages, or *idle* seconds
    without news after the first message, the client resets the stream and goes. Where the client itself resets it,
    what follows is waited for no longer than until the server has answered a ping.

    Raises :class:`TargetError` if there is no connection *within* so many seconds.
    """
    reader, writer = await dial(target, within=within)
    exchange = _Exchange(target, request, reader, writer)
    try:
        return await exchange.run(deadline, limit, idle)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


class _Exchange:
    """The stream, from the first byte to its end."""

    def __init__(
        self, target: Target, request: RawRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._target = target
        self._request = request
        self._reader = reader
        self._writer = writer
        self._h2 = _connection()
        self._started = time.perf_counter()
        self._headers: Fields = ()
        self._trailers: Fields = ()
        self._trailers_only = False
        self._data = bytearray()
        self._first: float | None = None
        self._frames = 0
        self._whole = 0  # bytes of `_data` that make whole messages
        self._early = 0  # messages that had come before a status
        self._has_status = False
        self._reset: int | None = None
        self._goaway: int | None = None
        self._sent = 0
        self._end: tuple[RawEnd, str] | None = None
        self._may_send = asyncio.Event()

    async def run(self, deadline: float, limit: int | None, idle: float | None) -> RawOutcome:
        # Before anything is read: the answer to the server's settings, which may be there already, mustn't come first.
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_WINDOW)
        sending = asyncio.create_task(self._send())
        try:
            async with asyncio.timeout(deadline):
                await self._read(limit, idle)
        except TimeoutError:
            self._finish(RawEnd.DEADLINE, f"no end after {deadline:g} s")
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        if not sending.cancelled() and (error := sending.exception()) and not isinstance(error, OSError):
            raise error
        return self._outcome()

    # Out ------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        request = self._request
        ends = request.end_stream and request.reset_after is None
        try:
            self._h2.send_headers(_STREAM, self._fields(), end_stream=ends and not request.chunks)
            for index, chunk in enumerate(request.chunks[: request.reset_after]):
                await self._send_chunk(chunk, end=ends and index == len(request.chunks) - 1)
                self._sent += 1
            if request.reset_after is not None:
                self._h2.reset_stream(_STREAM, ErrorCodes.CANCEL)
                self._h2.ping(_OUR_PING)
            self._flush()
            for chunk in request.after_end:
                self._writer.write(DataFrame(_STREAM, chunk).serialize())
            await self._writer.drain()
        except ProtocolError:
            self._flush()  # the server has ended the stream, and reading tells how

    def _fields(self) -> list[tuple[bytes, bytes]]:
        """Give the header fields as bytes, with what only the target knows filled in."""
        target = self._target
        own = {
            ":authority": target.authority or ("localhost" if target.address.startswith("unix") else target.address),
            ":scheme": "https" if target.tls is not None else "http",
        }
        fields = [(key, value or own.get(key, "")) for key, value in self._request.headers]
        fields += header_fields(target.metadata)
        return [(key.encode("latin-1"), value.encode("latin-1")) for key, value in fields]

    async def _send_chunk(self, chunk: bytes, *, end: bool) -> None:
        left = memoryview(chunk)
        while True:
            room = min(self._h2.local_flow_control_window(_STREAM), self._h2.max_outbound_frame_size)
            if left and room <= 0:
                self._may_send.clear()
                self._flush()
                await self._may_send.wait()
                continue
            part, left = left[:room].tobytes(), left[room:]
            self._h2.send_data(_STREAM, part, end_stream=end and not left)
            self._flush()
            await self._writer.drain()
            if not left:
                return

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._writer.write(data)

    # In -------------------------------------------------------------------------------------------

    async def _read(self, limit: int | None, idle: float | None) -> None:
        while self._end is None:
            try:
                async with asyncio.timeout(idle if self._frames else None):
                    data = await self._reader.read(1 << 16)
            except TimeoutError:
                self._finish(RawEnd.ENOUGH, f"no news for {idle:g} s")
                return
            except OSError as error:
                self._finish(RawEnd.LOST, f"the connection broke: {error.strerror or error}")
                return
            if not data:
                self._finish(RawEnd.LOST, "the server closed the connection")
                return
            self._receive(data)
            if limit is not None and self._frames >= limit:
                self._finish(RawEnd.ENOUGH, f"{self._frames} messages came")
            if len(self._data) > _MOST_BYTES:
                self._finish(RawEnd.ENOUGH, f"more than {_MOST_BYTES} bytes came")

    def _receive(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self._finish(RawEnd.LOST, f"the server broke the rules of HTTP/2: {error}")
            return
        for event in events:
            self._take(event)
        self._flush()
        self._may_send.set()

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self._headers = _texts(event.headers)
                self._trailers_only = event.stream_ended is not None
                self._note_status(self._headers)
            case TrailersReceived():
                self._trailers = _texts(event.headers)
                self._note_status(self._trailers)
            case DataReceived():
                self._data += event.data
                self._count()
                with suppress(ProtocolError):
                    self._h2.acknowledge_received_data(event.flow_controlled_length, _STREAM)
            case StreamEnded():
                self._finish(RawEnd.SERVER)
            case StreamReset(remote_reset=True):
                self._reset = int(event.error_code or 0)
                self._finish(RawEnd.RESET, f"RST_STREAM with {_name(self._reset)}")
            case PingAckReceived(ping_data=data) if data == _OUR_PING:
                self._finish(RawEnd.CANCELLED, "reset by the client")
            case ConnectionTerminated():
                self._goaway = int(event.error_code or 0)
                # After an orderly GOAWAY the streams that the server has taken may still end.
                if self._goaway or (event.last_stream_id or 0) < _STREAM:
                    debug = (event.additional_data or b"").decode("utf-8", "replace")
                    self._finish(RawEnd.GOAWAY, f"GOAWAY with {_name(self._goaway)} {debug}".rstrip())

    def _count(self) -> None:
        while len(self._data) - self._whole >= 5:
            size = 5 + int.from_bytes(self._data[self._whole + 1 : self._whole + 5], "big")
            if len(self._data) - self._whole < size:
                return
            self._whole += size
            self._frames += 1
            if self._first is None:
                self._first = time.perf_counter() - self._started

    def _note_status(self, fields: Fields) -> None:
        if not self._has_status and any(key == "grpc-status" for key, _ in fields):
            self._has_status, self._early = True, self._frames

    def _finish(self, end: RawEnd, reason: str = "") -> None:
        if self._end is None:
            self._end = end, reason

    def _outcome(self) -> RawOutcome:
        end, reason = self._end or (RawEnd.LOST, "")
        frames, rest = split(bytes(self._data))
        return RawOutcome(
            end=end,
            seconds=time.perf_counter() - self._started,
            headers=self._headers,
            trailers=self._trailers,
            trailers_only=self._trailers_only,
            frames=frames,
            rest=rest,
            late=len(frames) - self._early if self._has_status else 0,
            reset=self._reset,
            goaway=self._goaway,
            reason=reason,
            first_seconds=self._first,
            sent=self._sent,
        )


def _connection() -> H2Connection:
    """Make a connection that sends whatever it is given, and looks at what comes no closer than it must."""
    connection = H2Connection(
        H2Configuration(
            client_side=True,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
    )
    connection.local_settings = Settings(
        client=True,
        initial_values={
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
            SettingCodes.MAX_HEADER_LIST_SIZE: _LARGEST_HEADERS,
        },
    )
    connection.encoder = _Encoder()
    return connection


class _Encoder(Encoder):
    """Writes very large header fields as they are: to compress a megabyte of them takes a second."""

    def encode(self, headers: Any, huffman: bool = True) -> bytes:
        return super().encode(headers, huffman and sum(len(value) for _, value, *_ in headers) < _LARGE_HEADERS)


def _texts(headers: object) -> Fields:
    pairs: list[tuple[bytes, bytes]] = list(headers or ())  # type: ignore[call-overload]
    return tuple((bytes(key).decode("latin-1"), bytes(value).decode("latin-1")) for key, value in pairs)


def _name(code: int) -> str:
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"the unknown code {code}"
