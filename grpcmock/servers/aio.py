"""The gRPC server on ``grpc.aio``: one generic handler over raw bytes that carries out the engine's steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import grpc
import grpc.aio

from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open
from grpcmock.responses.faults import AIO_FAULTS
from grpcmock.servers.addresses import Address, bind, server_options
from grpcmock.servers.interpreter import carry_out
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.engine import Engine
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.given_answers import GivenAnswer
    from grpcmock.engine.steps import Event
    from grpcmock.engine.whole_plan import WholeAnswer
    from grpcmock.status import Metadata

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_EOF = grpc.aio.EOF
_Read = Callable[[], Awaitable["Event"]]
_Write = Callable[[bytes], Awaitable[None]]

_READS_PAST_END = 3
"""So often is read what must be the end again, before it counts as a half-close."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server listens."""

    max_message_size: int = 4 << 20
    """Bytes of the largest request message taken; -1 for no limit."""

    compression: grpc.Compression = grpc.Compression.NoCompression
    """How responses are compressed, where the client takes it."""

    interceptors: Sequence[grpc.aio.ServerInterceptor] = ()
    threads: int = 0
    """Threads of the native transport that hold connections; 0 for one for each core."""

    keepalive: tuple[float, float] | None = None
    """For the native transport: seconds after which a silent client is asked whether it is still there, and seconds
    that it has to say so."""

    max_connection_age: tuple[float, float] | None = None
    """For the native transport: seconds after which a connection takes no new calls, and seconds that those under way
    then have."""

    grpc_options: Sequence[tuple[str, Any]] = field(default_factory=tuple)
    """More channel arguments of gRPC core, for those who know them."""

    def arguments(self) -> list[tuple[str, Any]]:
        """Give the channel arguments of gRPC core."""
        return [
            ("grpc.max_receive_message_length", self.max_message_size),
            # As gRPC has it, a server sends what it likes, and the client's limit counts: `oversize` is to exceed that.
            ("grpc.max_send_message_length", -1),
            *server_options(),
            *self.grpc_options,
        ]


class EngineHandler(grpc.GenericRpcHandler):
    """Hands every call to the engine, whatever its method.

    With *shows_kinds*, what it hands out is of the kind of the method, for interceptors that look at it.
    """

    def __init__(
        self, engine: Engine, services: Mapping[str, grpc.RpcMethodHandler[Any, Any]], *, shows_kinds: bool = False
    ) -> None:
        self._engine = engine
        self._services = services
        self._unary_call = _ShownUnaryCall if shows_kinds else _UnaryCall

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        path = details.method
        table = self._engine.store.tables.get(path)
        if path in self._services and not table:
            return self._services[path]
        call = self._unary_call if table is not None and table.answers_once else _StreamCall
        return call(self._engine, path, details.invocation_metadata)


class _Call(grpc.RpcMethodHandler):  # type: ignore[type-arg]
    """One call, which is its own handler.

    Its metadata are at hand when a handler is sought for it; to ask the context for them later costs more than the
    whole choice of a stub.
    """

    request_deserializer = response_serializer = None
    unary_unary = unary_stream = stream_unary = stream_stream = None

    def __init__(self, engine: Engine, path: str, metadata: Metadata) -> None:
        self._engine = engine
        self._path = path
        self._metadata = metadata

    def _opened(self, context: Context) -> Exchange:
        left, peer = context.time_remaining(), context.peer()
        return self._engine.open(Open(self._path, self._metadata, left, peer, faults=AIO_FAULTS))


class _UnaryCall(_Call):
    """A call whose client sends one message and gets one.

    For gRPC it is one whose client streams: a handler of unary calls isn't told of a client that half-closes without a
    message, and such a client would wait for its deadline. A constant answer is given without looking for a second
    message, which would cost a tenth of the whole call.
    """

    request_streaming, response_streaming = True, False

    async def stream_unary(self, _: object, context: Context) -> bytes:  # type: ignore[override]
        request = await context.read()
        if request is _EOF:
            await _confirm_end(context)
            return await self._answer(context, HALF_CLOSE)
        return await self._reply(cast("bytes", request), context)

    async def _reply(self, request: bytes, context: Context) -> bytes:
        given = self._at_once(request, context, half_closed=not self.request_streaming)
        if given is not None:
            return await _give(given.answer, context)
        events: list[Event] = [Message(request)]
        if self.request_streaming:
            data = await context.read()
            events.append(HALF_CLOSE if data is _EOF else Message(cast("bytes", data)))
            if data is _EOF and (given := self._at_once(request, context, half_closed=True)) is not None:
                return await _give(given.answer, context)
        return await self._answer(context, *events)

    def _at_once(self, request: bytes, context: Context, *, half_closed: bool) -> GivenAnswer | None:
        opened = self._path, self._metadata, context.time_remaining(), context.peer()
        return self._engine.answer_at_once(*opened, request, half_closed=half_closed)

    async def _answer(self, context: Context, *events: Event) -> bytes:
        """Answer the general way; *events* were read before."""
        known = iter(events)
        reply = b""

        async def read() -> Event:
            for event in known:
                return event
            data = await context.read()
            return HALF_CLOSE if data is _EOF else Message(cast("bytes", data))

        async def write(data: bytes) -> None:
            nonlocal reply
            reply = data

        finish = await _carry_out(self._opened(context), context, _Wire(context, read, write))
        if finish.code is not Code.OK:
            # What a unary handler returns is sent even with an error; only after an abort there is no message.
            await context.abort(_CODES[finish.code], finish.message)
        return reply


class _ShownUnaryCall(_UnaryCall):
    """The same as a handler of unary calls, which interceptors may wrap in one of theirs."""

    request_streaming = False
    stream_unary = None  # type: ignore[assignment]

    async def unary_unary(self, request: bytes, context: Context) -> bytes:  # type: ignore[override]
        return await self._reply(request, context)


class _StreamCall(_Call):
    """A call of any kind: for those that stream, for paths that no proto declares, and for answers that break rules."""

    request_streaming = response_streaming = True

    async def stream_stream(self, _: object, context: Context) -> None:  # type: ignore[override]
        async def read() -> Event:
            data = await context.read()
            if data is not _EOF:
                return Message(cast("bytes", data))
            await _confirm_end(context)
            return HALF_CLOSE

        await _carry_out(self._opened(context), context, _Wire(context, read))


async def _give(answer: WholeAnswer, context: Context) -> bytes:
    if answer.headers:
        await context.send_initial_metadata(answer.headers)
    if answer.trailers:
        context.set_trailing_metadata(answer.trailers)
    if answer.code is not Code.OK:
        await context.abort(_CODES[answer.code], answer.message)
    return answer.messages[0]


async def _confirm_end(context: Context) -> None:
    """Return only if the client has half-closed.

    A cancelled call reads as ended, too, a moment before its task is cancelled. What is read once more comes
    back behind that, through the same queue, or on a busy machine a little before. Of a call that lives it is the end
    again.
    """
    for _ in range(_READS_PAST_END):
        await context.read()


class _Wire:
    """A call, as ``grpc.aio`` has it."""

    def __init__(self, context: Context, read: _Read, write: _Write | None = None) -> None:
        self.next = read
        self.send = write or context.write
        self.send_headers = context.send_initial_metadata
        self.time_left = context.time_remaining

    def go_away(self) -> None:
        raise NotImplementedError  # it is not among AIO_FAULTS


async def _carry_out(exchange: Exchange, context: Context, wire: _Wire) -> Finish:
    step = await carry_out(exchange, wire)
    assert isinstance(step, Finish)  # there are no other ends among AIO_FAULTS
    if step.trailers:
        context.set_trailing_metadata(step.trailers)
    if step.code is not Code.OK:
        context.set_code(_CODES[step.code])
        context.set_details(step.message)
    return step


_CODES = {Code(code.value[0]): code for code in grpc.StatusCode}


class AioServer:
    """A gRPC server that answers from an engine. Made, started and stopped within one event loop.

    *services* holds the handlers of what the server offers besides (reflection, health, admin), by path. A stub for one
    of their methods goes before them.
    """

    def __init__(
        self,
        engine: Engine,
        options: ServerOptions | None = None,
        *,
        services: Mapping[str, grpc.RpcMethodHandler[Any, Any]] | None = None,
    ) -> None:
        self.engine = engine
        options = options or ServerOptions()
        self._server = grpc.aio.server(
            handlers=[EngineHandler(engine, services or {}, shows_kinds=bool(options.interceptors))],
            interceptors=list(options.interceptors),
            options=options.arguments(),
            compression=options.compression,
        )
        self.addresses: list[Address] = []
        """Where the server listens, with the ports that were taken."""

    def listen(self, address: Address, credentials: grpc.ServerCredentials | None = None) -> Address:
        """Listen on *address* too, and give it with the port that was taken.

        Raises :class:`ConfigError` if the address can't be had.
        """
        bound = bind(self._server, address, credentials)
        self.addresses.append(bound)
        return bound

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()

    async def stop(self, grace: float | None = None) -> None:
        """Take no new calls, give those under way *grace* seconds to end, then cancel what is left."""
        await self._server.stop(grace)

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._server.wait_for_termination()
