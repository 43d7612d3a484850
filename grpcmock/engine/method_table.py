"""The stubs of one method, and what follows from all of them for how its calls may be answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from grpcmock.engine.compiled_stub import CompiledStub
from grpcmock.engine.given_answers import AnswerCache, is_constant, rests_on_request
from grpcmock.matching.index import Index
from grpcmock.responses.faults import FaultKind
from grpcmock.schema import MethodKind

if TYPE_CHECKING:
    from grpcmock.matching.call_context import CallContext
    from grpcmock.matching.conditions import Stage
    from grpcmock.schema import Method

_WHOLE_STREAM = frozenset({FaultKind.EXTRA_MESSAGES, FaultKind.RESET, FaultKind.TRUNCATE})
"""Faults that a handler of a single response cannot make."""

_MOST_KEYS = 8
"""Keys of metadata that may make a difference to answers that are remembered."""

Accept = Callable[[CompiledStub], bool]
"""Says of a stub whether it can answer, or has stepped aside."""


def can_answer(entry: CompiledStub) -> bool:
    """Whether a stub is not exhausted."""
    return not entry.exhausted


def always(_: CompiledStub) -> bool:
    return True


class MethodTable:
    """The stubs of one method, in an index."""

    __slots__ = (
        "_keys",
        "_later",
        "_unsteady",
        "_varying",
        "_whole_stream",
        "answers",
        "answers_once",
        "held",
        "index",
        "is_constant",
        "is_steady",
        "metadata_keys",
        "method",
        "stages",
        "takes_one",
    )

    def __init__(self, method: Method) -> None:
        self.method = method
        self.index: Index[CompiledStub] = Index()
        self.stages = [0, 0, 0]
        """How many stubs need the opening of a call, its first message, all of its messages."""
        self.is_constant = True
        """Whether every answer of this method is a constant that follows from the message alone."""
        self.is_steady = True
        """Whether the choice among the stubs of this method always follows from its only message, and from metadata."""
        self.metadata_keys: tuple[str, ...] = ()
        """The keys of metadata that its stubs look at, as long as they aren't too many."""
        self.answers = AnswerCache()
        """While the choice is steady: what answered the requests that came before, where it always will."""
        self.takes_one = not method.kind.client_streams
        """Whether its client sends one message."""
        self.answers_once = method.kind is MethodKind.UNARY
        """Whether a handler of one request and one response can give every answer of this method."""
        self.held = False
        """Whether each call has to come by the engine whole: none is then answered from what was remembered."""
        self._varying = 0
        self._unsteady = 0
        self._keys: Counter[str] = Counter()
        """How many stubs look at each key."""
        self._whole_stream = 0
        self._later: dict[Stage, list[CompiledStub]] = {}

    def add(self, entry: CompiledStub) -> None:
        self.index.add(entry)
        self._count(entry, 1)

    def remove(self, entry: CompiledStub) -> None:
        self.index.remove(entry)
        self._count(entry, -1)

    def _count(self, entry: CompiledStub, by: int) -> None:
        self.stages[entry.conditions.stage] += by
        self._varying += 0 if is_constant(entry) else by
        self._unsteady += 0 if rests_on_request(entry) else by
        if entry.conditions.metadata is not None:
            self._count_keys(entry.conditions.metadata.keys, by)
        if any(plan.fault and plan.fault.kind in _WHOLE_STREAM for plan in entry.plans):
            self._whole_stream += by
        self._later.clear()
        self._judge()

    def _count_keys(self, keys: Iterable[str], by: int) -> None:
        before = len(self._keys)
        for key in keys:
            self._keys[key] += by
            if not self._keys[key]:
                del self._keys[key]
        if len(self._keys) != before or by < 0:
            self.metadata_keys = tuple(sorted(self._keys)) if len(self._keys) <= _MOST_KEYS else ()

    def hold(self, held: bool) -> None:
        """Have each call come by the engine, or not any more."""
        self.held = held
        self._judge()

    def _judge(self) -> None:
        self.is_constant = not self._varying and not self.held
        is_told = len(self._keys) <= _MOST_KEYS
        self.is_steady = not self._unsteady and is_told and self.takes_one and not self.held
        self.answers_once = self.method.kind is MethodKind.UNARY and not self._whole_stream and not self.held
        self.answers.clear()

    def __len__(self) -> int:
        return sum(self.stages)

    @property
    def indexes(self) -> tuple[Index[CompiledStub], ...]:
        """All of its stubs, for the explanation of a miss."""
        return (self.index,)

    def is_exhausted(self, entry: CompiledStub) -> bool:
        """Whether a stub has stepped aside."""
        return entry.exhausted

    def first(self, context: CallContext, stage: Stage, accept: Accept = can_answer) -> CompiledStub | None:
        """Choose the winner among the stubs that need no more than is known at *stage*."""
        return self.index.first(context, always if self.is_constant else accept, stage)

    def may_yet_win(
        self, context: CallContext, stage: Stage, winner: CompiledStub | None, accept: Accept = can_answer
    ) -> bool:
        """Whether a stub that needs more than is known at *stage* could still hold, and come before *winner*."""
        if not any(self.stages[stage + 1 :]):
            return False
        later = self._later.get(stage)
        if later is None:
            later = [entry for entry in self.index if entry.conditions.stage > stage]
            self._later[stage] = later
        for entry in later:
            if winner is not None and winner.rank < entry.rank:
                return False
            if accept(entry) and entry.conditions.open_holds(context):
                return True
        return False
