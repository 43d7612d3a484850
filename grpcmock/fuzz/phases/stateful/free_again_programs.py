"""Programs on what can be made again, as comments say: it is made, given up, and made by the same request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.free_again import freed_by
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that makes what can be made again after others."""
    own = plan.acceptance.first.get(method.path)
    if own is None or method.kind is not MethodKind.UNARY:
        return
    for other in freed_by(method, plan.registry):
        ending = plan.acceptance.first.get(other.path)
        if ending is None or [need.made_by.method for need in ending.needs] != [method]:
            continue
        program = MethodProgram(method, plan, f"again-after-{other.name}")
        making = replace(own, full=b"", values={})
        first = program.add(making)
        program.add(ending, latest=True)
        program.add(replace(making, data=bytes_of(program.request(first)), own_id=None, also_own=()))
        yield program.case(f"the same again after {other.name}")
