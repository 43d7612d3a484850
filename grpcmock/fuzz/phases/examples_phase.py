"""The examples phase: requests that somebody wrote down, in the order in which they stand there, and some like them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.generation.overlay import overlaid
from grpcmock.fuzz.model.cases import Expect, call_of
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_ALIKE = 8
"""So many requests are made like each example."""

_MOST = 200
"""So many for one method."""


def parts(method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield the examples of one method; then generated requests that say what an example says, and more besides."""
    yield _cases(method, plan)


def notices(plan: Plan) -> Iterator[str]:
    """Yield nothing: this phase can always be made."""
    del plan
    return iter(())


def _cases(method: Method, plan: Plan) -> Iterator[Case]:
    examples = [example for example in plan.examples if example.method is method]
    yield from examples
    for number in range(_ALIKE):
        for example in examples[: _MOST // _ALIKE]:
            if (alike := _alike(example, number, plan)) is not None:
                yield alike


def _alike(example: Case, number: int, plan: Plan) -> Case | None:
    """Generate a valid request around an example: around the first message where it has several."""
    method, messages = example.method, example.calls[0].messages
    written = try_decode(method.request_class, messages[0]) if messages else None
    if written is None:
        return None
    generator = plan.generators.of(method.input)
    made = generator.generate(RandomSource(plan.seed, "examples", example.id, number))
    overlaid(made, written)
    if generator.broken(made):
        return None
    data = made.SerializePartialToString(deterministic=True)
    return replace(
        example,
        id=f"{example.id}/{plan.seed}-{number}",
        calls=(call_of(method, data, *messages[1:], metadata=example.calls[0].metadata),),
        why=f"{example.why}, with more in it",
        expect=Expect.ACCEPTED,
    )
