"""Programs on what isn't given again, as comments say: two things below one parent, the later deleted, and one more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.phases.stateful.freeing_programs import takes_away
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.fields import shown_types
from grpcmock.fuzz.resources.given_once import given_once
from grpcmock.fuzz.resources.laws.whole_things import makes_things
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the program of a method that makes things, of which something isn't given again."""
    own = plan.acceptance.first.get(method.path)
    if own is None or method.kind is not MethodKind.UNARY or not makes_things(method):
        return
    if not any(given_once(one, method, plan.registry) for one in shown_types(method.output)):
        return
    taking = next((one for one in plan.acceptance.first.values() if takes_away(one, own, plan)), None)
    if taking is None:
        return
    making = replace(own, full=b"", values={})
    program = MethodProgram(method, plan, f"after-{taking.method.name}")
    for number in range(2):
        program.add(making, anew=number)
    for number in (2, 3):  # the later of two that are there, so that a count of them is that of before
        program.add(taking, latest=True)
        program.add(making, anew=number)
    yield program.case(f"what {taking.method.name} has taken away leaves nothing to be given again")
