"""Requests with the names that comments say they may have: how these are written is right, whatever there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.documented_names import documented_names
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import DOCUMENTED_NAME, Case, Expect, Phase, call_of

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 3


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a case for each name that is documented: in a request that is taken with another one, as far as one is
    known."""
    if method.kind.client_streams:
        return
    for number, (field, name) in enumerate(documented_names(method, plan.registry)):
        if number == _MOST:
            return
        accepted = plan.acceptance.first.get(method.path)
        path = (field.name,)
        message = method.request_class.FromString(accepted.data if accepted is not None else plan.simplest(method))
        put(message, path, name)
        data = message.SerializePartialToString(deterministic=True)
        calls: tuple[Call, ...] = (call_of(method, data),)
        if accepted is not None:
            others = tuple(need for need in accepted.needs if need.target != path)
            calls = replace(accepted, needs=others).calls(data, salt=f"name {name}")
        yield Case(
            id=f"boundary/{method.full_name}/{field.name}={name}",
            phase=Phase.BOUNDARY,
            method=method,
            calls=calls,
            setup=len(calls) - 1,
            why=f"{field.name} is a name that the comment gives",
            expect=Expect.ANY,
            path=field.name,
            rule=DOCUMENTED_NAME,
            targets=frozenset({"boundary_pair"}),
            shrinks_as_one=True,
        )
