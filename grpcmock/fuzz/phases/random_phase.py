"""The random phase: generated requests, half of them valid, half with exactly one named violation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.phases.request_expectation import expectation

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.choices import Source
    from grpcmock.fuzz.generation.generator import Generator
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_LENGTHS = (1, 1, 1, 2, 3, 5, 8)
"""Messages in a stream, each as often as it stands here."""

_LEARNED_EVERY = 3
"""Every so many cases, one is made of what the server's replies have taught, once they have."""


_PARTS = (0, 0, 4, 32)
"""So many cases come while the other phases make theirs; what is left comes after them."""


def parts(method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield cases without end."""
    cases = _cases(method, plan)
    yield from (islice(cases, count) for count in _PARTS)
    yield cases


def notices(plan: Plan) -> Iterator[str]:
    """Yield nothing: this phase can always be made."""
    del plan
    return iter(())


def _cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield cases without end.

    The one with number *n* depends on nothing but the contract, the seed and *n*, whatever the server says. Those that
    are made of its replies come between them, under names of their own.
    """
    first, step = plan.shard[0] - 1, plan.shard[1]
    stated = _Maker(method, plan, "", plan.generators.of(method.input))
    learned: _Maker | None = None
    number = first
    while True:
        yield stated.case(number)
        if plan.dictionary.has_values and number // step % _LEARNED_EVERY == _LEARNED_EVERY - 1:
            learned = learned or _Maker(
                method, plan, "learned-", plan.dictionary.generators(plan.registry).of(method.input)
            )
            yield learned.case(number)
        number += step


class _Maker:
    """Makes the cases of one method."""

    def __init__(self, method: Method, plan: Plan, label: str, generator: Generator) -> None:
        self._method = method
        self._seed = plan.seed
        self._label = label
        self._generator = generator
        self._violations = tuple(
            violation for violation in generator.violations() if expectation(method, (violation,)) is Expect.REFUSED
        )

    def case(self, number: int) -> Case:
        generator = self._generator
        source = RandomSource(self._seed, "random", self._label, self._method.full_name, number)
        violation: Violation | None = None
        if number % 2 and self._violations:
            violation = source.choice(self._violations)
        before = []
        if self._method.kind.client_streams:
            before = [generator.encode(source) for _ in range(source.choice(_LENGTHS) - 1)]
        return self._made(f"{self._label}{self._seed}-{number}", source, violation, before)

    def _made(self, name: str, source: Source, violation: Violation | None, before: Sequence[bytes]) -> Case:
        method = self._method
        source.take()
        data = self._generator.encode(source, violation)
        return Case(
            id=f"random/{method.full_name}/{name}",
            phase=Phase.RANDOM,
            method=method,
            calls=(call_of(method, *before, data),),
            why=violation.reason if violation else "a generated request that keeps all rules",
            expect=Expect.REFUSED if violation else Expect.ACCEPTED,
            path=violation.path if violation else "",
            rule=violation.rule if violation else "",
            choices=source.take(),
        )
