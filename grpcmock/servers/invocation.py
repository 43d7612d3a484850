"""A handler of the user under way: a task that does one thing after the other, each when the exchange lets it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.steps import Event, HandlerEvent, Invoke


class Reading:
    """Reads what the client sends; a handler may stop waiting for it without losing any."""

    __slots__ = ("_pending", "_read")

    def __init__(self, read: Callable[[], Awaitable[Event]]) -> None:
        self._read = read
        self._pending: asyncio.Future[Event] | None = None

    async def next(self, until: asyncio.Future[Any] | None) -> Event | None:
        """Give the next event; None if *until* is done sooner."""
        if until is None and self._pending is None:
            return await self._read()
        pending = self._pending = self._pending or asyncio.ensure_future(self._read())
        await asyncio.wait((pending, until) if until is not None else (pending,), return_when=asyncio.FIRST_COMPLETED)
        if not pending.done():
            return None
        self._pending = None
        return pending.result()

    def end(self) -> None:
        if self._pending is not None:
            self._pending.cancel()


class Invocation:
    """Runs the handler of an ``Invoke`` in turns with the exchange: it asks, and waits until it is answered."""

    def __init__(self, step: Invoke) -> None:
        self._asked: asyncio.Future[HandlerEvent] = asyncio.get_running_loop().create_future()
        self._answer: asyncio.Future[Message | None] | None = None
        self._has_ended = False
        self._task = asyncio.create_task(step.handler(step.context, step.call, self._ask))
        self._task.add_done_callback(self._done)

    async def _ask(self, event: HandlerEvent) -> Message | None:
        if self._has_ended:
            raise asyncio.CancelledError
        self._answer = asyncio.get_running_loop().create_future()
        self._asked.set_result(event)
        return await self._answer

    def _done(self, task: asyncio.Task[None]) -> None:
        # A handler ends by asking to; one that stops without was cancelled, or is at fault, and must not be waited for.
        if not self._asked.done():
            if task.cancelled() or (error := task.exception()) is None:
                self._asked.cancel()
            else:
                self._asked.set_exception(error)

    async def next(self, message: Message | None = None) -> HandlerEvent:
        """Answer what the handler asked before, if it did, and give what it asks next."""
        if self._answer is not None:
            self._asked = asyncio.get_running_loop().create_future()
            self._answer.set_result(message)
            self._answer = None
        return await self._asked

    def end(self) -> None:
        """Cancel the handler, unless it has ended; one in a thread finds out when it asks next."""
        self._has_ended = True
        self._task.cancel()
        if self._answer is not None:
            self._answer.cancel()
