"""The messages of a call, as far as they can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import Reply


def is_readable(reply: Reply) -> bool:
    """Return whether the requests and responses of a call are messages of the types that its method says.

    A check of its own tells of responses that aren't; whoever draws conclusions from what was answered draws none then.
    True for a call of no method that is known.
    """
    method = reply.call.method
    return method is None or (
        all_decoded(method.request_class, reply.call.messages) is not None
        and all_decoded(method.response_class, reply.responses) is not None
    )


def first_request(call: Call) -> Message | None:
    """Return the first message that a call sends; None if there is none, or it can't be read."""
    method = call.method
    return try_decode(method.request_class, call.messages[0]) if method is not None and call.messages else None


def first_answer(reply: Reply) -> Message | None:
    """Return the first response to a call; None if there is none, or it can't be read."""
    method = reply.call.method
    return try_decode(method.response_class, reply.responses[0]) if method is not None and reply.responses else None


def all_decoded(message_class: type[Message], all_data: Iterable[bytes]) -> list[Message] | None:
    """Return the messages that several bytes are; None if some of them are none of this type."""
    found = []
    for data in all_data:
        message = try_decode(message_class, data)
        if message is None:
            return None
        found.append(message)
    return found
