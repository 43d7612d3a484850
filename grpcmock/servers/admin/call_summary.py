"""A call in one line: what was asked, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.schema.codec import DecodeError, decode, to_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.engine.call_record import CallRecord, Frame
    from grpcmock.schema import Method

_LONGEST = 120
"""Characters of a message, and of a status message."""

_DECODED = 1 << 16
"""Bytes of the largest message that is decoded just to show its beginning."""

_REMEMBERED = 512
"""Messages whose text is remembered: many calls say the same."""


class Summaries:
    """Sums up calls, each in one line."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str, bytes], str] = {}

    def of(self, call: CallRecord) -> str:
        """Return the line of a call: ``{"id": 1} → {"name": "Alice"}``."""
        if call.method is None:
            return ""
        asked = self._said(call.method, [frame for frame in call.frames if frame.direction == "request"])
        if call.miss is not None:
            return asked
        answers = [frame for frame in call.frames if frame.direction == "response"]
        answered = self._said(call.method, answers)
        if call.code:
            status = _line(call.message or call.code.name)
            answered = f"{answered}, {status}" if answers else status
        return f"{asked} → {answered}" if answered else asked

    def _said(self, method: Method, frames: Sequence[Frame]) -> str:
        if len(frames) != 1:
            return f"{len(frames):,} messages" if frames else ""
        frame = frames[0]
        if len(frame.data) > _DECODED:
            return f"{len(frame.data):,} bytes"
        key = method.path, frame.direction, frame.data
        if (text := self._texts.get(key)) is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            text = self._texts[key] = _text(method, frame)
        return text


def _text(method: Method, frame: Frame) -> str:
    message_class = method.request_class if frame.direction == "request" else method.response_class
    try:
        return _line(to_text(decode(message_class, frame.data), _LONGEST + 1))
    except DecodeError:
        return f"{len(frame.data):,} bytes that can't be decoded"


def _line(text: str) -> str:
    first = text.partition("\n")[0]
    return first if len(first) <= _LONGEST and first == text else first[: _LONGEST - 1] + "…"
