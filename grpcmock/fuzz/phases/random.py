"""The random phase: generated requests, half of them valid, half with exactly one named violation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.generation.source import RandomSource
from grpcmock.fuzz.trials import Expect, Phase, Trial, call_of

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_LENGTHS = (1, 1, 1, 2, 3, 0, 5, 8)
"""Messages in a stream, so often."""


def trials(method: Method, plan: Plan) -> Iterator[Trial]:
    """Yield requests without end. The one with number *n* depends on nothing but the seed, the method and *n*."""
    generator = plan.generators.of(method.input)
    number, of = plan.shard
    name = method.full_name
    number -= 1
    while True:
        source = RandomSource(plan.seed, "random", name, number)
        message = generator.generate(source)
        yield Trial(
            id=f"random/{name}/{plan.seed}-{number}",
            phase=Phase.RANDOM,
            method=method,
            calls=(call_of(method, message.SerializePartialToString(deterministic=True)),),
            why="a generated request that keeps all rules",
            expect=Expect.ACCEPTED,
            choices=source.take(),
        )
        number += of
