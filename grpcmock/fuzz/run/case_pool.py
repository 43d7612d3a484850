"""Cases under way: each is made along with those others that mean nothing to it, and checked in a steady order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.fuzz.execution.standstill import is_hung
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.run.isolation import Isolation, isolation_of

if TYPE_CHECKING:
    from grpcmock.fuzz.execution.executor import Executor
    from grpcmock.fuzz.execution.monitor import Monitor
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import CaseResult, Health

_MAX_IDLE = 24
"""So many cases are made at once that do little but wait."""

_MAX_WATCHING = 16
"""So many cases wait together to see that nothing changes."""

_MAX_PENDING = 8
"""So many cases are kept back that don't go along with those under way, before they get their turn."""

_PATIENT = frozenset({Isolation.WATCHING, Isolation.UNFINISHED})
_CROWDS = frozenset({Isolation.ANY, Isolation.READ_ONLY, *_PATIENT})

_DISTURBED = frozenset({Isolation.READ_ONLY, *_PATIENT})
"""Those with which others may look wrong for no other reason than that they were about."""

Evaluate = Callable[["Case", "CaseResult"], Collection["Finding"]]
"""Returns what is wrong with what was seen of a case."""

Outcome = tuple["Case", "CaseResult"]
"""A case that was made, and what was seen of it."""


@dataclass(frozen=True, slots=True)
class _Running:
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
    """Makes cases, up to so many at once, and gives back what was seen of each.

    One is only given back when there has to be room for another, so that which cases are made together, and in which
    order they are given back, depends on the cases alone and not on how fast their answers come.
    """

    def __init__(self, executor: Executor, monitor: Monitor, *, evaluate: Evaluate, workers: int) -> None:
        self._executor = executor
        self._monitor = monitor
        self._evaluate = evaluate
        self._workers = max(workers, 1)
        self._kind = Isolation.EXCLUSIVE
        """What the cases of the crowd have in common."""
        self._outcomes: list[Outcome] = []
        self._crowd: deque[_Running] = deque()
        self._idle: deque[_Running] = deque()
        self._pending: dict[Isolation, list[Case]] = {kind: [] for kind in Isolation}

    async def add(self, case: Case) -> list[Outcome]:
        """Make a case, now or before long. Returns the cases that ended with that, in their order."""
        kind = isolation_of(case, self._executor.open_ended) if self._workers > 1 else Isolation.EXCLUSIVE
        pending = self._pending[kind]
        pending.append(case)
        if kind is Isolation.MOSTLY_IDLE:
            is_due = len(pending) >= _MAX_IDLE
        elif kind in _PATIENT:
            is_due = len(pending) >= _MAX_WATCHING
        else:
            is_due = kind in (self._kind, Isolation.EXCLUSIVE) or not self._crowd or len(pending) >= _MAX_PENDING
        if is_due:
            await self._start(kind)
        return self._taken()

    async def drain(self) -> list[Outcome]:
        """Make all that is pending, and wait for all that is in flight. Returns the cases that ended with that."""
        for kind in Isolation:
            if self._pending[kind] and kind is not Isolation.MOSTLY_IDLE:
                await self._start(kind)
        await self._finish_all(self._crowd)
        await self._start_idle()
        await self._finish_all(self._idle)
        return self._taken()

    def put_off(self) -> list[Case]:
        """Take back the cases that are pending, and return them: there is no time for them now."""
        cases = [case for pending in self._pending.values() for case in pending]
        self._pending = {kind: [] for kind in Isolation}
        return cases

    def cancel(self) -> None:
        """Drop what is in flight."""
        for running in (*self._crowd, *self._idle):
            running.task.cancel()

    def _taken(self) -> list[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    async def _start(self, kind: Isolation) -> None:
        """Make the pending cases of a kind."""
        if kind is Isolation.MOSTLY_IDLE:
            await self._start_idle()
            return
        if kind is not self._kind:
            await self._finish_all(self._crowd)
            self._kind = kind
        pending, self._pending[kind] = self._pending[kind], []
        for case in pending:
            if self._monitor.is_gone:
                return
            if kind in _CROWDS:
                if len(self._crowd) >= (_MAX_WATCHING if kind in _PATIENT else self._workers):
                    await self._finish(self._crowd.popleft())
                self._crowd.append(self._launched(case, kind))
            else:
                await self._make_alone(case, kind)

    async def _start_idle(self) -> None:
        """Make the pending cases that do little but wait, once those before them have ended."""
        await self._finish_all(self._idle)
        pending, self._pending[Isolation.MOSTLY_IDLE] = self._pending[Isolation.MOSTLY_IDLE], []
        self._idle.extend(self._launched(case, Isolation.MOSTLY_IDLE) for case in pending)

    async def _make_alone(self, case: Case, kind: Isolation) -> None:
        if kind is Isolation.EXCLUSIVE:
            await self._finish_all(self._idle)
        result = await self._monitor.observe(case)
        if self._idle and (_is_lost(result) or not result.health.is_well):
            seen = [_Seen(case, result), *await self._seen(self._idle)]
            await self._find_out(seen, result.health)
            return
        self._outcomes.append((case, result))

    def _launched(self, case: Case, kind: Isolation) -> _Running:
        return _Running(case, kind, asyncio.create_task(self._executor.run(case)), self._monitor.revivals)

    async def _finish_all(self, running: deque[_Running]) -> None:
        while running:
            await self._finish(running.popleft())

    async def _finish(self, running: _Running) -> None:
        """Wait for a case's end. Where the connection was lost, that is looked into."""
        case, result = running.case, await running.task
        if running.revivals != self._monitor.revivals:
            result = await self._monitor.observe(case)  # its connection was dropped when the server came back
        elif (silent := await self._monitor.silent_service(result)) or _is_lost(result):
            seen = [_Seen(case, result), *await self._seen(self._crowd), *await self._seen(self._idle)]
            await self._find_out(seen, await self._monitor.revive(silent))
            return
        elif running.kind in _DISTURBED and self._evaluate(case, result):
            result = await self._monitor.observe(case)  # the others may be what is wrong with it
        self._outcomes.append((case, result))

    async def _seen(self, running: deque[_Running]) -> list[_Seen]:
        """Wait for cases in flight, and return what was seen of them."""
        now = self._monitor.revivals
        seen = [_Seen(one.case, await one.task, is_cut=one.revivals != now) for one in running]
        running.clear()
        return seen

    async def _find_out(self, seen: Sequence[_Seen], health: Health) -> None:
        """Find out which of the cases that were in flight has brought the server down, or to silence: make each alone.

        It is most likely one of those that had no answer. If none of them does it again, the others are made. If
        none at all does, the first is given back for all: what brought the server down was more than one of them.
        """
        suspects = sorted(seen, key=lambda one: not _is_unanswered(one.result))
        # A raw request may break HTTP/2 itself, for which its own connection is dropped.
        is_harmless = health.is_well and all(_is_raw(one.result) for one in seen if _is_lost(one.result))
        found = is_harmless or self._monitor.is_gone
        made = []
        for one in suspects:
            again = one.result
            if self._monitor.is_gone or (health.silent in self._monitor.silent and _is_unanswered(again)):
                again = replace(again, health=health)
            elif health.silent not in self._monitor.silent and (
                not found or one.is_cut or (_is_unanswered(again) and not is_harmless)
            ):
                again = await self._monitor.observe(one.case)
                found = found or not again.health.is_well
            made.append((one.case, again))
        if not found and not health.is_well:
            made[0] = (suspects[0].case, replace(suspects[0].result, health=health))
        self._outcomes += made


def _is_lost(result: CaseResult) -> bool:
    return any(reply.termination is Termination.LOST for reply in result.replies)


def _is_unanswered(result: CaseResult) -> bool:
    return _is_lost(result) or any(map(is_hung, result.replies))


def _is_raw(result: CaseResult) -> bool:
    return all(reply.call.raw is not None for reply in result.replies if reply.termination is Termination.LOST)
