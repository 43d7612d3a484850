"""The engine: the stubs, the journal, and everything that a call needs to be answered without any I/O."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from grpcmock.collector import let_go
from grpcmock.engine.added_protos import AddedProtos
from grpcmock.engine.at_once import answer_at_once
from grpcmock.engine.compile import compile_stubs
from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.environment import CallEnvironment, EngineOptions
from grpcmock.engine.exchange import Exchange
from grpcmock.engine.journal import Journal
from grpcmock.engine.store import Store
from grpcmock.errors import Problem, Problems, SchemaError
from grpcmock.schema import Registry, adding

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.clock import Clock
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.faults import Faults
    from grpcmock.engine.front import Front
    from grpcmock.engine.given_answers import GivenAnswer
    from grpcmock.engine.session import Session
    from grpcmock.engine.sessions import Sessions
    from grpcmock.engine.steps import Forwarder, Open
    from grpcmock.status import Metadata
    from grpcmock.stubs.model import Stub


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled set of stubs, ready to be installed."""

    registry: Registry
    store: Store
    """With the stubs from files alone."""

    entries: Mapping[str, CompiledStub]
    """These, by name."""

    unchanged: list[tuple[CompiledStub, CompiledStub]]
    """Those that were there before and say the same, old and new."""

    warnings: tuple[Problem, ...]

    base: Registry
    """The protos from files alone."""

    added: AddedProtos
    """Those that are in the registry besides."""

    complaints: Sequence[str] = ()
    """Why some of them are not."""


class Engine:
    """Answers calls to the methods of a registry from stubs, in the loop of one server.

    Each step of a call holds ``lock``. If that is a lock of threads, another thread may look at the stubs, the states
    and the journal, and change them, while it holds it. Without one, only the loop of the server touches them.
    """

    def __init__(
        self,
        registry: Registry,
        stubs: Iterable[Stub] = (),
        *,
        options: EngineOptions | None = None,
        journal: Journal | None = None,
        problems: Problems | None = None,
        progress: Callable[[int], None] = lambda _: None,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        """Compile *stubs* into the file layer; *problems* and *progress* are as for :meth:`prepare`.

        A *lock* must be one that its holder may take again.
        """
        self.environment = CallEnvironment(
            options or EngineOptions(),
            registry,
            Store(registry.methods.values()),
            journal if journal is not None else Journal(),
            lock if lock is not None else nullcontext(),
        )
        self._orders = count()
        self._added = AddedProtos()
        self._base = registry
        """The protos from files, without those that were added."""
        self._included: list[Registry] = []
        """What was included, as generated code is."""
        self._loaded: Mapping[str, CompiledStub] = {}
        """The stubs from files, by name."""
        self.warnings: tuple[Problem, ...] = ()
        """What the last load warned of."""
        self.install(self.prepare(registry, stubs, problems=problems, progress=progress))

    @property
    def options(self) -> EngineOptions:
        return self.environment.options

    @property
    def lock(self) -> AbstractContextManager[object]:
        return self.environment.lock

    @property
    def journal(self) -> Journal:
        return self.environment.journal

    @property
    def registry(self) -> Registry:
        return self.environment.registry

    @property
    def store(self) -> Store:
        return self.environment.store

    @property
    def faults(self) -> Faults:
        """The fault profiles that are set."""
        return self.environment.faults

    @property
    def clock(self) -> Clock:
        """The time that answers tell."""
        return self.environment.clock

    @property
    def sessions(self) -> Sessions:
        return self.environment.sessions

    @property
    def front(self) -> Front | None:
        """What answers before the engine does, from lasting answers that :meth:`answer_at_once` gave."""
        return self.journal.front

    @front.setter
    def front(self, front: Front | None) -> None:
        self.journal.front = self.store.front = front

    @property
    def forwarder(self) -> Forwarder | None:
        """What takes the calls that no stub answers, instead of their being refused."""
        return self.environment.forwarder

    @forwarder.setter
    def forwarder(self, forwarder: Forwarder | None) -> None:
        self.environment.forwarder = forwarder

    def prepare(
        self,
        registry: Registry,
        stubs: Iterable[Stub],
        *,
        problems: Problems | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Prepared:
        """Compile a new registry and new file stubs, to be installed in the place of the old.

        Changes nothing, so it may run in another thread than the server. *problems* holds what was found before, while
        reading; *progress* is told how many stubs are done. Raises :class:`StubError` with everything that is wrong.
        """
        return self._prepare(registry, self._added, stubs, problems, progress)

    def _prepare(
        self,
        base: Registry,
        added: AddedProtos,
        stubs: Iterable[Stub],
        problems: Problems | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Prepared:
        problems = problems if problems is not None else Problems()
        registry, complaints = added.onto(base)
        compiled = self._compile(stubs, registry, Layer.FILE, problems, progress)
        if problems.errors:
            let_go(compiled)
        problems.raise_errors()
        store = Store(registry.methods.values())
        store.add(compiled)
        before = self._loaded
        unchanged = [
            (old, entry) for entry in compiled if (old := before.get(entry.name)) is not None and old.stub == entry.stub
        ]
        entries = {entry.name: entry for entry in compiled}
        return Prepared(registry, store, entries, unchanged, problems.warnings, base, added, complaints)

    def install(self, prepared: Prepared) -> list[object]:
        """Answer from what was prepared, all or nothing. Return what it takes the place of.

        Stubs added at run time or by a test stay, disabled ones disabled, and are compiled against the new registry,
        those of sessions among them; so do the states of the scenarios; a file stub that says the same as before keeps
        its count. Raises :class:`StubError` if a stub that was added doesn't fit the new registry; then all is as it
        was.

        This takes no longer where there are many stubs from files. To free them does: ``let_go`` of what is returned.
        """
        replaced, store = self.store, prepared.store
        problems = Problems()
        disabled = {id(entry) for entry in replaced.disabled}
        for entry in replaced.besides:
            compiled = self._compile([entry.stub], prepared.registry, entry.layer, problems)
            store.add(compiled)
            for new in compiled if id(entry) in disabled else ():
                store.disable(new)
        own = [(session, self._anew(session, prepared.registry, problems)) for session in self.sessions]
        problems.raise_errors()
        if self.front is not None:
            self.front.void()
        store.front, replaced.front = self.front, None
        store.states.update(replaced.states)
        for old, entry in prepared.unchanged:
            if old.count and old in replaced:
                entry.count = old.count
        prepared.unchanged.clear()
        for session, entries in own:
            session.rebase(entries, prepared.entries)
        rest: list[object] = [*self._loaded.values(), replaced]
        self._loaded = prepared.entries
        self.environment.registry, self.environment.store = prepared.registry, store
        self.environment.given = prepared.registry
        self.environment.faults.spread()
        self._base = prepared.base
        if prepared.added is not self._added:  # some came, or went, while this was prepared
            self._serve(self._added.onto(prepared.base)[0])
        self.warnings = prepared.warnings
        return rest

    def _anew(self, session: Session, registry: Registry, problems: Problems) -> dict[CompiledStub, CompiledStub]:
        """Compile the stubs of a session against another registry: from each to what takes its place."""
        entries = sorted((*session, *session.disabled), key=lambda entry: entry.rank)
        return {
            entry: compiled
            for entry in entries
            for compiled in self._compile([entry.stub], registry, entry.layer, problems)
        }

    def add(
        self, stubs: Iterable[Stub], layer: Layer = Layer.RUNTIME, session: Session | None = None
    ) -> list[CompiledStub]:
        """Add stubs to those that are there, or to those of a *session*, all or none.

        Raises :class:`StubError` with all that is wrong.
        """
        problems = Problems()
        entries = self._compile(stubs, self.registry, layer, problems)
        problems.raise_errors()
        (self.store if session is None else session).add(entries)
        return entries

    def replace(self, entry: CompiledStub, stub: Stub, session: Session | None = None) -> CompiledStub:
        """Put *stub* in the place of one that is there, or is one of a *session*, with its rank and its count.

        Raises :class:`StubError` with all that is wrong; then all is as it was.
        """
        problems = Problems()
        order = iter([entry.rank[-1]])
        compiled = compile_stubs(
            [stub], self.registry, problems, layer=entry.layer, orders=order, faults=self.options.faults
        )
        problems.raise_errors()
        (self.store if session is None else session).replace_one(entry, compiled[0])
        return compiled[0]

    def add_protos(self, files: Sequence[FileDescriptorProto]) -> Callable[[], list[str]]:
        """Prepare to serve what *files* declare besides, also after protos are reloaded.

        This changes nothing that calls see, so it may run in another thread than the server. The function returned does
        the rest, in the server's; it returns the names of the services that are new. Raises
        :class:`grpcmock.schema.adding.ContradictionError`, or :class:`SchemaError`.
        """
        base = self.registry
        registry = adding.including(base, files)

        def serve() -> list[str]:
            before = self.registry
            self._added = self._added.including(tuple(files))
            self._serve(registry if before is base else adding.including(before, files))
            new = sorted(self.registry.services.keys() - before.services.keys())
            self.note("info", f"Protos were added: {', '.join(new) or 'no service that was not there'}.")
            return new

        return serve

    @property
    def added_protos(self) -> AddedProtos:
        """The protos that were added."""
        return self._added

    def remove_protos(self, names: Collection[str] = ()) -> Callable[[], list[str]]:
        """Prepare to serve no longer what the added files of these names declare; without names, what any declares.

        This changes nothing, so it may run in another thread than the server. The function returned does it, in the
        server's; it returns the names of the services that are gone. Both raise :class:`StubError` if stubs use what
        they declare, with each of these, :class:`SchemaError` if other files do, and :class:`UnknownProtoError`.
        """
        before, added = self._added, self._added.without(names)
        prepared = self._without(added)

        def serve() -> list[str]:
            nonlocal added, prepared
            if self._added is not before or self._loaded is not loaded:
                added = self._added.without(names)
                prepared = self._without(added)
            services, kept = self.registry.services.keys(), self._added
            self._added = added
            try:
                self.install(prepared)
            except BaseException:
                self._added = kept
                raise
            gone = sorted(services - self.registry.services.keys())
            self.note("info", f"Protos were removed: {', '.join(gone) or 'no service was in them'}.")
            return gone

        loaded = self._loaded
        return serve

    def _without(self, added: AddedProtos) -> Prepared:
        """Prepare to serve these alone of the added protos."""
        base = Registry(self._base.files)  # in a pool of its own: nothing goes out of one
        for registry in self._included:
            base = base.including(registry)
        prepared = self._prepare(base, added, [entry.stub for entry in self._loaded.values()])
        if prepared.complaints:
            raise SchemaError("Other protos that were added need them:\n" + "\n".join(prepared.complaints))
        return prepared

    def _serve(self, registry: Registry) -> None:
        """Serve a registry that has all that is served now."""
        environment = self.environment
        environment.registry = environment.given = registry
        environment.store.include(registry.methods.values())
        environment.faults.spread()

    def include(self, registry: Registry) -> None:
        """Serve the methods of *registry*, too. Raises :class:`SchemaError` if its files contradict those served."""
        self.environment.include(registry)
        self._included.append(registry)

    def _compile(
        self,
        stubs: Iterable[Stub],
        registry: Registry,
        layer: Layer,
        problems: Problems,
        progress: Callable[[int], None] = lambda _: None,
    ) -> list[CompiledStub]:
        faults = self.options.faults
        return compile_stubs(
            stubs, registry, problems, layer=layer, orders=self._orders, faults=faults, progress=progress
        )

    def open(self, event: Open) -> Exchange:
        """Begin a call, to a declared method or not."""
        with self.lock:
            return Exchange(self.environment, event)

    def answer_at_once(
        self,
        path: str,
        metadata: Metadata,
        deadline: float | None,
        peer: str,
        request: bytes,
        protocol: ProtocolName = "grpc",
        *,
        half_closed: bool = True,
    ) -> GivenAnswer | None:
        """Answer a call with one request at once, if that takes no pause and nothing from outside.

        This is the whole of :meth:`open` for the commonest of cases, at a fraction of the time. None says: go the
        general way; then nothing has happened yet. As long as it isn't known whether the client has *half_closed*,
        a method is answered for only if each of its stubs has one constant message to say.

        Who wants to give an answer that is lasting again, without asking, must hold the lock meanwhile. It must ask for
        each call of a session, though: these have counts of their own, and may have stubs.
        """
        with self.lock:
            return answer_at_once(
                self.environment, path, metadata, deadline, peer, request, protocol, half_closed=half_closed
            )

    def note(self, level: str, text: str) -> None:
        """Put a note into the journal."""
        self.environment.note(level, text)  # type: ignore[arg-type]
