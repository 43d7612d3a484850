"""Compile answers from the text of a stub, and see what they send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from support import registry

from grpcmock.errors import Problems
from grpcmock.responses.compile import compile_answer
from grpcmock.responses.context import RenderContext
from grpcmock.responses.faults import FAULTS
from grpcmock.responses.plan import Arm, CallStatus, FinishStep, OnStep, Plan, PlanStep, RepeatStep, SendStep
from grpcmock.schema.codec import to_tree
from grpcmock.stubs import loader

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

UNARY = "kitchen.KitchenService/Unary"


@dataclass(frozen=True)
class Compiled:
    """The plans of all answers of a text, and what is wrong with it."""

    plans: list[Plan]
    method: Method
    problems: Problems

    @property
    def plan(self) -> Plan:
        assert [str(problem) for problem in self.problems] == []
        (plan,) = self.plans
        return plan

    @property
    def errors(self) -> list[str]:
        """The errors, each without the name of the file."""
        return [str(problem).replace("s.yaml:", "") for problem in self.problems.errors]

    def messages(self, **context: Any) -> list[Message]:
        return [
            self.method.response_class.FromString(step.reply.render(RenderContext(**context)))
            for step in self.plan.steps
            if isinstance(step, SendStep)
        ]

    def trees(self, **context: Any) -> list[Any]:
        """The messages as plain ProtoJSON."""
        return [to_tree(message) for message in self.messages(**context)]

    def tree(self, **context: Any) -> Any:
        (tree,) = self.trees(**context)
        return tree

    def outcome(self, **context: Any) -> CallStatus:
        finish = self.plan.steps[-1]
        assert isinstance(finish, FinishStep)
        return finish.render(RenderContext(**context))

    def names(self) -> list[Any]:
        """The names of the steps."""
        return _names(self.plan.steps)


def _names(steps: tuple[PlanStep | Arm, ...]) -> list[Any]:
    found: list[Any] = []
    for step in steps:
        found.append(type(step).__name__.removesuffix("Step"))
        if isinstance(step, OnStep):
            found.append(_names(step.arms))
        elif isinstance(step, (RepeatStep, Arm)):
            found.append(_names(step.steps))
    return found


class Compiler:
    """Compiles the text of a stub's keys; ``method`` is added."""

    registry: Registry = registry()

    def __call__(
        self, text: str, method: str = UNARY, *, faults: frozenset[str] = FAULTS, protos: tuple[str, ...] = ()
    ) -> Compiled:
        known = registry(*protos)
        problems = Problems()
        service = "" if "/" in method else "kitchen.KitchenService/"
        stub = f"method: {service}{method}\n{text}"
        stubs = loader.load_text("- " + "\n  ".join(stub.strip().splitlines()), "s.yaml", problems)
        found = known.method(service + method)
        plans = [
            compile_answer(answer, stub, found, known, problems, faults=faults)
            for stub in stubs
            for answer in stub.answers
        ]
        return Compiled(plans, found, problems)

    def request(self, **fields: Any) -> Message:
        """Make a request message of the kitchen sink."""
        return self.registry.message("kitchen.Everything")(**fields)


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()
