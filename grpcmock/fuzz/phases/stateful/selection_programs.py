"""Programs on lists whose requests may name a value: shown without, with one of the values that came, and without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import with_other_keys
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram, are_related
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.laws.effects import DOUBTFUL
from grpcmock.fuzz.resources.laws.lists import list_field
from grpcmock.fuzz.resources.laws.selections import filters
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.resources.resource import Operation
    from grpcmock.schema import Method

_MOST_MAKERS = 3
_MOST_FILTERS = 4
_SIZE = re.compile(r"(page_)?size|limit|take|top|per_page|max_(results|items|count|entries)|count")


def cases(method: Method, plan: Plan, label: str = "selected-by") -> Iterator[Case]:
    """Yield the programs of a method that lists: one for each field that selects.

    What is made for them has other values once these are known; the *label* tells such programs apart.
    """
    own = plan.acceptance.first.get(method.path)
    if own is None:
        return
    makers = [one for one in plan.acceptance.first.values() if makes(one, own, plan)]
    creating = creating_of(method, plan)

    def order(one: AcceptedRequest) -> tuple[bool, tuple[int, int], str]:
        is_about = creating is None or one.method is creating.method or changes(one, creating)
        return not is_about, plan.acceptance.rank(one.method), one.method.full_name

    makers.sort(key=order)
    for one, way in list(filters(method))[:_MOST_FILTERS]:
        plain = own.message
        if any(field is one for field, _ in plain.ListFields()):
            plain.ClearField(one.name)  # a server may ask for it: then there is no list without
        for (size,), most in most_of(method, plan):
            setattr(plain, size.name, most)
        listing = replace(own, data=bytes_of(plain), full=b"", values={})
        program = MethodProgram(method, plan, f"{label}-{one.name}")
        made: dict[Method, list[int]] = {}
        for maker in makers[:_MOST_MAKERS]:
            things = made.get(creating.method, []) if creating is not None else []
            made[maker.method] = _make(program, maker, creating, things)
        place, path, after = list_field(method), path_of(way), _after(method, made, plan)
        first = program.add(listing, more=after)
        for index in (0, -1) if place is not None else (None,):
            items = () if place is None or index is None else (place.name, index)
            program.add(listing, more=(*after, Binding(first, (*items, *path), (one.name,))))
        program.add(listing, more=after)
        yield program.case(f"a list by one {one.name}, between two of all that there is")


def _make(program: MethodProgram, maker: AcceptedRequest, creating: Operation | None, things: list[int]) -> list[int]:
    """Make things of several kinds, or change each of those *things* in another way. Returns the calls."""
    need = next((one for one in maker.needs if creating is not None and one.made_by.method is creating.method), None)
    calls = []
    for number, one in enumerate(_variants(maker), 1):
        more = () if need is None or not things else (things[number % len(things)],)
        bindings = tuple(Binding(thing, need.source, need.target) for thing in more if need is not None)
        calls.append(program.add(with_other_keys(one, f"selection {number}"), anew=number, more=bindings))
    return calls


def changes(maker: AcceptedRequest, creating: Operation) -> bool:
    """Whether a request is about a thing that is listed."""
    return any(need.made_by.method is creating.method for need in maker.needs)


def creating_of(method: Method, plan: Plan) -> Operation | None:
    """Return what makes the things that a method lists."""
    resource, _ = resources_of(plan.registry, plan.expectations.links).by_path.get(method.path, (None, None))
    return resource.operation(Role.CREATE) if resource is not None else None


def _after(method: Method, made: Mapping[Method, list[int]], plan: Plan) -> tuple[Binding, ...]:
    """Return where a request says that it wants what comes after the first thing that was made, if it can: earlier
    ones, of earlier cases, fill pages."""
    resource, operation = resources_of(plan.registry, plan.expectations.links).by_path.get(method.path, (None, None))
    creating = creating_of(method, plan)
    if resource is None or operation is None or not operation.after or creating is None or creating.method not in made:
        return ()
    source = creating.key_shown(resource.key)
    return (Binding(made[creating.method][0], source, (operation.after,)),) if source is not None else ()


def most_of(method: Method, plan: Plan) -> Iterator[tuple[Fields, int]]:
    """Yield the field of a request that says how many it wants, with the most that the server has said to give."""
    for way, (limit, _) in plan.limits.of(method).items():
        if len(way) == 1 and limit.most and not way[0].is_repeated and _SIZE.fullmatch(way[0].name):
            yield way, limit.most


def makes(one: AcceptedRequest, own: AcceptedRequest, plan: Plan) -> bool:
    """Whether a request makes or changes something that a list may show."""
    method = one.method
    if (
        method.service != own.method.service
        or method.kind is not MethodKind.UNARY
        or plan.acceptance.takes_away(method)
    ):
        return False
    if only_reads(method) and DOUBTFUL.match(capitalized(method.name)) is None:
        return False
    creating = creating_of(own.method, plan)
    return are_related(own, one) or (creating is not None and changes(one, creating))


def _variants(maker: AcceptedRequest) -> Iterator[AcceptedRequest]:
    """Yield a request with all that it may have, with the least, and both with other values, the first ones again in
    the end."""
    full = replace(maker, data=maker.full or maker.data, full=b"", values={})
    least = replace(maker, full=b"", values={})
    others = [
        replace(maker, data=bytes_of(replace(maker, full=b"").with_values(choose)), full=b"", values={})
        for choose in (lambda bound: bound - 1, lambda bound: min(1, bound - 1))
    ]
    yield from (full, least, *others, full)
