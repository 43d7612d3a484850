"""One HTTP request on the native transport that is no call in gRPC: what the protocols say, carried to the wire."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from grpcmock.protocols.http import Abort, Body, End, Head, Trailers

if TYPE_CHECKING:
    import grpcmock_native

    from grpcmock.protocols.http import Parts


class NativeExchange:
    """A request under way, in the event loop of its server; *ended* is called when it is over."""

    def __init__(
        self, wire: grpcmock_native.Exchange, body: bytes, *, is_whole: bool, ended: Callable[[], None]
    ) -> None:
        self.wire = wire
        self._chunks = deque([body] if body else ())
        self._has_ended = is_whole
        self._ended = ended
        self._task: asyncio.Task[None] | None = None
        self._wants: asyncio.Future[None] | None = None
        """Done when the client has sent something."""
        self._blocked: asyncio.Future[None] | None = None
        """Done when the client has been sent enough."""

    def begin(self, answering: Coroutine[Any, Any, None]) -> None:
        """Answer the request in a task, which ends with it."""
        self._task = asyncio.get_running_loop().create_task(answering)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            self.wire.abort()  # unless the answer was whole before
        self._ended()

    # What the client does -------------------------------------------------------------------------

    def message(self, data: bytes) -> None:
        self._chunks.append(data)
        _wake(self._wants)

    def half_close(self) -> None:
        self._has_ended = True
        _wake(self._wants)

    def drained(self) -> None:
        _wake(self._blocked)

    def cancel(self) -> None:
        """The client went away."""
        if self._task is not None:
            # Not at once: a task that hasn't begun yet would never begin, and nobody would hear of the call.
            self._task.get_loop().call_soon(self._task.cancel)

    def abort(self) -> None:
        """Break the response off."""
        self.cancel()

    # What an answer asks for ----------------------------------------------------------------------

    async def read(self) -> bytes | None:
        """Give the next chunk of the body; None at its end."""
        while not self._chunks:
            if self._has_ended:
                return None
            self._wants = asyncio.get_running_loop().create_future()
            await self._wants
        chunk = self._chunks.popleft()
        self.wire.took(len(chunk))
        return chunk

    def go_away(self) -> None:
        """Have the client send its next requests over another connection."""
        self.wire.go_away()

    async def write(self, parts: Parts) -> None:
        """Send parts of the answer; waits until the client lets more through."""
        if not self.send(parts):
            self._blocked = asyncio.get_running_loop().create_future()
            await self._blocked

    def send(self, parts: Parts) -> bool:
        """Send parts of the answer. False says: wait until the client lets more through."""
        match parts:
            case [Head(status, headers), Body(data), End()]:
                self.wire.respond(status, headers, data)
                return True
        may_go_on = True
        for part in parts:
            match part:
                case Head():
                    self.wire.head(part.status, part.headers)
                case Body():
                    may_go_on = self.wire.body(part.data)
                case End():
                    self.wire.end()
                case Trailers():
                    self.wire.trailers(part.headers)
                case Abort(closes=True):
                    self.wire.close_connection()
                case Abort():
                    self.wire.abort(part.error)
        return may_go_on


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
