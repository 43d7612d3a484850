"""Programs on things that show how many stand below them, or the sum of these: they are looked at while more is made
there and some goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.fields import shown_types
from grpcmock.fuzz.resources.laws.child_counts import counters_of, taken_away
from grpcmock.fuzz.resources.laws.child_sums import sums_of
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.resources.laws.child_counts import Counter
    from grpcmock.fuzz.resources.laws.child_sums import Sum
    from grpcmock.schema import Method

_MORE = 2
"""So many more are made before the count is looked at once more."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that makes or deletes things, of which others show how many stand below them."""
    own = plan.acceptance.first.get(method.path)
    if own is None:
        return
    for counter, look in _looks(own, plan):
        plain = replace(own, full=b"", values={})
        program = MethodProgram(method, plan, f"counted-by-{look.method.name}")
        program.add(look)
        for number in range(1 + _MORE):
            program.add(plain, anew=number)
            if number in (0, _MORE):
                program.add(look)
        yield program.case(f"{counter.shown_in.name} while there come more")
    if taken_away(method) and len(own.needs) == 1:
        made = own.needs[0].made_by
        for counter, look in _looks(made, plan):
            if counter.child.full_name == taken_away(method):
                program = MethodProgram(method, plan, f"counted-by-{look.method.name}")
                for one in (made, look, own, look):
                    program.add(one)
                yield program.case(f"{counter.shown_in.name} once one has gone")


def _looks(making: AcceptedRequest, plan: Plan) -> Iterator[tuple[Counter | Sum, AcceptedRequest]]:
    """Yield the counts and sums to which a request adds, each with what shows it, which is called once only."""
    done = set[str]()
    shown: list[Counter | Sum] = [*counters_of(making.method, plan.registry), *sums_of(making.method, plan.registry)]
    for counter in shown:
        need = next((one for one in making.needs if one.target == (counter.named_by,)), None)
        look = _looking(counter, need, plan) if need is not None else None
        if look is not None and look.method.path not in done:
            done.add(look.method.path)
            yield counter, look


def _looking(counter: Counter | Sum, need: Need, plan: Plan) -> AcceptedRequest | None:
    """Return what shows the thing below which others are made."""
    for one in plan.acceptance.first.values():
        is_about_it = len(one.needs) == 1 and one.needs[0].made_by.method is need.made_by.method
        is_shown = any(shown.full_name == counter.parent.full_name for shown in shown_types(one.method.output))
        if is_about_it and is_shown and only_reads(one.method) and one.method.kind is MethodKind.UNARY:
            return replace(one, full=b"", values={})
    return None
