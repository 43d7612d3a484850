"""How long a server took: the pauses of a call, as delays and intervals of the stub format."""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from grpcmock.drafting.captured_call import EventKind

if TYPE_CHECKING:
    from grpcmock.drafting.captured_call import CapturedCall

_LEAST = 0.001
"""Seconds below which a pause is none."""

_EVEN = 0.25
"""The share by which the pauses of a stream may differ from their median, and still be written as one interval."""

_SLACK = 0.005
"""Seconds that they may differ besides."""


class Timing:
    """The pauses of one call. The server's are those before what it sent."""

    def __init__(self, captured: CapturedCall) -> None:
        self._events = captured.events
        self._ended = captured.ended
        self._started = captured.started
        times = [now for what, _, now in self._events if what is EventKind.RESPONSE]
        self._gaps = [later - earlier for earlier, later in pairwise(times)]
        self._first = times[0] if times else captured.ended

    @property
    def is_even(self) -> bool:
        """Whether one interval says all the pauses between responses."""
        if not self._gaps:
            return True
        middle = statistics.median(self._gaps)
        return all(abs(gap - middle) <= middle * _EVEN + _SLACK for gap in self._gaps)

    def keys(self, *, streams: bool) -> dict[str, Any]:
        """Return ``delay``, and of a stream ``interval``."""
        asked = [
            now
            for what, _, now in self._events
            if what in (EventKind.REQUEST, EventKind.HALF_CLOSE) and now <= self._first
        ]
        keys = {"delay": _pause(self._first - (asked[-1] if asked else self._started))}
        if streams and self._gaps:
            keys["interval"] = _pause(statistics.median(self._gaps))
        return {key: value for key, value in keys.items() if value is not None}

    def before(self, number: int) -> str | None:
        """Return the pause before what the server sent as the event of this number; None if there is none."""
        what, _, now = self._events[number]
        if what not in (EventKind.HEADERS, EventKind.RESPONSE):
            return None
        return _pause(now - (self._events[number - 1][2] if number else self._started))


def _pause(seconds: float) -> str | None:
    return f"{round(seconds * 1000)}ms" if seconds >= _LEAST else None
