"""Connect's streams: messages in envelopes, and the status in the last of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Reset, Send, Truncate
from grpcmock.protocols import compression, framing, heads, status_json
from grpcmock.protocols.connect.errors import error_tree
from grpcmock.protocols.connect.unary import check_version
from grpcmock.protocols.framing import MessageReader
from grpcmock.protocols.http import END, Abort, Body, Head
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
    from grpcmock.status import Metadata

END_OF_STREAM = 2
"""The flag of the envelope that ends a response."""

STREAM_FAULTS = WIRE_FAULTS - {"wrong_status"}
"""What can be put on the wire here."""

_ACCEPTED = ", ".join(name for name in compression.ENCODINGS if name != "identity")


class ConnectStreamCall:
    """One streaming call in Connect."""

    def __init__(self, head: RequestHead, codec: Codec, options: FaceOptions, registry: Registry) -> None:
        timeout = head.header("connect-timeout-ms")
        self.opened, self.refusal = heads.opened(head, head.path, "connect", can=STREAM_FAULTS, timeout=timeout)
        self._codec = codec
        self._registry = registry
        self._content_type = head.content_type
        self._compression = compression.chosen(options.compression, head.header("connect-accept-encoding"))
        self._has_head = False
        self._reader = MessageReader(limit=options.max_message_size)
        try:
            check_version(head.header("connect-protocol-version"))
            self._reader = MessageReader(head.header("connect-content-encoding"), options.max_message_size)
        except WireError as error:
            self.refusal = error

    def receive(self, data: bytes) -> Iterator[Incoming]:
        for message in self._reader.feed(data):
            yield Message(self._codec.request(message))

    def receive_end(self) -> Iterator[Incoming]:
        if self._reader.is_within_message:
            raise WireError(Code.INVALID_ARGUMENT, "The request ends within a message.")
        yield HALF_CLOSE

    def send(self, step: Outgoing) -> Parts:
        match step:
            case Headers():
                return self._begin(step.metadata)
            case Send():
                return [*self._begin(), Body(framing.compressed(self._codec.response(step.data), self._compression))]
            case Truncate():
                return [*self._begin(), Body(framing.truncated(self._codec.response(step.data))), END]
            case Reset():
                return [Abort(step.error, closes=step.connection)]
            case Finish(drop=True):
                return [*self._begin(), END]
            case Finish():
                return [*self._begin(), Body(framing.framed(self._end_of_stream(step), END_OF_STREAM)), END]
            case _:
                assert_never(step)

    def _begin(self, metadata: Metadata = ()) -> Parts:
        if self._has_head:
            return []
        self._has_head = True
        headers = [("content-type", self._content_type), ("connect-accept-encoding", _ACCEPTED)]
        if self._compression != "identity":
            headers.append(("connect-content-encoding", self._compression))
        return [Head(200, (*headers, *heads.sendable(metadata)))]

    def _end_of_stream(self, finish: Finish) -> bytes:
        tree: dict[str, Any] = {}
        if finish.code is not Code.OK:
            tree["error"] = error_tree(finish, self._registry)
        metadata: dict[str, list[str]] = {}
        for key, value in framing.headers_of(status_json.without_details(finish.trailers)):
            metadata.setdefault(key, []).append(value)
        if metadata:
            tree["metadata"] = metadata
        return dump(tree)
