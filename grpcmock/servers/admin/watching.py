"""Calls, told as they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from grpcmock.servers.admin.call_filter import after, filter_of
from grpcmock.servers.admin.call_messages import CallWriter
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
        holds = filter_of(request, steered.engine.registry, journal)
        writer = CallWriter(steered.service, request)
        waiting: asyncio.Queue[CallRecord] = asyncio.Queue(_WAITING)
        skipped = 0

        def listen(call: CallRecord) -> None:
            nonlocal skipped
            if not holds(call):
                return
            try:
                waiting.put_nowait(call)
            except asyncio.QueueFull:
                skipped += 1

        last = _last_event(context.invocation_metadata() or ())
        past = [call for call in after(journal, last) if holds(call)] if last or request.replay else []
        end = journal.subscribe(listen)
        ending = asyncio.ensure_future(steered.draining.wait())
        try:
            await context.send_initial_metadata(())
            for call in past:
                yield response_class(call=writer.write(call))
            while not steered.draining.is_set():
                taking = asyncio.ensure_future(waiting.get())
                await asyncio.wait((taking, ending), return_when=asyncio.FIRST_COMPLETED)
                if not taking.done():
                    taking.cancel()
                    break
                skipped_before, skipped = skipped, 0
                yield response_class(call=writer.write(taking.result()), skipped=skipped_before)
            raise RefusedError(Code.UNAVAILABLE, "The server is shutting down.")
        finally:
            end()
            ending.cancel()

    return {"WatchCalls": watch}


def _last_event(metadata: Metadata) -> int:
    """Return the id of the last call that a client saw before it lost the connection; 0 if it says none."""
    given = dict(metadata).get("last-event-id", "")
    return int(given) if isinstance(given, str) and given.isascii() and given.isdecimal() else 0
