"""Programs on what a list shows: the first and the last of it are asked for by their keys, between two looks at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.learning.accepted_requests import with_other_keys
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.laws.lists import item_of, list_field, only_lists
from grpcmock.fuzz.resources.laws.own_keys import reading_of

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method

_MOST_LISTS = 2
_THINGS = 2
"""So many are made before, where somebody can: a list may be empty."""


def cases(method: Method, plan: Plan, resources: Resources) -> Iterator[Case]:
    """Yield the programs of a method that gives one thing: one for each list that shows such things."""
    resource, operation = resources.by_path.get(method.path, (None, None))
    own = plan.acceptance.first.get(method.path)
    if resource is None or operation is None or own is None or reading_of(resource) is not operation:
        return
    target = operation.key
    assert target is not None
    request = method.request_class()
    alone = replace(own, data=request.SerializePartialToString(), full=b"", values={}, needs=(), own_id=None)
    for listing in _lists(resource, plan)[:_MOST_LISTS]:
        place = list_field(listing.method)
        program = MethodProgram(method, plan, f"as-shown-by-{listing.method.name}")
        creating = resource.operation(Role.CREATE)
        maker = plan.acceptance.first.get(creating.method.path) if creating is not None else None
        if maker is not None:
            for number in range(_THINGS):
                program.add(with_other_keys(maker.filled(), f"catalog {number}"), anew=number)
        first = program.add(listing)
        for index in (0, -1, 0, -1):
            item = (place.name, index) if place is not None else ()
            program.add(alone, more=(Binding(first, (*item, resource.key), target),))
        program.add(listing)
        yield program.case(f"the first and the last that {listing.method.name} shows, by their keys")


def _lists(resource: Resource, plan: Plan) -> list[AcceptedRequest]:
    """Return the requests of lists that show such things, those that say least first."""
    found = [
        replace(one, full=b"", values={})
        for one in plan.acceptance.first.values()
        if only_lists(one.method) and item_of(one.method) is resource.descriptor
    ]
    return sorted(found, key=lambda one: (len(one.message.ListFields()), one.method.full_name))
