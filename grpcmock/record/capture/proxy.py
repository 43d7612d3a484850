"""Passes calls on to a real server as raw bytes, of any method, and notes what passes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import grpc.aio

from grpcmock.client.call import Call
from grpcmock.drafting.captured_call import CapturedCall, EventKind
from grpcmock.engine.steps import Finish
from grpcmock.record.capture.unary import UnaryCall
from grpcmock.schema import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grpcmock.client.call import Status
    from grpcmock.client.target import Target
    from grpcmock.engine.steps import Client
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
OnCaptured = Callable[[CapturedCall], asyncio.Event | None]
"""Gets each call that has passed; if it returns an event, the call's end waits for that."""

_EOF = grpc.aio.EOF
_CODES = {Code(code.value[0]): code for code in grpc.StatusCode}
_HOP = ("grpc-", ":", "user-agent", "content-type", "te")
"""Keys that belong to one connection and not to the call; those that end in a dash, all that begin so."""

_LOST = ("failed to connect", "socket closed", "connection reset", "connection refused", "goaway", "broken pipe")
"""What gRPC says when it is the connection that failed."""

_ROUNDED = 1.01
"""gRPC sends a timeout rounded up, by up to a hundredth: that is taken off again, or it would grow with each hop."""

_LATE = 0.005
"""Seconds to a deadline within which a call has run into it."""


class Proxy(grpc.GenericRpcHandler):
    """Passes calls on: as a handler of a ``grpc.aio`` server, and as the forwarder of an engine.

    Messages are never decoded, and what this takes of a call besides is what gRPC itself sets anew for each
    connection. Deadlines, cancellation and flow control hold across it, in both directions.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        target: Target,
        on_captured: OnCaptured,
        methods: Mapping[str, Method] | None = None,
    ) -> None:
        """Pass on over *channel*. *methods*, by path, are those of a known kind: unary ones are passed on faster."""
        self._channel = channel
        self.target = target
        self._on_captured = on_captured
        unary = (method.path for method in (methods or {}).values() if method.kind is MethodKind.UNARY)
        opened: Any = channel.unary_stream
        self._unary: dict[str, Callable[..., Any]] = {path: opened(path) for path in unary}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        handler = _UnaryHandler if details.method in self._unary else _StreamHandler
        return handler(self, details.method, details.invocation_metadata)

    async def __call__(self, path: str, metadata: Metadata, client: Client) -> Finish:
        """Pass one call on; see :class:`grpcmock.engine.steps.Forwarder`."""
        if path not in self._unary:
            return await self._stream(path, metadata, client)
        requests: list[bytes] = []
        while len(requests) < 2 and (data := await client.read()) is not None:
            requests.append(data)
        if len(requests) == 1:
            return await self.unary(path, metadata, requests[0], client)
        # One that breaks the rules, which is the server's to refuse.
        return await self._stream(path, metadata, _Begun(client, requests))

    async def _stream(self, path: str, metadata: Metadata, client: Client) -> Finish:
        captured = CapturedCall(path, metadata, time.monotonic())
        deadline = _deadline(client)
        call = Call(self._channel, path, metadata=self._passed_on(metadata), deadline=deadline)
        sending = asyncio.create_task(_send_requests(client, call, captured))
        sending.add_done_callback(_forget)
        try:
            return await self._answer(call, client, captured, deadline)
        finally:
            sending.cancel()

    async def unary(self, path: str, metadata: Metadata, request: bytes, client: Client) -> Finish:
        """Pass one call on that has this request and no other."""
        captured = CapturedCall(path, metadata, time.monotonic())
        captured.add(EventKind.REQUEST, request, captured.started)
        captured.add(EventKind.HALF_CLOSE, None, captured.started)
        deadline = _deadline(client)
        method = self._unary[path]
        call = UnaryCall(method, request, metadata=self._passed_on(metadata), deadline=deadline)
        return await self._answer(call, client, captured, deadline, is_unary=True)

    async def _answer(
        self,
        call: Call | UnaryCall,
        client: Client,
        captured: CapturedCall,
        deadline: float | None,
        *,
        is_unary: bool = False,
    ) -> Finish:
        """Pass on what the server says."""
        is_answered = False
        try:
            if headers := _own(await call.headers()):
                captured.add(EventKind.HEADERS, headers, time.monotonic())
                await client.send_headers(headers)
            while (data := await call.receive()) is not None:
                captured.add(EventKind.RESPONSE, data, time.monotonic())
                is_answered = True
                await client.write(data)
            status = await call.status()
            self._note_end(captured, status, deadline)
        except BaseException:
            captured.incomplete = "the client went away, or its deadline passed, before the answer was complete"
            raise
        finally:
            captured.ended = time.monotonic()
            call.cancel()
            room = self._on_captured(captured)
        if room is not None:
            await room.wait()
        if is_unary and status.code is Code.OK and not is_answered:
            # Some clients would take it for an empty message.
            return Finish(Code.INTERNAL, f"{self} ended the call with OK and no message.")
        return Finish(status.code, status.message, status.trailers)

    def _passed_on(self, metadata: Metadata) -> Metadata:
        return (*_own(metadata), *self.target.metadata)

    def _note_end(self, captured: CapturedCall, status: Status, deadline: float | None) -> None:
        captured.code, captured.message, captured.trailers = status.code, status.message, status.trailers
        if status.code is Code.UNAVAILABLE and self._is_lost(status):
            captured.incomplete = f"there is no connection to {self.target} any more: {status.message.rstrip('.')}"
        left = None if deadline is None else captured.started + deadline - time.monotonic()
        if status.code is Code.DEADLINE_EXCEEDED and left is not None and left < _LATE:
            captured.incomplete = "its deadline passed before the answer was complete"

    def _is_lost(self, status: Status) -> bool:
        if self._channel.get_state() is not grpc.ChannelConnectivity.READY:
            return True
        return not status.trailers and status.message.lower().startswith(_LOST)

    def __str__(self) -> str:
        return f"the server at {self.target}"


class _Begun:
    """A client of which some messages were read."""

    def __init__(self, client: Client, requests: list[bytes]) -> None:
        self._client = client
        self._requests = deque(requests)
        self.write, self.send_headers, self.time_left = client.write, client.send_headers, client.time_left

    async def read(self) -> bytes | None:
        return self._requests.popleft() if self._requests else await self._client.read()


def _deadline(client: Client) -> float | None:
    left = client.time_left()
    return None if left is None else left / _ROUNDED


async def _send_requests(client: Client, call: Call, captured: CapturedCall) -> None:
    """Pass on what the client sends."""
    while (data := await client.read()) is not None:
        captured.add(EventKind.REQUEST, data, time.monotonic())
        if not await call.send(data):
            return
    captured.add(EventKind.HALF_CLOSE, None, time.monotonic())
    await call.half_close()


def _forget(task: asyncio.Task[None]) -> None:
    """Whatever keeps a client from being read ends its call, and is reported there."""
    if not task.cancelled():
        task.exception()


def _own(metadata: Metadata) -> Metadata:
    """Leave out what belongs to a connection."""
    return tuple((key, value) for key, value in metadata if not key.startswith(_HOP[:2]) and key not in _HOP)


class _Handler(grpc.RpcMethodHandler):  # type: ignore[type-arg]
    """One call, which is its own handler, and the client's side of itself."""

    request_deserializer = response_serializer = None
    unary_unary = unary_stream = stream_unary = stream_stream = None
    _context: Context

    def __init__(self, proxy: Proxy, path: str, metadata: Metadata) -> None:
        self._proxy = proxy
        self._path = path
        self._metadata = metadata

    async def send_headers(self, metadata: Metadata) -> None:
        await self._context.send_initial_metadata(metadata)

    def time_left(self) -> float | None:
        return self._context.time_remaining()


class _UnaryHandler(_Handler):
    """A call of a method that is known to take one message and give one: half the work of a stream."""

    request_streaming = response_streaming = False
    _response = b""

    async def unary_unary(self, request: bytes, context: Context) -> bytes:  # type: ignore[override]
        self._context = context
        finish = await self._proxy.unary(self._path, self._metadata, request, self)
        if finish.trailers:
            context.set_trailing_metadata(finish.trailers)
        if finish.code is not Code.OK:
            await context.abort(_CODES[finish.code], finish.message)
        return self._response

    async def read(self) -> bytes | None:
        return None

    async def write(self, data: bytes) -> None:
        self._response = data


class _StreamHandler(_Handler):
    """A call of any method: those that stream, and those that nobody knows."""

    request_streaming = response_streaming = True

    async def stream_stream(self, _: object, context: Context) -> None:  # type: ignore[override]
        self._context = context
        finish = await self._proxy(self._path, self._metadata, self)
        if finish.trailers:
            context.set_trailing_metadata(finish.trailers)
        if finish.code is not Code.OK:
            context.set_code(_CODES[finish.code])
            context.set_details(finish.message)

    async def read(self) -> bytes | None:
        data: Any = await self._context.read()
        if data is not _EOF:
            message: bytes = data
            return message
        # A cancelled call reads as ended, too, a moment before its task is cancelled. What is read once more comes back
        # behind that; of a call that lives, it is the end again.
        await self._context.read()
        return None

    async def write(self, data: bytes) -> None:
        await self._context.write(data)
