"""One HTTP request, from its head to the end of its answer: what the protocols make of it, between engine and wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Send
from grpcmock.protocols.http import Response
from grpcmock.protocols.interface import WireError
from grpcmock.servers.interpreter import carry_out
from grpcmock.servers.services import serve
from grpcmock.status import Code

if TYPE_CHECKING:
    import grpc

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.engine import Engine
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.given_answers import GivenAnswer
    from grpcmock.engine.steps import Event
    from grpcmock.engine.whole_plan import WholeAnswer
    from grpcmock.protocols.http import Parts, RequestHead
    from grpcmock.protocols.interface import Incoming, Outgoing, ServerCall
    from grpcmock.status import Metadata

_LOG = logging.getLogger(__name__)

HALF_CLOSED = 2.0
"""Seconds that a client over HTTP/1.1 that has closed its half of the connection is sent nothing before it is taken for
gone. The end of what it sends says no more than that nothing will come; a write tells whether somebody is there."""

Services = Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]


class Face(Protocol):
    """What a listener answers over HTTP: ``HttpFace``, or what asks others before it."""

    engine: Engine

    def open(self, head: RequestHead) -> ServerCall | Response:
        """Return the call that a request makes, or the whole response to one that makes none."""


class Wire(Protocol):
    """One request on a connection. When its client goes away, the task that answers is cancelled."""

    async def read(self) -> bytes | None:
        """Give the next chunk of the body; None at its end."""

    async def write(self, parts: Parts) -> None:
        """Send parts of the answer; waits until the client lets them through."""

    def go_away(self) -> None:
        """Have the client send its next requests over another connection, if that can be asked for."""


async def answer(
    face: Face,
    head: RequestHead,
    wire: Wire,
    *,
    services: Services,
    warn: Callable[[str], None],
    body: bytes | None = None,
) -> None:
    """Answer one request, whole.

    *services* are the handlers of what a server offers besides, by path; *body* is that of the request, if all came.
    """
    opened = face.open(head)
    if isinstance(opened, Response):
        if opened.told:
            warn(opened.told)
        await wire.write(list(opened.parts))
        return
    engine, call = face.engine, HttpCall(opened, wire)
    if body is not None:
        with engine.lock:
            at_once = answer_at_once(engine, call, body)
        if at_once is not None:
            await wire.write(at_once[1])
            return
    await answer_call(engine, call, services=services, warn=warn)


def answer_at_once(engine: Engine, call: HttpCall, body: bytes) -> tuple[GivenAnswer, Parts] | None:
    """Answer a call whose *body* is there whole: return the answer, and what is to be sent of it; None if the general
    way is due. Called with the lock of the engine."""
    codec = call.codec
    opened = codec.opened
    table = engine.store.tables.get(opened.path)
    if not table or not table.takes_one:
        return None
    message = call.only_message(body)
    if message is None:
        return None
    given = engine.answer_at_once(opened.path, opened.metadata, opened.deadline, opened.peer, message, opened.protocol)
    if given is None:
        return None
    return given, [part for step in _steps(given.answer) for part in codec.send(step)]


def _steps(answer: WholeAnswer) -> Iterator[Outgoing]:
    """Yield the steps that give an answer."""
    if answer.headers:
        yield Headers(answer.headers)
    for message in answer.messages:
        yield Send(message)
    yield Finish(answer.code, answer.message, answer.trailers)


async def answer_call(engine: Engine, call: HttpCall, *, services: Services, warn: Callable[[str], None]) -> None:
    """Answer one call, whole."""
    path = call.codec.opened.path
    if path in services and not engine.store.tables.get(path):
        handler = services[path]
        await _see_through(call, lambda: serve(handler, call))
    else:
        await perform(engine, call, warn=warn)


async def perform(engine: Engine, call: HttpCall, *, warn: Callable[[str], None]) -> CallRecord:
    """Have the engine answer a call, whole, and return what is kept of it."""
    exchange = engine.open(call.codec.opened)
    await _see_through(call, lambda: _play(exchange, call, warn))
    return exchange.call


async def _see_through(call: HttpCall, do: Callable[[], Awaitable[None]]) -> None:
    """Do what answers a call, and end the call whatever comes of that."""
    opened = call.codec.opened
    try:
        # An exchange counts from its opening: when this runs out, it too finds that the deadline has passed.
        async with asyncio.timeout(opened.deadline):
            await do()
    except TimeoutError:
        await call.say(Finish(Code.DEADLINE_EXCEEDED, "The deadline has passed."))
    except WireError as error:
        await call.say(Finish(error.code, error.message))
    except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
        _LOG.error("%s failed", opened.path, exc_info=error)
        await call.say(Finish(Code.UNKNOWN, f"Unexpected {type(error).__name__}: {error}"))


async def _play(exchange: Exchange, call: HttpCall, warn: Callable[[str], None]) -> None:
    await call.say(await carry_out(exchange, call))
    if exchange.call.code is Code.INTERNAL and exchange.call.error is not None:
        warn(f"{exchange.call.name}: {exchange.call.error}")


class HttpCall:
    """A call between its protocol and the wire: for the engine, and for handlers of ``grpc.aio``."""

    def __init__(self, codec: ServerCall, wire: Wire) -> None:
        self.codec = codec
        self._wire = wire
        self._came: Iterator[Event] = iter(())
        self._half_closed = False
        opened = codec.opened
        self.peer, self.metadata, self.deadline = opened.peer, opened.metadata, opened.deadline
        self._began = asyncio.get_running_loop().time()

    def only_message(self, body: bytes) -> bytes | None:
        """Take a *body* that is there whole, before anything is read: return its message, if it has just one."""
        events: list[Incoming] = []
        error: WireError | None = None
        try:
            events += self.codec.receive(body)
            events += self.codec.receive_end()
        except WireError as found:
            error = found
        self._came, self._half_closed = _replayed(events, error), True
        match events:
            case [Message(data), end] if end is HALF_CLOSE:
                return data
        return None

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

    async def read(self) -> bytes | None:
        event = await self.next()
        return event.data if isinstance(event, Message) else None

    async def say(self, step: Outgoing) -> None:
        """Send what a step says."""
        parts = self.codec.send(step)
        if parts:
            await self._wire.write(parts)

    async def send_headers(self, metadata: Metadata) -> None:
        await self.say(Headers(metadata))

    async def send(self, data: bytes) -> None:
        await self.say(Send(data))

    async def send_all(self, messages: Sequence[bytes]) -> None:
        parts = [part for data in messages for part in self.codec.send(Send(data))]
        if parts:
            await self._wire.write(parts)

    async def finish(self, code: Code, message: str = "", trailers: Metadata = ()) -> None:
        await self.say(Finish(code, message, trailers))

    def go_away(self) -> None:
        self._wire.go_away()

    def time_left(self) -> float | None:
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - (asyncio.get_running_loop().time() - self._began))


def _replayed(events: list[Incoming], error: WireError | None) -> Iterator[Incoming]:
    yield from events
    if error is not None:
        raise error
