"""What may answer before the engine does: a table of known answers inside of a transport.

The engine fills it with answers that can't change as long as its stubs don't, and takes up what it did before anything
else happens. So nobody can tell whether a call was answered here or there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

Said = tuple[tuple[bytes, tuple[bytes, ...]], float]
"""A message of a client with its answers, and when that was, in seconds since the epoch."""


class Conversation(Protocol):
    """What messages are answered in one step of a script, where each answer rests on its message alone."""

    def remember(self, message: bytes, replies: Sequence[bytes]) -> None:
        """Remember what answers a message, whatever came before it."""


class Waiting(NamedTuple):
    """The calls that were answered and are in no journal yet."""

    calls: int = 0
    size: int = 0
    """Bytes that they take there, roughly."""
    latest: Sequence[tuple[Any, ...]] = ()
    """The last ones of them, each as a journal is told of it."""


class Front(Protocol):
    """A table of known answers."""

    def void(self) -> None:
        """Forget all answers: the stubs are about to change. What was answered so far is taken up first."""

    def pause(self, paused: bool) -> None:
        """Answer nothing until further notice, or do so again."""

    def conversation(self) -> Conversation | None:
        """Return one of which nothing is known yet; None if none can be held without the engine."""

    def count(self, latest: int = 0) -> Waiting:
        """Count what was answered since the last time, and leave it to :meth:`absorb` to note it in the journal.

        Returns what waits for that, with the *latest* of it.
        """

    def absorb(self) -> None:
        """Note in the journal what was answered since the last time, and count it."""
