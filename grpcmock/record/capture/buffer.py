"""The calls that have passed and are yet to be told: each distinct one is held once, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.record.capture.captured_call import Passage

BYTES_WAITING = 64 << 20
"""Bytes of calls that may wait to be told; past that, calls wait for them before they end."""

CALLS_WAITING = 200_000

_KNOWN_BYTES = 32 << 20
"""Bytes of calls that are known again when they come once more."""


class Run:
    """Calls that were alike, one after the other."""

    __slots__ = ("count", "ended", "passage", "started")

    def __init__(self, passage: Passage, started: float, ended: float) -> None:
        self.passage = passage
        self.started = started
        self.ended = ended
        self.count = 1


class Tape:
    """Takes calls as they end, cheaply; gives them to whoever has the time to tell them. Of one event loop."""

    def __init__(self, match_metadata: Sequence[str] = ()) -> None:
        self._keys = frozenset(match_metadata)
        self._known: dict[Any, Passage] = {}
        self._known_bytes = 0
        self._waiting: deque[Run] = deque()
        self._bytes = 0
        self._room: asyncio.Event | None = None
        self.news = asyncio.Event()
        """Set while calls wait."""
        self.calls = 0
        """How many have come."""

    def take(self, passage: Passage) -> asyncio.Event | None:
        """Take a call that has ended. Where too much waits, it gives what is set once there is room again."""
        self.calls += 1
        last = self._waiting[-1] if self._waiting else None
        key = passage.content()
        if self._keys:
            key += (tuple(pair for pair in passage.metadata if pair[0] in self._keys),)
        known = self._known.get(key)
        if known is not None and last is not None and last.passage is known:
            last.count += 1
            last.started, last.ended = min(last.started, passage.started), passage.ended
            return None
        if known is None:
            known = passage
            self._know(key, passage)
            self._bytes += max(passage.size, 0)
        self._waiting.append(Run(known, passage.started, passage.ended))
        self.news.set()
        if self._bytes < BYTES_WAITING and len(self._waiting) < CALLS_WAITING:
            return None
        if self._room is None:
            self._room = asyncio.Event()
        return self._room

    def _know(self, key: Any, passage: Passage) -> None:
        if self._known_bytes > _KNOWN_BYTES:
            self._known.clear()
            self._known_bytes = 0
        self._known[key] = passage
        self._known_bytes += max(passage.size, 0)

    def give(self, most: int) -> list[Run]:
        """Give at most so many runs of calls, the oldest first."""
        given = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        if not self._waiting:
            self._bytes = 0
            self.news.clear()
            if self._room is not None:
                self._room.set()
                self._room = None
        return given
