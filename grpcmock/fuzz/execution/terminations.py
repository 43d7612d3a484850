"""What ended a call: told from the words of the client library, for it gives its own statuses like a server's."""

from __future__ import annotations

import re

from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

_LOST = re.compile(
    r"socket closed|stream removed|failed to connect|connection (reset|refused|aborted)|broken pipe|goaway|transport"
    r"|recvmsg|sendmsg|endpoint|ping timeout|keepalive|connections to all backends|tcp_|end of file|name resolution",
    re.IGNORECASE,
)
_DROPPED = re.compile(r"Stream removed \(Error parsing")
"""What gRPC's core says, as INTERNAL, of all calls on a connection that it drops for a header of one of them."""

_TOO_LARGE = re.compile(r"(Stream removed \()?received metadata size exceeds (hard|soft) limit", re.IGNORECASE)
"""What it says, as RESOURCE_EXHAUSTED, of a status whose text, or whose details, are larger than a client takes."""

_RESET = re.compile(r"RST_STREAM|stream (was )?reset|stream closed", re.IGNORECASE)
_CANCELLED = ("Locally cancelled by application!", "CANCELLED")

_BY_LIBRARY = frozenset((Code.UNAVAILABLE, Code.CANCELLED, Code.INTERNAL, Code.UNKNOWN, Code.DEADLINE_EXCEEDED))


def termination_of(code: int, message: str, seconds: float, deadline: float | None) -> Termination:
    """Tell what ended a call with this status after so many *seconds*.

    A library makes up no other codes than UNAVAILABLE, CANCELLED, INTERNAL, UNKNOWN and DEADLINE_EXCEEDED
    (grpc/grpc, doc/statuscodes.md), apart from those for messages too large or for the wrong number of them.
    """
    if code == Code.RESOURCE_EXHAUSTED and _TOO_LARGE.match(message):
        return Termination.RESET
    if code not in _BY_LIBRARY:
        return Termination.SERVER
    if code == Code.DEADLINE_EXCEEDED:
        # A server that knows the deadline may be the first to say so: it comes to the same.
        return Termination.DEADLINE if deadline is not None and seconds >= deadline * 0.95 else Termination.SERVER
    if code == Code.CANCELLED and message in _CANCELLED:
        return Termination.CANCELLED
    if _RESET.search(message):
        return Termination.RESET
    if (code == Code.UNAVAILABLE and _LOST.search(message)) or _DROPPED.match(message):
        return Termination.LOST
    return Termination.SERVER
