"""Snapshots of the store: whatever happens inside of one, nested or not, is undone at its end, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from playbook import engine
from support import registry

from grpcmock.engine.compiled_stub import CompiledStub, Layer
from grpcmock.engine.store import Snapshot

USERS = registry("user.proto")
STUBS = [
    f"{{name: s{number}, method: user.UserService/GetUser, request: {{id: {number % 3}}}, response: {{id: {number}}}}}"
    for number in range(6)
]


def compiled(numbers: list[int]) -> Iterator[CompiledStub]:
    return iter(engine(USERS, f"[{', '.join(STUBS[number] for number in numbers)}]").store)


class Snapshots(RuleBasedStateMachine):
    """A store with snapshots, against whole copies of what it held."""

    def __init__(self) -> None:
        super().__init__()
        self.store = engine(USERS, "[]").store
        self.entries = list(compiled([0, 1, 2, 3, 4, 5]))
        self.store.add(self.entries[:3])
        self.taken: list[tuple[Snapshot, Any]] = []

    def seen(self) -> Any:
        entries = [*self.store, *self.store.disabled]
        return {entry.name: (entry.count, entry in self.store) for entry in entries}, dict(self.store.states)

    @rule(number=st.integers(0, 5))
    def add_or_remove(self, number: int) -> None:
        entry = self.entries[number]
        if entry in [*self.store, *self.store.disabled]:
            self.store.remove_one(entry)
        else:
            self.store.add([entry])

    @rule(number=st.integers(0, 5))
    def disable_or_enable(self, number: int) -> None:
        entry = self.entries[number]
        if entry in self.store:
            self.store.disable(entry)
            assert entry not in self.store
        else:
            self.store.enable(entry)

    @rule(number=st.integers(0, 5))
    def choose(self, number: int) -> None:
        if self.entries[number] in list(self.store):
            self.store.take(self.entries[number])

    @rule()
    def reset_counts(self) -> None:
        self.store.reset_counts()

    @rule(state=st.sampled_from(["a", "b"]))
    def set_state(self, state: str) -> None:
        self.store.states["scenario"] = state

    @rule()
    def begin(self) -> None:
        self.taken.append((self.store.snapshot(), self.seen()))

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        depth = data.draw(st.integers(0, len(self.taken) - 1))
        snapshot, before = self.taken[depth]
        del self.taken[depth:]
        self.store.restore(snapshot)
        assert self.seen() == before

    @invariant()
    def the_innermost_tells_counts_as_they_were(self) -> None:
        if self.taken:
            snapshot, (counts, _) = self.taken[-1]
            there = {entry.name: snapshot.count(entry) for entry in self.entries if entry.name in counts}
            assert there == {name: count for name, (count, _) in counts.items()}


TestSnapshots = Snapshots.TestCase
TestSnapshots.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_snapshot_ends_but_once():
    store = engine(USERS, f"[{STUBS[0]}]").store
    outer, inner = store.snapshot(), store.snapshot()
    store.restore(outer)
    for ended in (outer, inner):
        with pytest.raises(ValueError, match="not in list"):
            store.restore(ended)


def test_a_stub_that_was_disabled_before_a_snapshot_and_enabled_since_is_disabled_again():
    store = engine(USERS, f"[{STUBS[0]}]").store
    (entry,) = store
    store.disable(entry)
    snapshot = store.snapshot()
    store.enable(entry)
    store.restore(snapshot)
    assert (list(store), store.disabled) == ([], [entry])
    store.enable(entry)
    assert list(store) == [entry]


def test_a_snapshot_holds_only_what_has_changed():
    mock = engine(USERS, f"[{', '.join(STUBS)}]")
    snapshot = mock.store.snapshot()
    first, second, *_ = mock.store
    mock.store.count(first)
    mock.store.remove_one(second)
    mock.add([second.stub], Layer.TEST)
    assert (len(snapshot.added), len(snapshot.removed)) == (1, 1)
    assert (snapshot.count(first), first.count) == (0, 1)
