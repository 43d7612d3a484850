"""The states of scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.errors import did_you_mean
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.engine import Engine
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what tells and sets states."""

    def get_state(_: Any, response: Any) -> None:
        response.states.update(steered.engine.store.states)

    def set_state(request: Any, response: Any) -> None:
        if not request.states:
            raise RefusedError(Code.INVALID_ARGUMENT, "states: there is no state to set.")
        for scenario, state in request.states.items():
            if not scenario or not state:
                raise RefusedError(
                    Code.INVALID_ARGUMENT, f"states[{scenario!r}]: scenarios and their states have names."
                )
        known = _scenarios(steered.engine)
        for scenario in sorted(set(request.states) - known):
            hint = did_you_mean(scenario, known, known="The scenarios")
            response.warnings.append(f"No stub mentions the scenario {scenario!r}. {hint}".rstrip())
        steered.engine.store.states.update(request.states)
        told = (f"{scenario} is {request.states[scenario]!r}" for scenario in sorted(request.states))
        steered.note(f"Set states: {', '.join(told)}.")
        response.states.update(steered.engine.store.states)

    return {"GetState": get_state, "SetState": set_state}


def _scenarios(engine: Engine) -> set[str]:
    known = set(engine.store.states)
    for entry in engine.store:
        known.update(entry.stub.state)
        for answer in entry.stub.answers:
            known.update(answer.set)
    return known
