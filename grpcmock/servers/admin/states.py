"""The states of scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.errors import did_you_mean
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.session import Session
    from grpcmock.engine.store import Store
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what tells and sets states."""

    def get_state(request: Any, response: Any) -> None:
        response.states.update(steered.stubs(request.session).states)

    def set_state(request: Any, response: Any) -> None:
        if not request.states:
            raise RefusedError(Code.INVALID_ARGUMENT, "states: there is no state to set.")
        for scenario, state in request.states.items():
            if not scenario or not state:
                raise RefusedError(
                    Code.INVALID_ARGUMENT, f"states[{scenario!r}]: scenarios and their states have names."
                )
        own = steered.stubs(request.session)
        known = {*_scenarios(steered.engine.store), *_scenarios(own)}
        for scenario in sorted(set(request.states) - known):
            hint = did_you_mean(scenario, known, known="The scenarios")
            response.warnings.append(f"No stub mentions the scenario {scenario!r}. {hint}".rstrip())
        own.states.update(request.states)
        told = (f"{scenario} is {request.states[scenario]!r}" for scenario in sorted(request.states))
        steered.note(f"Set states: {', '.join(told)}.", request.session)
        response.states.update(own.states)

    return {"GetState": get_state, "SetState": set_state}


def _scenarios(stubs: Store | Session) -> set[str]:
    known = set(stubs.states)
    for entry in stubs:
        known.update(entry.stub.state)
        for answer in entry.stub.answers:
            known.update(answer.set)
    return known
