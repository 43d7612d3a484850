"""A call by JSON over HTTP, as an annotation ``google.api.http`` lays it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Reset, Send, Truncate
from grpcmock.protocols import compression, heads, status_json
from grpcmock.protocols.http import ABORT, END, Abort, Body, Head, Trailers
from grpcmock.protocols.interface import WireError
from grpcmock.protocols.message_codec import dump
from grpcmock.protocols.transcoding.request import RequestBuilder
from grpcmock.protocols.transcoding.response import answer_of, stream_form
from grpcmock.responses.faults import WIRE_FAULTS
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.protocols.http import Parts, RequestHead
    from grpcmock.protocols.interface import FaceOptions, Incoming, Outgoing
    from grpcmock.protocols.transcoding.routes import Match
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata

MISS = "grpcmock-miss"
"""The trailer that tells a miss; a header here."""

_TOO_LARGE = 413
"""The HTTP status of a body that exceeds the limit: its code has another one, which means too many requests."""

_STREAM_FAULTS = WIRE_FAULTS - {"drop_trailers", "wrong_status"}
_UNARY_FAULTS = _STREAM_FAULTS - {"extra_messages"}


class JsonCall:
    """One call by JSON over HTTP."""

    def __init__(
        self, head: RequestHead, match: Match, options: FaceOptions, registry: Registry, *, is_text: bool = False
    ) -> None:
        """*is_text*: the body is the value of a field that is a string."""
        self._route = match.route
        kind = match.route.method.kind
        self._streams = kind.server_streams
        self._takes_lines = kind.client_streams
        can = _STREAM_FAULTS if self._streams else _UNARY_FAULTS
        path, timeout = match.route.method.path, head.header("grpc-timeout")
        self.opened, self.refusal = heads.opened(head, path, "json", can=can, timeout=timeout)
        spell_out = options.short_bodies.get(path)
        self._builder = RequestBuilder(match, head.query, registry, is_text=is_text, spell_out=spell_out)
        self._registry = registry
        self._limit = options.max_message_size
        self._compression = compression.chosen(options.compression, head.header("accept-encoding"))
        self._takes_trailers = head.takes_trailers
        self._content_type = head.header("content-type")
        self._form = stream_form(head.header("accept"), events=options.events)
        self._event_id = options.event_id
        self._buffer = bytearray()
        self._metadata: list[tuple[str, str]] = []
        self._answer = ("application/json", b"{}")
        self._has_head = False
        self._is_too_large = False
        self._encoding = "identity"
        try:
            known = ("identity",) if self._takes_lines else compression.ENCODINGS
            self._encoding = compression.check(head.header("content-encoding"), known)
        except WireError as error:
            self.refusal = error

    # What comes -----------------------------------------------------------------------------------

    def receive(self, data: bytes) -> Iterator[Incoming]:
        self._buffer += data
        for line in self._lines():
            yield Message(self._builder.build(line))
        self._check_size(len(self._buffer) - 64)

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of a stream that are whole; empty ones mean nothing."""
        if not self._takes_lines or b"\n" not in self._buffer:
            return
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer[:] = rest
        for line in lines:
            self._check_size(len(line))
            if line.strip():
                yield line

    def receive_end(self) -> Iterator[Incoming]:
        body = bytes(self._buffer)
        if body and not self._takes_lines:
            try:
                body = compression.decompressed(body, self._encoding, self._limit)
            except WireError as error:
                self._is_too_large = error.code is Code.RESOURCE_EXHAUSTED
                raise
        self._check_size(len(body))
        if body.strip() or not self._takes_lines:
            yield Message(self._builder.build(body, self._content_type))
        yield HALF_CLOSE

    def _check_size(self, size: int) -> None:
        if 0 <= self._limit < size:
            self._is_too_large = True
            raise compression.too_large(size, self._limit)

    # What is said ---------------------------------------------------------------------------------

    def send(self, step: Outgoing) -> Parts:
        match step:
            case Headers():
                self._metadata += heads.sendable(step.metadata)
                return self._begin() if self._streams else []
            case Send():
                return self._send(step.data)
            case Truncate():
                return self._truncated(step.data)
            case Reset():
                return [Abort(step.error, closes=step.connection)]
            case Finish():
                return self._finished(step)
            case _:
                assert_never(step)

    def _begin(self) -> Parts:
        """Begin a stream."""
        if self._has_head:
            return []
        self._has_head = True
        headers = [("content-type", self._form.content_type), ("cache-control", "no-store")]
        return [Head(200, (*headers, *self._metadata))]

    def _send(self, data: bytes) -> Parts:
        answer = answer_of(self._route, data)
        if self._streams:
            identity = self._event_id(self._route.method, data)
            return [*self._begin(), Body(self._form.message(answer[1], identity))]
        self._answer = answer
        return []

    def _truncated(self, data: bytes) -> Parts:
        kind, body = answer_of(self._route, data)
        if self._streams:
            line = self._form.message(body)
            return [*self._begin(), Body(line[: len(line) // 2]), ABORT]
        headers = [("content-type", kind), ("content-length", str(max(len(body), 1)))]
        return [Head(200, (*headers, *self._metadata)), Body(body[: len(body) // 2]), ABORT]

    def _finished(self, finish: Finish) -> Parts:
        is_error = finish.code is not Code.OK
        status = dump(status_json.status_tree(finish, self._registry)) if is_error else b""
        trailers = trailers_of(finish.trailers)
        if self._has_head:
            last = Body(self._form.error(status))
            end = Trailers(trailers) if trailers and self._takes_trailers else END
            return [last, end] if is_error else [end]
        if is_error:
            number = _TOO_LARGE if self._is_too_large else status_json.HTTP_STATUS[finish.code]
            return self._whole(number, "application/json", status, trailers)
        if self._streams:
            return [*self._begin(), *self._finished(finish)]
        return self._whole(200, *self._answer, trailers)

    def _whole(self, status: int, kind: str, body: bytes, trailers: tuple[tuple[str, str], ...]) -> Parts:
        self._has_head = True
        headers = [("content-type", kind)]
        if self._compression != "identity":
            headers += [("content-encoding", self._compression), ("vary", "accept-encoding")]
            body = compression.compressed(body, self._compression)
        headers.append(("content-length", str(len(body))))
        return [Head(status, (*headers, *self._metadata, *trailers)), Body(body), END]


def trailers_of(trailers: Metadata) -> tuple[tuple[str, str], ...]:
    """Return trailers as headers: ``grpc-trailer-KEY``, and that of a miss under its own name."""
    left = status_json.without_details(trailers)
    missed = [(key, value) for key, value in left if key == MISS]
    others = tuple((key, value) for key, value in left if key != MISS)
    return (*heads.sendable(tuple(missed)), *heads.sendable(others, "grpc-trailer-"))
