"""What the calls of one server have around them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from grpcmock.engine.clock import Clock
from grpcmock.engine.faults import Faults
from grpcmock.engine.journal import Note
from grpcmock.engine.sessions import Sessions
from grpcmock.errors import SchemaError
from grpcmock.matching.miss import Miss, explain_miss
from grpcmock.responses.faults import AIO_FAULTS
from grpcmock.status import Code, Metadata
from grpcmock.synthesis import Operations

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from grpcmock.engine.journal import Journal
    from grpcmock.engine.session import Session, Table
    from grpcmock.engine.steps import Forwarder
    from grpcmock.engine.store import Store
    from grpcmock.matching.call_context import CallContext
    from grpcmock.schema import Method, Registry


@dataclass(frozen=True, slots=True)
class EngineOptions:
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

    session_idle: float = 600.0
    """Seconds after which a session ends that isn't used."""

    wall_clock: Callable[[], float] = time.time
    """Seconds since the epoch."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds, for durations."""


@dataclass(slots=True)
class CallEnvironment:
    """Everything that a call needs besides its own messages.

    One engine has one of them; it puts another registry and another store here when stubs are reloaded, and calls that
    are under way then go on with those.
    """

    options: EngineOptions
    registry: Registry
    store: Store
    journal: Journal
    lock: AbstractContextManager[object]
    forwarder: Forwarder | None = None
    """Takes the calls that no stub answers, instead of their being refused."""
    finder: Callable[[str], Registry | None] = lambda _: None
    """Finds the registry of a path that no proto declares; without, such a call is refused."""
    given: Registry | None = None
    """The protos as they were loaded, without what was included since."""
    beside: Sequence[Method] = ()
    """The methods that the server has besides those of the protos: the admin service, health, reflection."""
    operations: Operations = field(default_factory=Operations)
    """The long-running operations among the generated answers."""
    clock: Clock = field(init=False)
    """The time that answers tell; calls are noted in the machine's."""
    faults: Faults = field(init=False)
    """The fault profiles that are set."""
    sessions: Sessions = field(init=False)
    _metadata: Metadata = ()
    _groups: Mapping[str, list[str | bytes]] = field(default_factory=dict)
    """The metadata of the last call, grouped: most calls of a client have the very same."""

    def __post_init__(self) -> None:
        options = self.options
        self.clock = Clock(options.wall_clock)
        self.faults = Faults(self)
        self.sessions = Sessions(self.journal, options.session_idle, options.wall_clock, options.monotonic)
        self.sessions.ended = self.faults.forget

    def include(self, registry: Registry) -> None:
        """Serve the methods of *registry*, too. Raises :class:`SchemaError` if its files contradict those served."""
        self.registry = self.registry.including(registry)
        self.store.include(self.registry.methods.values())
        self.faults.spread()

    def table(self, path: str, session: Session | None = None) -> Table | None:
        """Return the stubs of the method with this path, as *session* sees them; None if there is no such method."""
        table = self.store.tables.get(path)
        if table is None and (found := self.finder(path)) is not None:
            with suppress(SchemaError):  # it contradicts what is served, which goes before
                self.include(found)
            table = self.store.tables.get(path)
        return table if table is None or session is None else session.table(table)

    def named_methods(self) -> list[Method]:
        """Return the methods of the protos that were given, and those that have stubs: what a hint may name.

        Those that were only found when somebody called them are left out, so that a hint says the same whatever was
        called before.
        """
        given = self.given.methods if self.given is not None else {}
        return [table.method for path, table in self.store.tables.items() if path in given or len(table)]

    def grouped(self, metadata: Metadata) -> Mapping[str, list[str | bytes]]:
        """Return the values of each key, as :func:`grouped` does."""
        if metadata is not self._metadata:
            self._metadata, self._groups = metadata, grouped(metadata)
        return self._groups

    def random(self, call: int) -> random.Random:
        """Return the source of randomness of one call: the same for the same seed and number of the call."""
        return random.Random(f"{self.options.seed}/{call}")

    def note(self, level: Literal["info", "warning", "error"], text: str) -> None:
        """Put a note into the journal."""
        self.journal.note(Note(self.options.wall_clock(), level, text))

    def explained_miss(self, table: Table, context: CallContext) -> Miss:
        """Explain why no stub of a method holds for a call; of one that has none, name the methods that have some."""
        others = () if len(table) else [str(other.method) for other in self.store.tables.values() if len(other)]
        return explain_miss(table.indexes, context, table.method, others, table.is_exhausted)


def grouped(metadata: Metadata) -> dict[str, list[str | bytes]]:
    """Group metadata by key, the values of a key in their order."""
    groups: dict[str, list[str | bytes]] = {}
    for key, value in metadata:
        groups.setdefault(key, []).append(value)
    return groups
