"""What a call looks like in each protocol from the client's side, without any I/O: a request out, an answer in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import unquote

from google.protobuf.any_pb2 import Any as AnyMessage

from grpcmock.client.call import Status
from grpcmock.protocols import framing
from grpcmock.protocols.connect.errors import code_name
from grpcmock.protocols.connect.streaming import END_OF_STREAM
from grpcmock.protocols.framing import COMPRESSED, EnvelopeReader
from grpcmock.protocols.grpc_web import TRAILERS
from grpcmock.protocols.interface import WireError
from grpcmock.schema import MethodKind
from grpcmock.schema.values import Mismatch, octets
from grpcmock.status import DETAILS_KEY, Code, encode_details

if TYPE_CHECKING:
    from grpcmock.protocols.http import Headers
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

_CODES = {code_name(code): code for code in Code}

_BY_STATUS: Mapping[int, Code] = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}
"""What an HTTP status means where a server says nothing else (grpc/grpc, doc/http-grpc-status-mapping.md)."""

_SHOWN = 300
"""Bytes of a body that are shown where it isn't what was expected."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it goes out."""

    method: str
    target: str
    headers: Headers
    body: bytes


class Form(Protocol):
    """One call in one protocol. What a server sends that isn't of the protocol raises :class:`WireError`."""

    def request(self, messages: Sequence[bytes], metadata: Metadata, deadline: float | None) -> Request:
        """Return what to send. Raises :class:`ConfigError` where the protocol has no way to say it."""

    def begin(self, status: int, headers: Headers) -> None:
        """Take the head of the answer."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take some of its body, and yield the messages that are whole by now."""

    def end(self) -> Iterator[bytes]:
        """Take its end, and yield the messages that remain."""

    headers: Metadata
    """The initial metadata."""

    status: Status
    """How the call ended, once the answer is there."""


class ConnectForm:
    """A call by Connect, its messages in protobuf."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self._streams = method.kind is not MethodKind.UNARY
        self._http_status = 200
        self._trailers: Metadata = ()
        self._body = bytearray()
        self._reader = EnvelopeReader()
        self._is_enveloped = self._streams
        self.headers: Metadata = ()
        self.status = Status(Code.UNKNOWN, "The answer ended without a status.")

    def request(self, messages: Sequence[bytes], metadata: Metadata, deadline: float | None) -> Request:
        kind = "application/connect+proto" if self._streams else "application/proto"
        headers = [("content-type", kind), ("connect-protocol-version", "1")]
        if deadline is not None:
            headers.append(("connect-timeout-ms", str(max(1, round(deadline * 1000)))))
        body = b"".join(map(framing.framed, messages)) if self._streams else b"".join(messages)
        return Request("POST", self._method.path, (*headers, *framing.headers_of(metadata)), body)

    def begin(self, status: int, headers: Headers) -> None:
        self._http_status = status
        self._is_enveloped = self._streams and status == 200
        said = framing.metadata_of(headers, ())
        own = tuple((key, value) for key, value in said if not key.startswith("trailer-"))
        self._trailers = tuple(
            (key.removeprefix("trailer-"), value) for key, value in said if key.startswith("trailer-")
        )
        self.headers = own

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._is_enveloped:
            self._body += data
            return
        for flags, message in self._reader.envelopes(data):
            if flags & COMPRESSED:
                raise WireError(Code.INTERNAL, "The server compressed a message, which it wasn't told to.")
            if flags & END_OF_STREAM:
                self._finish(message)
            else:
                yield message

    def _finish(self, data: bytes) -> None:
        tree = _json(data)
        metadata = tuple((key, value) for key, values in tree.get("metadata", {}).items() for value in values)
        self._trailers = framing.metadata_of([(key.lower(), value) for key, value in metadata], ())
        self.status = self._error(tree["error"]) if "error" in tree else Status(Code.OK, "", self._trailers)

    def end(self) -> Iterator[bytes]:
        if self._is_enveloped:
            return
        body = bytes(self._body)
        if self._http_status == 200:
            self.status = Status(Code.OK, "", self._trailers)
            yield body
        else:
            self.status = self._error(_json(body)) if _is_json(body) else _of_http(self._http_status, body)

    def _error(self, tree: Any) -> Status:
        code = _CODES.get(tree.get("code"), _BY_STATUS.get(self._http_status, Code.UNKNOWN))
        message = tree.get("message", "")
        details = [
            AnyMessage(type_url=f"type.googleapis.com/{one.get('type', '')}", value=_bytes(one.get("value", "")))
            for one in tree.get("details", [])
        ]
        return Status(code, message, with_details(self._trailers, code, message, details))


class GrpcWebForm:
    """A call by gRPC-Web, its messages in protobuf."""

    content_type: ClassVar = "application/grpc-web+proto"

    def __init__(self, method: Method) -> None:
        self._method = method
        self._reader = EnvelopeReader()
        self._body = bytearray()
        self._is_enveloped = True
        self._http_status = 200
        self.headers: Metadata = ()
        self.status = Status(Code.UNKNOWN, "The answer ended without a status.")

    def request(self, messages: Sequence[bytes], metadata: Metadata, deadline: float | None) -> Request:
        headers = [("content-type", self.content_type), ("x-grpc-web", "1")]
        if deadline is not None:
            headers.append(("grpc-timeout", f"{max(1, round(deadline * 1000))}m"))
        body = b"".join(map(framing.framed, messages))
        return Request("POST", self._method.path, (*headers, *framing.headers_of(metadata)), body)

    def begin(self, status: int, headers: Headers) -> None:
        self._http_status = status
        kind = dict(headers).get("content-type", "")
        self._is_enveloped = status == 200 and kind.startswith("application/grpc-web")
        self.headers = framing.metadata_of(headers, ())
        if "grpc-status" in dict(headers):
            self._finish(headers)

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._is_enveloped:
            self._body += data
            return
        for flags, message in self._reader.envelopes(data):
            if flags & COMPRESSED:
                raise WireError(Code.INTERNAL, "The server compressed a message, which it wasn't told to.")
            if flags & TRAILERS:
                lines = (line.partition(":") for line in message.decode("utf-8", "replace").split("\r\n") if line)
                self._finish(tuple((key.strip().lower(), value.strip()) for key, _, value in lines))
            else:
                yield message

    def _finish(self, said: Headers) -> None:
        fields = dict(said)
        number = fields.get("grpc-status", "")
        code = Code(int(number)) if number.isdecimal() and int(number) <= 16 else Code.UNKNOWN
        trailers = framing.metadata_of(said, ("grpc-status", "grpc-message"))
        self.status = Status(code, unquote(fields.get("grpc-message", "")), trailers)

    def end(self) -> Iterator[bytes]:
        if not self._is_enveloped and self.status.code is Code.UNKNOWN:
            self.status = _of_http(self._http_status, bytes(self._body))
        yield from ()


def with_details(trailers: Metadata, code: Code, message: str, details: Sequence[AnyMessage]) -> Metadata:
    """Return trailers with rich details among them, as gRPC has them."""
    if not details:
        return trailers
    return (*trailers, (DETAILS_KEY, encode_details(code, message, details)))


def _of_http(status: int, body: bytes) -> Status:
    """Return what became of a call that was answered with a bare status of HTTP."""
    text = body[:_SHOWN].decode("utf-8", "replace").strip()
    return Status(_BY_STATUS.get(status, Code.UNKNOWN), f"HTTP status {status}{': ' if text else ''}{text}")


def _json(data: bytes) -> Any:
    try:
        tree = json.loads(data)
    except ValueError as error:
        raise WireError(Code.INTERNAL, f"The server sent what should be JSON, and isn't: {error}.") from None
    if not isinstance(tree, dict):
        raise WireError(Code.INTERNAL, "The server sent JSON that is no object.")
    return tree


def _is_json(data: bytes) -> bool:
    return data.lstrip()[:1] == b"{"


def _bytes(text: Any) -> bytes:
    try:
        return octets(text)
    except Mismatch:
        return b""
