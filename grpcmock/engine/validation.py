"""The rules that protos declare for their messages, with protovalidate: requests that break them are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.engine.steps import Finish
from grpcmock.status import DETAILS_KEY, Code, encode_details
from grpcmock.synthesis import violations

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

RequestValidator = Callable[["Message"], Finish | None]
"""Says how the call ends because of a request message; None if it may go on."""

_MAX_SHOWN = 5
"""Violations in the status message; …"""

_MAX_DETAILS_BYTES = 3 << 10
"""… and bytes of those in its details: clients accept 8 KiB of metadata."""


def request_validator(method: Method, registry: Registry) -> RequestValidator:
    """Return what judges the requests of a method."""

    def validate(message: Message) -> Finish | None:
        found = violations(message, registry)
        return invalid_request(method, found) if found else None

    return validate


def invalid_request(method: Method, found: Sequence[Any]) -> Finish:
    """End a call whose request breaks rules: INVALID_ARGUMENT, with ``buf.validate.Violations`` in the details."""
    from google.protobuf.any_pb2 import Any as AnyMessage
    from protovalidate._gen.buf.validate.validate_pb import Violations

    shown = "; ".join(map(violation_text, found[:_MAX_SHOWN]))
    more = f"; and {len(found) - _MAX_SHOWN} more" if len(found) > _MAX_SHOWN else ""
    text = f"{method}: the request breaks the rules of its proto: {shown}{more}."
    kept = [violation.proto for violation in found]
    while len(data := Violations(violations=kept).to_binary()) > _MAX_DETAILS_BYTES and kept:
        del kept[len(kept) // 2 :]
    detail = AnyMessage(type_url="type.googleapis.com/buf.validate.Violations", value=data)
    trailers = ((DETAILS_KEY, encode_details(Code.INVALID_ARGUMENT, text, [detail])),)
    return Finish(Code.INVALID_ARGUMENT, text, trailers)


def violation_text(violation: Any) -> str:
    """Return in a line which rule is broken, and where: ``items[0].sku: must be set (required)``."""
    proto = violation.proto
    path = ""
    for element in proto.field.elements if proto.field is not None else ():
        path = f"{path}.{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value!r}]"
    message = proto.message or "it doesn't hold"
    return f"{path}: {message} ({proto.rule_id})" if path else f"{message} ({proto.rule_id})"
