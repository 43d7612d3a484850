"""Whether a server has run out of what it gives away: seats, numbers, stock. From then on little is seen of it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.events import Notice
from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.fuzz.execution.monitor import Monitor
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method

_IN_A_ROW = 6
"""So often a method that was answered OK before must say so, with no OK meanwhile."""

_MOST = 3
"""So often in a run a server is started anew for that."""

_NOTHING_LEFT = re.compile(
    r"\bno (?:more )?[\w' ]{0,40}\b(?:available|left|remaining|free|vacant)\b|\bsold[ -]?out\b|\bfully booked\b"
    r"|\b(?:is|are) (?:all )?(?:full|taken|exhausted)\b|\bout of (?:stock|seats|capacity|space)\b|\bran out\b",
    re.IGNORECASE,
)
"""What is said where something is used up, whatever the code."""

_FOR_NOW = re.compile(
    r"\brate\b|too many requests|throttl|per (?:second|minute|hour|day)|retry|try again|slow down"
    r"|larger|too large|too long|bytes|size|concurren|in flight",
    re.IGNORECASE,
)
"""What is said of a request that is too large, or comes too soon: that passes."""

_WITH_WORDS = frozenset({Code.FAILED_PRECONDITION, Code.UNAVAILABLE, Code.UNKNOWN, Code.ABORTED})


class Depletion:
    """Keeps count of those who say that nothing is left."""

    def __init__(self) -> None:
        self._gave: set[Method] = set()
        self._refused: Counter[Method] = Counter()
        self._words: dict[Method, str] = {}

    def hear(self, result: CaseResult) -> None:
        for reply in result.replies:
            method = reply.call.method
            if method is None or reply.termination is not Termination.SERVER:
                continue
            if reply.is_ok:
                self._gave.add(method)
                self._refused.pop(method, None)
            elif method in self._gave and says_nothing_is_left(reply) and not only_reads(method):
                self._refused[method] += 1
                self._words[method] = reply.message

    @property
    def of(self) -> tuple[Method, str] | None:
        """The method that gives nothing any more, and its words; None if there is none."""
        for method, times in self._refused.items():
            if times >= _IN_A_ROW:
                return method, self._words[method]
        return None

    def renew(self) -> None:
        """Forget what was refused: there is more again."""
        self._refused.clear()


class Refills:
    """Starts a server anew that has run out of what it gives away, or says that little is seen of it."""

    def __init__(self, monitor: Monitor, tell: Callable[[Notice], None]) -> None:
        self._monitor = monitor
        self._tell = tell
        self._depletion = Depletion()
        self._left = _MOST

    def hear(self, result: CaseResult) -> None:
        self._depletion.hear(result)

    @property
    def is_due(self) -> bool:
        return self._left > 0 and self._depletion.of is not None

    async def go(self) -> None:
        """Start the server anew, if that is due; where it can't be, say so, once."""
        found = self._depletion.of
        if found is None or not self._left:
            return
        method, words = found
        message = f"it says that nothing is left ({words}): "
        if self._monitor.can_renew:
            self._left -= 1
            await self._monitor.renew()
            self._depletion.renew()
            message += "the server was started anew" + (", and didn't come up" if self._monitor.is_gone else "")
        else:
            self._left = 0
            message += "little is seen from here on; with --server-cmd it would be started anew"
        self._tell(Notice(message=message, method=method))


def says_nothing_is_left(reply: Reply) -> bool:
    """Whether a refusal says that something is used up, and not that the request is too large, or comes too soon."""
    if _FOR_NOW.search(reply.message):
        return False
    if reply.code == Code.RESOURCE_EXHAUSTED:
        return True
    return reply.code in _WITH_WORDS and _NOTHING_LEFT.search(reply.message) is not None
