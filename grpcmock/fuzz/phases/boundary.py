"""The boundary phase: the same trials in every run, at the edges of what the contract lets one say and do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.phases import courses
from grpcmock.fuzz.trials import Phase, Trial, call_of

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


def trials(method: Method, plan: Plan) -> Iterator[Trial]:
    """Yield the trials of one method."""
    yield Trial(
        id=f"boundary/{method.full_name}/empty",
        phase=Phase.BOUNDARY,
        method=method,
        calls=(call_of(method, b""),),
        why="the empty request: no bytes at all",
        aims=frozenset({"G112"}),
    )
    yield from courses.openings(method, plan)
    yield from courses.closings(method, plan)
