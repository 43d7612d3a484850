"""The lane of requests below gRPC's libraries: what no channel would send goes over HTTP/2 as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.errors import TargetError
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.execution.executor import RawPerform
    from grpcmock.fuzz.model.cases import Call


def raw_lane(target: Target, deadline: float) -> RawPerform:
    """Return what makes raw calls to a server, each within so many seconds unless it says otherwise."""
    from grpcmock.fuzz.wire.raw_calls import raw_reply

    async def perform(call: Call, idle: float) -> Reply:
        try:
            return await raw_reply(call, target, deadline=call.deadline or deadline, limit=1000, idle=idle)
        except (TimeoutError, TargetError, OSError) as error:
            return Reply(
                call=call, termination=Termination.LOST, code=Code.UNAVAILABLE, message=str(error), debug=str(error)
            )

    return perform
