"""Where cases come from: the fixed ones of the phases, and those that Hypothesis draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.phases.all_phases import cases_of
from grpcmock.fuzz.phases.request_expectation import expectation

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.choices import Source
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_LONGEST = 6
"""Messages in a stream that is drawn; the boundary phase has longer ones."""

FIXED = (Phase.BOUNDARY, Phase.EXAMPLES, Phase.WIRE)
"""The phases whose cases are the same each time."""


def fixed(method: Method, plan: Plan, phases: tuple[Phase, ...]) -> Iterator[Case]:
    """Yield the fixed cases of a method, in the order of the phases: those that stand for others are left out."""
    for phase in FIXED:
        if phase in phases:
            yield from (case for case in cases_of(phase, method, plan) if not case.sub_cases)


def drawn(method: Method, plan: Plan, source: Source) -> Case:
    """Draw a case: a valid request, or one that breaks one rule. The simplest choices make the simplest valid one."""
    generator = plan.generators.of(method.input)
    violations = [one for one in generator.violations() if expectation(method, (one,)) is Expect.REFUSED]
    violation = source.choice(violations) if violations and source.boolean() else None
    before: list[bytes] = []
    if method.kind.client_streams:
        while len(before) < _LONGEST and source.boolean():
            before.append(generator.encode(source))
    data = generator.encode(source, violation)
    return Case(
        id=f"random/{method.full_name}/drawn",
        phase=Phase.RANDOM,
        method=method,
        calls=(call_of(method, *before, data),),
        why=violation.reason if violation else "a generated request that keeps all rules",
        expect=Expect.REFUSED if violation else Expect.ACCEPTED,
        path=violation.path if violation else "",
        rule=violation.rule if violation else "",
    )
