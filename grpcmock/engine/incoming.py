"""The request messages of a call: read from the wire when somebody wants one, decoded, and what was read ahead kept."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from grpcmock.engine import error_replies
from grpcmock.engine.steps import RECEIVE, EndOfCall, Event, Message, Receive, Step
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtoMessage

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.validation import RequestValidator
    from grpcmock.matching.call_context import CallContext
    from grpcmock.schema import Method

Received = Generator[Step, "Event | None", "ProtoMessage | None"]
"""Reads a message; gives None once the client has finished sending."""


class Incoming:
    """What a client sends in one call. First it is read to choose a stub, then again as the plan of that stub wants it.

    A message that can't be decoded ends the call, and so does one that *validate* refuses.
    """

    __slots__ = (
        "_call",
        "_clock",
        "_keeps_raw",
        "_last",
        "_method",
        "_unread",
        "_validate",
        "context",
        "raw",
        "received",
    )

    def __init__(
        self,
        call: CallRecord,
        method: Method,
        context: CallContext,
        clock: Callable[[], float],
        *,
        keeps_raw: bool,
        validate: RequestValidator | None = None,
    ) -> None:
        self._call = call
        self._method = method
        self._clock = clock
        self._validate = validate
        self._keeps_raw = keeps_raw
        self._unread: list[ProtoMessage] = []
        self.context = context
        """What is known of the call: it learns of each message that is read to choose a stub, and of half-close."""
        self.received: list[ProtoMessage] = []
        self._last = b""
        self.raw: list[bytes] = []
        """The same as they came, an undecodable one among them; kept only if it *keeps_raw*."""

    @property
    def seen(self) -> list[ProtoMessage]:
        """The messages that the plan has taken. It doesn't see those that were read ahead to choose its stub."""
        return self.received[: len(self.received) - len(self._unread)] if self._unread else self.received

    @property
    def last(self) -> bytes | None:
        """The message that the plan has taken last, as it came; None if others were read ahead."""
        return None if self._unread else self._last

    def read(self) -> Received:
        """Read the next message from the wire."""
        if self.context.half_closed:
            return None
        return self._taken((yield RECEIVE))

    def _taken(self, event: Event | None) -> ProtoMessage | None:
        if not isinstance(event, Message):
            return None
        self._call.add_frame("request", event.data, self._clock())
        self._last = event.data
        if self._keeps_raw:
            self.raw.append(event.data)
        try:
            message = decode(self._method.request_class, event.data)
        except DecodeError as error:
            raise EndOfCall(error_replies.undecodable(self._method, str(error))) from None
        if self._validate is not None and (refusal := self._validate(message)) is not None:
            raise EndOfCall(refusal)
        self.received.append(message)
        return message

    def passed_by(self, data: bytes, time: float) -> None:
        """Note a message that the server has answered by itself: the plan is past it."""
        self._call.add_frame("request", data, time)
        if self._keeps_raw:
            self.raw.append(data)
        self.received.append(decode(self._method.request_class, data))

    def read_ahead(self) -> Received:
        """Read the next message to choose a stub by it. The plan will be given it, too."""
        message = yield from self.read()
        if message is None:
            self.context.half_closed = True
            return None
        if self.context.request is None:
            self.context.request = message
        self._unread.append(message)
        return message

    def next(self, receive: Receive = RECEIVE) -> Received:
        """Give the next message that the plan has not seen: one that was read ahead, or the next from the wire."""
        if self._unread:
            return self._unread.pop(0)
        if self.context.half_closed:
            return None
        message = self._taken((yield receive))
        if message is None:
            self.context.half_closed = True
        return message

    def next_until(self, until: Any) -> Received:
        """Give the next message, or None as soon as *until* is done."""
        if self._unread or self.context.half_closed:
            return (yield from self.next())
        event = yield Receive(until)
        if event is not None and (message := self._taken(event)) is not None:
            return message
        self.context.half_closed = event is not None
        return None
