"""Programs on lists: things are made one after the other, and listed whole, by age, and page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.list_ages import ages_to_try
from grpcmock.fuzz.expectations.list_criteria import criteria_of
from grpcmock.fuzz.expectations.list_totals import totals_of_all
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.criteria_programs import narrowing, parent_of, plainly
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.order_programs import maker_of
from grpcmock.fuzz.phases.stateful.page_walks import add_page_walk, size_of, tokens_of
from grpcmock.fuzz.resources.laws.child_counts import taken_away
from grpcmock.fuzz.resources.laws.lists import item_of, only_lists
from grpcmock.fuzz.resources.laws.whole_things import makes_things

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_THINGS = 3
_MOST_CHANGES = 3


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the program of a method that lists by age, or page by page."""
    own, item = plan.acceptance.first.get(method.path), item_of(method) if only_lists(method) else None
    if own is None or item is None:
        return
    asked, is_paged = list(ages_to_try(method, plan.registry)), bool(size_of(method) and tokens_of(method))
    is_told = bool(size_of(method) and totals_of_all(method, plan.registry))
    maker = maker_of(method, own, plan) if asked or is_paged or is_told else None
    if maker is None and not is_told:
        return
    program = MethodProgram(method, plan, "listed")
    criteria = list(criteria_of(method, item, plan.registry))
    if maker is not None:
        _make(program, maker, parent_of(maker, criteria), plan)
    else:
        _make_any(program, method, plan)
    listing = plainly(own, criteria, method, plan)
    narrow = narrowing(program, maker, criteria) if maker is not None else ()
    for name, value in asked or [("", None)]:
        message: Any = listing.message
        for other in {name for name, _ in asked} - {""}:
            message.ClearField(other)
        if name:
            setattr(message, name, value)
        whole = replace(listing, data=bytes_of(message), full=b"", values={})
        for more in dict.fromkeys(((), narrow)):
            program.add(whole, more=more)
        add_page_walk(program, whole, narrow)
    yield program.case("things that were made one after the other, listed whole and page by page")


def _make(program: MethodProgram, maker: AcceptedRequest, parent: Need | None, plan: Plan) -> None:
    """Make things one after the other: each with others of what it needs, and then below one *parent*. There may be
    room for one only, until something is done to it."""
    least = replace(maker, full=b"", values={})
    made = [program.add(least, anew=number + 1, skip=number) for number in range(_THINGS)]
    changes = [
        (one, need)
        for one in plan.acceptance.first.values()
        for need in one.needs
        if need.made_by.method is maker.method and not only_reads(one.method) and not taken_away(one.method)
    ]
    latest = made[0]
    for number in range(_THINGS, 2 * _THINGS - 1):
        for one, need in changes[:_MOST_CHANGES]:
            program.add(one, more=(Binding(latest, need.source, need.target),))
        above = program.made(parent.made_by.method) if parent is not None else None
        shared = (Binding(above, parent.source, parent.target),) if parent is not None and above is not None else ()
        latest = program.add(least, anew=number + 1, skip=number, more=shared)


def _make_any(program: MethodProgram, method: Method, plan: Plan) -> None:
    """Make things of all kinds that need nothing else, with all that they may have, and no switch turned on: a list may
    tell of them in words of its own, such as what is to be ordered of those of which there is little."""
    for maker in plan.acceptance.first.values():
        if maker.needs or maker.method.service != method.service or not makes_things(maker.method):
            continue
        made = maker.filled()
        message = made.message
        _turn_off(message)
        for number in range(_THINGS):
            program.add(replace(made, data=bytes_of(message), full=b"", values={}), anew=number + 1)


def _turn_off(message: Any) -> None:
    for one, value in message.ListFields():
        if one.type == one.TYPE_BOOL:
            message.ClearField(one.name)
        elif one.message_type is not None and not one.is_repeated:
            _turn_off(value)
