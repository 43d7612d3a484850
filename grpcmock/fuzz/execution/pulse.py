"""How late the machine is while calls are under way: what doesn't come in time then may be no fault of the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.execution.contention import Contention, Delays

_BEAT = 0.1
"""Seconds from one beat to the next."""


class Pulse:
    """Beats while calls are under way, and adds up how late its beats were, or how long the server had no processor."""

    def __init__(self) -> None:
        self._contention: Contention | None = None
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._late = 0.0
        self._before: Delays = ()
        """How long the server and we had waited for a processor at the last beat."""

    def look_at(self, contention: Contention) -> None:
        """Go by how long these processes wait, from the next beat on."""
        self._contention = contention
        self._before = ()

    def begin(self) -> float:
        """Hear that a call begins. Returns what :meth:`end` wants to know of it."""
        self._under_way += 1
        if self._timer is None:
            self._before = ()
            self._next()
        return self._late

    def end(self, began: float) -> float:
        """Hear that a call has ended. Returns for how many of its seconds the machine had other things to do."""
        self._under_way -= 1
        late = self._late - began + max(asyncio.get_running_loop().time() - self._due, 0.0)
        if not self._under_way and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return late

    def _next(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + _BEAT
        self._timer = loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        late = max(asyncio.get_running_loop().time() - self._due, 0.0)
        if self._contention is not None:
            if self._before:
                late = max(late, self._contention.seconds_since(self._before, of_server=True))
            self._before = self._contention.begin()
        self._late += late
        self._next()
