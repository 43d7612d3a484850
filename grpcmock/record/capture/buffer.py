"""The calls that have passed and are yet to be recorded: each distinct one is held once, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.drafting.captured_call import CapturedCall

BYTES_WAITING = 64 << 20
"""Bytes of calls that may wait to be recorded; past that, calls wait for them before they end."""

CALLS_WAITING = 200_000

_KNOWN_BYTES = 32 << 20
"""Bytes of calls that are known again when they come once more."""


class RepeatedCall:
    """Calls that were alike, one after the other."""

    __slots__ = ("captured", "count", "ended", "started")

    def __init__(self, captured: CapturedCall, started: float, ended: float) -> None:
        self.captured = captured
        self.started = started
        self.ended = ended
        self.count = 1


class CallBuffer:
    """Takes calls as they end, cheaply, and keeps them until there is time to record them. Of one event loop."""

    def __init__(self, match_metadata: Sequence[str] = ()) -> None:
        self._keys = frozenset(match_metadata)
        self._known: dict[Any, CapturedCall] = {}
        self._known_bytes = 0
        self._waiting: deque[RepeatedCall] = deque()
        self._bytes = 0
        self._room: asyncio.Event | None = None
        self.filled = asyncio.Event()
        """Set while calls wait."""
        self.calls = 0
        """How many have come."""

    def add(self, captured: CapturedCall) -> asyncio.Event | None:
        """Take a call that has ended. Where too much waits, return what is set once there is room again."""
        self.calls += 1
        last = self._waiting[-1] if self._waiting else None
        key = captured.content()
        if self._keys:
            key += (tuple(pair for pair in captured.metadata if pair[0] in self._keys),)
        known = self._known.get(key)
        if known is not None and last is not None and last.captured is known:
            last.count += 1
            last.started, last.ended = min(last.started, captured.started), captured.ended
            return None
        if known is None:
            known = captured
            self._know(key, captured)
            self._bytes += max(captured.size, 0)
        self._waiting.append(RepeatedCall(known, captured.started, captured.ended))
        self.filled.set()
        if self._bytes < BYTES_WAITING and len(self._waiting) < CALLS_WAITING:
            return None
        if self._room is None:
            self._room = asyncio.Event()
        return self._room

    def _know(self, key: Any, captured: CapturedCall) -> None:
        if self._known_bytes > _KNOWN_BYTES:
            self._known.clear()
            self._known_bytes = 0
        self._known[key] = captured
        self._known_bytes += max(captured.size, 0)

    def drain(self, limit: int) -> list[RepeatedCall]:
        """Take out the oldest calls, at most *limit* that differ from those beside them."""
        drained = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        if not self._waiting:
            self._bytes = 0
            self.filled.clear()
            if self._room is not None:
                self._room.set()
                self._room = None
        return drained
