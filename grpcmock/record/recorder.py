"""The recorder: takes calls as they pass, tells and writes them when there is time, and sums up in the end."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import ConfigError
from grpcmock.record.collection import Collection
from grpcmock.record.folder import Folder
from grpcmock.record.rules import Rules
from grpcmock.record.summary import Summary
from grpcmock.record.tape import Run, Tape
from grpcmock.record.telling import Teller, Told
from grpcmock.record.types import unknown_types

if TYPE_CHECKING:
    from grpcmock.client.learning import Learning
    from grpcmock.record.passage import Passage
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

_BATCH = 200
"""Runs of calls told at once: some tens of milliseconds in which nothing else of a recorder happens."""

_PAUSE = 0.05
"""Seconds between two looks for what there is to tell."""

_EVERY = 1.0
"""Seconds between two writings, at least; what came since the last one is lost if the process is killed."""

_SHARE = 10
"""So many times as long as the last writing took, the next one is put off."""


@dataclass(frozen=True, slots=True)
class Options:
    """How calls are recorded."""

    rules: Rules = field(default_factory=Rules)
    match_metadata: Sequence[str] = ()
    """Keys of request metadata that tell calls apart."""
    timing: bool = False
    """Keep the server's pauses."""


def _ignore(_: str) -> None: ...


class Recorder:
    """Records calls: give :meth:`take` to a proxy, and have :meth:`run` go on beside it.

    Messages are decoded, rules applied and files written in another thread than the event loop's. Nothing is written
    anywhere before the rules have been applied to it.
    """

    def __init__(
        self,
        registry: Callable[[], Registry],
        folder: Folder | None = None,
        options: Options | None = None,
        *,
        warn: Callable[[str], None] = _ignore,
    ) -> None:
        """*registry* is asked at each batch, since a server may learn methods. Without a *folder*, nothing is written
        before :meth:`write` is called. *warn* is told what goes wrong while it runs."""
        self._registry = registry
        self._options = options or Options()
        self._folder = folder
        self._warn = warn
        self._tape = Tape(self._options.match_metadata)
        self._teller: Teller | None = None
        self._taught: Registry | None = None
        self._collection = Collection()
        self._next = 0.0
        self._failure = ""
        self._files: dict[Path, None] = {}

    def take(self, passage: Passage) -> asyncio.Event | None:
        """Take a call that has ended; see :data:`grpcmock.record.proxy.Taken`."""
        return self._tape.take(passage)

    async def run(self, learning: Learning | None = None) -> None:
        """Tell and write what comes, until cancelled; then call :meth:`finish`. Types that aren't known are learned."""
        while True:
            await self._awaken()
            while runs := self._tape.give(_BATCH):
                await _whole(self._learn_and_tell(runs, learning))
            now = time.monotonic()
            if self._is_unwritten and now >= self._next:
                await _whole(asyncio.to_thread(self._try_to_write))
                self._next = now + max(_EVERY, _SHARE * (time.monotonic() - now))
            # A little later there is more to do at once, and calls go first.
            await asyncio.sleep(_PAUSE)

    async def _awaken(self) -> None:
        """Wait until there is something to tell, or to write."""
        due = self._next - time.monotonic() if self._is_unwritten else None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._tape.news.wait(), due)

    @property
    def _is_unwritten(self) -> bool:
        return self._folder is not None and self._collection.has_changed

    def finish(self) -> Summary:
        """Tell and write what is left, and sum up. Raises nothing: what can't be written is put elsewhere, and told."""
        self.settle()
        if self._folder is not None:
            self._try_to_write()
            if self._failure:
                self._put_elsewhere()
        return self.summary()

    async def settle_learning(self, learning: Learning | None) -> None:
        """Tell all that has been taken, once the types in it are learned."""
        while runs := self._tape.give(_BATCH):
            await self._learn_and_tell(runs, learning)

    async def _learn_and_tell(self, runs: Sequence[Run], learning: Learning | None) -> None:
        if learning is not None and (names := await asyncio.to_thread(self._unknown_types, runs)):
            await learning.learn(names)
        await asyncio.to_thread(self._tell, runs)

    def _unknown_types(self, runs: Sequence[Run]) -> set[str]:
        registry = self._registry()
        return {name for run in runs if run.passage.told is None for name in unknown_types(run.passage, registry)}

    def settle(self) -> None:
        """Tell all that has been taken."""
        while runs := self._tape.give(_BATCH):
            self._tell(runs)

    def _tell(self, runs: Sequence[Run]) -> None:
        registry = self._registry()
        if self._teller is None or registry is not self._taught:
            self._teller = Teller(
                registry,
                self._options.rules,
                match_metadata=self._options.match_metadata,
                timing=self._options.timing,
                before=self._teller,
            )
            self._taught = registry
        for run in runs:
            told = run.passage.told
            if told is None:
                told = run.passage.told = self._teller.tell(run.passage)
                if isinstance(told, Told):
                    run.passage.forget()
            self._collection.add(told, run.started, run.ended, run.count)

    # Writing --------------------------------------------------------------------------------------

    def _try_to_write(self) -> None:
        """Write what is new. What can't be written is kept, and tried again the next time."""
        assert self._folder is not None
        names = self._collection.changed()
        while names:
            try:
                self._files[self._folder.write(names[0], self._collection.stubs(names[0]))] = None
            except ConfigError as error:
                self._collection.put_back(names)
                if str(error) != self._failure:
                    self._failure = str(error)
                    self._warn(f"{error} What was recorded is kept, and written as soon as it can be.")
                return
            names.pop(0)
        self._failure = ""

    def _put_elsewhere(self) -> None:
        """Write the stubs that found no place to a temporary folder."""
        with suppress(ConfigError, OSError):
            elsewhere = Folder(Path(tempfile.mkdtemp(prefix="grpcmock-recorded-")))
            for name in self._collection.changed():
                elsewhere.write(name, self._collection.stubs(name))
            self._failure += f" What could not be written lies in {elsewhere.path}."

    def stubs(self) -> dict[str, list[Stub]]:
        """Give the stubs of all that was told, by method."""
        return {name: self._collection.stubs(name) for name in self._collection.methods()}

    def write(self, folder: Folder) -> list[Path]:
        """Write all stubs to a folder; give the files. Raises :class:`ConfigError`."""
        return [folder.write(name, stubs) for name, stubs in self.stubs().items()]

    def summary(self) -> Summary:
        """Sum up what has been recorded so far."""
        teller = self._teller
        return Summary(
            calls=self._tape.calls,
            stubs=len(self._collection),
            files=sorted(self._files),
            left_out=dict(self._collection.untold),
            notes=dict(self._collection.notes),
            remarks=list(self._collection.remarks()),
            redacted=dict(teller.metadata.left_out) if teller is not None else {},
            suspects=sorted(teller.marker.suspects) if teller is not None else [],
            unused=self._options.rules.unused(self._registry()),
            failure=self._failure,
        )


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Let a thread end what it has begun, before a cancellation takes effect."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
