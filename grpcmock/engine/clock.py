"""The clock that a mock tells: the machine's, until it is frozen or moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from grpcmock.errors import ConfigError

EARLIEST = datetime(1, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""Between these a ``google.protobuf.Timestamp`` can stand."""


class Clock:
    """Tells seconds since the epoch: for ``now()`` in templates, times that are generated, and the ends of faults.

    Calls in the journal are told in the machine's time, and so are the pauses of answers.
    """

    def __init__(self, machine: Callable[[], float]) -> None:
        self._machine = machine
        self._offset = 0.0
        self._stands_at: float | None = None

    def __call__(self) -> float:
        """Return the seconds since the epoch."""
        return self._machine() + self._offset if self._stands_at is None else self._stands_at

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.fromtimestamp(self(), UTC)

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._stands_at is not None

    @property
    def offset(self) -> float:
        """How many seconds it is ahead of the machine's clock; negative if it is behind."""
        return self._offset if self._stands_at is None else self._stands_at - self._machine()

    def set(self, now: float) -> None:
        """Have it show *now*, and stand or go from there as it did. Raises :class:`ConfigError` out of all bounds."""
        if not EARLIEST <= now <= LATEST:
            raise ConfigError("The clock shows the years 1 to 9999 alone.")
        if self._stands_at is None:
            self._offset = now - self._machine()
        else:
            self._stands_at = now

    def advance(self, seconds: float) -> None:
        """Move it by so many *seconds*, back if they are negative. Raises :class:`ConfigError` out of all bounds."""
        self.set(self() + seconds)

    def freeze(self, now: float | None = None) -> None:
        """Have it stand still: at *now*, or at what it shows. Raises :class:`ConfigError` as :meth:`set` does."""
        if now is not None:
            self.set(now)
        self._stands_at = self() if now is None else now

    def resume(self) -> None:
        """Have it go on from where it stands."""
        if self._stands_at is not None:
            self._offset, self._stands_at = self.offset, None

    def reset(self) -> None:
        """Have it be the machine's clock again."""
        self._offset, self._stands_at = 0.0, None

    def give_back(self) -> None:
        """Have it be the machine's clock again where this one has been frozen or moved."""
        self.reset()
