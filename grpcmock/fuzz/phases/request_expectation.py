"""What the contract says of a generated request: to be taken, to be refused, or nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.model.cases import Expect, call_of

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_CHANGING = re.compile(r"(Batch)?(Update|Patch|Modify|Edit|Change|Set)")


def expectation(method: Method, broken: Collection[Violation], *, unusual: bool = False) -> Expect:
    """Tell what is expected of a request that breaks these rules.

    Where a method changes part of something, a field of it that must be set may be missing (AIP-134, AIP-203).
    """
    if not broken:
        return Expect.ANY if unusual else Expect.ACCEPTED
    if changes_part(method) and any(
        violation.rule == "google.api.field_behavior" and "." in violation.path for violation in broken
    ):
        return Expect.ANY
    return Expect.REFUSED


def changes_part(method: Method) -> bool:
    """Whether a method is called like one that changes part of something."""
    return _CHANGING.match(method.name) is not None


_CONTROLS = 3


def with_controls(case: Case, plan: Plan) -> Case:
    """Return a case without a field that proto2 requires, to be made once more after others of that kind: they show
    whether the server asks for such fields at all, or its library lets them be missing."""
    if set(case.rule.split(", ")) != {"proto.required"} or case.setup:
        return case
    before = []
    for method in (case.method, *plan.methods):
        generator = plan.generators.of(method.input)
        for violation in generator.violations():
            if violation.rule == "proto.required" and (method, violation.path) != (case.method, case.path):
                message = generator.generate(RandomSource(plan.seed, "control", violation.id), violation)
                before.append(call_of(method, message.SerializePartialToString(deterministic=True)))
                break
        if len(before) == _CONTROLS:
            break
    both = replace(case, id=f"{case.id}+control", calls=(*before, *case.calls), setup=len(before))
    return replace(case, sub_cases=(both,)) if before else case
