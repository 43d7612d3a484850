"""Programs on lists that a thing holds and a method gives as well: both are looked at while there comes more of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.selection_programs import makes
from grpcmock.fuzz.resources.laws.lists import item_of
from grpcmock.fuzz.resources.laws.views import is_listing, lists_held
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST_CHANGES = 3
_MOST_VIEWS = 2
_TIMES = 2
"""So often something is done before both lists are looked at once more."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that lists what the things themselves hold, too."""
    own = plan.acceptance.first.get(method.path)
    if own is None or not own.needs or not is_listing(method):
        return
    found = [one for one in plan.acceptance.first.values() if one is not own and _holds(one, own)]
    for held in found[:_MOST_VIEWS]:
        for change in _changes(own, plan)[:_MOST_CHANGES]:
            program = MethodProgram(method, plan, f"with-{held.method.name}-after-{change.method.name}")
            looks = [replace(one, data=names_alone(one), full=b"", values={}) for one in (held, own)]
            for _ in range(_TIMES):
                program.add(replace(change, full=b"", values={}))
                for look in looks:
                    program.add(look)
            for look in looks:
                program.add(look)
            yield program.case(f"what {held.method.name} shows of it, too, while there comes more")


def _holds(one: AcceptedRequest, own: AcceptedRequest) -> bool:
    """Whether a method shows a thing that holds what another one lists of it."""
    method, item = one.method, item_of(own.method)
    if method.kind is not MethodKind.UNARY or not only_reads(method) or not one.needs:
        return False
    is_of_same = one.needs[0].made_by.method is own.needs[0].made_by.method
    return is_of_same and any(held.message_type is item for _, held in lists_held(method.output))


def _changes(own: AcceptedRequest, plan: Plan) -> list[AcceptedRequest]:
    """Return what may bring more to the thing that a request names."""
    maker = own.needs[0].made_by.method
    found = [
        one
        for one in plan.acceptance.first.values()
        if makes(one, own, plan) and any(need.made_by.method is maker for need in one.needs)
    ]
    return sorted(found, key=lambda one: (plan.acceptance.rank(one.method), one.method.full_name))


def names_alone(request: AcceptedRequest) -> bytes:
    """Return a request that says nothing but what it means."""
    message, names = request.message, {str(need.target[0]) for need in request.needs}
    for one, _ in message.ListFields():
        if one.name not in names:
            message.ClearField(one.name)
    data: bytes = message.SerializePartialToString(deterministic=True)
    return data
