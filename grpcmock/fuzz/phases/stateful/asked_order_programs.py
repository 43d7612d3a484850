"""Programs on answers that come in the order of the request: several things, named one way round and the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.laws.asked_orders import asked_for

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_THINGS = 3


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the program of a method of which a comment says so."""
    asked, own = asked_for(method, plan.registry), plan.acceptance.first.get(method.path)
    if asked is None or own is None:
        return
    name = asked[0].name
    need = next((one for one in own.needs if one.target[0] == name), None)
    if need is None:
        return
    program = MethodProgram(method, plan, "in-order")
    maker = replace(need.made_by, data=need.made_by.plain or need.made_by.data, full=b"", values={})
    made = [program.add(maker, anew=number) for number in range(1, _THINGS + 1)]
    bare: Any = own.message
    bare.ClearField(name)
    others = tuple(one for one in own.needs if one.target[0] != name)
    request = replace(own, data=bare.SerializePartialToString(deterministic=True), full=b"", values={}, needs=others)
    for calls in (made, made[::-1], [made[1], made[2], made[0]]):
        more = tuple(Binding(call, need.source, (name, number)) for number, call in enumerate(calls))
        program.add(request, more=more)
    yield program.case("several things, named in one order and in others")
