"""The stubs of a mock: declared, changed, removed, and taken back when a snapshot ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.journal import Contents
from grpcmock.errors import ConfigError, Problem, StubError
from grpcmock.mock.call_store import CallStore
from grpcmock.mock.drafts import Draft, Drafts
from grpcmock.mock.handle import StubHandle
from grpcmock.mock.keywords import stub_of
from grpcmock.mock.verification import Findings
from grpcmock.schema.modules import registry_of

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.faults import ActiveFault
    from grpcmock.engine.store import Snapshot
    from grpcmock.errors import Location
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

Handles = dict[str, StubHandle[Any]]
H = TypeVar("H", bound=StubHandle[Any])


@dataclass(slots=True)
class _Level:
    """What a snapshot goes back to, and what happened since."""

    store: Snapshot
    journal: Contents = field(default_factory=Contents)
    handles: Mapping[StubHandle[Any], CompiledStub | None] = field(default_factory=dict)
    """The handles from before, with what each stood for."""
    channels: tuple[int, int] = (0, 0)
    own: Handles = field(default_factory=dict)
    """The stubs added since, by name."""
    drafts: Drafts = field(default_factory=Drafts)
    faults: Sequence[ActiveFault] = ()
    """The fault profiles that were set."""
    left: Findings = field(default_factory=Findings)
    """What was found when snapshots inside of this one ended."""


class DeclaredStubs:
    """The stubs that were added to a mock, in the levels of its snapshots. May be used from any thread."""

    def __init__(self, running: Running | RemoteRunning) -> None:
        self.running = running
        self.calls = CallStore(running)
        self._engine = running.engine
        self._levels = [_Level(self._engine.store.snapshot())]

    # Stubs ----------------------------------------------------------------------------------------

    def declare(
        self,
        keys: Mapping[str, Any],
        location: Location,
        *,
        where: Callable[[Any], object] | None = None,
        handler: Callable[..., Any] | None = None,
        optional: bool = False,
        kind: type[H] = StubHandle,  # type: ignore[assignment]  # the default is what H is bound to
    ) -> H:
        """Add a stub of these keys of the format, and return a handle of this *kind*."""
        __tracebackhide__ = True
        stub = stub_of(keys, location, where=where, handler=handler)
        return self.add(stub, is_named="name" in keys, optional=optional, kind=kind)

    def add(
        self,
        stub: Stub,
        *,
        is_named: bool = True,
        optional: bool = False,
        kind: type[H] = StubHandle,  # type: ignore[assignment]  # the default is what H is bound to
    ) -> H:
        """Add a stub that the test declares. The name of one that is not *is_named* is made unique."""
        __tracebackhide__ = True

        def add() -> H:
            (entry,) = self._engine.add([self._free(stub, is_named=is_named)], Layer.TEST)
            return self._keep(kind(self, entry, declared=True, optional=optional))

        return self.running.call(add)

    def load(self, stubs: Sequence[Stub]) -> list[StubHandle[Any]]:
        """Add stubs of a file, which need not be used, all or none."""
        __tracebackhide__ = True

        def add() -> list[StubHandle[Any]]:
            for stub in stubs:
                self._free(stub, is_named=True)
            entries = self._engine.add(stubs, Layer.RUNTIME)
            return [self._keep(StubHandle(self, entry, declared=False)) for entry in entries]

        return self.running.call(add)

    def _keep(self, handle: H) -> H:
        self._levels[-1].own[handle.name] = handle
        return handle

    def _free(self, stub: Stub, *, is_named: bool) -> Stub:
        """Give the stub under a name that no other has: one line may declare several."""
        if not self._is_taken(stub.name):
            return stub
        if is_named:
            text = f"The name {stub.name!r} is taken by another stub."
            raise StubError([Problem(text, stub.location, "name", stub.name, "Names are unique.", "duplicate-name")])
        number = 2
        while self._is_taken(name := f"{stub.name}#{number}"):
            number += 1
        return replace(stub, name=name)

    def _is_taken(self, name: str) -> bool:
        return any(name in level.own for level in self._levels)

    def counted(self, entry: CompiledStub) -> int:
        """How often a stub has answered."""
        return self.running.call(lambda: self._engine.store.counted(entry))

    def change(self, handle: StubHandle[Any], change: Callable[[Stub], Stub]) -> None:
        """Put what *change* makes of a handle's stub in its place."""
        __tracebackhide__ = True

        def put() -> None:
            if handle.entry is None:
                raise ConfigError(f"The stub {handle.name} is gone: its mock was reset, or its snapshot has ended.")
            before, stub = handle.name, change(handle.stub)
            if stub.name != before:
                self._free(stub, is_named=True)
            handle.stand_for(self._engine.replace(handle.entry, stub))
            for level in self._levels:
                if level.own.pop(before, None) is not None:
                    level.own[stub.name] = handle

        self.running.call(put)

    def remove(self, handle: StubHandle[Any]) -> None:
        """Take a handle's stub out."""

        def remove() -> None:
            if handle.entry is not None:
                self._engine.store.remove_one(handle.entry)
                handle.stand_for(None)
            for level in self._levels:
                level.own.pop(handle.name, None)

        self.running.call(remove)

    def draft(self, draft: Draft) -> Draft:
        """Keep what was said of a method without an answer."""
        return self._levels[-1].drafts.add(draft)

    def settle(self, draft: Draft) -> None:
        """Something has come of a draft, perhaps within a snapshot that began after it."""
        for level in self._levels:
            level.drafts.settle(draft)

    # Types ----------------------------------------------------------------------------------------

    def include(self, registry: Registry) -> None:
        """Serve the methods of *registry*, too."""
        __tracebackhide__ = True

        def include() -> None:
            self._engine.include(registry)

        self.running.call(include)

    def know(self, messages: Iterable[Any]) -> None:
        """Learn the types of these messages, so that they can be told in an ``Any``."""
        files = [one.DESCRIPTOR.file for one in messages if isinstance(one, Message)]
        unknown = [file for file in files if not file.name.startswith(("google/protobuf/", "google/rpc/"))]
        if unknown:
            self.include(registry_of(*unknown))

    # Levels ---------------------------------------------------------------------------------------

    def findings(self) -> Findings:
        """Say what is wrong with what happened since the latest snapshot began."""

        def look() -> Findings:
            level = self._levels[-1]
            found = Findings.of(self._engine.journal, level.own.values(), level.drafts)
            found.add(level.left)
            return found

        return self.running.call(look)

    def enter(self) -> int:
        """Begin a snapshot; give its depth."""

        def enter() -> int:
            engine = self._engine
            handles = {handle: handle.entry for level in self._levels for handle in level.own.values()}
            mark = self.running.channels.mark()
            faults = tuple(engine.faults)
            contents = engine.journal.contents()
            self._levels.append(_Level(engine.store.snapshot(), contents, handles, mark, faults=faults))
            engine.journal.clear()
            return len(self._levels) - 1

        return self.running.call(enter)

    def leave(self, depth: int) -> None:
        """End the snapshot of this depth, and those inside of it."""
        while len(self._levels) > depth:
            self.running.channels.close(self.running.call(self._leave))

    def _leave(self) -> tuple[int, int]:
        engine, level = self._engine, self._levels.pop()
        found = Findings.of(engine.journal, level.own.values(), level.drafts)
        found.add(level.left)
        self._levels[-1].left.add(found)
        for handle, entry in level.handles.items():
            if handle.count > (0 if entry is None else level.store.count(entry)):
                handle.used_before = True
            handle.stand_for(entry)
        for handle in level.own.values():
            handle.stand_for(None)
        engine.store.restore(level.store)
        engine.journal.restore(level.journal)
        engine.faults.restore(level.faults)
        engine.clock.give_back()
        return level.channels

    def reset(self) -> None:
        """Go back to the very beginning."""

        def reset() -> None:
            if len(self._levels) > 1:
                raise ConfigError("A mock can't be reset inside of a snapshot: end that first.")
            self._engine.store.restore(self._levels[0].store)
            self._engine.faults.restore(())
            self._engine.clock.give_back()
            self._engine.journal.clear()
            for handle in self._levels[0].own.values():
                handle.stand_for(None)
            self._levels[0] = _Level(self._engine.store.snapshot())

        self.running.call(reset)
        self.running.channels.close()
