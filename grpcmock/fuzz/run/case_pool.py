"""Cases under way: each is made along with those others that mean nothing to it, and judged in a steady order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.run.isolation import Isolation, isolation_of

if TYPE_CHECKING:
    from grpcmock.fuzz.execution.executor import Executor
    from grpcmock.fuzz.execution.monitor import Monitor
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import CaseResult, Health

_WAITING = 24
"""So many cases are made at once that do little but wait."""

_WATCHING = 16
"""So many cases wait together to see that nothing changes."""

_PENDING = 8
"""So many cases are kept back that don't go along with those under way, before they get their turn."""

_PATIENT = frozenset({Isolation.WATCHERS, Isolation.LEAVERS})
_CROWDS = frozenset({Isolation.ANY, Isolation.READERS, *_PATIENT})

_DISTURBED = frozenset({Isolation.READERS, *_PATIENT})
"""Those with which others may look wrong for no other reason than that they were about."""

Evaluate = Callable[["Case", "CaseResult"], Collection["Finding"]]
"""Gives what is wrong with what was seen of a case."""

Take = Callable[["Case", "CaseResult"], Awaitable[None]]
"""Takes up what was seen of a case."""


@dataclass(frozen=True, slots=True)
class _Flying:
    case: Case
    kind: Isolation
    task: asyncio.Task[CaseResult]
    revivals: int
    """How often the server had been brought back when it began."""


class _Seen(NamedTuple):
    case: Case
    result: CaseResult
    is_cut: bool = False
    """Whether it tells nothing, for its connection was dropped when the server came back."""


class CasePool:
    """Makes the cases that are added, up to so many at once, and hands on what was seen of each.

    One is only taken up when there has to be room for another, so that which cases are made together, and in which
    order they are taken up, depends on the cases alone and not on how fast their answers come.
    """

    def __init__(self, executor: Executor, monitor: Monitor, *, evaluate: Evaluate, take: Take, workers: int) -> None:
        self._executor = executor
        self._monitor = monitor
        self._evaluate = evaluate
        self._take = take
        self._workers = max(workers, 1)
        self._kind = Isolation.NONE
        self._crowd: deque[_Flying] = deque()
        self._waiting: deque[_Flying] = deque()
        self._pending: dict[Isolation, list[Case]] = {kind: [] for kind in Isolation}

    async def add(self, case: Case) -> None:
        """Make a case, now or before long."""
        kind = isolation_of(case, self._executor.open_ended) if self._workers > 1 else Isolation.NONE
        pending = self._pending[kind]
        pending.append(case)
        if kind is Isolation.WAITING:
            if len(pending) >= _WAITING:
                await self._launch_waiting()
        elif kind in _PATIENT:
            if len(pending) >= _WATCHING:
                await self._turn_to(kind)
        elif kind in (self._kind, Isolation.NONE) or not self._crowd or len(pending) >= _PENDING:
            await self._turn_to(kind)

    async def land(self) -> None:
        """Make all that is pending, and take up all that is under way."""
        for kind in Isolation:
            if self._pending[kind] and kind is not Isolation.WAITING:
                await self._turn_to(kind)
        await self._land_all(self._crowd)
        await self._launch_waiting()
        await self._land_all(self._waiting)

    def abandon(self) -> None:
        """Drop what is under way."""
        for flying in (*self._crowd, *self._waiting):
            flying.task.cancel()

    async def _turn_to(self, kind: Isolation) -> None:
        """Make the pending cases of a kind."""
        if kind is not self._kind:
            await self._land_all(self._crowd)
            self._kind = kind
        pending, self._pending[kind] = self._pending[kind], []
        for case in pending:
            if self._monitor.is_gone:
                return
            if kind in _CROWDS:
                if len(self._crowd) >= (_WATCHING if kind in _PATIENT else self._workers):
                    await self._land(self._crowd.popleft())
                self._crowd.append(self._launched(case, kind))
            else:
                await self._make_alone(case, kind)

    async def _make_alone(self, case: Case, kind: Isolation) -> None:
        if kind is Isolation.NONE:
            await self._land_all(self._waiting)
        result = await self._monitor.observe(case)
        if self._waiting and (_is_lost(result) or not result.health.is_well):
            await self._find_out([_Seen(case, result), *await self._seen(self._waiting)], result.health)
            return
        await self._take(case, result)

    def _launched(self, case: Case, kind: Isolation) -> _Flying:
        return _Flying(case, kind, asyncio.create_task(self._executor.run(case)), self._monitor.revivals)

    async def _launch_waiting(self) -> None:
        await self._land_all(self._waiting)
        self._waiting.extend(self._launched(case, Isolation.WAITING) for case in self._pending[Isolation.WAITING])
        self._pending[Isolation.WAITING] = []

    async def _land_all(self, flying: deque[_Flying]) -> None:
        while flying:
            await self._land(flying.popleft())

    async def _land(self, flying: _Flying) -> None:
        case, result = flying.case, await flying.task
        if flying.revivals != self._monitor.revivals:
            result = await self._monitor.observe(case)  # its connection was dropped when the server came back
        elif _is_lost(result):
            others = [*await self._seen(self._crowd), *await self._seen(self._waiting)]
            await self._find_out([_Seen(case, result), *others], await self._monitor.revive())
            return
        elif flying.kind in _DISTURBED and self._evaluate(case, result):
            result = await self._monitor.observe(case)  # the others may be what is wrong with it
        await self._take(case, result)

    async def _seen(self, flying: deque[_Flying]) -> list[_Seen]:
        """Wait for cases under way, and give what was seen of them."""
        now = self._monitor.revivals
        seen = [_Seen(one.case, await one.task, is_cut=one.revivals != now) for one in flying]
        flying.clear()
        return seen

    async def _find_out(self, seen: Sequence[_Seen], health: Health) -> None:
        """Find out which of the cases that were under way has brought the server down: make each alone.

        It is most likely one of those whose connection was lost. If none of them does it again, the others are made. If
        none at all does, the first is taken up for all: what brought the server down was more than one of them.
        """
        suspects = sorted(seen, key=lambda one: not _is_lost(one.result))
        # A raw request may break HTTP/2 itself, for which its own connection is dropped.
        is_harmless = health.is_well and all(_is_raw(one.result) for one in seen if _is_lost(one.result))
        found = is_harmless or self._monitor.is_gone
        made = []
        for one in suspects:
            again = one.result
            if self._monitor.is_gone:
                again = replace(again, health=health)
            elif not found or one.is_cut or (_is_lost(again) and not is_harmless):
                again = await self._monitor.observe(one.case)
                found = found or not again.health.is_well
            made.append((one.case, again))
        if not found and not health.is_well:
            made[0] = (suspects[0].case, replace(suspects[0].result, health=health))
        for case, result in made:
            await self._take(case, result)


def _is_lost(result: CaseResult) -> bool:
    return any(reply.termination is Termination.LOST for reply in result.replies)


def _is_raw(result: CaseResult) -> bool:
    return all(reply.call.raw is not None for reply in result.replies if reply.termination is Termination.LOST)
