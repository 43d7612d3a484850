"""Programs on what has one of something at a time: a second one for it, with all else made anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.one_at_a_time import one_at_a_time
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that makes what something has one of."""
    own = plan.acceptance.first.get(method.path)
    if own is None or method.kind is not MethodKind.UNARY:
        return
    for one in one_at_a_time(method, plan.registry):
        need = next((need for need in own.needs if need.target == (one.field.name,)), None)
        program = MethodProgram(method, plan, f"one-for-each-{one.field.name}")
        program.add(own)
        index = program.made(need.made_by.method) if need is not None else None
        same = (Binding(index, need.source, need.target),) if need is not None and index is not None else ()
        program.add(own, skip=1, anew=1, more=same)
        yield program.case(f"a second one for the same {one.field.name}")
