"""Requests that say which error shall be answered, as those of echo servers, proxies and mocks may: with a
``google.rpc.Status``. What comes then says nothing of how the server handles what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.cases import Call

_STATUS = "google.rpc.Status"


def asks_for_error(call: Call) -> bool:
    """Whether a message of a call holds a ``google.rpc.Status``, at any depth, with another code than OK."""
    method = call.method
    if method is None or not _may_hold_status(method.input):
        return False
    try:
        return any(status.code for data in call.messages for status in _statuses(method.request_class.FromString(data)))
    except DecodeError:
        return False


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


def _statuses(message: Message) -> Iterator[Any]:
    if message.DESCRIPTOR.full_name == _STATUS:
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        parts: Any = value if field.is_repeated else (value,)
        if field.message_type.GetOptions().map_entry:
            parts = value.values()
        for part in parts:
            if isinstance(part, Message):
                yield from _statuses(part)
