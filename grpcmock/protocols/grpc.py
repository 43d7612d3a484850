"""gRPC over HTTP/2: messages in envelopes, the status in the trailers.

The rules are those of grpc/grpc, doc/PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Reset, Send, Truncate
from grpcmock.protocols import compression, framing, heads
from grpcmock.protocols.framing import MessageReader
from grpcmock.protocols.http import END, Abort, Body, Head, Trailers
from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.protocols.http import Parts, RequestHead
    from grpcmock.protocols.interface import FaceOptions, Incoming, Outgoing
    from grpcmock.protocols.message_codec import Codec
    from grpcmock.status import Metadata

_ACCEPTED = ",".join(compression.ENCODINGS)


class GrpcCall:
    """One call in gRPC."""

    protocol: ProtocolName = "grpc"

    def __init__(self, head: RequestHead, codec: Codec, options: FaceOptions) -> None:
        self.opened, self.refusal = heads.opened(head, head.path, self.protocol, timeout=head.header("grpc-timeout"))
        self._codec = codec
        self._content_type = head.header("content-type")
        self._compression = compression.chosen(options.compression, head.header("grpc-accept-encoding"))
        self._has_head = False
        self._reader = MessageReader(limit=options.max_message_size)
        try:
            self._reader = MessageReader(head.header("grpc-encoding"), options.max_message_size)
        except WireError as error:
            self.refusal = error

    def receive(self, data: bytes) -> Iterator[Incoming]:
        for message in self._reader.feed(data):
            yield Message(self._codec.request(message))

    def receive_end(self) -> Iterator[Incoming]:
        if self._reader.is_within_message:
            raise WireError(Code.INTERNAL, "The request ends within a message.")
        yield HALF_CLOSE

    def send(self, step: Outgoing) -> Parts:
        match step:
            case Headers():
                return self._begin(step.metadata)
            case Send():
                message = framing.compressed(self._codec.response(step.data), self._compression)
                return [*self._begin(), self._body(message)]
            case Truncate():
                return [*self._begin(), self._body(framing.truncated(self._codec.response(step.data))), END]
            case Reset():
                return [Abort(step.error, closes=step.connection)]
            case Finish(drop=True):
                return [*self._begin(), END]
            case Finish():
                return self._end(step)
            case _:
                assert_never(step)

    def _begin(self, metadata: Metadata = ()) -> Parts:
        if self._has_head:
            return []
        self._has_head = True
        return [Head(200, (*self._own_headers(), *heads.sendable(metadata)))]

    def _own_headers(self) -> list[tuple[str, str]]:
        headers = [("content-type", self._content_type), ("grpc-accept-encoding", _ACCEPTED)]
        if self._compression != "identity":
            headers.append(("grpc-encoding", self._compression))
        return headers

    def _body(self, data: bytes) -> Body:
        return Body(data)

    def _end(self, finish: Finish) -> Parts:
        trailers = self._trailers(finish)
        if self._has_head:
            return [Trailers(tuple(trailers))]
        self._has_head = True
        return [Head(200, (*self._own_headers(), *trailers)), END]

    def _trailers(self, finish: Finish) -> list[tuple[str, str]]:
        trailers = [("grpc-status", finish.wire_status or str(int(finish.code)))]
        if finish.message:
            trailers.append(("grpc-message", framing.percent_encoded(finish.message)))
        return trailers + list(heads.sendable(finish.trailers))
