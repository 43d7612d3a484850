"""Cases of who may call: every method without credentials, and with some that nobody has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.access import is_open
from grpcmock.fuzz.model.callers import is_credential
from grpcmock.fuzz.model.cases import Caller, Case, Phase, call_of

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_WORDS = {Caller.NOBODY: "without credentials", Caller.GARBLED: "with credentials that nobody has"}


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a case for each way to have no right to call; none if the run itself calls without credentials, or the
    method has to serve whoever calls."""
    if is_open(method) or not any(is_credential(key) for key, _ in plan.credentials):
        return
    for caller, words in _WORDS.items():
        if ("auth_enforced", method.full_name, "") in plan.proven:
            return  # who asks nobody asks nobody who they are
        yield Case(
            id=f"stateful/{method.full_name}/{caller.value}-credentials",
            phase=Phase.STATEFUL,
            method=method,
            calls=(replace(call_of(method, plan.simplest(method)), caller=caller),),
            why=f"the simplest valid request, {words}",
            targets=frozenset({"auth_enforced"}),
        )
