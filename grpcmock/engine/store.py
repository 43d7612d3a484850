"""The store: the stubs that can answer now, how often each has, and the states of the scenarios."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.engine.compiled_stub import CompiledStub, Layer
from grpcmock.engine.method_table import MethodTable
from grpcmock.matching.call_context import STARTED

if TYPE_CHECKING:
    from grpcmock.engine.front import Front
    from grpcmock.responses.plan import Plan
    from grpcmock.schema import Method


class Snapshot:
    """What has changed since it was made, for :meth:`Store.restore` to undo. It costs nothing that hasn't changed."""

    __slots__ = ("_counts", "added", "disabled", "removed", "states")

    def __init__(self, states: Mapping[str, str], disabled: Mapping[int, CompiledStub]) -> None:
        self.states = dict(states)
        """The states as they were."""
        self.disabled = dict(disabled)
        """The stubs that were disabled."""
        self.added: dict[int, CompiledStub] = {}
        self.removed: dict[int, CompiledStub] = {}
        self._counts: dict[int, tuple[CompiledStub, int]] = {}
        """How often the stubs had been chosen that have been chosen since."""

    def note_added(self, entry: CompiledStub) -> None:
        if self.removed.pop(id(entry), None) is None:
            self.added[id(entry)] = entry

    def note_removed(self, entry: CompiledStub) -> None:
        if self.added.pop(id(entry), None) is None:
            self.removed[id(entry)] = entry

    def note_count(self, entry: CompiledStub) -> None:
        """Remember the count of a stub before it changes."""
        self._counts.setdefault(id(entry), (entry, entry.count))

    def count(self, entry: CompiledStub) -> int:
        """How often a stub had been chosen when the snapshot was made."""
        return self._counts.get(id(entry), (entry, entry.count))[1]

    def restore_counts(self) -> None:
        for entry, count in self._counts.values():
            entry.count = count


class States(dict[str, str]):
    """The states of the scenarios by name; one that was never set is in ``started``."""

    def __missing__(self, scenario: str) -> str:
        return STARTED

    def copy(self) -> States:
        return States(self)

    def get(self, scenario: str, default: str | None = None) -> str:  # type: ignore[override]
        return super().get(scenario, STARTED if default is None else default)


class Turn(NamedTuple):
    """What it comes to that a stub was chosen."""

    plan: Plan
    number: int
    """How often it was chosen, with this time."""
    states: States
    """The states as they were before it set any: what its templates see."""

    @classmethod
    def of(cls, entry: CompiledStub, before: int, states: States) -> Turn:
        """Choose a stub that was chosen so often *before*, and enter the states that it sets."""
        plan = entry.plan_after(before)
        seen = states.copy() if plan.set else states
        if plan.set:
            states.update(plan.set)
        return cls(plan, before + 1, seen)


class Store:
    """The stubs by method and layer. Several threads share it under the lock of its engine."""

    def __init__(self, methods: Iterable[Method]) -> None:
        self.tables: dict[str, MethodTable] = {method.path: MethodTable(method) for method in methods}
        """A table for every method, by its HTTP/2 path."""
        self.states = States()
        self._besides: dict[int, CompiledStub] = {}
        self._disabled: dict[int, CompiledStub] = {}
        self._snapshots: list[Snapshot] = []
        """Those that were not yet restored, the innermost last: it alone takes note of changes."""
        self.front: Front | None = None
        """What answers before the engine does, if anything."""

    def include(self, methods: Iterable[Method]) -> None:
        """Add a table for each method that has none."""
        for method in methods:
            if method.path not in self.tables:
                self.tables[method.path] = MethodTable(method)

    def hold(self, paths: Collection[str]) -> None:
        """Have each call to these paths come by the engine whole, and none to others any more."""
        changed = [table for path, table in self.tables.items() if table.held != (path in paths)]
        if changed:
            self._change()
        for table in changed:
            table.hold(not table.held)

    def __iter__(self) -> Iterator[CompiledStub]:
        """All stubs: by method, each in its order of precedence. Their counts are exact now."""
        self._look()
        for table in self.tables.values():
            yield from table.index

    def __len__(self) -> int:
        return sum(map(len, self.tables.values()))

    @property
    def disabled(self) -> list[CompiledStub]:
        """The stubs that were made to step aside; none of them is among those that iteration gives."""
        return list(self._disabled.values())

    def is_disabled(self, entry: CompiledStub) -> bool:
        """Whether a stub was made to step aside."""
        return id(entry) in self._disabled

    @property
    def besides(self) -> list[CompiledStub]:
        """The stubs that aren't from files, in their order of precedence."""
        return sorted(self._besides.values(), key=lambda entry: entry.rank)

    def __contains__(self, entry: CompiledStub) -> bool:
        table = self.tables.get(entry.method.path)
        return table is not None and entry in table.index

    def _look(self) -> None:
        if self.front is not None:
            self.front.absorb()

    def _change(self) -> None:
        if self.front is not None:
            self.front.void()

    def add(self, entries: Iterable[CompiledStub]) -> None:
        self._change()
        for entry in entries:
            self.tables[entry.method.path].add(entry)
            if entry.layer is not Layer.FILE:
                self._besides[id(entry)] = entry
            if self._snapshots:
                self._snapshots[-1].note_added(entry)

    def disable(self, entry: CompiledStub) -> None:
        """Have a stub step aside until it is enabled: it isn't looked at, so that calls take no longer for it."""
        if entry in self:
            self.remove_one(entry)
            self._disabled[id(entry)] = entry
            if entry.layer is not Layer.FILE:
                self._besides[id(entry)] = entry

    def enable(self, entry: CompiledStub) -> None:
        """Let a stub that was disabled answer again, with the count that it had."""
        if self._disabled.pop(id(entry), None) is not None:
            self.add([entry])

    def remove(self, unwanted: Callable[[CompiledStub], bool]) -> list[CompiledStub]:
        """Take out the stubs for which *unwanted* holds, disabled ones too, and give them."""
        removed = [entry for entry in (*self, *self.disabled) if unwanted(entry)]
        for entry in removed:
            self.remove_one(entry)
        return removed

    def remove_one(self, entry: CompiledStub) -> None:
        """Take out one stub."""
        if self._disabled.pop(id(entry), None) is not None:
            self._besides.pop(id(entry), None)
            return
        self._change()
        self.tables[entry.method.path].remove(entry)
        self._besides.pop(id(entry), None)
        if self._snapshots:
            self._snapshots[-1].note_removed(entry)

    def replace_one(self, entry: CompiledStub, successor: CompiledStub) -> None:
        """Put a stub in the place of one that is there; it takes over its count."""
        self.remove_one(entry)
        successor.count = entry.count
        self.add((successor,))

    def take(self, entry: CompiledStub) -> Turn:
        """Choose a stub: count it, give the plan that is due, and enter the states that it sets."""
        count = entry.count
        self.count(entry)
        return Turn.of(entry, count, self.states)

    def counted(self, entry: CompiledStub) -> int:
        """How often a stub was chosen."""
        return entry.count

    def count(self, entry: CompiledStub, times: int = 1) -> None:
        """Count that a stub was chosen."""
        if self._snapshots:
            self._snapshots[-1].note_count(entry)
        entry.count += times

    def reset_count(self, entry: CompiledStub) -> None:
        """Forget how often a stub was chosen."""
        if self._snapshots:
            self._snapshots[-1].note_count(entry)
        entry.count = 0

    def reset_counts(self) -> None:
        """Forget how often each stub was chosen: exhausted ones answer again, sequences begin anew."""
        for entry in self:
            self.reset_count(entry)

    def snapshot(self) -> Snapshot:
        """Begin a snapshot, inside of those that were not yet restored."""
        self._look()
        snapshot = Snapshot(self.states, self._disabled)
        self._snapshots.append(snapshot)
        return snapshot

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to *snapshot*: stubs added since are gone, removed ones are back, counts and states are as then.

        It ends, and so do those inside of it. Raises ``ValueError`` if it has ended before.
        """
        self._look()
        depth = self._snapshots.index(snapshot)
        ended = self._snapshots[depth:]
        around = self._snapshots[:depth]
        self._snapshots = []  # to undo is no change to those around
        for entry in self.disabled:
            self.remove_one(entry)
        for inner in reversed(ended):
            for entry in inner.added.values():
                self.remove_one(entry)
            self.add(inner.removed.values())
            inner.restore_counts()
        for key, entry in snapshot.disabled.items():
            self._disabled[key] = entry
            if entry.layer is not Layer.FILE:
                self._besides[key] = entry
        self._snapshots = around
        self.states.clear()
        self.states.update(snapshot.states)
