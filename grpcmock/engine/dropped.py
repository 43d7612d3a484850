"""What a journal no longer holds: how many calls, of which methods and sessions, and how they had ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Literal, NamedTuple

from grpcmock.errors import DroppedCallsError

Outcome = Literal["answered", "unmatched", "failed"]
"""How a call has ended, for who looks for what went wrong: a call that its client cancelled counts as answered."""


class Kind(NamedTuple):
    """What is still known of a call that was dropped."""

    session: str
    """Empty if it belonged to none."""
    path: str
    """Of its method; empty if no proto declares it."""
    outcome: Outcome


kind_of = partial(tuple.__new__, Kind)
"""Makes a :class:`Kind` of a tuple; to call the class takes several times as long."""


class Dropped:
    """Counts the calls that were dropped since the journal was cleared."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Counter[Kind] | None = None) -> None:
        self._counts: Counter[Kind] = Counter() if counts is None else counts

    def add(self, kind: Kind, calls: int = 1) -> None:
        self._counts[kind] += calls

    def count(self, path: str | None = None, *, session: str | None = None, outcome: Outcome | None = None) -> int:
        """How many there are: of all, or of this method, of this session, with this outcome."""
        return sum(
            number
            for kind, number in self._counts.items()
            if (path is None or kind.path == path)
            and (session is None or kind.session == session)
            and (outcome is None or kind.outcome == outcome)
        )

    def paths(self) -> list[str]:
        """The methods of which there are any, by their paths; an empty one stands for what no proto declares."""
        return sorted({kind.path for kind in self._counts})

    def forget(self, sessions: Collection[str]) -> None:
        """Forget those of these sessions."""
        for kind in [kind for kind in self._counts if kind.session in sessions]:
            del self._counts[kind]

    def copy(self) -> Dropped:
        return Dropped(self._counts.copy())


def refusal(expected: str, there: str, dropped: int) -> DroppedCallsError:
    """Refuse a verdict on calls that the dropped ones could change.

    *expected* and *there* say in words how many calls there should be, and how many there are.
    """
    which, them = (
        ("1 call that could be of them was", "it")
        if dropped == 1
        else (f"{dropped:,} calls that could be of them were", "them")
    )
    return DroppedCallsError(
        f"Whether {expected} came can't be told: {there} in the journal, but {which} dropped from it, since it is "
        "bounded. Clear it before the calls that are to be counted begin, or raise its bounds so that it holds "
        f"{them}: journal_calls and journal_bytes of MockServer, --journal-size and --journal-bytes of grpcmock serve.",
        dropped,
    )
