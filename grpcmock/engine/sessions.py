"""The sessions of a mock: found by the metadata of a call, and ended when nobody uses them any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.engine.journal import Note
from grpcmock.engine.session import Session
from grpcmock.errors import ConfigError
from grpcmock.status import SESSION_KEY, session_of

if TYPE_CHECKING:
    from grpcmock.engine.journal import Journal
    from grpcmock.status import Metadata

_MOST = 10_000
"""Sessions that there may be at once; of more, those end that weren't used for the longest time."""

_AT_ONCE = 1 / 100
"""The part that ends together then: to take their calls out of the journal takes as long for many as for one."""

_SWEEP = 1 / 16
"""The part of the time after which a session ends in which calls look for such sessions once, for the same reason."""

_LONGEST_NAME = 200


def check_name(name: str) -> None:
    """Raise :class:`ConfigError` for the name of a session that no call could give."""
    if not (name.isascii() and name.isprintable() and name.strip() == name and 0 < len(name) <= _LONGEST_NAME):
        raise ConfigError(
            f"session: {name[:50]!r} can't be the name of a session: it is sent as the metadata {SESSION_KEY}, and so "
            f"is made of 1 to {_LONGEST_NAME} printable ASCII characters, with no space at its ends."
        )


class Sessions:
    """The sessions by name, the one that was used last at the end. A session begins when it is first used.

    There is no timer: when a session begins, those end whose time is over, if nobody has looked for them in a while.
    Who wants them to end sooner says :meth:`expire` now and then.
    """

    def __init__(
        self, journal: Journal, idle: float, wall_clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        """*idle* is the time after which a session ends that isn't used, in seconds."""
        self._journal = journal
        self._idle = idle
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._next_sweep = 0.0
        self._sessions: dict[str, Session] = {}
        self.ended: Callable[[Collection[str]], None] = lambda _: None
        """Is told of sessions that end, to remove what else they hold."""

    def of(self, metadata: Metadata) -> Session | None:
        """Give the session of a call with these metadata; None if it belongs to none."""
        name = session_of(metadata)
        return self.use(name) if name else None

    def use(self, name: str) -> Session:
        """Give a session; it begins now if it isn't there."""
        now = self._monotonic()
        session = self._sessions.pop(name, None)
        if session is None:
            if now >= self._next_sweep:
                self.expire()
            session = Session(name, self._wall_clock(), now)
        session.used = now
        self._sessions[name] = session
        if len(self._sessions) > _MOST:
            self._end(list(islice(self._sessions, max(1, int(_MOST * _AT_ONCE)))), f"there are more than {_MOST:,}")
        return session

    def get(self, name: str) -> Session | None:
        """Give a session without using it; None if there is none of this name."""
        return self._sessions.get(name)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def expires(self, session: Session) -> float:
        """When a session ends if it isn't used before: seconds since the epoch."""
        return session.last_used + self._idle

    def expire(self) -> None:
        """End the sessions that weren't used for too long. One with a call under way is in use."""
        now = self._monotonic()
        self._next_sweep = now + _SWEEP * self._idle
        idle: list[str] = []
        for session in self._sessions.values():
            if now - session.used < self._idle:
                break
            idle.append(session.name)
        if not idle:
            return
        busy = {call.session for call in self._journal.under_way}
        for name in busy.intersection(idle):
            session = self._sessions[name] = self._sessions.pop(name)
            session.used = now
        self._end([name for name in idle if name not in busy], "it was not used any more")

    def end(self, name: str) -> bool:
        """End a session, with all that it holds, its calls in the journal among it. Return whether there was one."""
        was_there = self._sessions.pop(name, None) is not None
        self._journal.forget((name,))
        self.ended((name,))
        return was_there

    def _end(self, names: Collection[str], why: str) -> None:
        if not names:
            return
        for name in names:
            session = self._sessions.pop(name)
            if len(session):
                stubs = "1 stub" if len(session) == 1 else f"{len(session)} stubs"
                text = f"The session {name!r} has ended with its {stubs}: {why}."
                self._journal.note(Note(self._wall_clock(), "info", text))
        self._journal.forget(frozenset(names))
        self.ended(names)
