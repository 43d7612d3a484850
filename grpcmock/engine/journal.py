"""The journal: what was asked and what was answered, bounded by count and by bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from grpcmock.schema.codec import DecodeError, decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.steps import Metadata
    from grpcmock.engine.store import CompiledStub
    from grpcmock.matching.miss import Miss
    from grpcmock.schema import Method

FRAMES_KEPT = 1_000
"""Messages kept of one call, in each direction; what comes after is only counted."""

FRAME_BYTES_KEPT = 1 << 20
"""Bytes of messages kept of one call; what comes after is only counted."""

_OVERHEAD = 1_600
"""Bytes that a call costs besides its messages, roughly, as measured: most of it metadata, each word an object."""

_MOST_PEERS = 1_000

_FRAME_OVERHEAD = 130
"""Bytes that a message costs besides its data. A stream of small ones is mostly this."""


class Frame(NamedTuple):
    """One message on the wire, as it passed."""

    direction: Literal["request", "response"]
    data: bytes
    time: float
    """Seconds since the epoch."""


_frame = partial(tuple.__new__, Frame)
"""Makes a :class:`Frame` of a tuple; to call the class takes several times as long."""


Follower = Callable[["Call"], None]
"""Is called with a call whenever something has happened in it."""


class Call:
    """One call: written by its exchange while it lasts, read by everybody else.

    Times are in seconds: ``started`` since the epoch, ``deadline`` and ``duration`` relative to it.
    """

    __slots__ = (
        "auto",
        "cancelled",
        "code",
        "deadline",
        "duration",
        "epoch",
        "error",
        "followers",
        "forwarded",
        "frames",
        "frames_dropped",
        "id",
        "message",
        "metadata",
        "method",
        "miss",
        "path",
        "peer",
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
        epoch: int,
        followers: Sequence[Follower] = (),
    ) -> None:
        self.id = id
        self.path = path
        self.method = method
        """None if no proto declares this path."""
        self.metadata = metadata
        self.deadline = deadline
        self.peer = peer
        self.started = started
        self.duration: float | None = None
        """None while the call lasts."""
        self.frames: list[Frame] = []
        self.frames_dropped = 0
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
        """What a handler of the user raised, other than a status meant for the client."""
        self.size = _OVERHEAD
        """Bytes that this call takes, roughly."""
        self.epoch = epoch
        """Which filling of the journal the call belongs to; :meth:`Journal.clear` begins the next."""
        self.followers = followers
        """Those of the journal: they are told whenever something happens in the call."""

    @property
    def under_way(self) -> bool:
        """Whether the call has not ended yet."""
        return self.duration is None

    def tell(self) -> None:
        """Tell the followers that something has happened."""
        for follower in self.followers:
            follower(self)

    def add_frame(self, direction: Literal["request", "response"], data: bytes, time: float) -> None:
        """Note a message; past the bounds it is only counted."""
        if len(self.frames) >= 2 * FRAMES_KEPT or self.size + len(data) > FRAME_BYTES_KEPT + _OVERHEAD:
            self.frames_dropped += 1
            return
        self.size += len(data) + _FRAME_OVERHEAD
        self.frames.append(_frame((direction, data, time)))
        if self.followers:
            self.tell()

    @property
    def name(self) -> str:
        """The method as stubs write it: ``user.UserService/GetUser``."""
        return self.path.removeprefix("/")

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


class Steady(NamedTuple):
    """What all calls with the same request and the same constant answer have in common."""

    method: Method
    stub: CompiledStub
    request: bytes
    response: bytes
    size: int
    """Bytes that such a call takes in a journal, roughly."""

    @classmethod
    def of(cls, method: Method, stub: CompiledStub, request: bytes, response: bytes) -> Steady:
        size = _OVERHEAD + 2 * _FRAME_OVERHEAD + len(request) + len(response)
        return cls(method, stub, request, response, size)


class Brief(NamedTuple):
    """A call that was over as soon as it began: one request, one response, OK. It becomes a :class:`Call` when read.

    Ten thousand of them are kept of a server under load. So each holds as few objects of its own as can be: what it
    takes from memory that has grown cold, and gives back there, costs more than all that is done to fill it.
    """

    size: int
    id: int
    steady: Steady
    metadata: Metadata
    deadline: float | None
    peer: str
    started: float
    duration: float

    def whole(self, epoch: int) -> Call:
        steady = self.steady
        method = steady.method
        call = Call(self.id, method.path, method, self.metadata, self.deadline, self.peer, self.started, epoch)
        call.add_frame("request", steady.request, self.started)
        call.add_frame("response", steady.response, self.started)
        call.stub, call.code, call.duration = steady.stub, Code.OK, self.duration
        return call


_brief = partial(tuple.__new__, Brief)
"""Makes a :class:`Brief` of a tuple; to call the class takes several times as long."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something other than a call that readers of the journal should know, such as a reload that failed."""

    time: float
    """Seconds since the epoch."""
    level: Literal["info", "warning", "error"]
    text: str


class Journal:
    """The last calls, oldest first. ``calls`` and ``bytes`` bound it; the oldest are dropped first."""

    def __init__(self, calls: int = 10_000, bytes: int = 64 << 20) -> None:  # noqa: A002
        self._max_calls = calls
        self._max_bytes = bytes
        self._calls: deque[Call | Brief] = deque()
        self._notes: deque[Note] = deque(maxlen=100)
        self._bytes = 0
        self._next_id = 1
        self._epoch = 0
        self._listeners: list[Callable[[Call], None]] = []
        self._under_way: dict[int, Call] = {}
        self._followers: list[Follower] = []
        self._metadata: Metadata = ()
        """Those of the last brief call."""
        self._peers: dict[str, str] = {}
        """The peers of brief calls, so that each is kept once."""
        self.dropped = 0
        """How many calls were dropped to keep within the bounds."""

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        whole = [call.whole(self._epoch) if type(call) is Brief else call for call in self._calls]
        # Kept, so that who looks twice sees the same objects.
        self._calls = deque(whole)
        return iter(cast("list[Call]", whole))

    @property
    def size(self) -> int:
        """Bytes that the calls in the journal take, roughly."""
        return self._bytes

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def open(
        self, path: str, method: Method | None, metadata: Metadata, deadline: float | None, peer: str, started: float
    ) -> Call:
        """Begin a call. It is under way until it is closed; then it enters the journal."""
        call = Call(self._next_id, path, method, metadata, deadline, peer, started, self._epoch, self._followers)
        self._under_way[call.id] = call
        self._next_id += 1
        call.tell()
        return call

    @property
    def under_way(self) -> tuple[Call, ...]:
        """The calls that have begun and not ended, in that order."""
        return tuple(call for call in self._under_way.values() if call.epoch == self._epoch)

    def close(self, call: Call) -> None:
        """End a call: keep it, drop the oldest past the bounds, tell the listeners.

        A call that began before :meth:`clear` is not kept: it belongs to what was cleared.
        """
        self._under_way.pop(call.id, None)
        if call.epoch != self._epoch:
            return
        self._keep(call)
        call.tell()
        for listener in self._listeners:
            listener(call)

    def record(
        self, steady: Steady, metadata: Metadata, deadline: float | None, peer: str, started: float, duration: float
    ) -> None:
        """Do :meth:`open` and :meth:`close` at once, for a call with one request and one response that ended with OK.

        A :class:`Call` is made only if somebody looks; most are dropped before that.
        """
        # Most calls of a client have the same metadata, and come from the same few peers.
        if metadata == self._metadata:
            metadata = self._metadata
        else:
            self._metadata = metadata
        peer = self._peers.setdefault(peer, peer)
        size = steady.size
        number = self._next_id
        self._next_id = number + 1
        brief = _brief((size, number, steady, metadata, deadline, peer, started, duration))
        if self._listeners or self._followers or size > FRAME_BYTES_KEPT:
            call = brief.whole(self._epoch)
            call.followers = self._followers
            self.close(call)
            return
        self._calls.append(brief)
        self._bytes += size
        if len(self._calls) > self._max_calls or self._bytes > self._max_bytes:
            self._drop()

    def _keep(self, call: Call) -> None:
        self._calls.append(call)
        self._bytes += call.size
        self._drop()

    def _drop(self) -> None:
        """Drop the oldest calls until the bounds are kept."""
        calls = self._calls
        if len(self._peers) > _MOST_PEERS:
            self._peers.clear()
        while calls and (len(calls) > self._max_calls or self._bytes > self._max_bytes):
            self._bytes -= calls.popleft().size
            self.dropped += 1

    def note(self, note: Note) -> None:
        """Keep a note; the last hundred are kept."""
        self._notes.append(note)

    def clear(self) -> None:
        """Forget all calls and notes, and those calls that are under way, too."""
        self._calls.clear()
        self._notes.clear()
        self._bytes = 0
        self.dropped = 0
        self._epoch += 1

    def restore(self, calls: Iterable[Call]) -> None:
        """Hold *calls*, which it held before, and nothing else."""
        self.clear()
        self._calls.extend(calls)
        self._bytes = sum(call.size for call in self._calls)

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Call *follower* with each call when it begins, at each of its messages, and when it ends.

        Of calls that were over as soon as they began it hears once. Returns a function that ends that.
        """
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def subscribe(self, listener: Callable[[Call], None]) -> Callable[[], None]:
        """Call *listener* with each call as it ends. Gives a function that ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
