"""What became of a call, from what a client library says of its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.execution.terminations import termination_of
from grpcmock.fuzz.model.results import Reply, Termination

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.status import Metadata


def reply_of(
    call: Call,
    code: int,
    message: str | None,
    *,
    seconds: float,
    deadline: float | None,
    headers: Iterable[Any] | None,
    trailers: Iterable[Any] | None,
    responses: Iterable[bytes] = (),
    sent: int,
    first_seconds: float | None = None,
    debug: str | None = "",
    was_stopped: bool = False,
) -> Reply:
    """Return the reply to a call that ended with this status after so many *seconds*.

    *was_stopped* says that we have stopped reading, so that a cancellation is our own. What the library has to say
    besides (*debug*) is kept only where the end isn't the server's.
    """
    termination = termination_of(code, message or "", seconds, deadline)
    if was_stopped and termination is Termination.CANCELLED:
        termination = Termination.ENOUGH
    return Reply(
        call=call,
        termination=termination,
        code=code,
        message=message or "",
        headers=_pairs(headers),
        trailers=_pairs(trailers),
        responses=tuple(responses),
        sent=sent,
        seconds=seconds,
        first_seconds=first_seconds,
        debug="" if termination is Termination.SERVER else debug or "",
    )


def _pairs(metadata: Iterable[Any] | None) -> Metadata:
    return tuple((key, value) for key, value in metadata) if metadata else ()
