"""The client of a call that is passed on to another server, on any transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from grpcmock.engine.steps import Message

if TYPE_CHECKING:
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.steps import Forward
    from grpcmock.servers.invocation import Reading


class ForwardedClient:
    """Gives what the client sends, and takes what it is sent; what passes is noted in the call."""

    def __init__(
        self, step: Forward, exchange: Exchange, reading: Reading, write: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """*write* puts a message on the wire."""
        self._exchange = exchange
        self._received = deque(step.received)
        self._half_closed = step.half_closed
        self._reading = reading
        self._write = write

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
        await self._write(data)
