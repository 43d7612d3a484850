"""The types that a call names in an ``Any`` or in its status details, and that aren't known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.client.details import decode_details
from grpcmock.record.passage import What
from grpcmock.schema import any_types
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from grpcmock.record.passage import Passage
    from grpcmock.schema import Registry


def unknown_types(passage: Passage, registry: Registry) -> Iterator[str]:
    """Yield their full names."""
    method = registry.methods.get(passage.path)
    if method is None:
        return
    for what, message_class in ((What.REQUEST, method.request_class), (What.RESPONSE, method.response_class)):
        for data in passage.messages(what):
            try:
                yield from any_types.unknown_in(decode(message_class, data))
            except DecodeError:
                continue
    if (rich := decode_details(passage.trailers, registry)) is not None:
        yield from any_types.unknown_among((detail.type_name for detail in rich.details), registry)
