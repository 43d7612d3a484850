"""Programs on methods that list, and may be asked for a few only of what was made for them: for one, two, and any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.search_programs import things_with
from grpcmock.fuzz.phases.stateful.selection_programs import makes
from grpcmock.fuzz.resources.laws.searches import query_of
from grpcmock.fuzz.resources.laws.sizes import size_of

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.schema import Method

_MOST_MAKERS = 2
_THINGS = 4
_SIZES = (1, 2, 0, 1)


def cases(method: Method, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the program of a method whose requests say how many are wanted."""
    plan = factory.plan
    size, own = size_of(method, factory.resources), plan.acceptance.first.get(method.path)
    if size is None or own is None:
        return
    if query_of(method) is not None:
        yield from things_with(method, factory, "sized", _THINGS, [{size.name: number} for number in _SIZES])
        return
    program = MethodProgram(method, plan, "sized")
    makers = [one for one in plan.acceptance.first.values() if makes(one, own, plan)]
    makers.sort(key=lambda one: (plan.acceptance.rank(one.method), one.method.full_name))
    for maker in makers[:_MOST_MAKERS]:
        for number in range(_THINGS):
            program.add(replace(maker, full=b"", values={}), anew=number + 1)
    for number in _SIZES:
        request = own.message
        setattr(request, size.name, number)
        program.add(replace(own, data=request.SerializePartialToString(deterministic=True), full=b"", values={}))
    yield program.case("no more come than are asked for")
