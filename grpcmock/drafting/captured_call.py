"""One call as it passed through: raw bytes, in the order in which they came, and how it ended."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.status import Metadata

EVENTS_KEPT = 20_000
"""Events kept of one call; a call with more is passed on, but not recorded."""

BYTES_KEPT = 16 << 20
"""Bytes of messages kept of one call."""

_OVERHEAD = 1_500
"""Bytes that a call takes besides its messages, roughly."""

_EVENT_OVERHEAD = 150


class EventKind(IntEnum):
    """What can happen in a call."""

    REQUEST = 0
    HALF_CLOSE = 1
    HEADERS = 2
    RESPONSE = 3


Event = tuple[EventKind, Any, float]
"""What happened, its bytes or metadata, and when, in seconds of a clock that only goes forward."""


class CapturedCall:
    """One call: written while it passes, read when it has ended."""

    __slots__ = (
        "code",
        "ended",
        "events",
        "incomplete",
        "message",
        "metadata",
        "path",
        "recorded",
        "size",
        "started",
        "trailers",
    )

    def __init__(self, path: str, metadata: Metadata, started: float) -> None:
        self.path = path
        self.metadata = metadata
        """That of the request."""
        self.started = self.ended = started
        self.events: list[Event] = []
        self.code = Code.OK
        self.message = ""
        self.trailers: Metadata = ()
        self.incomplete = ""
        """Why the answer is not the server's own, or not whole; empty if it is."""
        self.size = _OVERHEAD
        """Bytes that it takes, roughly."""
        self.recorded: Any = None
        """What became of it, kept by whoever records it: the same call need not be looked at twice."""

    def add(self, kind: EventKind, payload: Any, now: float) -> None:
        """Note an event; past the bounds nothing of the call is kept."""
        if self.size < 0:
            return
        self.size += _EVENT_OVERHEAD + (len(payload) if payload else 0)
        if len(self.events) >= EVENTS_KEPT or self.size > BYTES_KEPT:
            self.events.clear()
            self.size = -1
            return
        self.events.append((kind, payload, now))

    def forget(self) -> None:
        """Let the messages go, once they have been recorded."""
        self.events = []

    @property
    def is_too_long(self) -> bool:
        return self.size < 0

    @property
    def name(self) -> str:
        """The method as stubs write it."""
        return self.path.removeprefix("/")

    def content(self) -> tuple[Any, ...]:
        """Return all that tells this call from others, without its times and the metadata of its request."""
        said = tuple((kind, payload) for kind, payload, _ in self.events)
        return self.path, said, self.code, self.message, self.trailers, self.incomplete, self.is_too_long

    def messages(self, kind: EventKind) -> list[bytes]:
        return [payload for found, payload, _ in self.events if found is kind]

    @property
    def headers(self) -> Metadata:
        """The initial metadata of the answer."""
        return next((payload for kind, payload, _ in self.events if kind is EventKind.HEADERS), ())
