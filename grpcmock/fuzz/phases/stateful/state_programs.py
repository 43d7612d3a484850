"""Programs on the states of which comments speak: a call on a thing to which something was done before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.expectations.state_conditions import documented_conditions, plain
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.laws.known_states import vocabulary, words_of
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 6


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that is refused in some states: after each method that may lead to one, which
    includes itself."""
    own = plan.acceptance.first.get(method.path)
    conditions = documented_conditions(method, plan.registry, vocabulary(plan.registry))
    if own is None or not conditions:
        return
    states = frozenset().union(*(one.states for one in conditions))
    others = [own, *(one for one in plan.acceptance.first.values() if one is not own and _may_lead(one, own))]
    for other in islice(others, _MOST):
        for label, leading in _into(other, states):
            program = MethodProgram(method, plan, f"after-{other.method.name}{label}")
            for need in own.needs:
                program.add(need.made_by)
            program.add(leading)
            program.add(own)
            yield program.case(f"after {other.method.name} on the same thing")


def _into(other: AcceptedRequest, states: frozenset[str]) -> Iterator[tuple[str, AcceptedRequest]]:
    """Yield a request as it is, and with each of the states that it may ask for by an enum."""
    yield "", other
    for one in other.method.input.fields:
        for number, word in words_of(one).items() if one.enum_type is not None and not one.is_repeated else ():
            if plain(word) in states:
                message = other.message
                setattr(message, one.name, number)
                data = message.SerializePartialToString(deterministic=True)
                yield f"-{number}", replace(other, data=data, full=b"", values={})


def _may_lead(other: AcceptedRequest, own: AcceptedRequest) -> bool:
    """Whether a method does something to what another one names."""
    if only_reads(other.method) or other.method.kind is not MethodKind.UNARY:
        return False
    ours = {need.made_by.method for need in own.needs}
    return any(need.made_by.method in ours for need in other.needs)
