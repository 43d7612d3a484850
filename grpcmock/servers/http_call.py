"""One HTTP request, from its head to the end of its answer: what the protocols make of it, between engine and wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from grpcmock.concurrency.pausing import pause
from grpcmock.engine.steps import (
    HALF_CLOSE,
    Finish,
    Forward,
    GoAway,
    HandlerReturned,
    Headers,
    Invoke,
    Message,
    Receive,
    Reset,
    Resume,
    Send,
    Truncate,
    Wait,
)
from grpcmock.protocols.http import Response
from grpcmock.protocols.interface import WireError
from grpcmock.servers import services
from grpcmock.servers.forwarded_client import ForwardedClient
from grpcmock.servers.invocation import Invocation, Reading
from grpcmock.status import Code

if TYPE_CHECKING:
    import grpc

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.engine import Engine
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.steps import Event
    from grpcmock.protocols.face import HttpFace
    from grpcmock.protocols.http import Parts, RequestHead
    from grpcmock.protocols.interface import Outgoing, ServerCall
    from grpcmock.status import Metadata

_LOG = logging.getLogger(__name__)

Services = Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]


class Wire(Protocol):
    """One request on a connection. When its client goes away, the task that answers is cancelled."""

    async def read(self) -> bytes | None:
        """Give the next chunk of the body; None at its end."""

    async def write(self, parts: Parts) -> None:
        """Send parts of the answer; waits until the client lets them through."""


async def answer(
    face: HttpFace, head: RequestHead, wire: Wire, *, services: Services, warn: Callable[[str], None]
) -> None:
    """Answer one request, whole. *services* are the handlers of what a server offers besides, by path."""
    opened = face.open(head)
    if isinstance(opened, Response):
        if opened.told:
            warn(opened.told)
        await wire.write(list(opened.parts))
        return
    path = opened.opened.path
    if path in services and not face.engine.store.tables.get(path):
        handler = services[path]
        await _see_through(_Call(opened, wire), lambda call: _serve(handler, call))
    else:
        await perform(face.engine, opened, wire, warn=warn)


async def perform(engine: Engine, opened: ServerCall, wire: Wire, *, warn: Callable[[str], None]) -> CallRecord:
    """Have the engine answer a call, whole, and return what is kept of it."""
    exchange = engine.open(opened.opened)
    await _see_through(_Call(opened, wire), lambda call: _play(exchange, call, warn))
    return exchange.call


async def _see_through(call: _Call, do: Callable[[_Call], Awaitable[None]]) -> None:
    """Do what answers a call, and end the call whatever comes of that."""
    opened = call.codec.opened
    try:
        # An exchange counts from its opening: when this runs out, it too finds that the deadline has passed.
        async with asyncio.timeout(opened.deadline):
            await do(call)
    except TimeoutError:
        await call.say(Finish(Code.DEADLINE_EXCEEDED, "The deadline has passed."))
    except WireError as error:
        await call.say(Finish(error.code, error.message))
    except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
        _LOG.error("%s failed", opened.path, exc_info=error)
        await call.say(Finish(Code.UNKNOWN, f"Unexpected {type(error).__name__}: {error}"))


async def _serve(handler: grpc.RpcMethodHandler[Any, Any], call: _Call) -> None:
    await services.serve(handler, _Stream(call))


async def _play(exchange: Exchange, call: _Call, warn: Callable[[str], None]) -> None:
    handlers = _Handlers(Reading(call.next))
    try:
        await _carry_out(exchange, call, handlers)
    except WireError as error:
        exchange.refuse(Finish(error.code, error.message))
        raise
    finally:
        # On the normal way out the exchange has ended already, and this does nothing.
        exchange.cancel()
        handlers.end()
    if exchange.call.code is Code.INTERNAL and exchange.call.error is not None:
        warn(f"{exchange.call.name}: {exchange.call.error}")


class _Call:
    """A call between its protocol and the wire."""

    def __init__(self, codec: ServerCall, wire: Wire) -> None:
        self.codec = codec
        self._wire = wire
        self._came: Iterator[Event] = iter(())
        self._half_closed = False

    async def next(self) -> Event:
        """Give what comes next of the request. Raises :class:`WireError`."""
        while True:
            for event in self._came:
                return event
            if self._half_closed:
                return HALF_CLOSE
            chunk = await self._wire.read()
            self._half_closed = chunk is None
            self._came = self.codec.receive_end() if chunk is None else self.codec.receive(chunk)

    async def say(self, step: Outgoing) -> None:
        """Send what a step says."""
        parts = self.codec.send(step)
        if parts:
            await self._wire.write(parts)


class _Handlers:
    """What a call reads, and the function of the user that answers it, if one does."""

    __slots__ = ("_invocation", "reading")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._invocation: Invocation | None = None

    async def go_on(self, step: Invoke | Resume) -> Event:
        """Begin the function, or answer it, and return what it asks next."""
        if isinstance(step, Invoke):
            self._invocation = Invocation(step)
            return await self._invocation.next()
        assert self._invocation is not None
        return await self._invocation.next(step.message)

    def end(self) -> None:
        self.reading.end()
        if self._invocation is not None:
            self._invocation.end()


async def _carry_out(exchange: Exchange, call: _Call, handlers: _Handlers) -> None:
    """Do what the exchange says, until its last step."""
    step = exchange.resume()
    while True:
        event: Event | None = None
        match step:
            case Headers():
                await call.say(step)
            case Send():
                await call.say(step)
                for data in exchange.buffered_messages():
                    await call.say(Send(data))
            case Receive():
                event = await handlers.reading.next(step.until)
            case Invoke() | Resume():
                event = await handlers.go_on(step)
            case Wait():
                await pause(step.seconds)
            case Forward():
                client = _Client(step, exchange, call, handlers.reading)
                event = HandlerReturned(await step.forwarder(step.call.path, step.call.metadata, client))
            case Finish() | Truncate() | Reset():
                await call.say(step)
                return
            case GoAway():  # not among HTTP_FAULTS
                raise NotImplementedError(step)
            case _:
                assert_never(step)
        step = exchange.resume(event)


class _Client(ForwardedClient):
    """The client of a call that is passed on."""

    def __init__(self, step: Forward, exchange: Exchange, call: _Call, reading: Reading) -> None:
        super().__init__(step, exchange, reading, lambda data: call.say(Send(data)))
        self._call = call
        deadline = call.codec.opened.deadline
        self._until = None if deadline is None else asyncio.get_running_loop().time() + deadline

    async def send_headers(self, metadata: Metadata) -> None:
        await self._call.say(Headers(metadata))

    def time_left(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - asyncio.get_running_loop().time())


class _Stream:
    """A call, as handlers of ``grpc.aio`` are carried out on it."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        opened = call.codec.opened
        self.peer, self.metadata, self.deadline = opened.peer, opened.metadata, opened.deadline

    async def read(self) -> bytes | None:
        event = await self._call.next()
        return event.data if isinstance(event, Message) else None

    async def send_headers(self, metadata: Metadata = ()) -> None:
        await self._call.say(Headers(metadata))

    async def write(self, message: bytes) -> None:
        await self._call.say(Send(message))

    async def finish(self, code: Code, message: str = "", trailers: Metadata = ()) -> None:
        await self._call.say(Finish(code, message, trailers))
