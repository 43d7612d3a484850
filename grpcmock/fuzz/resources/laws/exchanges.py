"""What was said in a call, as laws look at it: its requests and its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.model.meant_status import with_meant_status

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method


class Exchange(NamedTuple):
    """What was said in a call."""

    method: Method
    requests: list[Any]
    """One or more."""

    answers: list[Any]


def exchange_in(reply: Reply) -> Exchange | None:
    """Return what was said in a call; None if its method isn't known, or if nothing was asked in messages."""
    method = reply.call.method
    if method is None or reply.call.raw is not None or not reply.call.messages:
        return None
    return Exchange(
        method,
        [method.request_class.FromString(data) for data in reply.call.messages],
        [method.response_class.FromString(data) for data in reply.responses],
    )


def answered(reply: Reply) -> tuple[Any, Any] | None:
    """Return the request and the answer of a call that went well with one of each; None for any other call."""
    if len(reply.call.messages) != 1 or len(reply.responses) != 1 or not with_meant_status(reply).is_ok:
        return None
    exchange = exchange_in(reply)
    return (exchange.requests[0], exchange.answers[0]) if exchange is not None else None
