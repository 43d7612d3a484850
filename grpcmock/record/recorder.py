"""The recorder: takes calls as they pass, writes them as stubs when there is time, and sums up in the end."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.drafting.recorded_stub import RecordedStub
from grpcmock.drafting.redaction.rules import Rules
from grpcmock.drafting.stub_writer import OWN_SERVICES, StubWriter
from grpcmock.errors import ConfigError
from grpcmock.record.capture.buffer import CallBuffer, RepeatedCall
from grpcmock.record.capture.unknown_types import unknown_types
from grpcmock.record.summary import Summary
from grpcmock.record.writing.collection import Collection
from grpcmock.record.writing.folder import Folder

if TYPE_CHECKING:
    from grpcmock.client.learning import Learning
    from grpcmock.drafting.captured_call import CapturedCall
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

_BATCH = 200
"""Calls recorded at once: some tens of milliseconds in which nothing else of a recorder happens."""

_PAUSE = 0.05
"""Seconds between two looks for what there is to record."""

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
        self._buffer = CallBuffer(self._options.match_metadata)
        self._writer: StubWriter | None = None
        self._known_registry: Registry | None = None
        self._collection = Collection()
        self._next = 0.0
        self._failure = ""
        self._files: dict[Path, None] = {}

    def take(self, captured: CapturedCall) -> asyncio.Event | None:
        """Take a call that has ended; see :data:`grpcmock.record.capture.proxy.OnCaptured`.

        Those of gRPC's own services don't count: clients ask them for protos, or whether the server is well.
        """
        if captured.name.startswith(OWN_SERVICES):
            return None
        return self._buffer.add(captured)

    async def run(self, learning: Learning | None = None) -> None:
        """Record and write what comes, until cancelled; then call :meth:`finish`. Unknown types are learned."""
        while True:
            await self._awaken()
            while calls := self._buffer.drain(_BATCH):
                await _whole(self._learn_and_record(calls, learning))
            now = time.monotonic()
            if self._is_unwritten and now >= self._next:
                await _whole(asyncio.to_thread(self._try_to_write))
                self._next = now + max(_EVERY, _SHARE * (time.monotonic() - now))
            # A little later there is more to do at once, and calls go first.
            await asyncio.sleep(_PAUSE)

    async def _awaken(self) -> None:
        """Wait until there is something to record, or to write."""
        due = self._next - time.monotonic() if self._is_unwritten else None
        with suppress(TimeoutError):
            async with asyncio.timeout(due):  # wait_for may lose a cancellation, up to Python 3.11
                await self._buffer.filled.wait()

    @property
    def _is_unwritten(self) -> bool:
        return self._folder is not None and self._collection.has_changed

    def finish(self) -> Summary:
        """Record and write what is left, and sum up. Raises nothing: what can't be written is put elsewhere."""
        self.settle()
        if self._folder is not None:
            self._try_to_write()
            if self._failure:
                self._put_elsewhere()
        return self.summary()

    async def settle_learning(self, learning: Learning | None) -> None:
        """Record all that has been taken, once the types in it are learned."""
        while calls := self._buffer.drain(_BATCH):
            await self._learn_and_record(calls, learning)

    async def _learn_and_record(self, calls: Sequence[RepeatedCall], learning: Learning | None) -> None:
        if learning is not None and (names := await asyncio.to_thread(self._unknown_types, calls)):
            await learning.learn(names)
        await asyncio.to_thread(self._record, calls)

    def _unknown_types(self, calls: Sequence[RepeatedCall]) -> set[str]:
        registry = self._registry()
        new = [call.captured for call in calls if call.captured.recorded is None]
        return {name for captured in new for name in unknown_types(captured, registry)}

    def settle(self) -> None:
        """Record all that has been taken."""
        while calls := self._buffer.drain(_BATCH):
            self._record(calls)

    def _record(self, calls: Sequence[RepeatedCall]) -> None:
        registry = self._registry()
        if self._writer is None or registry is not self._known_registry:
            self._writer = StubWriter(
                registry,
                self._options.rules,
                match_metadata=self._options.match_metadata,
                timing=self._options.timing,
                before=self._writer,
            )
            self._known_registry = registry
        for call in calls:
            captured = call.captured
            if captured.recorded is None:
                captured.recorded = self._writer.write(captured)
                if isinstance(captured.recorded, RecordedStub):
                    captured.forget()
            self._collection.add(captured.recorded, call.started, call.ended, call.count)

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
        """Return the stubs of all that was recorded, by method."""
        return {name: self._collection.stubs(name) for name in self._collection.methods()}

    def write(self, folder: Folder) -> list[Path]:
        """Write all stubs to a folder, and return the files. Raises :class:`ConfigError`."""
        return [folder.write(name, stubs) for name, stubs in self.stubs().items()]

    def summary(self) -> Summary:
        """Sum up what has been recorded so far."""
        writer = self._writer
        return Summary(
            calls=self._buffer.calls,
            stubs=len(self._collection),
            files=sorted(self._files),
            left_out=dict(self._collection.skipped),
            notes=dict(self._collection.notes),
            remarks=list(self._collection.remarks()),
            redacted=dict(writer.metadata.left_out) if writer is not None else {},
            suspects=sorted(writer.redactor.suspects) if writer is not None else [],
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
