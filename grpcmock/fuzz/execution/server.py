"""The server under test: the way to it, whether it lives, what it uses, and how it is brought back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from grpcmock.client.channel import connect
from grpcmock.errors import TargetError
from grpcmock.fuzz.execution.contention import Contention
from grpcmock.fuzz.execution.process import ServerProcess, accepts
from grpcmock.fuzz.execution.resource_usage import ResourceUsage, find_process, vitals
from grpcmock.fuzz.model.results import Health

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.client.target import Target

PATIENCE = 2.0
"""So many seconds a server may take to accept a connection after one was lost."""

_STARTS = 3
"""So often a server is started that doesn't come up, where it did before: its address may not be free at once."""

_BETWEEN_STARTS = 0.5
"""Seconds from one try to the next."""

_SAMPLE_EVERY = 0.005
_LOOK_EVERY = 0.05


class Server:
    """A target, its channel, and its process where that can be seen."""

    def __init__(self, target: Target, *, command: str = "", within: float = 10.0) -> None:
        """Take the *command* that starts it, if the run shall do so. *within* so many seconds it must be there."""
        self.target = target
        self.within = within
        self.process = ServerProcess(command, target, within=within) if command else None
        self.gone = False
        """Whether it took no connection any more, and couldn't be brought back."""
        self.trouble = ""
        """Why it couldn't be started anew, in a line; empty where that wasn't tried, or went well."""
        self._stack = contextlib.AsyncExitStack()
        self._channel: grpc.aio.Channel | None = None
        self._pid: int | None = None

    @property
    def channel(self) -> grpc.aio.Channel:
        if self._channel is None:
            raise RuntimeError("the server was not opened")
        return self._channel

    async def open(self) -> grpc.aio.Channel:
        """Start it, where that is ours to do, and connect. Raises :class:`TargetError`."""
        if self.process is not None:
            await self.process.start()
        return await self._connect(self.within)

    async def _connect(self, within: float) -> grpc.aio.Channel:
        await self._stack.aclose()
        self._channel = await self._stack.enter_async_context(connect(self.target, within=within))
        self._pid = find_process(self.target.address) or (self.process.pid if self.process else None)
        return self._channel

    async def close(self) -> None:
        try:
            await self._stack.aclose()
        finally:
            if self.process is not None:
                await self.process.close()

    async def revive(self, silent: str = "") -> Health:
        """After a lost connection, or where a service is *silent*: tell how the server fares, bring it back if it can
        be, and connect anew.

        Sets ``gone`` if there is no server any more.
        """
        ended = False
        if self.process is not None:
            ended = await self.process.ended(0.2)
            if await self.process.was_another():
                await self.restart()  # what answered till now was another process
                return Health()
        alive = not ended and await self._is_alive()
        if self.process is not None and not (alive or ended):
            ended = await self.process.ended(PATIENCE)  # its end may come to be known a little later
        exit_code = self.process.exit_code if self.process is not None and ended else None
        words = self.process.last_words if self.process is not None and ended else None
        if self.process is not None and (silent or not alive):
            await self.restart()
        else:
            try:
                await self._connect(PATIENCE if alive else 0.5)
            except TargetError as error:
                self._give_up(error)
        # What was about to end may have taken a last connection.
        return Health(alive=alive and not self.gone, exit_code=exit_code, last_words=words, silent=silent)

    async def restart(self) -> None:
        """Start its process anew, and connect; sets ``gone`` if that fails again and again. For a server that the run
        has started."""
        assert self.process is not None
        for tried in range(1, _STARTS + 1):
            try:
                await self.process.stop()
                await self.process.start()
                await self._connect(PATIENCE)
            except TargetError as error:
                if tried == _STARTS:
                    self._give_up(error)
                else:
                    await asyncio.sleep(_BETWEEN_STARTS)
            else:
                return

    def _give_up(self, error: TargetError) -> None:
        self.gone = True
        if self.process is not None:
            self.trouble = " ".join(str(error).partition(" It wrote")[0].split())

    async def _is_alive(self) -> bool:
        """Whether it takes connections, or does so soon: whoever watches over it may start it anew."""
        if await accepts(self.target.address):
            return True
        if self.process is not None:
            return False
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while loop.time() < until:
            await asyncio.sleep(_LOOK_EVERY)
            if await accepts(self.target.address):
                return False  # it is back, but it was away
        return False

    async def answers(self) -> bool:
        """Whether a new connection comes to stand. Of a process that is ending, the system may still take one."""
        if not await accepts(self.target.address):
            return False
        try:
            async with connect(self.target, within=PATIENCE):
                return True
        except TargetError:
            return False

    def look(self) -> ResourceUsage | None:
        """See what it uses now; None if that can't be seen."""
        return vitals(self._pid) if self._pid is not None else None

    @property
    def contention(self) -> Contention:
        """What tells how long it waits for a processor, and we for it."""
        return Contention(self._pid)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[list[ResourceUsage]]:
        """Look at what it uses every now and then, at the beginning and at the end."""
        samples: list[ResourceUsage] = []

        def sample() -> None:
            if (seen := self.look()) is not None:
                samples.append(seen)

        async def watch() -> None:
            while True:
                await asyncio.sleep(_SAMPLE_EVERY)
                sample()

        sample()
        watching = asyncio.create_task(watch())
        try:
            yield samples
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            sample()
