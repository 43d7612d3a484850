"""Makes cases and sees how the server fares with them: whether it still lives, and what it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.repetition import may_be_growth
from grpcmock.fuzz.model.cases import Measure
from grpcmock.fuzz.model.results import CaseResult, Health, Termination
from grpcmock.fuzz.wire.reflection import reflections

if TYPE_CHECKING:
    from grpcmock.fuzz.execution.executor import Executor
    from grpcmock.fuzz.execution.resource_usage import ResourceUsage
    from grpcmock.fuzz.execution.server import Server
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.changes import Changes
from grpcmock.fuzz.model.results import Reply

NO_ANSWER = frozenset({Termination.LOST, Termination.OVERDUE})

_PARTS = 5
"""A case that looks at memory is made in so many parts, with a look between them."""


class Monitor:
    """Sees what comes of cases on one server; brings it back where it can be."""

    def __init__(self, server: Server, executor: Executor) -> None:
        self._server = server
        self._executor = executor
        self._executor.pulse.look_at(server.contention)
        self.silent: set[str] = set()
        """The services that answer nothing any more, and can't be brought back."""
        self.revivals = 0
        """How often the server was brought back, or connected to anew."""

    @property
    def is_gone(self) -> bool:
        """Whether the server takes no connection any more, and couldn't be brought back."""
        return self._server.gone

    async def observe(self, case: Case) -> CaseResult:
        """Make a case, and see how the server fares with it."""
        process = self._server.process
        written = process.written if process is not None and Measure.OUTPUT in case.measures else None
        if Measure.USAGE in case.measures:
            result = await self._observe_use(case)
        else:
            result = await self._executor.run(case)
        if Measure.REFLECTION in case.measures:
            said = await reflections(self._server.channel, self._server.target.metadata)
            result = replace(result, reflected=said)
        if process is not None and written is not None:
            result = replace(result, output=process.output_since(written))
        return await self._revived(result)

    async def observe_fairly(self, case: Case) -> CaseResult:
        """Make a case, and leave out of its times what the server and we ourselves waited for a processor."""
        self._executor.contention = self._server.contention
        try:
            return await self.observe(case)
        finally:
            self._executor.contention = None

    async def _revived(self, result: CaseResult) -> CaseResult:
        """Return what was seen with how the server fares, where it may be gone or silent, once it is back."""
        process = self._server.process
        if process is not None and await process.was_another():
            await self._start_anew()
            return replace(result, replies=tuple(map(_unjudged, result.replies)))
        if await self._is_cut_off(result) or (process is not None and process.exit_code is not None):
            return replace(result, health=await self.revive())
        if silent := await self.silent_service(result):
            return replace(result, health=await self.revive(silent))
        return result

    async def silent_service(self, result: CaseResult) -> str:
        """Return the service that answers nothing any more since a call without an answer; empty if there is none, or
        that is known."""
        # What can't be shown again on a server that is started anew is looked at twice: it may be held up for a moment.
        looks = 2 if self._server.process is None else 1
        silent = await self._executor.standstill.seen_by(result.replies, looks=looks)
        return silent if silent not in self.silent else ""

    async def revive(self, silent: str = "") -> Health:
        """Tell how the server fares, and go on with a connection that stands. Without one, the server is ``gone``; a
        *silent* service of a server that can't be started anew is silent from then on."""
        self.revivals += 1
        health = await self._server.revive(silent)
        if silent and self._server.process is None:
            self.silent.add(silent)
        if not health.is_well:
            health = replace(health, steps=self._executor.call_history.take())
        if not self._server.gone:
            self._use_server()
        return health

    def _use_server(self) -> None:
        self._executor.use(self._server.channel)
        self._executor.pulse.look_at(self._server.contention)

    @property
    def changes(self) -> Changes:
        """The calls that went well and may have changed something."""
        return self._executor.changes

    @property
    def can_renew(self) -> bool:
        """Whether the server can be started anew."""
        return self._server.process is not None and not self._server.gone

    async def observe_anew(self, case: Case, *, within: float) -> CaseResult:
        """Make a case on a server that was just started; after so many seconds, leave it where it is."""
        await self.renew()
        if self.is_gone:
            return CaseResult(replies=(), health=Health(alive=False))
        try:
            async with asyncio.timeout(within):
                result = await self._executor.run(case)
        except TimeoutError:
            result = CaseResult(replies=())
        return await self._revived(result)

    async def renew(self) -> None:
        """Start the server anew, unless it was asked nothing since it was started."""
        if self._executor.call_history:
            await self._start_anew()

    async def _start_anew(self) -> None:
        self.revivals += 1
        await self._server.restart()
        self._executor.call_history.take()
        if not self._server.gone:
            self._use_server()

    async def _is_cut_off(self, result: CaseResult) -> bool:
        """Whether the connection may be gone. A raw request has one of its own, which may well be closed on it."""
        lost = [reply for reply in result.replies if reply.termination in NO_ANSWER]
        if all(reply.call.raw is not None for reply in lost):
            return bool(lost) and not await self._server.answers()
        return True

    async def _observe_use(self, case: Case) -> CaseResult:
        """Make a case and look at what the server uses: between the parts of a repetition, or all the while."""
        if self._server.look() is None:
            return await self._executor.run(case)
        replies: list[Reply] = []
        samples = [self._server.look()]
        if any(call.unread for call in case.calls):
            return await self._observe_readers(case)
        if case.repeat >= _PARTS:
            if case.method.path in self._executor.open_ended:
                case = replace(case, repeat=_PARTS)  # each takes its time
            part = replace(case, repeat=case.repeat // _PARTS)
            for _ in range(_PARTS):
                replies += (await self._executor.run(part)).replies
                samples.append(self._server.look())
                if not may_be_growth(_health(samples), part.repeat):
                    break  # what doesn't grow in every part doesn't grow
        else:
            async with self._server.watched() as watched:
                replies += (await self._executor.run(case)).replies
            samples = [watched[0], max(watched, key=lambda sample: sample.memory)] if watched else []
        return CaseResult(replies=tuple(replies), health=_health(samples))

    async def _observe_readers(self, case: Case) -> CaseResult:
        """Make calls whose responses are read at once, and late; the memory is what those used, and then these."""
        replies: list[Reply] = []
        most = {True: 0, False: 0}
        for call in case.calls:
            async with self._server.watched() as watched:
                replies += (await self._executor.run(replace(case, calls=(call,)))).replies
            used = [sample.memory for sample in watched]
            is_late = call.unread > 0
            most[is_late] = max(most[is_late], max(used, default=0) - min(used[:1], default=0))
        return CaseResult(replies=tuple(replies), health=Health(memory=(most[False], most[True])))


def _unjudged(reply: Reply) -> Reply:
    """Return a reply that says nothing of the server where it has no end, since another process had its address."""
    return replace(reply, termination=Termination.STARVED) if reply.termination in NO_ANSWER else reply


def _health(samples: Iterable[ResourceUsage | None]) -> Health:
    seen = [sample for sample in samples if sample is not None]
    return Health(
        memory=tuple(sample.memory for sample in seen),
        threads=tuple(sample.threads for sample in seen),
        descriptors=tuple(sample.descriptors for sample in seen),
    )
