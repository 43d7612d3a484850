"""A stub that can answer: its conditions, the plans of its answers, and how often it was chosen."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from grpcmock.engine.whole_plan import constant_answer, whole_plan

if TYPE_CHECKING:
    from grpcmock.engine.front import Conversation, Front
    from grpcmock.engine.whole_plan import WholeAnswer, WholePlan
    from grpcmock.matching.conditions import Conditions
    from grpcmock.responses.plan import OnStep, Plan
    from grpcmock.schema import Method
    from grpcmock.stubs.model import Stub


_UNKNOWN = object()


class Layer(IntEnum):
    """Where a stub comes from; the lower wins."""

    TEST = 0
    RUNTIME = 1
    FILE = 2


class CompiledStub:
    """A stub, compiled: its conditions, a plan for each of its answers, and how often it was chosen."""

    __slots__ = (
        "_constant_answer",
        "_conversations",
        "_whole_plans",
        "conditions",
        "count",
        "layer",
        "method",
        "plans",
        "rank",
        "sets_states",
        "stub",
    )

    def __init__(
        self, stub: Stub, method: Method, conditions: Conditions, plans: tuple[Plan, ...], layer: Layer, order: int
    ) -> None:
        self.stub = stub
        self.method = method
        self.conditions = conditions
        self.plans = plans
        self.layer = layer
        self.rank = (layer.value, -stub.priority, -conditions.count, order)
        """The order of precedence: the lower wins."""
        self.count = 0
        """How often this stub was chosen."""
        self.sets_states = any(plan.set for plan in plans)
        """Whether one of its answers enters a state."""
        self._whole_plans: tuple[WholePlan | None, ...] | None = None
        self._constant_answer: object = _UNKNOWN
        self._conversations: dict[int, Conversation | None] | None = None

    def whole_plan_after(self, count: int) -> WholePlan | None:
        """The plan that is due as :meth:`plan_after` says, as one that says all at once; None if it doesn't."""
        if self._whole_plans is None:
            self._whole_plans = tuple([whole_plan(self.method, plan) for plan in self.plans])
        return self._whole_plans[self._place_after(count)]

    def conversation(self, step: OnStep, front: Front) -> Conversation | None:
        """What is known of the messages that a step of one of its plans answers; None if nothing can be."""
        if self._conversations is None:
            self._conversations = {}
        key = id(step)  # it lives as long as its stub
        if key not in self._conversations:
            self._conversations[key] = front.conversation() if any(arm.messages for arm in step.arms) else None
        return self._conversations[key]

    @property
    def constant_answer(self) -> WholeAnswer | None:
        """What each call that this stub is chosen for is answered, if that is the same and changes nothing."""
        answer = self._constant_answer
        if answer is _UNKNOWN:
            answer = self._constant_answer = self._found_answer()
        return answer  # type: ignore[return-value]

    def _found_answer(self) -> WholeAnswer | None:
        if len(self.plans) != 1 or self.plans[0].set:
            return None
        if (constant := self.plans[0].constant) is not None:  # most are, and many are asked for once
            return constant_answer(constant)
        whole = self.whole_plan_after(0)
        return None if whole is None else whole.constant

    @property
    def name(self) -> str:
        return self.stub.name

    @property
    def exhausted(self) -> bool:
        """Whether the stub steps aside for the next in precedence."""
        return self.exhausted_after(self.count)

    def exhausted_after(self, count: int) -> bool:
        """Whether the stub steps aside once it was chosen so often."""
        stub = self.stub
        if stub.times is not None and count >= stub.times:
            return True
        return stub.then == "miss" and count >= len(self.plans)

    def plan_after(self, count: int) -> Plan:
        """The plan of the answer that is due once it was chosen so often."""
        return self.plans[self._place_after(count)]

    def _place_after(self, count: int) -> int:
        total = len(self.plans)
        if count < total:
            return count
        return count % total if self.stub.then == "cycle" else total - 1

    def __str__(self) -> str:
        return str(self.stub)
