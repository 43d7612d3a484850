"""The types that a call names in an ``Any`` or in its status details, and that aren't known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.client.details import decode_details
from grpcmock.drafting.captured_call import EventKind
from grpcmock.schema import any_types
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from grpcmock.drafting.captured_call import CapturedCall
    from grpcmock.schema import Registry


def unknown_types(captured: CapturedCall, registry: Registry) -> Iterator[str]:
    """Yield their full names."""
    method = registry.methods.get(captured.path)
    if method is None:
        return
    classes = ((EventKind.REQUEST, method.request_class), (EventKind.RESPONSE, method.response_class))
    for kind, message_class in classes:
        for data in captured.messages(kind):
            try:
                yield from any_types.unknown_in(decode(message_class, data))
            except DecodeError:
                continue
    if (rich := decode_details(captured.trailers, registry)) is not None:
        yield from any_types.unknown_among((detail.type_name for detail in rich.details), registry)
