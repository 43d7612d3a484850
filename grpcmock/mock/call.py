"""What a mock was asked and what it answered, as a test looks at it: one call, its frames."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from google.protobuf import descriptor_pool
from google.protobuf.message import Message

from grpcmock.errors import did_you_mean
from grpcmock.schema.codec import DecodeError, decode, to_text
from grpcmock.schema.registry import find_message

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord, ProtocolName
    from grpcmock.errors import Location
    from grpcmock.schema import Method
    from grpcmock.status import Code
    from grpcmock.stubs.model import Stub

Req = TypeVar("Req", covariant=True, bound=Message)  # noqa: PLC0105
Resp = TypeVar("Resp", covariant=True, bound=Message)  # noqa: PLC0105

_TEXT = 160
"""Characters of a message in the line that stands for a call."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a call, as it passed over the wire."""

    direction: Literal["request", "response"]

    message: Message | None
    """None if the bytes can't be decoded as the method's type."""

    data: bytes
    time: float
    """Seconds since the epoch."""

    after: float
    """Seconds since the call began."""


class Metadata(Mapping[str, str | bytes]):
    """Metadata by lower-case key: ``[key]`` is the first value, :meth:`all` gives every one.

    Keys may be written in any case. Values are strings, and bytes where the key ends with ``-bin``.
    """

    def __init__(self, pairs: Sequence[tuple[str, str | bytes]]) -> None:
        self._pairs = tuple((key, value) for key, value in pairs)

    def __getitem__(self, key: str) -> str | bytes:
        __tracebackhide__ = True
        values = self.all(key)
        if not values:
            known = did_you_mean(key.lower(), self, known="The keys") or "The client sent none."
            raise KeyError(f"There is no metadata {key!r}. {known}")
        return values[0]

    def all(self, key: str) -> list[str | bytes]:
        """Give every value of *key*, in order; an empty list if it was not sent."""
        key = key.lower()
        return [value for name, value in self._pairs if name == key]

    @property
    def pairs(self) -> tuple[tuple[str, str | bytes], ...]:
        """All keys and values as they were sent."""
        return self._pairs

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self.all(key))

    def __repr__(self) -> str:
        return f"Metadata({list(self._pairs)!r})"


class Call(Generic[Req, Resp]):
    """One call. Messages are of the generated class, where such a one is imported.

    Of a call that is under way, it tells what has happened so far, each time anew; its ``status`` is None.
    Reading ``request`` of a call without one raises ``AssertionError``; ``requests`` is empty then. The same holds for
    ``response``.
    """

    def __init__(self, record: CallRecord) -> None:
        self._record = record
        self._frames: tuple[Frame, ...] = ()
        self._by_direction: tuple[Sequence[Frame], Mapping[str, tuple[Message, ...]]] | None = None

    @property
    def record(self) -> CallRecord:
        """What the journal holds: the bytes, and messages of the server's own classes."""
        return self._record

    @property
    def id(self) -> int:
        """The number of the call: counted by the server, in the order in which calls begin."""
        return self._record.id

    @property
    def method(self) -> str:
        """The method as stubs write it: ``user.UserService/GetUser``."""
        return self._record.name

    @property
    def descriptor(self) -> Method | None:
        """The method as the protos declare it; None if they don't."""
        return self._record.method

    @property
    def request(self) -> Req:
        """The request message; of a stream of them, the first."""
        __tracebackhide__ = True
        return cast("Req", self._first(self.requests, "request"))

    @property
    def response(self) -> Resp:
        """The response message; of a stream of them, the first."""
        __tracebackhide__ = True
        return cast("Resp", self._first(self.responses, "response"))

    def _first(self, messages: Sequence[Any], kind: str) -> Any:
        __tracebackhide__ = True
        if not messages:
            raise AssertionError(f"There is no {kind} message in this call: {self}")
        return messages[0]

    @property
    def requests(self) -> Sequence[Req]:
        """All request messages that could be decoded, in order; very long streams are kept up to a bound."""
        return cast("Sequence[Req]", self._messages["request"])

    @property
    def responses(self) -> Sequence[Resp]:
        """All response messages that could be decoded, in order; very long streams are kept up to a bound."""
        return cast("Sequence[Resp]", self._messages["response"])

    @property
    def _messages(self) -> Mapping[str, tuple[Message, ...]]:
        frames = self.frames
        if self._by_direction is None or self._by_direction[0] is not frames:
            messages = {
                direction: tuple(
                    frame.message for frame in frames if frame.direction == direction and frame.message is not None
                )
                for direction in ("request", "response")
            }
            self._by_direction = (frames, messages)
        return self._by_direction[1]

    @property
    def frames(self) -> Sequence[Frame]:
        """Every message in both directions, in the order in which they passed, with its time."""
        record, method = self._record, self._record.method
        known = self._frames
        if len(known) < len(record.frames):
            classes = {
                "request": public_class(method.request_class) if method else None,
                "response": public_class(method.response_class) if method else None,
            }
            more = (
                Frame(
                    frame.direction,
                    _decoded(classes[frame.direction], frame.data),
                    frame.data,
                    frame.time,
                    max(frame.time - record.started, 0.0),
                )
                for frame in record.frames[len(known) :]
            )
            self._frames = (*known, *more)
        return self._frames

    @cached_property
    def metadata(self) -> Metadata:
        """The metadata that the client sent."""
        return Metadata(self._record.metadata)

    @property
    def trailers(self) -> Metadata:
        """The trailing metadata that it got."""
        return Metadata(self._record.trailers)

    @property
    def under_way(self) -> bool:
        """Whether the call has not ended yet."""
        return self._record.under_way

    @property
    def code(self) -> Code | None:
        """The status code; None while the call is under way."""
        return None if self.under_way else self._record.code

    @property
    def status(self) -> str | None:
        """The name of the status code: ``"OK"``, ``"NOT_FOUND"``; None while the call is under way."""
        code = self.code
        return None if code is None else code.name

    @property
    def details(self) -> str:
        """The status message, as ``details()`` of a gRPC error; empty with OK."""
        return self._record.message

    @property
    def stub(self) -> Stub | None:
        """The stub that answered; None on a miss, and where the answer was generated."""
        return self._record.stub.stub if self._record.stub is not None else None

    @property
    def matched(self) -> bool:
        """Whether a stub answered, to the end of its script, or the answer was generated, or another server's."""
        record = self._record
        return record.miss is None and (record.stub is not None or record.auto or record.forwarded)

    @property
    def miss(self) -> str:
        """Why no stub answered, in lines; empty if one did."""
        return self._record.miss.text if self._record.miss is not None else ""

    @property
    def generated(self) -> bool:
        """Whether the answer was generated (``auto``)."""
        return self._record.auto

    @property
    def protocol(self) -> ProtocolName:
        """What the client spoke: ``grpc``, ``grpc_web``, ``connect``, ``json``."""
        return self._record.protocol

    @property
    def peer(self) -> str:
        """The address of the client: ``ipv4:127.0.0.1:50514``."""
        return self._record.peer

    @property
    def deadline(self) -> float | None:
        """Seconds that were left when the call came in; None if the client set no deadline."""
        return self._record.deadline

    @property
    def started(self) -> float:
        """When the call came in: seconds since the epoch."""
        return self._record.started

    @property
    def duration(self) -> float:
        """How long it took, in seconds; while it is under way, how long it has taken."""
        duration = self._record.duration
        return max(time.time() - self._record.started, 0.0) if duration is None else duration

    @property
    def cancelled(self) -> bool:
        """Whether the client went away, or the deadline passed, before the answer was complete."""
        return self._record.cancelled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Call) and self._record is other._record

    def __hash__(self) -> int:
        return hash(id(self._record))

    def __str__(self) -> str:
        where = _where(self.stub.name, self.stub.location) if self.stub is not None else ""
        origin = f"  [{where}]" if where else "  [generated]" if self.generated else ""
        return f"{self.method} {self._asked()} → {self._answered()}{origin}"

    def __repr__(self) -> str:
        return f"<Call {self}>"

    def _asked(self) -> str:
        sent = any(frame.direction == "request" for frame in self._record.frames)
        nothing = "(no message yet)" if self.under_way else "(no message)"
        return _shown(self.requests) or ("(undecodable)" if sent else nothing)

    def _answered(self) -> str:
        if self._record.miss is not None:
            left = "left the script of its stub" if self._record.stub is not None else "no stub matched"
            return f"{self.status}: {left}"
        if self.under_way:
            return " ".join(filter(None, ("under way", _shown(self.responses))))
        status = self.status if not self.details else f"{self.status}: {_cut(self.details.splitlines()[0])}"
        return " ".join(filter(None, (status, _shown(self.responses), "(cancelled)" if self.cancelled else "")))


def _shown(messages: Sequence[Message]) -> str:
    if not messages:
        return ""
    text = to_text(messages[0], _TEXT)
    return text if len(messages) == 1 else f"{text} … ({len(messages)} messages)"


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"


def _where(name: str, location: Location | None) -> str:
    # The default name of a stub is its place already.
    if location is None or name.startswith(str(location)) or str(location).endswith(name):
        return name
    return f"{name}, {location}"


def public_class(message_class: type[Message]) -> type[Message]:
    """Give the class that user code has for a message: the generated one, if its module is imported.

    Messages of two pools are never equal, and a test compares with messages of the generated classes.
    """
    return find_message(descriptor_pool.Default(), message_class.DESCRIPTOR.full_name) or message_class


def _decoded(message_class: type[Message] | None, data: bytes) -> Message | None:
    if message_class is None:
        return None
    try:
        return decode(message_class, data)
    except DecodeError:
        return None
