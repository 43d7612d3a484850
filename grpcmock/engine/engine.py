"""The engine: the stubs, the journal, and everything that a call needs to be answered without any I/O."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from grpcmock.engine.compile import compile_stubs
from grpcmock.engine.exchange import Exchange
from grpcmock.engine.journal import Journal, Note, Steady
from grpcmock.engine.store import Layer, Store
from grpcmock.errors import Problem, Problems
from grpcmock.matching.conditions import Stage
from grpcmock.matching.facts import Facts
from grpcmock.replies.faults import AIO_FAULTS
from grpcmock.replies.generated import Operations
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from grpcmock.engine.steps import Forwarder, Metadata, Open
    from grpcmock.engine.store import CompiledStub, MethodTable
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine answers."""

    seed: int = 0
    """Randomness, fakes, uuids, delays and generated answers derive from this and the number of the call."""

    auto: bool = False
    """Answer a miss with generated data instead of an error."""

    validate: bool = False
    """Refuse requests that break the rules of their protos (protovalidate)."""

    unmatched_code: Code = Code.UNIMPLEMENTED
    """The status of a miss."""

    faults: frozenset[str] = AIO_FAULTS
    """The faults that the server can put on the wire; a stub with another doesn't load."""

    wall_clock: Callable[[], float] = time.time
    """Seconds since the epoch."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds, for durations."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled set of stubs, ready to be installed."""

    registry: Registry
    entries: list[CompiledStub]
    warnings: tuple[Problem, ...]


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
        options: Options | None = None,
        journal: Journal | None = None,
        problems: Problems | None = None,
        progress: Callable[[int], None] = lambda _: None,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        """Compile *stubs* into the file layer; *problems* and *progress* are as for :meth:`prepare`.

        A *lock* must be one that its holder may take again.
        """
        self.options = options or Options()
        self.lock = lock if lock is not None else nullcontext()
        self.journal = journal if journal is not None else Journal()
        self.registry = registry
        self.store = Store(registry.methods.values())
        self._orders = count()
        self.operations = Operations()
        """The long-running operations among the generated answers."""
        self.forwarder: Forwarder | None = None
        """Takes the calls that no stub answers, instead of their being refused; asked by ``grpc.aio`` servers alone."""
        self.warnings: tuple[Problem, ...] = ()
        """What the last load warned of."""
        self.install(self.prepare(registry, stubs, problems=problems, progress=progress))

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
        problems = problems if problems is not None else Problems()
        entries = self._compile(stubs, registry, Layer.FILE, problems, progress)
        problems.raise_errors()
        return Prepared(registry, entries, problems.warnings)

    def install(self, prepared: Prepared) -> None:
        """Answer from what was prepared, all or nothing.

        Stubs added at run time or by a test stay, and are compiled against the new registry; the states of the
        scenarios stay; a file stub that says the same as before keeps its count. Raises :class:`StubError` if a stub
        that was added doesn't fit the new registry; then all is as it was.
        """
        store = Store(prepared.registry.methods.values())
        store.add(prepared.entries)
        problems = Problems()
        for entry in self.store:
            if entry.layer is not Layer.FILE:
                store.add(self._compile([entry.stub], prepared.registry, entry.layer, problems))
        problems.raise_errors()
        store.states.update(self.store.states)
        self._keep_counts(store)
        self.registry, self.store, self.warnings = prepared.registry, store, prepared.warnings

    def _keep_counts(self, store: Store) -> None:
        counted = {(entry.layer, entry.name): entry for entry in self.store if entry.count}
        if not counted:
            return
        for entry in store:
            before = counted.get((entry.layer, entry.name))
            if before is not None and before.stub == entry.stub:
                entry.count = before.count

    def add(self, stubs: Iterable[Stub], layer: Layer = Layer.RUNTIME) -> list[CompiledStub]:
        """Add stubs to those that are there, all or none. Raises :class:`StubError` with all that is wrong."""
        problems = Problems()
        entries = self._compile(stubs, self.registry, layer, problems)
        problems.raise_errors()
        self.store.add(entries)
        return entries

    def replace(self, entry: CompiledStub, stub: Stub) -> CompiledStub:
        """Put *stub* in the place of one that is there, with its rank among its like and its count.

        Raises :class:`StubError` with all that is wrong; then all is as it was.
        """
        problems = Problems()
        order = iter([entry.rank[-1]])
        compiled = compile_stubs(
            [stub], self.registry, problems, layer=entry.layer, orders=order, faults=self.options.faults
        )
        problems.raise_errors()
        self.store.remove_one(entry)
        compiled[0].count = entry.count
        self.store.add(compiled)
        return compiled[0]

    def include(self, registry: Registry) -> None:
        """Serve the methods of *registry*, too. Raises :class:`SchemaError` if its files contradict those served."""
        self.registry = self.registry.including(registry)
        self.store.include(self.registry.methods.values())

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
            return Exchange(self, event)

    def answer_steadily(
        self, path: str, metadata: Metadata, deadline: float | None, peer: str, request: bytes
    ) -> bytes | None:
        """Answer a unary call at once, if its method has only constant answers that rest on the message alone.

        This is the whole of :meth:`open` for that commonest of cases, at a fraction of the time. None says: go the
        general way; then nothing has happened yet.
        """
        options = self.options
        monotonic = options.monotonic
        began, started = monotonic(), options.wall_clock()
        with self.lock:
            table = self.store.tables.get(path)
            if table is None or not table.is_steady or options.validate:
                return None
            steady = table.known.get(request) or self._find_steadily(table, request)
            if steady is None:
                return None
            self.store.count(steady.stub)
            self.journal.record(steady, metadata, deadline, peer, started, monotonic() - began)
        return steady.response

    def _find_steadily(self, table: MethodTable, request: bytes) -> Steady | None:
        try:
            message = decode(table.method.request_class, request)
        except DecodeError:
            return None
        entry = table.first(Facts({}, None, self.store.states, message), Stage.ALL)
        return None if entry is None else table.know(request, entry)

    def random(self, call: int) -> random.Random:
        """Give the source of randomness of one call: the same for the same seed and number of the call."""
        return random.Random(f"{self.options.seed}/{call}")

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.options.wall_clock(), UTC)

    def note(self, level: str, text: str) -> None:
        """Put a note into the journal."""
        self.journal.note(Note(self.options.wall_clock(), level, text))  # type: ignore[arg-type]

    def method_names_with_stubs(self) -> Sequence[str]:
        return [str(table.method) for table in self.store.tables.values() if len(table)]
