"""What is lent for a time: to one at a time, as it was put, and never again once it was given back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import all_fields
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.fuzz.resources.lending import Lending, body_of, lendings

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Registry

_FOR_SECONDS = re.compile(
    r"(ack|acknowledge|acknowledgement|visibility|lease|lock|lend|claim)_(deadline|timeout|duration)(_seconds|_secs|_s)?"
)
_ASSIGNED = re.compile(r"(.*_)?(id|name|time|at|number|sequence|offset|attempt|attempts)")
_HOLDS_BACK = re.compile(r"(.*_)?(key|group|partition|priority|delay|expir\w*|ttl|deduplication)(_.*)?")
"""What may make a server keep something back, or drop it."""

_MOST = re.compile(r"(max|limit|count|batch|size|n)(_.*)?|.*_(limit|count|size)")
_TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)

_UNTIL_LOST = 2
"""So often something must have been asked for and not come, when there was room for it."""

_LONG = 8
"""So long are texts that are the same by no chance."""


@dataclass(frozen=True, slots=True)
class _Put:
    """A message that was put."""

    by: str
    """The path of the method."""

    besides: bytes
    """What was said with it."""

    message: Message
    body: str
    """The field that holds what it says."""

    @property
    def way(self) -> tuple[str, bytes, bytes]:
        """How it was put, whatever it says: what was put in the same way goes to the same queues."""
        frame = type(self.message)()
        frame.CopyFrom(self.message)
        frame.ClearField(self.body)
        return self.by, self.besides, bytes_of(frame)


@dataclass(slots=True)
class _Queue:
    """What is known of one."""

    lent: dict[bytes, Any] = field(default_factory=dict)
    """What was lent and not given back, with its receipt."""

    returned: set[bytes] = field(default_factory=set)
    expected: list[_Put] = field(default_factory=list)
    """What was put and didn't come yet, where it is known that it must."""

    asked: int = 0
    """How often there would have been room for all of that."""

    ways: set[tuple[str, bytes, bytes]] = field(default_factory=set)
    """How that was put which has come."""


@dataclass(slots=True)
class Loans:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _queues: dict[tuple[str, Any], _Queue] = field(default_factory=dict)
    _put: list[_Put] = field(default_factory=list)
    _own: set[Any] = field(default_factory=set)
    """The names that were given or shown when something was made: nobody else takes from those queues."""

    _is_mixed: bool = False
    """Whether something may have been put in another way, so that what comes needn't be what is known to be put."""

    _seconds: float | None = None
    """For how long something is lent, as the server has said."""

    _elapsed: float = 0.0

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        kinds = lendings(self.registry)
        exchange = exchange_in(reply) if kinds else None
        if exchange is None:
            return
        method, requests, answers = exchange
        self._elapsed += reply.seconds
        for answer in answers:
            self._hear_of_time(answer)
        for kind in kinds:
            if method is kind.giving:
                if reply.is_ok and len(answers) == 1:
                    yield from self._given(kind, requests[0], answers[0])
                return
            if method is kind.returning:
                self._returned(kind, requests[0], taken=reply.is_ok)
                return
            if (what := next((one for putting, one in kind.putting if putting is method), None)) is not None:
                self._was_put(method.path, what, requests[0], taken=reply.is_ok)
                return
        if not only_reads(method):
            self._queues.clear()  # what it does to them isn't known
            types = {one.message_type for one in all_fields(method.input)}
            self._is_mixed |= any(kind.payload.message_type in types for kind in kinds)
            for message in (*requests, *answers):
                self._own.update(
                    value for one, value in message.ListFields() if one.type in _TEXTS and one.is_repeated is False
                )

    def _hear_of_time(self, answer: Message) -> None:
        for one, value in answer.ListFields():
            if _FOR_SECONDS.fullmatch(one.name) and not one.is_repeated:
                seconds = getattr(value, "seconds", value)
                if isinstance(seconds, int | float):
                    self._seconds = float(seconds if self._seconds is None else min(seconds, self._seconds))

    def _was_put(self, path: str, what: FieldDescriptor, request: Message, *, taken: bool) -> None:
        value = getattr(request, what.name)
        besides = type(request)()
        besides.CopyFrom(request)
        besides.ClearField(what.name)
        rest = bytes_of(besides)
        body = _body(what)
        for message in value if what.is_repeated else [value]:
            put = _Put(path, rest, message, body.name)
            self._put.append(put)
            for queue in self._queues.values():
                if not taken:
                    queue.ways.discard(put.way)  # how much of it was put isn't known
                elif put.way in queue.ways and not any(
                    _HOLDS_BACK.fullmatch(one.name) for one, _ in message.ListFields()
                ):
                    queue.expected.append(put)
                    queue.asked = 0

    def _returned(self, kind: Lending, request: Message, *, taken: bool) -> None:
        queue = self._queues.get((kind.giving.path, getattr(request, kind.queue.name)))
        value = getattr(request, kind.receipts.name)
        receipts = list(value) if kind.receipts.is_repeated else [value]
        for what, receipt in list(queue.lent.items()) if queue is not None else ():
            if queue is not None and receipt in receipts:
                del queue.lent[what]
                if taken:
                    queue.returned.add(what)

    def _given(self, kind: Lending, request: Message, answer: Message) -> Iterator[Finding]:
        name = getattr(request, kind.queue.name)
        queue = self._queues.setdefault((kind.giving.path, name), _Queue())
        items = list(getattr(answer, kind.items.name))
        is_quick = self._seconds is not None and self._seconds > 2 * self._elapsed + 1
        for item in items:
            payload, receipt = getattr(item, kind.payload.name), getattr(item, kind.receipt.name)
            what = bytes_of(payload)
            if self._is_one_of_its_kind(payload):
                if what in queue.returned and (is_quick or self._seconds is None):
                    expected = f"nothing that {kind.returning.name} has given back"
                    yield _finding("use_after_delete", kind, "given back", expected, f"{_told(payload)} was lent again")
                elif what in queue.lent and is_quick:
                    expected = f"what is lent for {self._seconds:g} s to be lent once in that time"
                    yield _finding("read_after_write", kind, "lent twice", expected, f"{_told(payload)} was lent again")
                queue.lent[what] = receipt
            yield from self._as_put(kind, queue, payload)
        numbers = [getattr(request, one.name) for one in kind.giving.input.fields if _MOST.fullmatch(one.name)]
        has_room = all(isinstance(number, int) and number > len(items) for number in numbers)
        if queue.expected and has_room and name in self._own:
            queue.asked += 1
            if queue.asked == _UNTIL_LOST:
                expected = "all that was put, as what was put before in the same way"
                actual = f"{_told(queue.expected[0].message)} never came, though it was asked for {_UNTIL_LOST} times"
                yield _finding("read_after_write", kind, "lost", expected, actual, may_lag=True)

    def _is_one_of_its_kind(self, payload: Message) -> bool:
        """Whether something lent has a value that the server has given it: it is no other that looks the same."""
        return any(
            _ASSIGNED.fullmatch(one.name)
            and isinstance(value, str | bytes | int)
            and not isinstance(value, bool)
            and all(getattr(put.message, one.name) != value for put in self._put)
            for one, value in payload.ListFields()
            if not one.is_repeated
        )

    def _as_put(self, kind: Lending, queue: _Queue, payload: Message) -> Iterator[Finding]:
        """Hold what came against what was put, which is found by its body."""
        body = _body(kind.payload)
        own = getattr(payload, body.name)
        alike = [put for put in self._put if getattr(put.message, body.name, None) == own]
        if len(own) < _LONG or not alike or self._is_mixed:
            return
        queue.ways.update(put.way for put in alike)
        queue.expected = [put for put in queue.expected if put not in alike]
        if any(put.message != alike[0].message for put in alike):
            return
        for one, value in alike[0].message.ListFields():
            now = getattr(payload, one.name)
            if not _ASSIGNED.fullmatch(one.name) and _is_plain(one, value) and now != value:
                expected = f"{one.name} as it was put: {str(value)[:60]}"
                actual = f"{one.name}: {str(now)[:60] if now else 'nothing'}"
                yield _finding("read_after_write", kind, f"lent otherwise {one.name}", expected, actual, path=one.name)


def _finding(
    check: str, kind: Lending, key: str, expected: str, actual: str, *, path: str = "", may_lag: bool = False
) -> Finding:
    path = path or kind.items.name
    return Finding(
        check=check, expected=expected, actual=actual, path=path, key=key, method=kind.giving, may_lag=may_lag
    )


def _told(payload: Message) -> str:
    return next((shown(value) for _, value in payload.ListFields() if isinstance(value, str | bytes)), "a message")


def _body(what: FieldDescriptor) -> FieldDescriptor:
    found = body_of(what.message_type) if what.message_type is not None else None
    assert found is not None  # else it is nothing that is lent
    return found


def _is_plain(one: FieldDescriptor, value: Any) -> bool:
    """Whether a value is one that nobody tidies up."""
    if one.message_type is not None:
        is_texts = one.message_type.GetOptions().map_entry and all(isinstance(each, str) for each in value.values())
        return bool(is_texts) and all(f"{key}{each}".isascii() for key, each in value.items())
    return one.type in _TEXTS and not one.is_repeated and value.isascii()
