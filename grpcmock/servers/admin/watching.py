"""Calls, told as they end, or as they go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from grpcmock.servers.admin.call_filter import CallFilter
from grpcmock.servers.admin.call_messages import CallWriter
from grpcmock.servers.admin.calls import after
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.servers.admin.behaviors import Behaviors, Steered
    from grpcmock.status import Metadata

_WAITING = 1_000
"""Calls that may wait for a watcher that reads slowly; what comes then is skipped."""


def behaviors(steered: Steered) -> Behaviors:
    """Give what streams calls."""

    async def watch(request: Any, context: Any, response_class: type[Message]) -> AsyncIterator[Message]:
        journal = steered.engine.journal
        chosen = CallFilter(request, steered.engine)
        writer = CallWriter(steered, request)
        waiting = _Waiting(chosen)
        last = _last_event(context.invocation_metadata() or ())
        past = [call for call in after(journal.unread(), last) if chosen.holds(call)] if last or request.replay else []
        end = journal.follow(waiting.take) if request.under_way else journal.subscribe(waiting.take)
        try:
            await context.send_initial_metadata(())
            for call in past:
                yield response_class(call=writer.write(journal.read(call)))
            while (told := await waiting.next(steered.draining)) is not None:
                yield response_class(call=writer.write(told), skipped=waiting.skipped())
            raise RefusedError(Code.UNAVAILABLE, "The server is shutting down.")
        finally:
            end()

    return {"WatchCalls": watch}


class _Waiting:
    """The calls that a watcher hasn't been told of yet, each once, however much has happened in it meanwhile."""

    def __init__(self, chosen: CallFilter) -> None:
        self._chosen = chosen
        self._calls: dict[int, CallRecord] = {}
        self._came = asyncio.Event()
        self._skipped = 0

    def take(self, call: CallRecord) -> None:
        if not self._chosen.holds(call):
            return
        if len(self._calls) < _WAITING or call.id in self._calls:
            self._calls[call.id] = call
            self._came.set()
        elif not call.under_way:
            self._skipped += 1

    async def next(self, draining: asyncio.Event) -> CallRecord | None:
        """Return the next call; None once the server is *draining*."""
        if not self._calls:
            self._came.clear()
            waits = [asyncio.ensure_future(event.wait()) for event in (self._came, draining)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        if draining.is_set():
            return None
        return self._calls.pop(next(iter(self._calls)))

    def skipped(self) -> int:
        """Return how many calls were left out since the last time."""
        skipped, self._skipped = self._skipped, 0
        return skipped


def _last_event(metadata: Metadata) -> int:
    """Return the id of the last call that a client saw before it lost the connection; 0 if it says none."""
    given = dict(metadata).get("last-event-id", "")
    return int(given) if isinstance(given, str) and given.isascii() and given.isdecimal() else 0
