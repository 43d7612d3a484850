"""Calls of any method with a valid request that is made up, and what is wrong with the replies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError

from grpcmock.fuzz import Generators, RandomSource
from grpcmock.schema import Method, MethodKind, Registry

_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
_PATIENCE = 20.0
"""Seconds for one call: far more than it takes."""

_STREAMED = 2
"""Requests that are sent where any number may be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one call."""

    method: Method
    messages: tuple[bytes, ...]
    code: grpc.StatusCode
    details: str

    @property
    def problem(self) -> str:
        """What is wrong with it; empty if it is OK, and of the number and type that the method has."""
        if self.code is not grpc.StatusCode.OK:
            return f"{self.method}: {self.code.name} {self.details}"
        if self.method.kind in (MethodKind.UNARY, MethodKind.CLIENT_STREAMING) and len(self.messages) != 1:
            return f"{self.method}: {len(self.messages)} responses"
        for message in self.messages:
            try:
                self.method.response_class.FromString(message)
            except DecodeError as error:
                return f"{self.method}: the response can't be decoded: {error}"
        return ""


class Caller:
    """Makes requests and calls. The same method is always asked the same."""

    def __init__(self, registry: Registry) -> None:
        self._generators = Generators(registry)

    def requests(self, method: Method) -> list[bytes]:
        """Return valid requests, as many as the kind of the method takes."""
        generator = self._generators.of(method.request_class)
        number = _STREAMED if method.kind.client_streams else 1
        sources = (RandomSource("zoo", method.path, index) for index in range(number))
        return [generator.generate(source).SerializeToString(deterministic=True) for source in sources]

    def call(self, channel: grpc.Channel, methods: Iterable[Method]) -> list[Reply]:
        """Call each of the methods, one after the other."""
        return [self._call(channel, method) for method in methods]

    def _call(self, channel: grpc.Channel, method: Method) -> Reply:
        # On the wire all four kinds are one.
        call = channel.stream_stream(method.path, None, None)(iter(self.requests(method)), timeout=_PATIENCE)
        messages: list[bytes] = []
        with suppress(grpc.RpcError):
            messages.extend(call)
        return Reply(method, tuple(messages), call.code(), call.details() or "")


@contextmanager
def connected(address: str) -> Iterator[grpc.Channel]:
    """Hold a channel to a server on this machine."""
    with grpc.insecure_channel(address, options=_OPTIONS) as channel:
        yield channel
