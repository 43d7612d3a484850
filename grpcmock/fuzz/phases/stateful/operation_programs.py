"""Programs on what takes its time: begun, and looked at until it may be done, and once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.laws.operations import outcome_of
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_LOOKS = (0.0, 0.1, 0.4, 0.5, 0.0)
"""Seconds to wait before each."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the program of a method that begins operations, for each method that shows one of these."""
    own = plan.acceptance.first.get(method.path)
    if own is None or only_reads(method) or method.kind is not MethodKind.UNARY or outcome_of(method.output) is None:
        return
    for reader in plan.acceptance.first.values():
        if reader.method.output is not method.output or not only_reads(reader.method) or len(reader.needs) != 1:
            continue
        (need,) = reader.needs
        if need.made_by.method.output is not method.output:
            continue
        program = MethodProgram(method, plan, f"operation-{reader.method.name}")
        named = (Binding(program.add(own.filled()), need.source, need.target),)
        for seconds in _LOOKS:
            program.add(replace(reader, needs=()), more=named)
            program.wait(seconds)
        yield program.case("an operation that is looked at until it may be done")
