"""Programs on lists that may be asked for by several things: all there is, by one of them, and by two at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.list_criteria import Criterion, Kind, criteria_of
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.selection_programs import changes, creating_of, makes, most_of
from grpcmock.fuzz.resources.laws.selections import item_of, list_field, only_lists

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.list_criteria import Way
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case, Path
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.resources.resource import Operation
    from grpcmock.schema import Method

_THINGS = 5
_MOST_CHANGES = 4
_MOST_CRITERIA = 6
_MOST_PAIRS = 8


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the program of a method that lists what it is asked for by several fields; none if it has just one."""
    own, item = plan.acceptance.first.get(method.path), item_of(method) if only_lists(method) else None
    place = list_field(method)
    if own is None or item is None or place is None:
        return
    criteria = list(islice(criteria_of(method, item, plan.registry), _MOST_CRITERIA))
    creating = creating_of(method, plan)
    maker = plan.acceptance.first.get(creating.method.path) if creating is not None else None
    if not criteria or creating is None or maker is None:
        return
    program = MethodProgram(method, plan, "criteria")
    _make(program, maker, own, creating, plan)
    listing = plainly(own, criteria, method, plan)
    program.add(listing)
    narrow = narrowing(program, maker, criteria)
    first = program.add(listing, more=narrow)
    places = [(place.name, index) for index in (0, -1, 1)]
    taken = {binding.target for binding in narrow}
    asking = [[_asking(one, first, at) for at in places] for one in criteria if _path(one.asked) not in taken]
    for ways in asking:
        for more in ways:
            program.add(listing, more=(*narrow, *more))
    for ours, theirs in islice(combinations(asking, 2), _MOST_PAIRS):
        for one, other in ((ours[0], theirs[0]), (ours[1], theirs[1]), (ours[0], theirs[1])):
            program.add(listing, more=(*narrow, *one, *other))
    program.add(listing, more=narrow)
    program.add(listing)
    yield program.case("a list by one thing, and by two at once, between two of all that there is")


def _make(
    program: MethodProgram, maker: AcceptedRequest, own: AcceptedRequest, creating: Operation, plan: Plan
) -> None:
    """Make things that differ, and do something else to some of them."""
    source = RandomSource(plan.seed, "stateful/criteria", own.method.full_name, 0)
    things = [program.add(maker.filled(), anew=1), program.add(replace(maker, full=b""), anew=2)]
    things += [program.add(maker, source.below, anew=number) for number in range(3, _THINGS + 1)]
    others = [one for one in plan.acceptance.first.values() if makes(one, own, plan) and changes(one, creating)]
    for number, other in enumerate(others[:_MOST_CHANGES]):
        need = next(need for need in other.needs if need.made_by.method is maker.method)
        thing = things[(number + 1) % len(things)]
        program.add(other, more=(Binding(thing, need.source, need.target),))


def plainly(own: AcceptedRequest, criteria: list[Criterion], method: Method, plan: Plan) -> AcceptedRequest:
    """Return the request of a list that asks for nothing by the *criteria*, and for as much as there may be."""
    message = own.message
    needed = {need.target for need in own.needs}
    for one in criteria:
        if _path(one.asked) not in needed:
            message.ClearField(one.asked[0].name)
    for (size,), most in most_of(method, plan):
        setattr(message, size.name, most)
    return replace(own, data=message.SerializePartialToString(deterministic=True), full=b"", values={})


def narrowing(program: MethodProgram, maker: AcceptedRequest, criteria: list[Criterion]) -> tuple[Binding, ...]:
    """Return where a list may be asked for what stands below the same thing as what was made here."""
    for need in maker.needs:
        for one in criteria:
            if one.kind is Kind.SAME and one.asked[-1].name == need.target[-1]:
                call = program.made(need.made_by.method)
                return (Binding(call, need.source, _path(one.asked)),) if call is not None else ()
    return ()


def _asking(one: Criterion, listed: int, at: tuple[str, int]) -> tuple[Binding, ...]:
    """Return where a request asks for what an item has that was listed."""
    is_first = one.kind is Kind.HAS and not one.asked[-1].is_repeated
    source = (*at, *_path(one.way), *((0,) if is_first else ()))
    return (Binding(listed, source, _path(one.asked)),)


def _path(way: Way) -> Path:
    return tuple(str(step.name) for step in way)
