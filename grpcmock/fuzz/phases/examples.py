"""The examples phase: requests that somebody wrote down, in the order in which they stand there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.trials import Trial
    from grpcmock.schema import Method


def trials(method: Method, plan: Plan) -> Iterator[Trial]:
    """Yield the examples of one method."""
    return (example for example in plan.examples if example.method is method)
