"""Programs on methods that say what they do to a thing, CloseItem: done to one of two, between two looks at a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.view_programs import names_alone
from grpcmock.fuzz.resources.laws.flags import flag_of
from grpcmock.fuzz.resources.laws.lists import item_of, list_field, only_lists
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST_LISTS = 2


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method by whose name things get a switch turned on: one for each list of them."""
    own = plan.acceptance.first.get(method.path)
    if own is None or len(own.needs) != 1 or only_reads(method) or method.kind is not MethodKind.UNARY:
        return
    (need,) = own.needs
    alone = replace(own, data=names_alone(own), full=b"", values={})
    found = []
    for one in plan.acceptance.first.values():
        item = item_of(one.method) if only_lists(one.method) and list_field(one.method) is not None else None
        if item is not None and flag_of(method, item):
            found.append(replace(one, full=b"", values={}))
    for listing in sorted(found, key=lambda one: one.method.full_name)[:_MOST_LISTS]:
        program = MethodProgram(method, plan, f"of-two-in-{listing.method.name}")
        things = [program.add(need.made_by, anew=number) for number in range(2)]
        for thing in reversed(things):
            program.add(listing)
            program.add(alone, more=(Binding(thing, need.source, need.target),))
            program.add(listing)
        yield program.case(f"done to one of two things, which {listing.method.name} shows")
