"""One method of a service, as the descriptors describe it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, MethodDescriptor
    from google.protobuf.message import Message


class MethodKind(Enum):
    """The four kinds of RPC; the value is the kind in words."""

    UNARY = "unary"
    SERVER_STREAMING = "server streaming"
    CLIENT_STREAMING = "client streaming"
    BIDI_STREAMING = "bidirectional streaming"

    @property
    def client_streams(self) -> bool:
        """Whether the client may send any number of messages."""
        return self in (MethodKind.CLIENT_STREAMING, MethodKind.BIDI_STREAMING)

    @property
    def server_streams(self) -> bool:
        """Whether the server may send any number of messages."""
        return self in (MethodKind.SERVER_STREAMING, MethodKind.BIDI_STREAMING)


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A method of a service."""

    service: str
    """The full name of the service: ``user.UserService``."""

    name: str
    """The simple name: ``GetUser``."""

    kind: MethodKind

    request_class: type[Message]
    """The message class of the request, from the registry's own pool."""

    response_class: type[Message]

    descriptor: MethodDescriptor

    @property
    def full_name(self) -> str:
        """The name as stubs write it: ``user.UserService/GetUser``."""
        return f"{self.service}/{self.name}"

    @property
    def path(self) -> str:
        """The name as HTTP/2 carries it: ``/user.UserService/GetUser``."""
        return f"/{self.service}/{self.name}"

    @property
    def input(self) -> Descriptor:
        return self.descriptor.input_type

    @property
    def output(self) -> Descriptor:
        return self.descriptor.output_type

    def __str__(self) -> str:
        return self.full_name
