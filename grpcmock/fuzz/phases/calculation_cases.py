"""Cases for methods that only calculate: of what they are given, each number small and large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.calculations import converting_of, prices_of, splitting_of
from grpcmock.fuzz.expectations.number_types import NUMBERS
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
_MOST_NUMBERS = 4
_WHOLES = ((100, 0), (1, 0), (0, 10_000_000), (1, 10_000_000), (10, 0))
"""Units and nanos: some that can't be split evenly."""

_SHARES = ((1, 1, 1), (1,) * 7, (3, 5, 7))
_SUMS = ((5, 0), (1, 0), (100, 0), (-1, 0), (1_000, 0))


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the case of a method that reckons with nothing but what it is given."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None or accepted.needs or accepted.references or accepted.own_id is not None:
        return
    made = list(_requests(method, accepted))
    if made:
        data = [one.SerializePartialToString(deterministic=True) for one in made]
        yield Case(
            id=f"boundary/{method.full_name}/calculations",
            phase=Phase.BOUNDARY,
            method=method,
            calls=tuple(call_of(method, one) for one in data),
            why="a calculation of which it is known what may come out",
            expect=Expect.ANY,
            targets=frozenset({"calculation"}),
        )


def _requests(method: Method, accepted: AcceptedRequest) -> Iterator[Message]:
    if prices_of(method):
        yield from _priced(accepted)
    elif (splitting := splitting_of(method)) is not None:
        for units, nanos in _WHOLES:
            for shares in _SHARES:
                message: Any = accepted.fullest
                whole = getattr(message, splitting.whole.name)
                whole.units, whole.nanos = units, nanos
                if splitting.shares.is_repeated:
                    getattr(message, splitting.shares.name)[:] = shares
                else:
                    setattr(message, splitting.shares.name, len(shares))
                yield message
    elif (converting := converting_of(method)) is not None:
        for units, nanos in _SUMS:
            message = accepted.fullest
            given = getattr(message, converting.given.name)
            given.units, given.nanos = units, nanos
            setattr(message, converting.currency.name, given.currency_code)
            yield message


def _priced(accepted: AcceptedRequest) -> Iterator[Message]:
    numbers = [
        field
        for field in accepted.method.input.fields
        if not field.is_repeated and field.message_type is None and field.cpp_type in NUMBERS
    ]
    for field in numbers[:_MOST_NUMBERS]:
        for size in _SIZES:
            message = accepted.fullest
            setattr(message, field.name, size)
            yield message
