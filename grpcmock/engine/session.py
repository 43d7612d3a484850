"""A session: a part of a mock that one suite of tests has for itself, over what is common to all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from grpcmock.engine.store import States, Store, Turn

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.method_table import MethodTable
    from grpcmock.matching.call_context import CallContext
    from grpcmock.matching.conditions import Stage
    from grpcmock.matching.index import Index
    from grpcmock.schema import Method

Table: TypeAlias = "MethodTable | SessionTable"
"""The stubs of one method, as a call sees them."""


class SessionTable:
    """The stubs of one method as a session sees them: its own, then the common ones, all by its own counts."""

    __slots__ = ("_accept", "_common", "_own", "method")

    def __init__(self, own: MethodTable | None, common: MethodTable, accept: Callable[[CompiledStub], bool]) -> None:
        self.method: Method = common.method
        self._own = own
        self._common = common
        self._accept = accept

    def __len__(self) -> int:
        return len(self._common) + (len(self._own) if self._own is not None else 0)

    @property
    def held(self) -> bool:
        """Whether fault profiles may strike calls of this method."""
        return self._common.held

    @property
    def indexes(self) -> tuple[Index[CompiledStub], ...]:
        """All of its stubs, for the explanation of a miss."""
        own, common = self._own, self._common
        return (common.index,) if own is None else (own.index, common.index)

    def is_exhausted(self, entry: CompiledStub) -> bool:
        """Whether a stub has stepped aside."""
        return not self._accept(entry)

    def first(self, context: CallContext, stage: Stage) -> CompiledStub | None:
        """Choose the winner among the stubs that need no more than is known at *stage*."""
        for table in (self._own, self._common):
            if table is not None and (found := table.index.first(context, self._accept, stage)) is not None:
                return found
        return None

    def may_yet_win(self, context: CallContext, stage: Stage, winner: CompiledStub | None) -> bool:
        """Whether a stub that needs more than is known at *stage* could still hold, and come before *winner*."""
        own, common = self._own, self._common
        if own is None:
            return common.may_yet_win(context, stage, winner, self._accept)
        if winner is not None and winner in own.index:
            return own.may_yet_win(context, stage, winner, self._accept)
        return own.may_yet_win(context, stage, None, self._accept) or common.may_yet_win(
            context, stage, winner, self._accept
        )


class Session:
    """The stubs that were added for one session, and what is its own of the common ones: how often each was chosen.

    Its calls see its stubs before the common ones, and no states but its own.
    """

    def __init__(self, name: str, created: float, now: float) -> None:
        self.name = name
        self.created = created
        """Seconds since the epoch."""
        self.began = self.used = now
        """When it began, and when it was used last, by the clock for durations."""
        self.states = States()
        self.own = Store(())
        """Its stubs. There is a table for each method that has or had one."""
        self._counts: dict[CompiledStub, int] = {}
        """How often each stub was chosen, own or common, that was."""
        self._calls = 0
        self._hidden: set[CompiledStub] = set()
        """Common stubs that step aside in this session."""

    @property
    def last_used(self) -> float:
        """Seconds since the epoch."""
        return self.created + self.used - self.began

    @property
    def next_call(self) -> int:
        """The number of the call that comes next: from 1, as if there were no other session."""
        return self._calls + 1

    def begin_call(self) -> int:
        """Number a call."""
        self._calls += 1
        return self._calls

    # Stubs ----------------------------------------------------------------------------------------

    def table(self, common: MethodTable) -> SessionTable:
        """Give the stubs of a method as this session sees them."""
        return SessionTable(self.own.tables.get(common.method.path), common, self._can_answer)

    def _can_answer(self, entry: CompiledStub) -> bool:
        return entry not in self._hidden and not entry.exhausted_after(self._counts.get(entry, 0))

    def answers_like_all(self, path: str) -> bool:
        """Whether the calls of a method are answered as those without a session, as far as its stubs go."""
        return path not in self.own.tables

    def __iter__(self) -> Iterator[CompiledStub]:
        """Its own stubs: by method, each in its order of precedence."""
        return iter(self.own)

    def __len__(self) -> int:
        return len(self.own)

    @property
    def disabled(self) -> list[CompiledStub]:
        """Its own stubs that were made to step aside."""
        return self.own.disabled

    def is_disabled(self, entry: CompiledStub) -> bool:
        """Whether a stub, its own or a common one, was made to step aside in this session."""
        return entry in self._hidden or self.own.is_disabled(entry)

    def disable(self, entry: CompiledStub) -> None:
        """Have a stub, its own or a common one, step aside for the calls of this session."""
        if entry in self.own:
            self.own.disable(entry)
        else:
            self.own.include((entry.method,))
            self._hidden.add(entry)

    def enable(self, entry: CompiledStub) -> None:
        """Let a stub that was disabled answer again."""
        self._hidden.discard(entry)
        self.own.enable(entry)

    def add(self, entries: Iterable[CompiledStub]) -> None:
        entries = list(entries)
        self.own.include(entry.method for entry in entries)
        self.own.add(entries)

    def remove(self, unwanted: Callable[[CompiledStub], bool]) -> list[CompiledStub]:
        """Take out its stubs for which *unwanted* holds, and give them."""
        removed = self.own.remove(unwanted)
        for entry in removed:
            self._counts.pop(entry, None)
        return removed

    def remove_one(self, entry: CompiledStub) -> None:
        """Take out one of its stubs."""
        self.own.remove_one(entry)
        self._counts.pop(entry, None)

    def replace_one(self, entry: CompiledStub, successor: CompiledStub) -> None:
        """Put a stub in the place of one of its own; it takes over its count."""
        self.own.remove_one(entry)
        self.add((successor,))
        if entry in self._counts:
            self._counts[successor] = self._counts.pop(entry)

    def rebase(self, own: Mapping[CompiledStub, CompiledStub], files: Mapping[str, CompiledStub]) -> None:
        """Put stubs compiled anew in the place of its *own*, and look for common ones among those from *files*.

        What says the same as before keeps its count.
        """
        counts, hidden, disabled = self._counts, self._hidden, self.own.disabled
        self.own = Store(())
        self.add(own.values())
        self._counts, self._hidden = {}, set()
        for entry in disabled:
            self.disable(own[entry])
        for entry in hidden:
            if (successor := files.get(entry.name)) is not None:
                self.disable(successor)
        for entry, count in counts.items():
            successor = own.get(entry) or files.get(entry.name)
            if successor is not None and successor.stub == entry.stub:
                self._counts[successor] = count

    # Counts ---------------------------------------------------------------------------------------

    def counted(self, entry: CompiledStub) -> int:
        """How often a stub was chosen in this session."""
        return self._counts.get(entry, 0)

    def count(self, entry: CompiledStub, times: int = 1) -> None:
        """Count that a stub was chosen."""
        self._counts[entry] = self._counts.get(entry, 0) + times

    def take(self, entry: CompiledStub) -> Turn:
        """Choose a stub: count it, give the plan that is due, and enter the states that it sets."""
        before = self.counted(entry)
        self.count(entry)
        return Turn.of(entry, before, self.states)

    def reset_count(self, entry: CompiledStub) -> None:
        """Forget how often a stub was chosen."""
        self._counts.pop(entry, None)

    def reset_counts(self) -> None:
        """Forget how often each stub was chosen: exhausted ones answer again, sequences begin anew."""
        self._counts.clear()
