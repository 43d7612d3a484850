"""The interpreter of the engine's steps, for whatever carries them to the wire."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, assert_never

from grpcmock.concurrency.pausing import pause
from grpcmock.engine.steps import (
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
from grpcmock.protocols.interface import WireError
from grpcmock.servers.invocation import Invocation, Reading

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.steps import Event, Step
    from grpcmock.status import Metadata

LastStep = Finish | Truncate | Reset


class Wire(Protocol):
    """A call, as a transport has it. When its client goes away, the task that answers is cancelled."""

    def next(self) -> Awaitable[Event]:
        """Give what comes next of the request. Raises :class:`WireError`."""

    def send_headers(self, metadata: Metadata, /) -> Awaitable[None]:
        """Send initial metadata."""

    def send(self, data: bytes, /) -> Awaitable[None]:
        """Send a message; waits until the client lets more through."""

    def go_away(self) -> None:
        """Have the client send its next calls over another connection."""

    def time_left(self) -> float | None:
        """Give the seconds to the deadline; None without one."""


async def carry_out(  # noqa: C901 - a case a step
    exchange: Exchange, wire: Wire, step: Step | None = None
) -> LastStep:
    """Do what the exchange says, from *step* or its first one on, and return the last step, which is left to do."""
    invocation: Invocation | None = None
    reading = Reading(wire.next)
    try:
        step = step or exchange.resume()
        while True:
            event: Event | None = None
            match step:
                case Send():
                    await wire.send(step.data)
                    for data in exchange.buffered_messages():
                        await wire.send(data)
                case Receive():
                    event = await reading.next(step.until)
                case Invoke():
                    invocation = Invocation(step)
                    event = await invocation.next()
                case Resume():
                    assert invocation is not None
                    event = await invocation.next(step.message)
                case Forward():
                    client = _Client(step, exchange, reading, wire)
                    event = HandlerReturned(await step.forwarder(step.call.path, step.call.metadata, client))
                case Wait():
                    await pause(step.seconds)
                case Headers():
                    await wire.send_headers(step.metadata)
                case GoAway():
                    wire.go_away()
                case Finish() | Truncate() | Reset():
                    return step
                case _:
                    assert_never(step)
            step = exchange.resume(event)
    except WireError as error:
        refusal = Finish(error.code, error.message)
        exchange.refuse(refusal)
        return refusal
    finally:
        # On the normal way out the exchange has ended already, and this does nothing.
        exchange.cancel()
        reading.end()
        if invocation is not None:
            invocation.end()


class _Client:
    """The client of a call that is passed on to another server; what passes is noted in the call."""

    def __init__(self, step: Forward, exchange: Exchange, reading: Reading, wire: Wire) -> None:
        self._exchange = exchange
        self._received = deque(step.received)
        self._half_closed = step.half_closed
        self._reading = reading
        self._wire = wire
        self.time_left = wire.time_left

    async def read(self) -> bytes | None:
        """Return the next message; None once the client has finished sending."""
        if self._received:
            return self._received.popleft()
        if self._half_closed:
            return None
        event = await self._reading.next(None)
        if not isinstance(event, Message):
            self._half_closed = True
            return None
        self._exchange.note("request", event.data)
        return event.data

    async def write(self, data: bytes) -> None:
        """Send a message."""
        self._exchange.note("response", data)
        await self._wire.send(data)

    async def send_headers(self, metadata: Metadata) -> None:
        """Send initial metadata."""
        await self._wire.send_headers(metadata)
