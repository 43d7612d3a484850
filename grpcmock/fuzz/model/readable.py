"""Whether the messages of a call can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply


def is_readable(reply: Reply) -> bool:
    """Return whether the requests and responses of a call are messages of the types that its method says.

    A check of its own tells of responses that aren't; whoever draws conclusions from what was answered draws none then.
    True for a call of no method that is known.
    """
    method = reply.call.method
    if method is None:
        return True
    try:
        for data in reply.call.messages:
            method.request_class.FromString(data)
        for data in reply.responses:
            method.response_class.FromString(data)
    except (DecodeError, RuntimeError):  # the latter from the implementation in pure Python
        return False
    return True
