"""The random phase: generated requests, half of them valid, half with exactly one named violation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import path_of, reachable, values_at
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.phases.request_expectation import expectation, with_controls

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.choices import Source
    from grpcmock.fuzz.generation.generator import Generator
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_LENGTHS = (1, 1, 1, 2, 3, 5, 8)
"""Messages in a stream, each as often as it stands here."""

_LEARNED_EVERY = 3
"""Every so many cases, one is made of what the server's replies have taught, once they have."""


_ACCEPTED_EVERY = 2
"""Every so many cases, one is made of a request that the server takes, where one was found."""

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
        if plan.acceptance.of(method) is not None and number // step % _ACCEPTED_EVERY == 0:
            yield _around_accepted(method, plan, number)
        number += step


def _around_accepted(method: Method, plan: Plan, number: int) -> Case:
    """Make a request that the server takes but for one field or two, which are generated."""
    accepted = plan.acceptance.of(method)
    assert accepted is not None
    source = RandomSource(plan.seed, "random", "accepted", method.full_name, number)
    generator = plan.generators.of(method.input)
    message = accepted.with_values(source.below if number % 4 else lambda _: 0)
    ways = [way for way in reachable(method.input) if path_of(way) not in accepted.references]
    for _ in range(1 + source.below(2) if ways else 0):
        way = ways[source.below(len(ways))]
        other = next((value for value in values_at(generator.generate(source), way) if value), None)
        if other is not None:
            set_at(message, way, next(iter(other), None) if way[-1].is_repeated else other)
    data = message.SerializePartialToString(deterministic=True)
    *setup, last = accepted.calls(data, salt=f"{plan.seed}-{number}", choose=source.below if number % 4 else None)
    others = source.choice(_LENGTHS) - 1 if method.kind.client_streams and not accepted.later else 0
    if others:
        messages = [accepted.later_in_stream(source.below) for _ in range(others - 1)]
        later = [*messages, _without(message, accepted.references) if source.below(2) else message]
        others_data = [one.SerializePartialToString(deterministic=True) for one in later]
        last = replace(call_of(method, accepted.data, *others_data), bindings=last.bindings)
    return Case(
        id=f"random/{method.full_name}/accepted-{plan.seed}-{number}",
        phase=Phase.RANDOM,
        method=method,
        calls=(*setup, last),
        setup=len(setup),
        why="a request that the server takes, with another value or two",
        expect=Expect.ANY if others or accepted.later or generator.broken(message) else Expect.ACCEPTED,
    )


def _without(message: Message, paths: Iterable[Path]) -> Message:
    for path in paths:
        message.ClearField(str(path[0]))
    return message


class _Maker:
    """Makes the cases of one method."""

    def __init__(self, method: Method, plan: Plan, label: str, generator: Generator) -> None:
        self._method = method
        self._plan = plan
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
        case = Case(
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
        return with_controls(case, self._plan)
