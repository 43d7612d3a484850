"""Whether a service answers anything any more, where a call got no answer: a lock that is kept for good stops all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.results import Termination
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import Reply

_QUICK = 0.3
"""What was answered within so many seconds says something if it isn't any more."""

_PATIENCE = 1.0
"""So many seconds it may take then."""

_ASKED = 3
"""So many methods of a service are asked at most."""

_TRIES = 3
"""So often they are asked for each look where the machine was too busy to tell."""

_HUNG = frozenset({Termination.DEADLINE, Termination.OVERDUE})


def is_hung(reply: Reply) -> bool:
    """Whether a call had no end within the deadline that calls have of themselves."""
    return reply.termination in _HUNG and reply.call.raw is None and reply.call.deadline is None


class Standstill:
    """Remembers calls that change nothing and were answered quickly, and makes them again to see if they still are."""

    def __init__(self, perform: Callable[[Call], Awaitable[Reply]]) -> None:
        self._perform = perform
        self._answered: dict[str, dict[str, Call]] = {}
        """By service and path: a call of each method, one with OK rather than another."""
        self._with_ok: set[str] = set()

    def note(self, reply: Reply) -> None:
        """Hear how a call has ended."""
        call, method = reply.call, reply.call.method
        if method is None or method.kind is not MethodKind.UNARY or call.raw is not None or call.path in self._with_ok:
            return
        if reply.termination is not Termination.SERVER or reply.seconds > _QUICK or not only_reads(method):
            return
        self._answered.setdefault(method.service, {})[call.path] = call
        if reply.is_ok:
            self._with_ok.add(call.path)

    async def seen_by(self, replies: Sequence[Reply], *, looks: int = 1) -> str:
        """Return the service of a call without an answer if none of its methods that used to answer does so any more,
        so many times in a row; empty if one does, or nobody can tell."""
        hung = [reply.call.method for reply in replies if is_hung(reply)]
        for service in dict.fromkeys(method.service for method in hung if method is not None):
            known = list(self._answered.get(service, {}).values())[:_ASKED]
            if known and await self._stay_silent(known, looks):
                return service
        return ""

    async def _stay_silent(self, calls: Sequence[Call], looks: int) -> bool:
        for _ in range(looks):
            if not await self._are_silent(calls):
                return False
        return True

    async def _are_silent(self, calls: Sequence[Call]) -> bool:
        for _ in range(_TRIES):
            ends = await self._ends(calls)
            if Termination.STARVED not in ends:
                return ends <= _HUNG
        return False

    async def _ends(self, calls: Sequence[Call]) -> set[Termination]:
        """Make calls at once, and return how they ended, up to the first with an answer."""
        asked = [asyncio.ensure_future(self._perform(replace(call, deadline=_PATIENCE))) for call in calls]
        ends: set[Termination] = set()
        try:
            for answer in asyncio.as_completed(asked):
                ends.add((await answer).termination)
                if Termination.SERVER in ends:
                    return {Termination.SERVER}
        finally:
            for task in asked:
                task.cancel()
        return ends
