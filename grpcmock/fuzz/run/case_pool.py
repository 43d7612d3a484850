"""Trials under way: each is made along with those others that mean nothing to it, and judged in a steady order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.fuzz.run.isolation import Company, company
from grpcmock.fuzz.model.results import Ending

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Evidence, Health
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.execution.monitor import Observer
    from grpcmock.fuzz.execution.executor import Runner
    from grpcmock.fuzz.model.cases import Trial

_WAITING = 24
"""So many trials are made at once that do little but wait."""

_WATCHING = 16
"""So many trials wait together to see that nothing changes."""

_PENDING = 8
"""So many trials are kept back that don't go along with those under way, before they get their turn."""

_PATIENT = frozenset({Company.WATCHERS, Company.LEAVERS})
_CROWDS = frozenset({Company.ANY, Company.READERS, *_PATIENT})

_DISTURBED = frozenset({Company.READERS, *_PATIENT})
"""Those with which others may look wrong for no other reason than that they were about."""

Judge = Callable[["Trial", "Evidence"], Collection["Finding"]]
"""Gives what is wrong with what was seen of a trial."""

Take = Callable[["Trial", "Evidence"], Awaitable[None]]
"""Takes up what was seen of a trial."""


@dataclass(frozen=True, slots=True)
class _Flying:
    trial: Trial
    kind: Company
    task: asyncio.Task[Evidence]
    revivals: int
    """How often the server had been brought back when it began."""


class _Seen(NamedTuple):
    trial: Trial
    evidence: Evidence
    is_cut: bool = False
    """Whether it tells nothing, for its connection was dropped when the server came back."""


class Flight:
    """Makes the trials that are added, up to so many at once, and hands on what was seen of each.

    One is only taken up when there has to be room for another, so that which trials are made together, and in which
    order they are taken up, depends on the trials alone and not on how fast their answers come.
    """

    def __init__(self, runner: Runner, observer: Observer, *, judge: Judge, take: Take, workers: int) -> None:
        self._runner = runner
        self._observer = observer
        self._judge = judge
        self._take = take
        self._workers = max(workers, 1)
        self._kind = Company.NONE
        self._crowd: deque[_Flying] = deque()
        self._waiting: deque[_Flying] = deque()
        self._pending: dict[Company, list[Trial]] = {kind: [] for kind in Company}

    async def add(self, trial: Trial) -> None:
        """Make a trial, now or before long."""
        kind = company(trial, self._runner.open_ended) if self._workers > 1 else Company.NONE
        pending = self._pending[kind]
        pending.append(trial)
        if kind is Company.WAITING:
            if len(pending) >= _WAITING:
                await self._launch_waiting()
        elif kind in _PATIENT:
            if len(pending) >= _WATCHING:
                await self._turn_to(kind)
        elif kind in (self._kind, Company.NONE) or not self._crowd or len(pending) >= _PENDING:
            await self._turn_to(kind)

    async def land(self) -> None:
        """Make all that is pending, and take up all that is under way."""
        for kind in Company:
            if self._pending[kind] and kind is not Company.WAITING:
                await self._turn_to(kind)
        await self._land_all(self._crowd)
        await self._launch_waiting()
        await self._land_all(self._waiting)

    def abandon(self) -> None:
        """Drop what is under way."""
        for flying in (*self._crowd, *self._waiting):
            flying.task.cancel()

    async def _turn_to(self, kind: Company) -> None:
        """Make the pending trials of a kind."""
        if kind is not self._kind:
            await self._land_all(self._crowd)
            self._kind = kind
        pending, self._pending[kind] = self._pending[kind], []
        for trial in pending:
            if self._observer.is_gone:
                return
            if kind in _CROWDS:
                if len(self._crowd) >= (_WATCHING if kind in _PATIENT else self._workers):
                    await self._land(self._crowd.popleft())
                self._crowd.append(self._launched(trial, kind))
            else:
                await self._make_alone(trial, kind)

    async def _make_alone(self, trial: Trial, kind: Company) -> None:
        if kind is Company.NONE:
            await self._land_all(self._waiting)
        evidence = await self._observer.observe(trial)
        if self._waiting and (_is_lost(evidence) or not evidence.health.is_well):
            await self._find_out([_Seen(trial, evidence), *await self._seen(self._waiting)], evidence.health)
            return
        await self._take(trial, evidence)

    def _launched(self, trial: Trial, kind: Company) -> _Flying:
        return _Flying(trial, kind, asyncio.create_task(self._runner.run(trial)), self._observer.revivals)

    async def _launch_waiting(self) -> None:
        await self._land_all(self._waiting)
        self._waiting.extend(self._launched(trial, Company.WAITING) for trial in self._pending[Company.WAITING])
        self._pending[Company.WAITING] = []

    async def _land_all(self, flying: deque[_Flying]) -> None:
        while flying:
            await self._land(flying.popleft())

    async def _land(self, flying: _Flying) -> None:
        trial, evidence = flying.trial, await flying.task
        if flying.revivals != self._observer.revivals:
            evidence = await self._observer.observe(trial)  # its connection was dropped when the server came back
        elif _is_lost(evidence):
            others = [*await self._seen(self._crowd), *await self._seen(self._waiting)]
            await self._find_out([_Seen(trial, evidence), *others], await self._observer.revive())
            return
        elif flying.kind in _DISTURBED and self._judge(trial, evidence):
            evidence = await self._observer.observe(trial)  # the others may be what is wrong with it
        await self._take(trial, evidence)

    async def _seen(self, flying: deque[_Flying]) -> list[_Seen]:
        """Wait for trials under way, and give what was seen of them."""
        now = self._observer.revivals
        seen = [_Seen(one.trial, await one.task, is_cut=one.revivals != now) for one in flying]
        flying.clear()
        return seen

    async def _find_out(self, seen: Sequence[_Seen], health: Health) -> None:
        """Find out which of the trials that were under way has brought the server down: make each alone.

        It is most likely one of those whose connection was lost. If none of them does it again, the others are made. If
        none at all does, the first is taken up for all: what brought the server down was more than one of them.
        """
        suspects = sorted(seen, key=lambda one: not _is_lost(one.evidence))
        # A raw request may break HTTP/2 itself, for which its own connection is dropped.
        is_harmless = health.is_well and all(_is_raw(one.evidence) for one in seen if _is_lost(one.evidence))
        found = is_harmless or self._observer.is_gone
        made = []
        for one in suspects:
            again = one.evidence
            if self._observer.is_gone:
                again = replace(again, health=health)
            elif not found or one.is_cut or (_is_lost(again) and not is_harmless):
                again = await self._observer.observe(one.trial)
                found = found or not again.health.is_well
            made.append((one.trial, again))
        if not found and not health.is_well:
            made[0] = (suspects[0].trial, replace(suspects[0].evidence, health=health))
        for trial, evidence in made:
            await self._take(trial, evidence)


def _is_lost(evidence: Evidence) -> bool:
    return any(reply.ending is Ending.LOST for reply in evidence.replies)


def _is_raw(evidence: Evidence) -> bool:
    return all(reply.call.raw is not None for reply in evidence.replies if reply.ending is Ending.LOST)
