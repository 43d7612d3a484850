"""Requests that say which error shall be answered, as those of echo servers, proxies and mocks may: with a
``google.rpc.Status``. What comes then says nothing of how the server handles what it is asked."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.readable import all_decoded

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.cases import Call

_STATUS = "google.rpc.Status"


def asks_for_error(call: Call) -> bool:
    """Whether a message of a call holds a ``google.rpc.Status``, at any depth, with another code than OK."""
    method = call.method
    if method is None or not _may_hold_status(method.input):
        return False
    requests = all_decoded(method.request_class, call.messages) or ()
    return any(_is_error(one) for request in requests for one in messages_in(request))


def _is_error(message: Any) -> bool:
    return message.DESCRIPTOR.full_name == _STATUS and bool(message.code)


@lru_cache(1024)
def _may_hold_status(descriptor: Descriptor) -> bool:
    seen, left = {descriptor.full_name}, [descriptor]
    while left:
        current = left.pop()
        if current.full_name == _STATUS:
            return True
        for field in current.fields:
            inner = field.message_type
            if inner is not None and inner.full_name not in seen:
                seen.add(inner.full_name)
                left.append(inner)
    return False
