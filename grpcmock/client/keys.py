"""What a server said, in the keys of the stub format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.client.details import decode_details
from grpcmock.status import DETAILS_KEY
from grpcmock.stubs.dump import literals, plain_value

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata


def error_keys(code: str, message: str, trailers: Metadata, registry: Registry) -> dict[str, Any]:
    """Give what stands below ``error``. Details of types that *registry* doesn't know are left out."""
    error: dict[str, Any] = {"code": code}
    if message:
        error["message"] = literals(message)
    rich = decode_details(trailers, registry)
    if rich is not None and rich.details:
        error["details"] = [literals(detail.tree()) for detail in rich.details if detail.message is not None]
    if others := metadata_keys(trailers):
        error["trailers"] = others
    return error


def metadata_keys(pairs: Metadata) -> dict[str, Any]:
    """Give headers or trailers by key: a value, or a list of them. What belongs to gRPC itself is left out."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key != DETAILS_KEY and not key.startswith("grpc-"):
            found.setdefault(key, []).append(literals(plain_value(value)))
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}
