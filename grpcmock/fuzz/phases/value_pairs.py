"""Two unusual values in one request: each pair of what a server takes in two fields, in as few requests as may be.

Each value was taken by itself. What falls over two of them together is found by pairs; three are left to chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import Fields, values_at
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.model.cases import Case, Expect, Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST_FIELDS = 12
_MOST_VALUES = 4
_MOST_CASES = 32

_AS_IT_IS = object()
"""For what the full request has in a field."""

Levels = tuple[tuple[Any, ...], ...]
"""The values of each field."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield requests that hold all pairs of values between them; none where fewer than two fields have other values."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None:
        return
    ways = _ways(accepted, plan)
    for number, row in enumerate(pairwise(tuple(ways.values()))):
        if number == _MOST_CASES:
            return
        message = accepted.fullest
        for way, value in zip(ways, row, strict=True):
            if value is not _AS_IT_IS:
                set_at(message, way, value)
        label = f"pairs-{number}"
        calls = accepted.calls(message.SerializePartialToString(deterministic=True), salt=label)
        yield Case(
            id=f"boundary/{method.full_name}/{label}",
            phase=Phase.BOUNDARY,
            method=method,
            calls=calls,
            setup=len(calls) - 1,
            why="values together that the server takes one by one",
            expect=Expect.ANY,
        )


def pairwise(levels: Levels) -> Iterator[tuple[Any, ...]]:
    """Yield rows with a value for each field, so that every two values of two fields come together in one of them.

    >>> list(pairwise((("a", "b"), (1, 2))))
    [('a', 1), ('a', 2), ('b', 1), ('b', 2)]
    """
    sizes = [len(values) for values in levels]
    left = {
        ((one, first), (other, second)): None
        for one, other in combinations(range(len(sizes)), 2)
        for first in range(sizes[one])
        for second in range(sizes[other])
    }
    while left:
        row = dict(next(iter(left)))
        for place in range(len(sizes)):
            if place not in row:
                counts = [_covered(left, row, place, value) for value in range(sizes[place])]
                row[place] = counts.index(max(counts))
        for one, other in combinations(sorted(row.items()), 2):
            left.pop((one, other), None)
        yield tuple(levels[place][row[place]] for place in range(len(sizes)))


def _covered(left: Any, row: dict[int, int], place: int, value: int) -> int:
    """Count the pairs that a value makes with those of a row, as far as they are left."""
    return sum(tuple(sorted((other, (place, value)))) in left for other in row.items())


def _ways(accepted: AcceptedRequest, plan: Plan) -> dict[Fields, tuple[Any, ...]]:
    """Return the fields with more than one value that the server takes, with these: what the full request has first, be
    it nothing, then the ends of what the server says that it takes."""
    found: dict[Fields, tuple[Any, ...]] = {}
    limits = plan.limits.of(accepted.method)
    for way, values in accepted.values.items():
        there = list(values_at(accepted.fullest, way))
        ends = [end for end in limits[way][0] if end is not None] if way in limits and _is_number(way) else []
        others = [value for value in (*ends, *values) if value not in there]
        distinct = [value for number, value in enumerate(others) if value not in others[:number]]
        if there and distinct:
            found[way] = (_AS_IT_IS, *distinct[: _MOST_VALUES - 1])
    return dict(list(found.items())[:_MOST_FIELDS])


def _is_number(way: Fields) -> bool:
    return not way[-1].is_repeated and way[-1].cpp_type not in (way[-1].CPPTYPE_STRING, way[-1].CPPTYPE_MESSAGE)
