"""The responses of a call under way: read to their end, or for as long as there is patience."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from grpcmock.fuzz.execution.replies import reply_of

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import Reply

_TICK = 0.001
"""Seconds between two looks at least."""


class Reading:
    """A call whose messages were sent, and what comes back."""

    __slots__ = ("_call", "_deadline", "_enough", "_first", "_last", "_responses", "_started", "_timer", "sent")

    def __init__(self, call: Any, deadline: float) -> None:
        self.sent = 0
        self._call = call
        self._deadline = deadline
        self._started = perf_counter()
        self._responses: list[bytes] = []
        self._first: float | None = None
        self._last = self._started
        self._enough = False
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, idle: float, limit: int, *, known: bool) -> None:
        """Cancel the call after so many seconds in which nothing came; where it is *known* to go on, after the first
        response, too."""
        loop = asyncio.get_running_loop()
        self._last = perf_counter()

        def look() -> None:
            count, left = len(self._responses), self._last + idle - perf_counter()
            if left <= 0 or count >= limit or (count and known):
                self._enough = True
                self._call.cancel()
                return
            self._timer = loop.call_later(max(left, _TICK), look)

        self._timer = loop.call_later(idle, look)

    async def reply(self, call: Call, limit: int) -> Reply:
        """Read until the call has ended."""
        under_way, responses = self._call, self._responses
        try:
            while (data := await under_way.read()) is not grpc.aio.EOF:
                if self._first is None:
                    self._first = perf_counter() - self._started
                responses.append(data)
                self._last = perf_counter()
                if len(responses) >= limit:
                    self._enough = True
                    under_way.cancel()
                    break
        except (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError):
            pass
        except asyncio.CancelledError:
            raise_if_ours(under_way)
        finally:
            if self._timer is not None:
                self._timer.cancel()
        code = (await under_way.code()).value[0]
        message = await under_way.details()
        trailers = await under_way.trailing_metadata()
        try:
            headers = await under_way.initial_metadata()
        except asyncio.CancelledError:
            raise_if_ours(under_way)
            headers = None
        return reply_of(
            call,
            code,
            message,
            seconds=perf_counter() - self._started,
            deadline=self._deadline,
            headers=headers,
            trailers=trailers,
            responses=responses,
            sent=self.sent,
            first_seconds=self._first,
            debug=await under_way.debug_error_string() if code else "",
            was_stopped=self._enough,
        )


def raise_if_ours(under_way: Any) -> None:
    """Where our own task was cancelled, rather than the call: cancel the call, too."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        under_way.cancel()
        raise asyncio.CancelledError
