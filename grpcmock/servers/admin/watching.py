"""Calls, told as they end, or as they go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from grpcmock.engine.call_record import CallRecord
from grpcmock.servers.admin.call_filter import CallFilter
from grpcmock.servers.admin.call_messages import CallWriter
from grpcmock.servers.admin.calls import after, meant
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.given_answers import CompactCall
    from grpcmock.engine.journal import Journal
    from grpcmock.servers.admin.behaviors import Behaviors, Steered
    from grpcmock.status import Metadata

    Kept = CallRecord | CompactCall

_WAITING = 1_000
"""Calls that may wait for a watcher that reads slowly; what comes then is skipped."""

_LOOK = 0.05
"""Seconds between two looks at what was answered without the engine, which goes on meanwhile."""

_TURN = 0.1
"""Seconds from one turn to the next, at least, for a watcher who wants the latest calls alone."""

_AT_ONCE = 64
"""Calls in brief that are written at once: to send each by itself costs as much as all the rest of it."""

_SHARE = 1 / 150
"""The part of the time, at most, that it takes to tell such a watcher: where calls come fast, it is told less often."""

_LONGEST = 2.0
"""Seconds between two turns that it is told all the same."""


def behaviors(steered: Steered) -> Behaviors:
    """Give what streams calls."""

    async def watch(request: Any, context: Any, response_class: type[Message]) -> AsyncIterator[Sequence[Message]]:
        journal = steered.engine.journal
        chosen = CallFilter(request, steered.engine)
        writer = CallWriter(steered, request)
        waiting = Waiting(journal, chosen, request.latest)
        last = _last_event(context.invocation_metadata() or ())
        # Taken at the same moment as it begins to follow, so that each call is told once.
        past = after(journal.unread(), last) if last or request.replay else ()
        end = (journal.follow if request.under_way else journal.subscribe)(waiting.take, patient=True)
        try:
            await context.send_initial_metadata(())
            async for kept in meant(past, chosen):
                yield (response_class(call=writer.write(journal.read(kept))),)
            while (calls := await waiting.turn(steered.draining)) is not None:
                skipped = waiting.skipped()
                at_once = _AT_ONCE if request.brief else 1
                for begin in range(0, len(calls), at_once):
                    with waiting.costly():
                        some = map(journal.read, calls[begin : begin + at_once])
                        told: list[Any] = [response_class(call=writer.write(call)) for call in some]
                        told[0].skipped, skipped = skipped, 0
                        yield told
            raise RefusedError(Code.UNAVAILABLE, "The server is shutting down.")
        finally:
            end()

    return {"WatchCalls": watch}


class Waiting:
    """The calls that a watcher hasn't been told of yet, each once, however much has happened in it meanwhile.

    Of more calls than fit, the last ones are skipped, and for a watcher who wants the *latest* the first ones.
    """

    def __init__(self, journal: Journal, chosen: CallFilter, latest: int) -> None:
        self._journal = journal
        self._chosen = chosen
        self._latest = latest
        self._calls: dict[int, Kept] = {}
        self._seen = 0
        """The last of the calls that were seen before they entered the journal."""
        self._came = asyncio.Event()
        self._skipped = 0
        self._began = 0.0
        """When the last turn did."""
        self._spent = 0.0
        """Seconds of the processor that it has taken since."""

    @contextmanager
    def costly(self) -> Iterator[None]:
        """Count what is done in this context as spent for this watcher, with what is done beside it in a pause."""
        before = time.thread_time()
        try:
            yield
        finally:
            self._spent += time.thread_time() - before

    @property
    def pause(self) -> float:
        """Seconds from one turn to the next, for a watcher who wants the latest calls alone."""
        return max(_TURN, min(self._spent / _SHARE, _LONGEST))

    def take(self, call: Kept) -> None:
        if call.id <= self._seen and not isinstance(call, CallRecord):
            return
        if not (self._chosen.takes_all or self._chosen.holds(call)):
            return
        if not self._came.is_set():
            self._came.set()
        if self._latest > 0:
            self._calls[call.id] = call
            if len(self._calls) > self._latest:
                self._skipped += not self._calls.pop(next(iter(self._calls))).under_way
        elif len(self._calls) < _WAITING or call.id in self._calls:
            self._calls[call.id] = call
        elif not call.under_way:
            self._skipped += 1

    async def turn(self, draining: asyncio.Event) -> list[Kept] | None:
        """Wait for calls, and return them; None once the server is *draining*."""
        now = asyncio.get_running_loop().time
        if self._latest > 0 and (left := self._began + self.pause - now()) > 0:
            await _first_of(draining, seconds=left)
        self._spent = 0.0
        self._look()
        while not self._calls and not draining.is_set():
            self._came.clear()
            await _first_of(self._came, draining, seconds=_LOOK if self._journal.front is not None else None)
            self._look()
        if draining.is_set():
            return None
        self._began = now()
        calls, self._calls = self._calls, {}
        return list(calls.values())

    def _look(self) -> None:
        """Take what was answered without the engine: where the latest calls do, these alone leave the transport."""
        with self.costly():
            if not self._chosen.takes_all or self._latest <= 0:
                self._journal.catch_up()
                return
            waiting, latest = self._journal.waiting(self._latest)
            if latest:
                last = latest[-1].id
                new = latest[max(self._seen - last, -len(latest)) :] if last > self._seen else []
                self._skipped += min(last - self._seen, waiting) - len(new)
                for call in new:
                    self.take(call)
                self._seen = last

    def skipped(self) -> int:
        """Return how many calls were left out since the last time."""
        skipped, self._skipped = self._skipped, 0
        return skipped


async def _first_of(*events: asyncio.Event, seconds: float | None) -> None:
    """Wait until one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _last_event(metadata: Metadata) -> int:
    """Return the id of the last call that a client saw before it lost the connection; 0 if it says none."""
    given = dict(metadata).get("last-event-id", "")
    return int(given) if isinstance(given, str) and given.isascii() and given.isdecimal() else 0
