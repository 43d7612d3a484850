"""One call on the native transport: the engine's steps, carried out without a task of their own wherever that does."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from grpcmock_native import Conversation

from grpcmock.engine.steps import HALF_CLOSE, Finish, GoAway, Headers, Message, Receive, Reset, Send, Truncate, Wait
from grpcmock.protocols.interface import WireError
from grpcmock.servers import services
from grpcmock.servers.interpreter import carry_out
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import grpc
    from grpcmock_native import Call

    from grpcmock.engine.engine import Engine
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.steps import Event, Open, Step
    from grpcmock.status import Metadata

_LOG = logging.getLogger(__name__)

_MOST_BYTES = 1 << 16
"""Bytes of messages that are handed to the transport in one piece."""

_DEADLINE_PASSED = "The deadline has passed."


class NativeCall:
    """A call under way, in the event loop of its server."""

    def __init__(
        self, wire: Call, opened: Open, messages: list[bytes], *, half_closed: bool, ended: Callable[[], None]
    ) -> None:
        self.wire = wire
        self.path = opened.path
        self.metadata = opened.metadata
        self.peer = opened.peer
        self.deadline = opened.deadline
        self._opened = opened
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._exchange: Exchange | None = None
        self._messages = deque(messages)
        self._came = len(messages)
        """How many messages the client has sent, those left out that the transport has answered by itself."""
        self._half_closed = half_closed
        self._broken: WireError | None = None
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._pause: asyncio.TimerHandle | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._receives = False
        """Whether the exchange waits for what the client sends next."""
        self._wants: Callable[[], None] | None = None
        """What else is to be done when the client has sent something."""
        self._blocked: Callable[[], None] | None = None
        """What is to be done when the client has been sent enough."""
        self._is_over = False

    # What the client does -------------------------------------------------------------------------

    def message(self, data: bytes) -> None:
        self._came += 1
        if self._receives:
            self._receives = False
            self.wire.took(len(data))
            self._go(Message(data))
        else:
            self._messages.append(data)
            self._arrived()

    def half_close(self) -> None:
        self._half_closed = True
        self._arrived()

    def break_off(self, code: int, message: str) -> None:
        """The client broke a rule. What it sent before that still counts."""
        self._broken = WireError(Code(code), message)
        self._arrived()

    def drained(self) -> None:
        blocked, self._blocked = self._blocked, None
        if blocked is not None:
            blocked()

    def played(self) -> None:
        """What the transport was to say by itself has gone, or no more of it will."""
        if self._exchange is not None:
            self._exchange.take_back()
            if not self._receives:
                self._go()

    def stop_playing(self) -> None:
        """Have the transport send no more by itself: somebody wants to be told of each message. From any thread."""
        if self._exchange is not None and self._exchange.call.catch_up is not None:
            self.wire.stop()

    def _arrived(self) -> None:
        if self._receives:
            self._receives = False
            self._go_on()
        wants, self._wants = self._wants, None
        if wants is not None:
            wants()

    def cancel(self) -> None:
        """The client went away."""
        if self._task is not None:
            self._task.cancel()
        if self._exchange is not None:
            self._exchange.cancel()
        self._end()

    def abort(self) -> None:
        """End the call from this side, without a status."""
        self.cancel()
        self.wire.reset()

    def _expire(self) -> None:
        self.cancel()
        self.wire.finish(Code.DEADLINE_EXCEEDED, _DEADLINE_PASSED, ())

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._receives = False
            self._wants = self._blocked = None
            for timer in (self._pause, self._deadline_timer):
                if timer is not None:
                    timer.cancel()
            self._ended()

    # The engine's steps ---------------------------------------------------------------------------

    def play(self, engine: Engine) -> None:
        """Open an exchange, and carry out what it says, as far as nothing has to be waited for."""
        try:
            self._exchange = engine.open(self._opened)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
            self._fail(error)
            return
        self._go()
        if self.deadline is not None and not self._is_over:
            self._deadline_timer = self._loop.call_later(self.deadline, self._expire)

    def _go(self, event: Event | None = None) -> None:
        exchange = self._exchange
        assert exchange is not None
        try:
            if event is not None and exchange.call.catch_up is not None:
                exchange.take_back()
            while not self._is_over:
                step = exchange.resume(event)
                event = None
                match step:
                    case Send():
                        if not self._add(step.data, exchange):
                            self._blocked = self._go
                            return
                    case Receive(until=None):
                        if (event := self._taken()) is None:
                            self._receive(step, exchange)
                            return
                    case Wait():
                        self._wait(step.seconds, exchange)
                        return
                    case Headers():
                        self.wire.headers(step.metadata)
                    case GoAway():
                        self.wire.go_away()
                    case Finish() | Truncate() | Reset():
                        self._last(step)
                        return
                    case _:
                        self._task = self._loop.create_task(self._carry_on(step, exchange))
                        return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
            self._fail(error)

    def _receive(self, step: Receive, exchange: Exchange) -> None:
        """Go on when the client has sent something; the transport answers by itself what it may."""
        self._flush()
        self._receives = True
        if isinstance(step.conversation, Conversation) and exchange.hand_on(self.wire.heard):
            self.wire.converse(step.conversation, self._came)

    def _wait(self, seconds: float, exchange: Exchange) -> None:
        """Go on after a pause; the transport does by itself where it may."""
        self._flush()
        if parts := exchange.hand_over(_MOST_BYTES, self.wire.sent_times):
            self.wire.play(parts)
        elif seconds != math.inf:
            self._pause = self._loop.call_later(seconds, self._go)

    def _go_on(self) -> None:
        """Go on with what the client has sent, or done."""
        try:
            event = self._taken()
        except WireError as error:
            self._fail(error)
            return
        if event is not None:
            self._go(event)

    def _taken(self) -> Event | None:
        """Take what the client has sent; return None if nothing is there. Raises :class:`WireError`."""
        if self._messages:
            data = self._messages.popleft()
            self.wire.took(len(data))
            return Message(data)
        if self._broken is not None:
            raise self._broken
        return HALF_CLOSE if self._half_closed else None

    def _add(self, data: bytes, exchange: Exchange) -> bool:
        """Add a message to those to be sent, and all that follow at once. False says: wait until it is drained."""
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if self._unsent_bytes < _MOST_BYTES:
            for message in exchange.buffered_messages():
                self._unsent.append(message)
                self._unsent_bytes += len(message)
                if self._unsent_bytes >= _MOST_BYTES:
                    break
        return self._unsent_bytes < _MOST_BYTES or self._flush()

    def _flush(self) -> bool:
        unsent = self._unsent
        if not unsent:
            return True
        self._unsent, self._unsent_bytes = [], 0
        return self.wire.send(unsent[0]) if len(unsent) == 1 else self.wire.send_all(unsent)

    def _last(self, step: Finish | Truncate | Reset) -> None:
        match step:
            case Finish(drop=True):
                self._flush()
                self.wire.drop()
            case Finish(code=Code.OK, trailers=(), wire_status="") if len(self._unsent) == 1:
                self.wire.reply(self._unsent[0])
            case Finish():
                self._flush()
                self.wire.finish(step.code, step.message, step.trailers, step.wire_status or None)
            case Truncate():
                self._flush()
                self.wire.truncate(step.data)
            case Reset(connection=True):
                self._flush()
                self.wire.close_connection()
            case Reset():
                self._flush()
                self.wire.reset(step.error)
        self._end()

    def _fail(self, error: Exception) -> None:
        finish = self._finish_of(error)
        if self._exchange is not None:
            self._exchange.refuse(finish)
        if not self._is_over:
            self._flush()
            self.wire.finish(finish.code, finish.message, ())
            self._end()

    def _finish_of(self, error: Exception) -> Finish:
        if isinstance(error, WireError):
            return Finish(error.code, error.message)
        if isinstance(error, TimeoutError):
            return Finish(Code.DEADLINE_EXCEEDED, _DEADLINE_PASSED)
        _LOG.error("%s failed", self.path, exc_info=error)
        return Finish(Code.UNKNOWN, f"Unexpected {type(error).__name__}: {error}")

    # In a task: handlers, forwarders, services ----------------------------------------------------

    async def _carry_on(self, step: Step, exchange: Exchange) -> None:
        self._flush()
        try:
            self._last(await carry_out(exchange, self, step))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
            self._fail(error)

    def serve(self, handler: grpc.RpcMethodHandler[Any, Any]) -> None:
        """Answer as a handler for ``grpc.aio`` does."""

        async def run() -> None:
            try:
                async with asyncio.timeout(self.deadline):
                    await services.serve(handler, self)
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(error)
            finally:
                self._end()

        self._task = self._loop.create_task(run())

    async def next(self) -> Event:
        """Give what comes next of the request. Raises :class:`WireError`."""
        while (event := self._taken()) is None:
            arrived = self._loop.create_future()
            self._wants = partial(_wake, arrived)
            await arrived
        return event

    async def read(self) -> bytes | None:
        """Return the next message; None once the client has finished sending. Raises :class:`WireError`."""
        event = await self.next()
        return event.data if isinstance(event, Message) else None

    async def send(self, data: bytes) -> None:
        """Send a message; waits until the client lets more through."""
        self._flush()
        if not self.wire.send(data):
            drained = self._loop.create_future()
            self._blocked = partial(_wake, drained)
            await drained

    async def send_all(self, messages: Sequence[bytes]) -> None:
        """Send messages, each as :meth:`send` does."""
        for data in messages:
            await self.send(data)

    async def send_headers(self, metadata: Metadata) -> None:
        """Send initial metadata."""
        self.wire.headers(metadata)

    def go_away(self) -> None:
        """Have the client send its next calls over another connection."""
        self.wire.go_away()

    def time_left(self) -> float | None:
        """Give the seconds to the deadline; None without one."""
        return None if self.deadline is None else self.deadline - (self._loop.time() - self._began)

    async def finish(self, code: Code, message: str = "", trailers: Metadata = ()) -> None:
        """End the call with a status."""
        self._last(Finish(code, message, tuple(trailers)))


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
