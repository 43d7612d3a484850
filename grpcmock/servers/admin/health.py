"""What the health service says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.servers.health import RELOAD_SERVICE
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what tells and sets the health of services."""

    def get_health(_: Any, response: Any) -> None:
        health = steered.health
        response.serving.update({service: bool(health.serving(service)) for service in health.names()})

    def set_health(request: Any, _: Any) -> None:
        if request.service == RELOAD_SERVICE:
            raise RefusedError(Code.INVALID_ARGUMENT, f"service: {RELOAD_SERVICE} tells how the last reload went.")
        steered.health.set(request.service, request.serving if request.HasField("serving") else None)
        whose = f"the service {request.service}" if request.service else "the whole server"
        how = "as at the start" if not request.HasField("serving") else "serving" if request.serving else "not serving"
        steered.note(f"Set the health of {whose}: {how}.")

    return {"GetHealth": get_health, "SetHealth": set_health}
