"""The journal: what was asked and what was answered, bounded by count and by bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from grpcmock.engine.call_record import FRAME_BYTES_KEPT, CallRecord, Follower, ProtocolName
from grpcmock.engine.dropped import Dropped, Kind
from grpcmock.engine.front import Waiting
from grpcmock.engine.given_answers import CompactCall, compact_call
from grpcmock.status import session_of

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.front import Front
    from grpcmock.engine.given_answers import GivenAnswer
    from grpcmock.engine.tally import CallTally
    from grpcmock.schema import Method
    from grpcmock.status import Code, Metadata


@dataclass(frozen=True, slots=True)
class Note:
    """Something other than a call that readers of the journal should know, such as a reload that failed."""

    time: float
    """Seconds since the epoch."""
    level: Literal["info", "warning", "error"]
    text: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The calls that a journal held at a time, and those that it had dropped by then."""

    calls: tuple[CallRecord, ...] = ()
    lost: Dropped = field(default_factory=Dropped)
    under_way: tuple[CallRecord, ...] = ()
    """The calls that had begun and not ended; they can't be restored."""


_MAX_PEERS = 1_000
_NOTHING = Waiting()


class Journal:
    """The last calls, oldest first. ``calls`` and ``bytes`` bound it; the oldest are dropped first.

    A *tally* counts all calls that end from now on, whatever is dropped or forgotten; see :attr:`tally`.
    """

    def __init__(self, calls: int = 10_000, bytes: int = 64 << 20, *, tally: CallTally | None = None) -> None:  # noqa: A002
        self.max_calls = calls
        self.max_bytes = bytes
        self._calls: deque[CallRecord | CompactCall] = deque()
        self._notes: deque[Note] = deque(maxlen=100)
        self._bytes = 0
        self._lost = Dropped()
        self._dropped_before = 0
        """Calls that were dropped, and then forgotten by :meth:`clear` or :meth:`forget`."""
        self._tally = tally
        self._next_id = 1
        self._listeners: list[Callable[[CallRecord], None]] = []
        self._miss_listeners: list[Callable[[CallRecord], None]] = []
        self._under_way: dict[int, CallRecord] = {}
        self._open_calls = 0
        self._followers: list[Follower] = []
        self._impatient = 0
        """How many of all these are to be told of each call at once."""
        self._metadata: Metadata = ()
        """Those of the last compact call."""
        self._last_kind: tuple[Method | None, bool, Metadata, Kind] = None, False, (), Kind("", "", "answered")
        """What the last compact call that was dropped rested on, and what is kept of it."""
        self._peers: dict[str, str] = {}
        """The peers of compact calls, so that each is kept once."""
        self._front: Front | None = None

    @property
    def front(self) -> Front | None:
        """What answers before the engine does, if anything. It notes its calls here when somebody looks."""
        return self._front

    @front.setter
    def front(self, front: Front | None) -> None:
        self._look()
        self._front = front
        self._pause()

    def _look(self) -> None:
        if self._front is not None:
            self._front.absorb()

    def _count(self, latest: int = 0) -> Waiting:
        """Have counted what a front has answered, and drop what that leaves no room for. The calls stay with it until
        somebody is to see them; returned is what there is of them."""
        if self._front is None:
            return _NOTHING
        waiting = self._front.count(latest)
        self._drop(waiting.calls, waiting.size)
        return waiting

    def catch_up(self) -> None:
        """Enter the calls that a front has answered, and tell of them who is patient."""
        self._look()

    def waiting(self, latest: int) -> tuple[int, list[CompactCall]]:
        """Return how many calls a front has answered that are to be entered yet, and the *latest* of them as they will
        be. Nobody is told of them by that."""
        waiting = self._count(latest)
        first = self._next_id + waiting.calls - len(waiting.latest)
        return waiting.calls, [
            compact_call((call[0].size, number, *call)) for number, call in enumerate(waiting.latest, first)
        ]

    def _pause(self) -> None:
        """Have each call come by here while somebody is to be told of it at once."""
        if self._front is not None:
            self._front.pause(self._impatient > 0)

    @property
    def dropped(self) -> int:
        """How many calls were dropped to keep within the bounds, since it was cleared."""
        return self.lost.count()

    @property
    def lost(self) -> Dropped:
        """What is still known of those."""
        self._count()
        return self._lost

    @property
    def dropped_ever(self) -> int:
        """The same since the start, whatever was cleared."""
        return self._dropped_before + self.dropped

    @property
    def tally(self) -> CallTally | None:
        """How the calls ended until now, if they are counted."""
        self._count()
        return self._tally

    @property
    def next_id(self) -> int:
        """The number of the call that comes next."""
        self._look()
        return self._next_id

    def __len__(self) -> int:
        return self._count().calls + len(self._calls)

    def __iter__(self) -> Iterator[CallRecord]:
        self._look()
        whole = [call.expand() if type(call) is CompactCall else call for call in self._calls]
        # Kept, so that who looks twice sees the same objects.
        self._calls = deque(whole)
        return iter(cast("list[CallRecord]", whole))

    def unread(self) -> list[CallRecord | CompactCall]:
        """Return the calls as they are kept. To choose among many by what both kinds tell costs less than to read them
        all; :meth:`read` gives those that are wanted.
        """
        self._look()
        return list(self._calls)

    def read(self, call: CallRecord | CompactCall) -> CallRecord:
        """Return a call as :meth:`__iter__` would give it."""
        return call.expand() if type(call) is CompactCall else cast("CallRecord", call)

    @property
    def size(self) -> int:
        """Bytes that the calls in the journal take, roughly."""
        return self._count().size + self._bytes

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def open(
        self,
        path: str,
        method: Method | None,
        metadata: Metadata,
        deadline: float | None,
        peer: str,
        started: float,
        protocol: ProtocolName = "grpc",
    ) -> CallRecord:
        """Begin a call. It is under way until it is closed; then it enters the journal."""
        self._look()
        number, followers = self._next_id, self._followers
        call = CallRecord(number, path, method, metadata, deadline, peer, started, followers, protocol)
        self._under_way[number] = call
        self._open_calls += 1
        self._next_id = number + 1
        call.tell()
        return call

    @property
    def under_way(self) -> tuple[CallRecord, ...]:
        """The calls that have begun and not ended, in that order."""
        return tuple(self._under_way.values())

    @property
    def open_calls(self) -> int:
        """How many calls are under way, those included that began before the last :meth:`clear`."""
        return self._open_calls

    def close(self, call: CallRecord) -> None:
        """End a call: keep it, drop the oldest past the bounds, tell the listeners.

        A call that began before :meth:`clear` is not kept: it belongs to what was cleared.
        """
        self._look()
        self._open_calls -= 1
        if self._tally is not None:
            self._tally.add(call)
        if self._under_way.pop(call.id, None) is not None:
            self._enter(call)

    def _enter(self, call: CallRecord) -> None:
        self._calls.append(call)
        self._bytes += call.size
        self._drop()
        call.tell()
        for listener in self._listeners:
            listener(call)
        if call.miss is not None:
            for listener in self._miss_listeners:
                listener(call)

    def record(
        self,
        given: GivenAnswer,
        metadata: Metadata,
        deadline: float | None,
        peer: str,
        started: float,
        duration: float,
        protocol: ProtocolName = "grpc",
    ) -> None:
        """Do :meth:`open` and :meth:`close` at once, for a call with one request that was answered at once.

        A :class:`CallRecord` is made only if somebody looks; most are dropped before that.
        """
        self._look()
        if self._tally is not None:
            self._tally.add_given(given, protocol, duration)
        self.add_known(given, metadata, deadline, peer, started, duration, protocol)

    def skip(self, kind: Kind, calls: int) -> None:
        """Number *calls* of this kind that a front has dropped itself, to keep within the same bounds."""
        self._next_id += calls
        self._lost.add(kind, calls)

    def count_known(
        self, stub: CompiledStub, code: Code, protocol: ProtocolName, calls: int, seconds: float, buckets: Sequence[int]
    ) -> None:
        """Count calls that a front has answered alike, those included that it has dropped."""
        if self._tally is not None:
            self._tally.add_many(stub, code, protocol, calls, seconds, buckets)

    def add_known(
        self,
        given: GivenAnswer,
        metadata: Metadata,
        deadline: float | None,
        peer: str,
        started: float,
        duration: float,
        protocol: ProtocolName = "grpc",
    ) -> None:
        """Do what :meth:`record` does but for counting, for a call that a front has answered before."""
        # Most calls of a client have the same metadata, and come from the same few peers.
        if metadata == self._metadata:
            metadata = self._metadata
        else:
            self._metadata = metadata
        peer = self._peers.setdefault(peer, peer)
        size = given.size
        number = self._next_id
        self._next_id = number + 1
        compact = compact_call((size, number, given, metadata, deadline, peer, started, duration, protocol))
        if self._impatient or (given.miss is not None and self._miss_listeners) or size > FRAME_BYTES_KEPT:
            call = compact.expand()
            call.followers = self._followers
            self._enter(call)
            return
        self._calls.append(compact)
        self._bytes += size
        if len(self._calls) > self.max_calls or self._bytes > self.max_bytes:
            self._drop()
        if self._followers or self._listeners:
            patient: list[Any] = [*self._followers, *self._listeners]
            for one in patient:
                one(compact)

    def _drop(self, more: int = 0, more_bytes: int = 0) -> None:
        """Drop the oldest calls until the bounds are kept, with so many *more* that are not here yet."""
        calls, max_calls, max_bytes = self._calls, self.max_calls - more, self.max_bytes - more_bytes
        if len(self._peers) > _MAX_PEERS:
            self._peers.clear()
        while calls and (len(calls) > max_calls or self._bytes > max_bytes):
            oldest = calls.popleft()
            self._bytes -= oldest.size
            self._lost.add(self._kind(oldest))

    def _kind(self, call: CallRecord | CompactCall) -> Kind:
        if type(call) is not CompactCall:
            return call.kind
        # Most calls have all that it rests on in common with the one before.
        given = call.given
        method, is_miss, metadata, kind = self._last_kind
        if given.method is not method or call.metadata is not metadata or (given.miss is not None) is not is_miss:
            kind = call.kind
            self._last_kind = given.method, given.miss is not None, call.metadata, kind
        return kind

    def note(self, note: Note) -> None:
        """Keep a note; the last hundred are kept."""
        self._notes.append(note)

    def clear(self) -> None:
        """Forget all calls and notes, and those calls that are under way, too."""
        self.clear_calls()
        self._notes.clear()

    def clear_calls(self) -> None:
        """Forget all calls, and those that are under way, too."""
        self._look()
        self._calls.clear()
        self._under_way.clear()
        self._bytes = 0
        self._dropped_before += self._lost.count()
        self._lost = Dropped()

    def forget(self, sessions: Collection[str]) -> None:
        """Forget all calls of these sessions, those under way, too."""
        self._look()
        self._calls = deque(call for call in self._calls if session_of(call.metadata) not in sessions)
        self._bytes = sum(call.size for call in self._calls)
        for number in [number for number, call in self._under_way.items() if call.session in sessions]:
            del self._under_way[number]
        dropped = self._lost.count()
        self._lost.forget(sessions)
        self._dropped_before += dropped - self._lost.count()

    def contents(self) -> Contents:
        """Give what it holds now, for a look at all of it at once, or for :meth:`restore`."""
        return Contents(tuple(self), self._lost.copy(), self.under_way)

    def restore(self, contents: Contents) -> None:
        """Hold what it held before, and nothing else."""
        self.clear()
        self._calls.extend(contents.calls)
        self._bytes = sum(call.size for call in self._calls)
        self._lost = contents.lost.copy()
        self._dropped_before -= self._lost.count()  # those it has again

    def follow(self, follower: Follower, *, patient: bool = False) -> Callable[[], None]:
        """Call *follower* with each call when it begins, at each of its messages, and when it ends.

        Of calls that were over as soon as they began it hears once; a *patient* one of those that a front has answered
        only when somebody looks, so that the front goes on, and as they are kept, for :meth:`read`. Returns a function
        that ends that.
        """
        return self._join(self._followers, follower, patient)

    def subscribe(
        self, listener: Callable[[CallRecord], None], *, of_misses: bool = False, patient: bool = False
    ) -> Callable[[], None]:
        """Call *listener* with each call as it ends, or with misses alone, *patient* or not as for :meth:`follow`.
        Returns a function that ends that.
        """
        # A miss is never a front's.
        return self._join(self._miss_listeners if of_misses else self._listeners, listener, patient or of_misses)

    def _join(self, all_of_them: list[Follower], one: Follower, patient: bool) -> Callable[[], None]:
        self._look()
        all_of_them.append(one)
        self._impatient += not patient
        self._pause()

        def leave() -> None:
            self._look()
            all_of_them.remove(one)
            self._impatient -= not patient
            self._pause()

        return leave
