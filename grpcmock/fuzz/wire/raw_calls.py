"""Raw calls, made and put in the words in which every other call is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.client.raw import RawEnd
from grpcmock.client.raw_stream import send_raw
from grpcmock.fuzz.model.results import Reply, Termination

if TYPE_CHECKING:
    from grpcmock.client.raw import RawOutcome
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.cases import Call

_ENDINGS = {
    RawEnd.SERVER: Termination.SERVER,
    RawEnd.RESET: Termination.RESET,
    RawEnd.GOAWAY: Termination.RESET,  # said in good order by a server that lives
    RawEnd.LOST: Termination.LOST,
    RawEnd.DEADLINE: Termination.DEADLINE,
    RawEnd.ENOUGH: Termination.ENOUGH,
    RawEnd.CANCELLED: Termination.CANCELLED,
}


async def raw_reply(
    call: Call, target: Target, *, deadline: float, limit: int | None = None, idle: float | None = None
) -> Reply:
    """Make a call that has a :class:`RawRequest`, on a connection of its own, and tell what became of it.

    A call's own deadline goes before *deadline*, in seconds. A stream that goes on is left after *limit* messages, or
    *idle* seconds without news after its first message. Raises :class:`TargetError` if there is no connection.
    """
    if call.raw is None:
        raise ValueError(f"the call of {call.path} has no raw request")
    outcome = await send_raw(
        target,
        call.raw,
        deadline=deadline if call.deadline is None else min(call.deadline, deadline),
        limit=limit,
        idle=idle,
    )
    return told(call, outcome)


def told(call: Call, outcome: RawOutcome) -> Reply:
    """Tell what became of a raw call as of any other."""
    return Reply(
        call=call,
        termination=_ENDINGS[outcome.end],
        code=outcome.code,
        message=outcome.message,
        headers=outcome.initial_metadata,
        trailers=outcome.trailing_metadata,
        responses=outcome.messages,
        sent=outcome.sent,
        seconds=outcome.seconds,
        first_seconds=outcome.first_seconds,
        debug=outcome.reason,
        wire=outcome,
    )
