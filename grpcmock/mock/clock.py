"""The clock of a mock, as tests hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError
from grpcmock.responses.delays import parse_move

if TYPE_CHECKING:
    from grpcmock.engine.clock import Clock as EngineClock
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running

Length = timedelta | float | str
"""A length of time: seconds, or a text such as ``1h`` or ``-30s``."""


class Clock:
    """The time that the mock's answers tell: ``now()`` in templates, generated times, the ends of fault profiles.

    It is the machine's until it is frozen or moved. May be used from any thread.
    """

    def __init__(self, running: Running | RemoteRunning) -> None:
        self._running = running

    @property
    def now(self) -> datetime:
        """What it shows, in UTC."""
        return self._running.call(self._clock.now)

    @property
    def is_frozen(self) -> bool:
        return self._clock.frozen

    def set(self, now: datetime) -> None:
        """Have it show *now*, and stand or go on from there as it did. Raises :class:`ConfigError` without a zone."""
        self._do(lambda: self._clock.set(_stamp(now)))

    def advance(self, by: Length) -> None:
        """Move it; back, if *by* is negative. Raises :class:`ConfigError` or :class:`StubError` for what is no time."""
        seconds = _seconds(by)
        self._do(lambda: self._clock.advance(seconds))

    def freeze(self, now: datetime | None = None) -> None:
        """Have it stand still: at *now*, or at what it shows. Raises :class:`ConfigError` without a zone."""
        self._do(lambda: self._clock.freeze(None if now is None else _stamp(now)))

    def resume(self) -> None:
        """Have it go on from where it stands."""
        self._do(self._clock.resume)

    def reset(self) -> None:
        """Have it be the machine's clock again."""
        self._do(self._clock.reset)

    @contextmanager
    def frozen(self, now: datetime | None = None) -> Iterator[Clock]:
        """Have it stand still within a block, and be the machine's clock again afterwards."""
        self.freeze(now)
        try:
            yield self
        finally:
            self.reset()

    @property
    def _clock(self) -> EngineClock:
        return self._running.engine.clock

    def _do(self, action: Callable[[], None]) -> None:
        self._running.call(action)

    def __repr__(self) -> str:
        return f"<Clock {self.now.astimezone(UTC).isoformat()}{', frozen' if self.is_frozen else ''}>"


def _stamp(now: datetime) -> float:
    if now.tzinfo is None:
        raise ConfigError(f"clock: {now!r} has no time zone: write datetime(…, tzinfo=timezone.utc).")
    return now.timestamp()


def _seconds(length: Length) -> float:
    if isinstance(length, timedelta):
        return length.total_seconds()
    if not isinstance(length, str):
        return float(length)
    return parse_move(length, "advance")
