"""The boundary phase: the same cases in every run, at the edges of what the contract lets one say and do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.phases import (
    backward_cases,
    calculation_cases,
    calendar_cases,
    call_lifecycle,
    comment_cases,
    growth_cases,
    item_limits,
    limit_cases,
    money_cases,
    name_cases,
    second_item_cases,
    stream_orders,
    value_pairs,
)
from grpcmock.fuzz.phases.boundary_cases import BoundaryCases, plain_case
from grpcmock.fuzz.phases.interleaving import alternating
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.message_boundaries import Boundary
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_SHAPES = frozenset({"present", "oneof", "missing", "undeclared"})
"""Sorts of boundaries: what is there or not, and numbers that no enum declares."""

_EARLY = 1
"""So many requests with many values at once come before most else."""

_FIRST_PAIRS = 10
"""So many requests with two unusual values come before what is told of single fields: most pairs are in them."""

_FIRST_LIMITS = 4
"""So many limits that comments state are tried before most else: each takes four calls."""

_MOST_KEYS = 12
_SINGLE = frozenset({"scalar", "enum", "list", "map", "well-known"})
"""Single values, which have been tried together."""


def parts(method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield the cases of one method: nothing and a bit of everything, what shows best while little has happened, what
    tells the most for the least, how calls go, then value by value."""
    empty, *found = plan.generators.of(method.input).boundaries()
    least = BoundaryCases(method, plan)
    together = least.together(map(least.behind_the_door, found), valid=True)
    yield _early(method, plan, empty, together)
    maker = BoundaryCases(method, plan)  # by now more may be known of what the server takes
    boundaries = [maker.behind_the_door(boundary) for boundary in found]
    elsewhere: list[Boundary] = []
    pairs = value_pairs.cases(method, plan)
    first = _first(maker, boundaries, elsewhere)
    keys = islice(maker.keys(boundaries), _MOST_KEYS)
    limits = limit_cases.LimitCases(method, plan)
    told = chain(
        limits.refused(),
        comment_cases.cases(method, plan),
        calendar_cases.cases(method, plan),
        backward_cases.cases(method, plan),
        second_item_cases.cases(method, plan),
        islice(limits.documented(), _FIRST_LIMITS),
        item_limits.documented(method, plan),
        calculation_cases.cases(method, plan),
        money_cases.cases(method, plan),
    )
    yield chain(told, together, islice(pairs, _FIRST_PAIRS), keys, first, stream_orders.cases(method, plan))
    yield chain(comment_cases.of_kinds(method, plan), name_cases.cases(method, plan), limits.cases(), pairs)
    yield chain(maker.values(elsewhere), maker.made_otherwise(), call_lifecycle.cases(method, plan))
    yield maker.values(boundary for boundary in boundaries if boundary.kind in _SINGLE)
    yield chain(limits.cases(), item_limits.stated(method, plan))


def _early(method: Method, plan: Plan, empty: Boundary, together: Iterator[Case]) -> Iterator[Case]:
    alone, before = plain_case(method, empty), call_lifecycle.before(method, plan)
    if method.kind is MethodKind.SERVER_STREAMING:
        # Of a stream that goes on for ever, the first call shows what is left, and should be one that is cut.
        yield from islice(before, 1)
    yield alone
    yield from islice(together, _EARLY)
    yield from before


def notices(plan: Plan) -> Iterator[str]:
    """Yield the types whose rules can't be compiled, each reason once: what they ask for is checked against nobody."""
    classes = {of.DESCRIPTOR: of for method in plan.methods for of in (method.request_class, method.response_class)}
    types: dict[str, list[str]] = {}
    for descriptor, message_class in classes.items():
        if why := plan.generators.unreadable_rules(message_class):
            types.setdefault(why, []).append(descriptor.full_name)
    for why, (first, *others) in types.items():
        more = f" and {len(others)} more type{'s' if len(others) > 1 else ''}" if others else ""
        yield f"the rules of {first}{more} are ignored, for protovalidate can't compile them: {why}"


def _first(maker: BoundaryCases, boundaries: Sequence[Boundary], elsewhere: list[Boundary]) -> Iterator[Case]:
    """Yield what is asked many times at once, many unusual values at once, what is there or not, both sides of all
    rules, what grows, and how fields go together.

    Rules of messages that another method has as well, and has tried, are left for later: they are put *elsewhere*.
    """
    yield from call_lifecycle.concurrent(maker.method, maker.plan)
    yield from maker.together(boundaries, valid=False)
    yield from maker.values(boundary for boundary in boundaries if boundary.kind in _SHAPES)
    own: list[Boundary] = []
    for boundary in boundaries:
        if boundary.kind == "constraint":
            is_new = maker.plan.tries(maker.method, boundary)
            (own if is_new else elsewhere).append(boundary)
    yield from alternating((maker.values(own), maker.later_items(boundaries)))
    yield from growth_cases.cases(maker.method, maker.plan)
    yield from maker.related()
