"""The status of a call, as protocols over plain HTTP tell it: an HTTP status, and the rich details as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from grpcmock.schema.codec import to_tree
from grpcmock.status import DETAILS_KEY, Code

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as AnyMessage

    from grpcmock.engine.steps import Finish
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata

HTTP_STATUS: Mapping[Code, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""As ``google/rpc/code.proto`` has it, and Connect, too."""


def details_of(finish: Finish) -> list[AnyMessage]:
    """Return the rich details of the status; none if they can't be read."""
    return details_in(finish.trailers)


def details_in(trailers: Metadata) -> list[AnyMessage]:
    """Return the rich details among the trailers; none if they can't be read."""
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return list(Status.FromString(value).details)
            except DecodeError:
                return []
    return []


def without_details(trailers: Metadata) -> Metadata:
    """Return the trailers that aren't said in the status already."""
    return tuple((key, value) for key, value in trailers if key != DETAILS_KEY)


def detail_tree(detail: AnyMessage, registry: Registry) -> Any:
    """Return a detail as ProtoJSON with its ``@type``; its type is looked up in the registry."""
    packed = registry.message("google.protobuf.Any")(type_url=detail.type_url, value=detail.value)
    return to_tree(packed, json_names=True)


def status_tree(finish: Finish, registry: Registry) -> dict[str, Any]:
    """Return the ProtoJSON of the ``google.rpc.Status``."""
    tree: dict[str, Any] = {"code": int(finish.code), "message": finish.message}
    if details := details_of(finish):
        tree["details"] = [detail_tree(detail, registry) for detail in details]
    return tree
