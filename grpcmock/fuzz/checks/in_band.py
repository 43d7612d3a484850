"""Errors told in the body of a response, where the contract says in which field: they count as statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.fuzz.model.results import Termination
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.results import Reply


def effective(reply: Reply, expectations: Expectations) -> Reply:
    """Give a reply with the status that its body tells, if the contract has such a field and it isn't OK."""
    if not expectations.status_fields or reply.code or not reply.responses or reply.call.method is None:
        return reply
    path = expectations.status_field(reply.call.method)
    if not path:
        return reply
    for response in reply.responses:
        for code in _codes(try_decode(reply.call.method.response_class, response), path.split(".")):
            if code:
                return replace(reply, code=code, message=f"(in {path})", termination=Termination.SERVER)
    return reply


def _codes(message: Any, steps: list[str]) -> Iterator[int]:
    step, *further = steps
    if not isinstance(message, Message) or step not in message.DESCRIPTOR.fields_by_name:
        return
    value = getattr(message, step)
    repeated = message.DESCRIPTOR.fields_by_name[step].is_repeated
    for one in value if repeated else (value,):
        if further:
            yield from _codes(one, further)
        elif isinstance(one, int):
            yield int(one)
