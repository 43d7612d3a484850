"""Services that answer a run in its own process, without a server: objects with a method for each RPC."""

from __future__ import annotations

from typing import Any

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import Call, Case, Phase
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.opening import Opening
from grpcmock.schema import Registry
from grpcmock.status import Code


class RefusedError(Exception):
    def __init__(self, message: str, code: Code = Code.UNKNOWN) -> None:
        super().__init__(message)
        self.code = code


def answers(service: Any, calls: tuple[Call, ...]) -> list[Reply]:
    """Return what the methods of a service, named as in its proto, answer to calls, each with what came before it."""
    replies: list[Reply] = []
    for call in calls:
        method = call.method
        assert method is not None
        request = method.request_class.FromString(bound(call, replies, calls).messages[0])
        try:
            data = getattr(service, method.name)(request).SerializeToString()
        except RefusedError as error:
            reply = Reply(call=call, termination=Termination.SERVER, code=error.code, message=str(error))
        else:
            reply = Reply(call=call, termination=Termination.SERVER, code=0, responses=(data,))
        replies.append(reply)
    return replies


async def opened(registry: Registry, service: Any, *, turns: int = 1) -> tuple[Plan, list[Case]]:
    """Return the plan of a run on a service after so many turns of its beginning, and the cases that were made."""
    methods = tuple(registry.methods.values())
    expectations = Expectations(registry=registry)
    plan = Plan(registry=registry, methods=methods, expectations=expectations, generators=Generators(registry))
    made: list[Case] = []

    async def make(case: Case) -> Reply:
        made.append(case)
        return answers(service, case.calls)[-1]

    opening = Opening(plan, Phase.BOUNDARY, make)
    for _ in range(turns):
        if not opening.is_done:
            await opening.go(())
    return plan, made
