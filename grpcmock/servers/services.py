"""Handlers written for ``grpc.aio`` (reflection, health, admin), carried out by servers that are none."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from grpcmock.status import Code

if TYPE_CHECKING:
    import grpc

    from grpcmock.status import Metadata


class Stream(Protocol):
    """A call, as a server has it."""

    peer: str
    metadata: Metadata
    deadline: float | None

    async def read(self) -> bytes | None: ...
    async def send(self, data: bytes) -> None: ...
    async def send_all(self, messages: Sequence[bytes]) -> None: ...
    async def send_headers(self, metadata: Metadata) -> None: ...
    async def finish(self, code: Code, message: str = "", trailers: Metadata = ()) -> None: ...


class _AbortError(Exception):
    """A handler has ended its call."""


class Context:
    """What a handler may ask of its call: the part of ``grpc.aio.ServicerContext`` that handlers of grpcmock use."""

    def __init__(self, stream: Stream, decode: Any, encode: Any) -> None:
        self._stream = stream
        self._decode = decode or (lambda data: data)
        self._encode = encode or (lambda data: data)
        self._began = time.monotonic()
        self.status = Code.OK
        self.details = ""
        self.trailers: Metadata = ()

    def peer(self) -> str:
        return self._stream.peer

    def invocation_metadata(self) -> Metadata:
        return self._stream.metadata

    def time_remaining(self) -> float | None:
        deadline = self._stream.deadline
        return None if deadline is None else deadline - (time.monotonic() - self._began)

    def set_code(self, code: grpc.StatusCode) -> None:
        self.status = Code(code.value[0])

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailers: Metadata) -> None:
        self.trailers = tuple(trailers)

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        await self._stream.send_headers(tuple(metadata))

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        self.set_code(code)
        self.details, self.trailers = details, tuple(trailing_metadata) or self.trailers
        raise _AbortError

    async def read(self) -> Any:
        """Give the next request; ``grpc.aio.EOF`` at the end."""
        from grpc.aio import EOF

        data = await self._stream.read()
        return EOF if data is None else self._decode(data)

    async def write(self, response: Any) -> None:
        await self._stream.send(self._encode(response))

    async def write_all(self, responses: Iterable[Any]) -> None:
        """Send several responses: at once, where the wire can do that."""
        await self._stream.send_all([self._encode(response) for response in responses])

    async def requests(self) -> AsyncIterator[Any]:
        """Yield the requests until the client has finished sending."""
        while (data := await self._stream.read()) is not None:
            yield self._decode(data)


async def serve(handler: grpc.RpcMethodHandler[Any, Any], stream: Stream) -> None:
    """Answer a call as *handler* does."""
    context = Context(stream, handler.request_deserializer, handler.response_serializer)
    behavior: Any = next(
        found
        for found in (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
        if found is not None
    )
    try:
        if handler.request_streaming:
            request: Any = context.requests()
        elif (request := await anext(context.requests(), None)) is None:
            await stream.finish(Code.UNIMPLEMENTED, "The call ended without a request.")
            return
        answered = behavior(request, context)
        if inspect.isasyncgen(answered):
            async for response in answered:
                await context.write(response)
        else:
            response = await answered
            if not handler.response_streaming:
                await context.write(response)
    except _AbortError:
        pass
    await stream.finish(context.status, context.details, context.trailers)
