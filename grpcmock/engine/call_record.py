"""What is kept of one call: written while it lasts, read by everybody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from grpcmock.engine.dropped import Kind, Outcome
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.status import session_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.matching.miss import Miss
    from grpcmock.schema import Method
    from grpcmock.status import Code, Metadata

FRAMES_KEPT = 1_000
"""Messages kept of one call, in each direction; what comes after is only counted."""

FRAME_BYTES_KEPT = 1 << 20
"""Bytes of messages kept of one call; what comes after is only counted."""

CALL_OVERHEAD = 1_600
"""Bytes that a call costs besides its messages, roughly, as measured: most of it metadata, each word an object."""

FRAME_OVERHEAD = 130
"""Bytes that a message costs besides its data. A stream of small ones is mostly this."""

MISS_OVERHEAD = 2
"""How often a call takes the text of its miss: the trailers repeat it."""


class Frame(NamedTuple):
    """One message on the wire, as it passed."""

    direction: Literal["request", "response"]
    data: bytes
    time: float
    """Seconds since the epoch."""


_frame = partial(tuple.__new__, Frame)
"""Makes a :class:`Frame` of a tuple; to call the class takes several times as long."""


ProtocolName = Literal["grpc", "grpc_web", "connect", "json"]
"""How the protocols are named, wherever a call is told."""

PROTOCOLS: Mapping[str, str] = {
    "grpc": "gRPC",
    "grpc_web": "gRPC-Web",
    "connect": "Connect",
    "json": "JSON over HTTP",
}
"""The same, in words for people."""

Follower = Callable[["CallRecord"], None]
"""Is called with a call whenever something has happened in it."""


class CallRecord:
    """One call: written by its exchange while it lasts, read by everybody else.

    Times are in seconds: ``started`` since the epoch, ``deadline`` and ``duration`` relative to it.
    """

    __slots__ = (
        "_frames",
        "auto",
        "cancelled",
        "catch_up",
        "code",
        "deadline",
        "duration",
        "error",
        "faults",
        "followers",
        "forwarded",
        "frames_dropped",
        "half_closed",
        "headers",
        "id",
        "message",
        "metadata",
        "method",
        "miss",
        "path",
        "peer",
        "protocol",
        "requests_dropped",
        "size",
        "started",
        "stub",
        "trailers",
    )

    def __init__(
        self,
        id: int,  # noqa: A002
        path: str,
        method: Method | None,
        metadata: Metadata,
        deadline: float | None,
        peer: str,
        started: float,
        followers: Sequence[Follower] = (),
        protocol: ProtocolName = "grpc",
    ) -> None:
        self.id = id
        self.path = path
        self.method = method
        """None if no proto declares this path."""
        self.metadata = metadata
        self.deadline = deadline
        self.peer = peer
        self.protocol = protocol
        self.started = started
        self.duration: float | None = None
        """None while the call lasts."""
        self._frames: list[Frame] = []
        self.catch_up: Callable[[], None] | None = None
        """Notes the messages that a server has sent by itself; None if it can't have."""
        self.frames_dropped = 0
        self.half_closed = False
        """Whether the server saw that the client had finished sending."""
        self.headers: Metadata = ()
        """The initial metadata of the answer, where a stub says some."""
        self.requests_dropped = 0
        """How many of these were requests."""
        self.stub: CompiledStub | None = None
        """The stub that was chosen; None on a miss."""
        self.miss: Miss | None = None
        self.auto = False
        """Whether the answer was generated."""
        self.forwarded = False
        """Whether no stub answered, and the call was passed on to another server."""
        self.code: Code | None = None
        self.message = ""
        self.trailers: Metadata = ()
        self.cancelled = False
        self.error: BaseException | None = None
        """What a handler of the user raised, other than a status meant for the client; why a fault couldn't strike."""
        self.faults: tuple[str, ...] = ()
        """The fault profiles that struck it."""
        self.size = CALL_OVERHEAD
        """Bytes that this call takes, roughly."""
        self.followers = followers
        """Those of the journal: they are told whenever something happens in the call."""

    @property
    def frames(self) -> list[Frame]:
        """The messages kept, in the order in which they passed."""
        if self.catch_up is not None:
            self.catch_up()
        return self._frames

    @property
    def under_way(self) -> bool:
        """Whether the call has not ended yet."""
        return self.duration is None

    @property
    def is_struck_down(self) -> bool:
        """Whether a fault profile ended the call before a stub was asked."""
        return bool(self.faults) and self.stub is None and self.miss is None and not (self.auto or self.forwarded)

    def tell(self) -> None:
        """Tell the followers that something has happened."""
        for follower in self.followers:
            follower(self)

    def add_frame(self, direction: Literal["request", "response"], data: bytes, time: float) -> None:
        """Note a message; past the bounds it is only counted."""
        if len(self._frames) >= 2 * FRAMES_KEPT or self.size + len(data) > FRAME_BYTES_KEPT + CALL_OVERHEAD:
            self.frames_dropped += 1
            self.requests_dropped += direction == "request"
            return
        self.size += len(data) + FRAME_OVERHEAD
        self._frames.append(_frame((direction, data, time)))
        if self.followers:
            self.tell()

    def note_miss(self, miss: Miss) -> None:
        """Note why no stub holds for the call."""
        self.miss = miss
        self.size += MISS_OVERHEAD * len(miss.text)

    @property
    def name(self) -> str:
        """The method as stubs write it: ``user.UserService/GetUser``."""
        return self.path.removeprefix("/")

    @property
    def session(self) -> str:
        """The name of the session that it belongs to; empty if it belongs to none."""
        return session_of(self.metadata)

    @property
    def outcome(self) -> Outcome:
        """How it has ended, for who looks for what went wrong."""
        if self.miss is not None:
            return "unmatched"
        if self.error is not None:
            return "failed"
        is_answered = self.stub is not None or self.auto or self.forwarded or self.cancelled or self.is_struck_down
        return "answered" if is_answered else "unmatched"

    @property
    def kind(self) -> Kind:
        """What is kept of it when it is dropped."""
        return Kind(self.session, self.path if self.method is not None else "", self.outcome)

    @property
    def requests(self) -> list[Message]:
        """The request messages kept, decoded; undecodable ones are left out."""
        return self._decoded("request")

    @property
    def responses(self) -> list[Message]:
        """The response messages kept, decoded; undecodable ones are left out."""
        return self._decoded("response")

    def _decoded(self, direction: str) -> list[Message]:
        if self.method is None:
            return []
        type_ = self.method.request_class if direction == "request" else self.method.response_class
        messages = []
        for frame in self.frames:
            if frame.direction == direction:
                try:
                    messages.append(decode(type_, frame.data))
                except DecodeError:
                    continue
        return messages
