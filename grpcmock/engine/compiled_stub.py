"""A stub that can answer: its conditions, the plans of its answers, and how often it was chosen."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from grpcmock.engine.constant_plan import constant_answer

if TYPE_CHECKING:
    from grpcmock.engine.constant_plan import ConstantAnswer
    from grpcmock.matching.conditions import Conditions
    from grpcmock.responses.plan import Plan
    from grpcmock.schema import Method
    from grpcmock.stubs.model import Stub


class Layer(IntEnum):
    """Where a stub comes from; the lower wins."""

    TEST = 0
    RUNTIME = 1
    FILE = 2


class CompiledStub:
    """A stub, compiled: its conditions, a plan for each of its answers, and how often it was chosen."""

    __slots__ = ("_constant_answer", "conditions", "count", "layer", "method", "plans", "rank", "stub")

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
        self._constant_answer: ConstantAnswer | bool | None = False

    @property
    def constant_answer(self) -> ConstantAnswer | None:
        """Its only answer, where that is the same each time; None if it isn't."""
        if self._constant_answer is False:
            self._constant_answer = constant_answer(self.method, self.plans)
        return self._constant_answer  # type: ignore[return-value]

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
        plans = self.plans
        if count < len(plans):
            return plans[count]
        return plans[count % len(plans)] if self.stub.then == "cycle" else plans[-1]

    def __str__(self) -> str:
        return str(self.stub)
