"""A call under way to which a test pushes: what it sends, and what it waits for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic

from grpcmock.engine.steps import HandlerReturned, NextRequest
from grpcmock.mock.arrivals import Arrivals
from grpcmock.mock.call import Call, Req, Resp
from grpcmock.mock.functions import ending
from grpcmock.mock.requests_to_come import WaitsForRequests
from grpcmock.mock.waiting import TIMEOUT

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.mock.loops import Ask
    from grpcmock.mock.speech import Said, Speech


class PushedCall(Call[Req, Resp], WaitsForRequests[Req], Generic[Req, Resp]):
    """A call to which a test pushes. Besides what every :class:`Call` tells, it takes messages, and an end.

    All its methods may be called from any thread and in any event loop.
    """

    def __init__(self, record: CallRecord, speech: Speech, lock: Lock) -> None:
        super().__init__(record)
        self._speech = speech
        self._loop = asyncio.get_running_loop()
        self._lock = lock
        self._said: deque[Said] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._arrivals = Arrivals(speech.call_store, speech.method, lambda: [self])
        self.half_closed = not speech.method.kind.client_streams
        """Whether the client has finished sending."""
        self.is_open = True
        """Whether more can be sent: neither the test nor the client has ended the call."""

    # Saying ---------------------------------------------------------------------------------------

    def send(self, message: Resp | Mapping[str, Any] | None = None, /, **fields: Any) -> None:
        """Send a message, given whole, or by its fields. Where the method has one answer, this is it.

        Raises :class:`StubError` if it doesn't fit, ``AssertionError`` if the call has ended.
        """
        __tracebackhide__ = True
        self._say(self._speech.message(message, fields))

    def finish(self, *, trailers: Mapping[str, Any] | None = None) -> None:
        """End the stream with OK."""
        __tracebackhide__ = True
        self._say(self._speech.finish(trailers))

    def fails(
        self,
        code: Any,
        message: str = "",
        *,
        details: Iterable[Message | Mapping[str, Any]] = (),
        trailers: Mapping[str, Any] | None = None,
    ) -> None:
        """End the call with this status: the name or number of its code, or a ``grpc.StatusCode``."""
        __tracebackhide__ = True
        self._say([HandlerReturned(ending(code, message, details, trailers))])

    def _say(self, said: Sequence[Said]) -> None:
        __tracebackhide__ = True
        with self._lock:
            if self.is_open:
                self.take(said)
                return
        raise AssertionError(f"Nothing more can be sent to this call, which has ended: {self}")

    def take(self, said: Sequence[Said]) -> None:
        """Let the handler say this; the lock is held."""
        self._said.extend(said)
        self.is_open = not any(isinstance(one, HandlerReturned) for one in said)
        if self._wake is not None:
            with suppress(RuntimeError):  # the loop has ended, and so has the call
                self._loop.call_soon_threadsafe(_done, self._wake)

    # Waiting --------------------------------------------------------------------------------------

    def wait_half_closed(self, timeout: float = TIMEOUT) -> None:
        """Wait until the client has finished sending."""
        __tracebackhide__ = True
        self._arrivals.half_close(self).wait(timeout)

    async def await_half_closed(self, timeout: float = TIMEOUT) -> None:  # noqa: ASYNC109
        """As :meth:`wait_half_closed`, for asyncio."""
        __tracebackhide__ = True
        await self._arrivals.half_close(self).wait_async(timeout)

    def wait_ended(self, timeout: float = TIMEOUT) -> str:
        """Wait until the call has ended, by whomever, and return its status: ``"CANCELLED"`` where the client left."""
        __tracebackhide__ = True
        return str(self._arrivals.end(self).wait(timeout))

    async def await_ended(self, timeout: float = TIMEOUT) -> str:  # noqa: ASYNC109
        """As :meth:`wait_ended`, for asyncio."""
        __tracebackhide__ = True
        return str(await self._arrivals.end(self).wait_async(timeout))

    # Answering, in the loop of the mock -----------------------------------------------------------

    async def answer(self, ask: Ask) -> None:
        """Say what the test says, as it does, and read what the client sends meanwhile."""
        while True:
            said, wake = self._next()
            if said is not None:
                await ask(said)
                if isinstance(said, HandlerReturned):
                    return
            elif self.half_closed:
                await wake
            elif await ask(NextRequest(until=wake)) is None and not wake.done():
                self.half_closed = True
                self.record.tell()

    def _next(self) -> tuple[Said | None, asyncio.Future[None]]:
        with self._lock:
            wake = self._wake = self._loop.create_future()
            return (self._said.popleft() if self._said else None), wake

    def close(self) -> None:
        """Take nothing more."""
        with self._lock:
            self.is_open = False
        self.record.tell()


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
