"""Calls as the admin service tells them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import ParseDict

from grpcmock.protocols import status_json
from grpcmock.schema.codec import DecodeError, decode, to_text
from grpcmock.servers.admin.call_summary import Summaries

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord, Frame
    from grpcmock.servers.admin.behaviors import Steered

_TEXT_LIMIT = 20_000
_TEXT_LIMIT_OF_CALL = 1 << 19
"""Characters of ProtoJSON in one call, so that no call outgrows a response."""


class CallWriter:
    """Writes calls as messages of the admin service, as much of each as a request, the *view*, asks for."""

    def __init__(self, steered: Steered, view: Any) -> None:
        self._call = steered.service.message("grpcmock.admin.v1.Call")
        self._registry = steered.engine.registry
        self._summaries = Summaries()
        self._with_bytes = view.with_bytes
        self._text_limit = view.text_limit if view.text_limit > 0 else _TEXT_LIMIT
        self._is_brief = getattr(view, "brief", False)

    def write(self, call: CallRecord) -> Message:
        """Give a call as a message."""
        told: Any = self._call(
            id=call.id,
            method=call.name,
            peer=call.peer,
            messages_dropped=call.frames_dropped,
            status_message=call.message,
            auto=call.auto,
            cancelled=call.cancelled,
            protocol=call.protocol,
            faults=call.faults,
            forwarded=call.forwarded,
            session=call.session,
        )
        told.started.FromNanoseconds(_nanoseconds(call.started))
        if call.duration is not None:
            told.duration.FromNanoseconds(_nanoseconds(call.duration))
        if call.deadline is not None:
            told.deadline.FromNanoseconds(_nanoseconds(min(call.deadline, _LONGEST)))
        if call.code is not None:
            told.code, told.code_name = call.code.value, call.code.name
        if call.stub is not None:
            told.stub = call.stub.name
            told.stub_location = str(call.stub.stub.location or "")
        if call.miss is not None:
            told.miss = call.miss.text.partition("\n")[0] if self._is_brief else call.miss.text
        if call.error is not None:
            told.error = str(call.error)
        if self._is_brief:
            told.summary = self._summaries.of(call)
            return told  # type: ignore[no-any-return]
        for near in call.miss.nearest if call.miss is not None else ():
            written = told.near.add(stub=near.name, location=str(near.location or ""))
            for one in near.refused:
                written.differences.add(path=one.path, expected=one.expected, actual=one.actual)
        write_metadata(told.metadata, call.metadata)
        write_metadata(told.headers, call.headers)
        write_metadata(told.trailers, call.trailers)
        for detail in status_json.details_in(call.trailers):
            ParseDict(status_json.detail_tree(detail, self._registry), told.details.add())
        room = _TEXT_LIMIT_OF_CALL
        for frame in call.frames:
            room -= self._write_frame(told.messages.add(), frame, call, min(self._text_limit, max(room, 100)))
        return told  # type: ignore[no-any-return]

    def _write_frame(self, told: Any, frame: Frame, call: CallRecord, limit: int) -> int:
        told.direction = 1 if frame.direction == "request" else 2
        told.time.FromNanoseconds(_nanoseconds(frame.time))
        told.size = len(frame.data)
        text = _text(frame, call, limit + 1)
        if text is None or self._with_bytes:
            told.data = frame.data
        if text is None:
            return len(frame.data)
        told.cut = len(text) > limit
        told.json = text[: limit - 1] + "…" if told.cut else text
        return len(text)


_LONGEST = 3e9
"""Seconds: some clients send absurd deadlines, which a Duration can't hold."""


def _text(frame: Frame, call: CallRecord, limit: int) -> str | None:
    if call.method is None:
        return None
    method = call.method
    try:
        message = decode(method.request_class if frame.direction == "request" else method.response_class, frame.data)
    except DecodeError:
        return None
    return to_text(message, limit)


def write_metadata(told: Any, metadata: Iterable[tuple[str, str | bytes]]) -> None:
    """Add metadata to a field that holds many."""
    for key, value in metadata:
        if isinstance(value, bytes):
            told.add(key=key, bytes=value)
        else:
            told.add(key=key, text=value)


def _nanoseconds(seconds: float) -> int:
    # By way of microseconds: a float of seconds since the epoch is no finer.
    return round(seconds * 1e6) * 1000
