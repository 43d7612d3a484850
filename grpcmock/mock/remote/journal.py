"""The calls of a session of a mock server elsewhere, as a journal here would have them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from grpcmock.engine.call_record import CallRecord
from grpcmock.engine.compile import compile_stub
from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.dropped import Dropped, Kind
from grpcmock.engine.journal import Contents, Journal
from grpcmock.errors import ConfigError, Location, Problems, TargetError
from grpcmock.matching.miss import Miss
from grpcmock.responses.faults import FAULTS
from grpcmock.status import Code
from grpcmock.stubs import loader
from grpcmock.stubs.model import Stub

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.dropped import Outcome
    from grpcmock.engine.store import Store
    from grpcmock.mock.remote.link import Link
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata

_PAGE = 500
"""Calls in one response, which the server cuts where they get too large."""


class RemoteJournal(Journal):
    """Asks for the calls whenever somebody looks. The same call is the same record each time."""

    def __init__(self, link: Link, registry: Callable[[], Registry], own: Callable[[], Store]) -> None:
        """Messages are read by the protos that *registry* gives; *own* gives the stubs that were added from here."""
        super().__init__()
        self._link = link
        self._registry = registry
        self._own = own
        self._records: dict[int, CallRecord] = {}
        self._stubs: dict[tuple[str, str], CompiledStub] = {}
        """The common stubs there, as far as they have answered."""
        self._before = Contents()
        """What is looked at besides, and no longer there: from before a snapshot."""
        self._known: set[int] = set()
        """The ids of the calls that subscribers know, or that ended before there were any."""

    def contents(self) -> Contents:
        """Give all calls, asked for in one go, or in as many as it takes."""
        if not self._link.is_open:
            return self._before
        ended: dict[int, CallRecord] = {}
        under_way: dict[int, CallRecord] = {}
        after, more = 0, True
        while more:
            page = self._link.of_session(
                "ListCalls", after_id=after, limit=_PAGE, with_bytes=True, text_limit=1, under_way=True
            )
            for told in page.calls:
                if told.HasField("duration"):
                    after = told.id
                    ended[told.id] = self._record(told)
                else:
                    under_way[told.id] = self._record(told)
            more = page.more
        self._records = {**ended, **under_way}
        self._known &= ended.keys()
        self._tell(ended.values())
        lost = self._before.lost.copy()
        for dropped in page.dropped_of:
            _enter(lost, dropped)
        return Contents((*self._before.calls, *ended.values()), lost, tuple(under_way.values()))

    def subscribe(
        self, listener: Callable[[CallRecord], None], *, of_misses: bool = False, patient: bool = False
    ) -> Callable[[], None]:
        """Call *listener* with each call that ends from now on: when somebody looks, at the latest when the calls are
        forgotten, or when what this returns is called, which ends that.
        """
        self.contents()
        leave = super().subscribe(listener, of_misses=of_misses, patient=patient)

        def look_and_leave() -> None:
            self.contents()
            leave()

        return look_and_leave

    def _tell(self, ended: Iterable[CallRecord]) -> None:
        """Tell subscribers of those calls that they don't know yet."""
        for call in ended:
            if call.id in self._known:
                continue
            self._known.add(call.id)
            for listener in self._listeners:
                listener(call)
            for listener in self._miss_listeners if call.miss is not None else ():
                listener(call)

    def clear(self) -> None:
        if self._listeners or self._miss_listeners:
            self.contents()
        self._link.of_session("ClearCalls")
        self._before = Contents()

    def restore(self, contents: Contents) -> None:
        self.clear()
        self._before = Contents(contents.calls, contents.lost.copy())

    def keep(self) -> None:
        """Hold what there is now: the session is about to end."""
        self._before = self.contents()

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self.contents().calls)

    def __len__(self) -> int:
        return len(self.contents().calls)

    @property
    def under_way(self) -> tuple[CallRecord, ...]:
        return self.contents().under_way

    @property
    def lost(self) -> Dropped:
        return self.contents().lost

    def forget(self, sessions: Collection[str]) -> None:
        raise NotImplementedError

    # Calls ----------------------------------------------------------------------------------------

    def _record(self, told: Any) -> CallRecord:
        """Give the record of a call, brought up to date."""
        record = self._records.get(told.id)
        if record is None:
            path = f"/{told.method}"
            deadline = _seconds(told.deadline) if told.HasField("deadline") else None
            record = CallRecord(
                told.id,
                path,
                self._registry().methods.get(path),
                _metadata(told.metadata),
                deadline,
                told.peer,
                _seconds(told.started),
                protocol=told.protocol or "grpc",
            )
        for message in told.messages[len(record.frames) :]:
            is_request = message.direction == message.DIRECTION_REQUEST
            direction: Literal["request", "response"] = "request" if is_request else "response"
            record.add_frame(direction, message.data, _seconds(message.time))
        record.frames_dropped = told.messages_dropped
        if told.stub and record.stub is None:
            record.stub = self._stub(told)
        if told.miss:
            record.miss = Miss(told.miss, ())
        if told.error:
            record.error = ConfigError(told.error)
        if told.HasField("duration") and record.under_way:
            record.duration = _seconds(told.duration)
            record.code, record.message = Code(told.code), told.status_message
            record.trailers = _metadata(told.trailers)
            record.auto, record.cancelled, record.forwarded = told.auto, told.cancelled, told.forwarded
        return record

    def _stub(self, told: Any) -> CompiledStub | None:
        table = self._own().tables.get(f"/{told.method}")
        own = next((entry for entry in table.index if entry.name == told.stub), None) if table is not None else None
        if own is not None:
            return own
        key = told.method, told.stub
        if key not in self._stubs:
            file, _, line = told.stub_location.rpartition(":")
            location = Location(file, int(line)) if file and line.isdecimal() else Location(told.stub_location)
            stub = self._asked(told, location if told.stub_location else None)
            made = compile_stub(stub, self._registry(), Problems(), layer=Layer.FILE, order=0, faults=FAULTS)
            if made is None:  # it answers a method that isn't known here
                return None
            self._stubs[key] = made
        return self._stubs[key]

    def _asked(self, told: Any, location: Location | None) -> Stub:
        """Ask what the stub of a call says. Where it is no longer there, no more than its name is known."""
        bare = Stub(method=told.method, name=told.stub, location=location)
        try:
            text = self._link.of_session("GetStub", name=told.stub).yaml
        except TargetError:
            return bare
        problems = Problems()
        stubs = loader.load_text(text, told.stub_location or "elsewhere", problems)
        if problems.errors or len(stubs) != 1 or stubs[0].method != told.method:
            return bare
        return replace(stubs[0], name=told.stub, location=location)


def _enter(lost: Dropped, dropped: Any) -> None:
    path = f"/{dropped.method}" if dropped.method else ""
    answered = dropped.calls - dropped.unmatched - dropped.failed
    numbers: Iterable[tuple[Outcome, int]] = (
        ("answered", answered), ("unmatched", dropped.unmatched), ("failed", dropped.failed)
    )  # fmt: skip
    for outcome, number in numbers:
        if number:
            lost.add(Kind("", path, outcome), number)


def _metadata(told: Any) -> Metadata:
    return tuple((one.key, one.bytes if one.WhichOneof("value") == "bytes" else one.text) for one in told)


def _seconds(told: Any) -> float:
    return float(told.ToNanoseconds() / 1e9)
