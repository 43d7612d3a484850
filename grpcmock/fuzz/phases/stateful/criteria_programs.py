"""Programs on lists that may be asked for by several things: all there is, by one of them, and by two at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of, reachable
from grpcmock.fuzz.expectations.list_criteria import Criterion, Kind, criteria_of
from grpcmock.fuzz.learning.accepted_requests import is_there, set_at, varied, with_other_keys
from grpcmock.fuzz.learning.moments import is_moment
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.selection_programs import changes, creating_of, makes, most_of
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.fuzz.resources.laws.lists import item_of, list_field, only_lists

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.expectations.list_criteria import Way
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
    from grpcmock.fuzz.model.cases import Case, Path
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.resources.resource import Operation
    from grpcmock.schema import Method

_MOST_VARIED = 2
"""So many fields vary by themselves; the others vary with the last of them."""

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
    own_text = _own_text(maker, criteria)
    if own_text is not None:
        way, _ = own_text
        maker = _with_text(maker, way, f"{plan.seed} {method.full_name}")
    things = _make(program, maker, own, creating, criteria, plan)
    listing = plainly(own, criteria, method, plan)
    whole = _with_all(listing, criteria)
    program.add(listing)
    narrow = narrowing(program, maker, criteria)
    if not narrow and own_text is not None and (source := creating.key_shown(own_text[1].way[-1].name)) is not None:
        narrow = (Binding(things[0], source, _path(own_text[1].asked)),)
    first = program.add(whole, more=narrow)
    program.add(listing, more=narrow)
    places = [(place.name, index) for index in (0, -1, 1)]
    taken = {binding.target for binding in narrow}
    asking = [[_asking(one, first, at) for at in places] for one in criteria if _path(one.asked) not in taken]
    for ways in asking:
        for more in ways:
            program.add(listing, more=(*narrow, *more))
    for several in [one for one in criteria if one.kind is Kind.ANY_OF]:
        values = [
            Binding(first, (place.name, index, *_path(several.way)), (*_path(several.asked), number))
            for number, index in enumerate((0, -1))
        ]
        program.add(listing, more=(*narrow, *values))
    for ours, theirs in islice(combinations(asking, 2), _MOST_PAIRS):
        for one, other in ((ours[0], theirs[0]), (ours[1], theirs[1]), (ours[0], theirs[1])):
            program.add(listing, more=(*narrow, *one, *other))
    program.add(whole, more=narrow)
    program.add(listing, more=narrow)
    yield program.case("a list by one thing, and by two at once, between two of all that there is")


def _make(
    program: MethodProgram,
    maker: AcceptedRequest,
    own: AcceptedRequest,
    creating: Operation,
    criteria: list[Criterion],
    plan: Plan,
) -> list[int]:
    """Make things that differ in what they may be asked for by, and do something else to some of them. Returns the
    calls that made them."""
    things: list[int] = []

    def make(one: AcceptedRequest) -> None:
        # Below one parent; whatever else they are made of is another one each time, for it may have room for one only.
        number, parent = len(things), parent_of(maker, criteria)
        if parent is None or len(maker.needs) == 1:
            things.append(program.add(one, anew=number + 1))
            return
        made = program.made(parent.made_by.method)
        shared = (Binding(made, parent.source, parent.target),) if made is not None else ()
        things.append(program.add(one, anew=number + 1, skip=number, more=shared))

    make(maker.filled())
    make(replace(maker, full=b""))
    told = [told for one in criteria if (told := _values(maker, one, plan)) is not None]
    for number in range(2 ** min(len(told), _MOST_VARIED)):
        message = maker.fullest
        for place, (way, values) in enumerate(told):
            set_at(message, way, values[number >> min(place, _MOST_VARIED - 1) & 1])
        one = replace(maker, data=message.SerializePartialToString(deterministic=True), full=b"", values={})
        make(with_other_keys(one, f"criteria {number}"))
    others = [one for one in plan.acceptance.first.values() if makes(one, own, plan) and changes(one, creating)]
    for number, other in enumerate(others[:_MOST_CHANGES]):
        need = next(need for need in other.needs if need.made_by.method is maker.method)
        for turn, changed in enumerate(_states(other, criteria)):
            thing = things[(number + turn + 1) % len(things)]
            program.add(changed, more=(Binding(thing, need.source, need.target),))
    return things


def _values(maker: AcceptedRequest, one: Criterion, plan: Plan) -> tuple[Fields, tuple[Any, Any]] | None:
    """Return where a maker is told what a list may be asked for by, and two values for it; None if it isn't told."""
    last = one.way[-1]
    for way in reachable(maker.method.input):
        own = way[-1]
        if own.name != last.name or own.is_repeated != last.is_repeated or not same_type(own, last):
            continue
        path = path_of(way)
        if path in maker.references or path == maker.own_id:
            return None
        taken = maker.values.get(way, ())
        values = list(islice((*taken, *islice(plan.acceptance.values_of(own), 4)), 2))
        if own.type == own.TYPE_STRING and not own.is_repeated and not all(map(is_moment, values)):
            return None  # it may be what tells these things from all others
        return (way, (values[0], values[1])) if len(values) == 2 else None
    return None


def _states(other: AcceptedRequest, criteria: list[Criterion]) -> Iterator[AcceptedRequest]:
    """Yield a change as it is, and into each of the states that a list may be asked for by."""
    yield other
    for one in criteria:
        enum = one.way[-1].enum_type
        for own in other.method.input.fields if enum is not None else ():
            if own.enum_type is enum and not own.is_repeated and enum is not None:
                for value in enum.values[1:]:
                    message = other.message
                    setattr(message, own.name, value.number)
                    yield replace(other, data=message.SerializePartialToString(deterministic=True), full=b"", values={})


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


def _with_all(listing: AcceptedRequest, criteria: list[Criterion]) -> AcceptedRequest:
    """Return the request with what is left out otherwise."""
    message = listing.message
    for one in criteria:
        if one.kind is Kind.WITH:
            put(message, _path(one.asked), value=True)
    return replace(listing, data=message.SerializePartialToString(deterministic=True))


def narrowing(program: MethodProgram, maker: AcceptedRequest, criteria: list[Criterion]) -> tuple[Binding, ...]:
    """Return where a list may be asked for what stands below the same thing as what was made here."""
    need = parent_of(maker, criteria)
    call = program.made(need.made_by.method) if need is not None else None
    if need is None or call is None:
        return ()
    asked = next(one.asked for one in criteria if _names(one, need))
    return (Binding(call, need.source, _path(asked)),)


def parent_of(maker: AcceptedRequest, criteria: list[Criterion]) -> Need | None:
    """Return what things are made of by which a list may be asked for them."""
    return next((need for need in maker.needs if any(_names(one, need) for one in criteria)), None)


def _names(one: Criterion, need: Need) -> bool:
    return one.kind is Kind.SAME and one.asked[-1].name == need.target[-1]


def _own_text(maker: AcceptedRequest, criteria: list[Criterion]) -> tuple[Fields, Criterion] | None:
    """Return where what is made may be given a text of its own by which a list can be asked for it: things that earlier
    cases have made would fill its pages."""
    for one in criteria:
        last = one.way[-1]
        if one.kind is not Kind.SAME or last.type != last.TYPE_STRING:
            continue
        for way in reachable(maker.method.input):
            path = path_of(way)
            if path[-1] != last.name or not same_type(way[-1], last) or path in maker.references:
                continue
            if is_there(maker.message, path) and not is_moment(value_at(maker.message, path)):
                return way, one
    return None


def _with_text(maker: AcceptedRequest, way: Fields, salt: str) -> AcceptedRequest:
    """Return a request with another text there, with and without all that it may have."""
    path, made = path_of(way), []
    for message in (maker.message, maker.fullest):
        put(message, path, varied(value_at(maker.message, path), salt))
        made.append(message.SerializePartialToString(deterministic=True))
    return replace(maker, data=made[0], full=made[1] if maker.full else b"")


def _asking(one: Criterion, listed: int, at: tuple[str, int]) -> tuple[Binding, ...]:
    """Return where a request asks for what an item has that was listed."""
    is_first = one.kind is Kind.HAS and not one.asked[-1].is_repeated
    source = (*at, *_path(one.way), *((0,) if is_first else ()))
    return (Binding(listed, source, _path(one.asked)),)


def _path(way: Way) -> Path:
    return tuple(str(step.name) for step in way)
