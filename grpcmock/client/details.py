"""Rich status details: the ``google.rpc.Status`` in a call's trailers, decoded."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.errors import GrpcmockError
from grpcmock.status import DETAILS_KEY

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.message import Message

    from grpcmock.schema import Registry
    from grpcmock.status import Metadata


@dataclass(frozen=True, slots=True)
class Detail:
    """One detail of a rich status."""

    type_name: str
    """The full name of its message type."""

    message: Message | None
    """The message; None if its type is unknown, or its bytes don't hold one."""

    data: bytes

    is_unknown: bool = False
    """Whether its type isn't known."""

    def tree(self) -> dict[str, Any]:
        """Give the detail in ProtoJSON, as an Any with ``@type``; ``value`` holds base64 if the type is unknown."""
        from grpcmock.schema.codec import to_tree

        type_url = f"type.googleapis.com/{self.type_name}"
        if self.message is None:
            return {"@type": type_url, "value": base64.b64encode(self.data).decode()}
        tree = to_tree(self.message)
        return {"@type": type_url, **(tree if isinstance(tree, dict) else {"value": tree})}


@dataclass(frozen=True, slots=True)
class RichStatus:
    """A ``google.rpc.Status``."""

    code: int
    message: str
    details: tuple[Detail, ...]


def decode_details(trailers: Metadata, registry: Registry | None = None) -> RichStatus | None:
    """Decode the trailer ``grpc-status-details-bin``. None if there is none, or if it doesn't hold a status.

    Types are looked up in the registry, then among ``google.rpc``'s own error details.
    """
    from google.protobuf.message import DecodeError
    from google.rpc.status_pb2 import Status

    for key, value in trailers:
        if key == DETAILS_KEY:
            try:
                status = Status.FromString(value if isinstance(value, bytes) else value.encode())
            except DecodeError:
                return None
            details = tuple(_detail(packed, registry) for packed in status.details)
            return RichStatus(status.code, status.message, details)
    return None


def message_in(key: str, value: str | bytes, registry: Registry | None = None) -> Message | None:
    """Return the message that metadata holds, if its key is the name of a known type and ends in ``-bin``.

    So Google's clients expect it: ``google.rpc.retryinfo-bin`` holds a ``google.rpc.RetryInfo``.
    """
    from google.protobuf.message import DecodeError

    name = key.removesuffix("-bin")
    if name == key or not isinstance(value, bytes):
        return None
    message_class = _message_class(_types_by_key(registry).get(name, ""), registry)
    try:
        return message_class.FromString(value) if message_class is not None else None
    except DecodeError:
        return None


def _types_by_key(registry: Registry | None) -> dict[str, str]:
    from google.rpc.error_details_pb2 import DESCRIPTOR as ERROR_DETAILS

    names = [*registry.message_names()] if registry is not None else []
    names += [message.full_name for message in ERROR_DETAILS.message_types_by_name.values()]
    return {DETAILS_KEY.removesuffix("-bin"): "google.rpc.Status"} | {name.lower(): name for name in names}


def _detail(packed: AnyMessage, registry: Registry | None) -> Detail:
    from google.protobuf.message import DecodeError

    name = packed.type_url.rpartition("/")[2]
    message_class = _message_class(name, registry)
    try:
        message = message_class.FromString(packed.value) if message_class else None
    except DecodeError:
        message = None
    return Detail(name, message, packed.value, message_class is None)


def _message_class(name: str, registry: Registry | None) -> type[Message] | None:
    from google.protobuf import symbol_database
    from google.rpc import error_details_pb2  # noqa: F401  (registers its types)

    if registry is not None:
        try:
            return registry.message(name)
        except GrpcmockError:
            pass
    try:
        found: type[Message] = symbol_database.Default().GetSymbol(name)
    except KeyError:
        return None
    return found
