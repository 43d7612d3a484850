"""Long-running operations that are made up: done at once, with the response that the method's option names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from grpcmock.schema.registry import find_message

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

OPERATION = "google.longrunning.Operation"
_BY_NAME = ("google.longrunning.GetOperationRequest", "google.longrunning.WaitOperationRequest")
_MAX_KEPT = 10_000

Make = Callable[[type["Message"]], "Message"]
"""Makes a message of a type up."""


class Operations:
    """The operations that a server has given, so that who asks for one by its name gets it again; the last of them."""

    def __init__(self) -> None:
        self._given: dict[str, bytes] = {}

    def keep(self, operation: Any) -> None:
        self._given.pop(operation.name, None)
        self._given[operation.name] = operation.SerializeToString()
        if len(self._given) > _MAX_KEPT:
            del self._given[next(iter(self._given))]

    def find(self, requests: Sequence[Any]) -> bytes | None:
        """Return the operation that a request asks for, encoded; None if it asks for none that was given."""
        if not requests or requests[0].DESCRIPTOR.full_name not in _BY_NAME:
            return None
        return self._given.get(requests[0].name)


def operation(
    method: Method, registry: Registry, info: Any, key: bytes, request: Message | None, make: Make
) -> Message:
    """Make the operation that a method begins, already done.

    *info* is the method's ``google.longrunning.operation_info``, if it has that option. Without, and where a type that
    it names isn't known, the response is empty.
    """
    made: Any = method.response_class()
    made.done = True
    asked = getattr(request, "name", "") if request is not None and request.DESCRIPTOR.full_name in _BY_NAME else ""
    made.name = asked or f"operations/{blake2b(key, digest_size=8).hexdigest()}"
    package = method.descriptor.containing_service.file.package
    response = _type(info.response_type, package, registry) if info is not None else None
    metadata = _type(info.metadata_type, package, registry) if info is not None else None
    made.response.type_url = "type.googleapis.com/google.protobuf.Empty"
    for field, message_class in ((made.response, response), (made.metadata, metadata)):
        if message_class is not None:
            field.type_url = f"type.googleapis.com/{message_class.DESCRIPTOR.full_name}"
            field.value = make(message_class).SerializePartialToString(deterministic=True)
    return made  # type: ignore[no-any-return]


def _type(name: str, package: str, registry: Registry) -> type[Message] | None:
    """Find a type by its full name, or by its name in the package of the method."""
    return find_message(registry.pool, f"{package}.{name}" if package else name) or find_message(registry.pool, name)
