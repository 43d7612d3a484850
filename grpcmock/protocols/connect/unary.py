"""Connect's unary calls: a request and a response of plain HTTP, by POST or GET."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, assert_never
from urllib.parse import parse_qs

from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Reset, Send, Truncate
from grpcmock.protocols import compression, heads, status_json
from grpcmock.protocols.compression import check, decompressed
from grpcmock.protocols.connect.errors import error_tree
from grpcmock.protocols.http import ABORT, END, Abort, Body, Head
from grpcmock.protocols.interface import WireError
from grpcmock.protocols.message_codec import dump
from grpcmock.responses.faults import WIRE_FAULTS
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.protocols.http import Parts, RequestHead
    from grpcmock.protocols.interface import FaceOptions, Incoming, Outgoing
    from grpcmock.protocols.message_codec import Codec
    from grpcmock.schema import Registry

UNARY_FAULTS = WIRE_FAULTS - {"extra_messages", "drop_trailers", "wrong_status"}
"""A body that is the one message has no room for another, and no end of its own that could be left out."""

_ACCEPTED = ", ".join(name for name in compression.ENCODINGS if name != "identity")


class ConnectUnaryCall:
    """One unary call in Connect. Nothing is sent before its status is known: that stands in the head."""

    def __init__(
        self,
        head: RequestHead,
        codec: Codec,
        options: FaceOptions,
        registry: Registry,
        *,
        content_type: str,
        is_declared: bool = True,
    ) -> None:
        """*content_type* is that of both messages; a method that isn't *declared* is told by 404."""
        timeout = head.header("connect-timeout-ms")
        self.opened, self.refusal = heads.opened(head, head.path, "connect", can=UNARY_FAULTS, timeout=timeout)
        self._codec = codec
        self._registry = registry
        self._content_type = content_type
        self._is_declared = is_declared
        self._limit = options.max_message_size
        self._compression = compression.chosen(options.compression, head.header("accept-encoding"))
        self._body = bytearray()
        self._metadata: list[tuple[str, str]] = []
        self._message = b""
        self._encoding = "identity"
        try:
            check_version(head.header("connect-protocol-version"))
            self._encoding = check(self._encoding_of(head))
        except WireError as error:
            self.refusal = error

    def _encoding_of(self, head: RequestHead) -> str:
        return head.header("content-encoding")

    def receive(self, data: bytes) -> Iterator[Incoming]:
        self._body += data
        # Compressed, it is no longer than plain, but for some bytes that say how.
        if 0 <= self._limit < len(self._body) - 64:
            raise compression.too_large(len(self._body), self._limit)
        yield from ()

    def receive_end(self) -> Iterator[Incoming]:
        yield Message(self._codec.request(self._plain(self._request())))
        yield HALF_CLOSE

    def _request(self) -> bytes:
        return bytes(self._body)

    def _plain(self, data: bytes) -> bytes:
        # An empty body is not compressed, whatever the headers say.
        plain = decompressed(data, self._encoding, self._limit) if data else data
        if 0 <= self._limit < len(plain):
            raise compression.too_large(len(plain), self._limit)
        return plain

    def send(self, step: Outgoing) -> Parts:
        match step:
            case Headers():
                self._metadata += heads.sendable(step.metadata)
                return []
            case Send():
                self._message = self._codec.response(step.data)
                return []
            case Truncate():
                return self._truncated(self._codec.response(step.data))
            case Reset():
                return [Abort(step.error, closes=step.connection)]
            case Finish():
                return self._finished(step)
            case _:
                assert_never(step)

    def _finished(self, finish: Finish) -> Parts:
        trailers = heads.sendable(status_json.without_details(finish.trailers), "trailer-")
        if finish.code is Code.OK:
            status, kind, body = 200, self._content_type, self._message
        else:
            status, kind = status_json.HTTP_STATUS[finish.code], "application/json"
            body = dump(error_tree(finish, self._registry))
            if not self._is_declared:
                status = 404
        headers = [("content-type", kind), ("accept-encoding", _ACCEPTED)]
        if self._compression != "identity" and body:
            headers += [("content-encoding", self._compression), ("vary", "accept-encoding")]
            body = compression.compressed(body, self._compression)
        headers.append(("content-length", str(len(body))))
        return [Head(status, (*headers, *self._metadata, *trailers)), Body(body), END]

    def _truncated(self, body: bytes) -> Parts:
        """Announce all of a body, and send half of it."""
        headers = [("content-type", self._content_type), ("content-length", str(max(len(body), 1)))]
        return [Head(200, (*headers, *self._metadata)), Body(body[: len(body) // 2]), ABORT]


class ConnectGetCall(ConnectUnaryCall):
    """A unary call whose request stands in the query, so that it can be cached."""

    def __init__(
        self,
        head: RequestHead,
        codec: Codec,
        options: FaceOptions,
        registry: Registry,
        *,
        content_type: str,
    ) -> None:
        self._query = {name: values[-1] for name, values in query_of(head).items()}
        super().__init__(head, codec, options, registry, content_type=content_type)
        try:
            check_version(self._query.get("connect", "").removeprefix("v"))
            if "message" not in self._query:
                raise WireError(Code.INVALID_ARGUMENT, "The query has no message: ?encoding=json&message={…} is taken.")
        except WireError as error:
            self.refusal = error

    def _encoding_of(self, _: RequestHead) -> str:
        return self._query.get("compression", "")

    def receive(self, data: bytes) -> Iterator[Incoming]:
        if data:
            raise WireError(Code.INVALID_ARGUMENT, "A GET has no body: the request stands in the query.")
        yield from ()

    def _request(self) -> bytes:
        message = self._query.get("message", "")
        return _unbase64(message) if self._query.get("base64") == "1" else message.encode("utf-8", "surrogateescape")


def query_of(head: RequestHead) -> dict[str, list[str]]:
    """Return the parameters of a query, decoded."""
    # Bytes that are no UTF-8 stay as they are: what is said without base64 may be protobuf.
    return parse_qs(head.query, keep_blank_values=True, errors="surrogateescape")


def check_version(version: str) -> None:
    """Raise :class:`WireError` for a version of Connect other than 1; none may be said."""
    if version not in ("", "1"):
        raise WireError(Code.INVALID_ARGUMENT, f"The version of Connect is {version!r}; this server speaks version 1.")


def _unbase64(text: str) -> bytes:
    try:
        # Of either alphabet, with padding or without.
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError(Code.INVALID_ARGUMENT, f"The message in the query is no base64: {error}.") from None
