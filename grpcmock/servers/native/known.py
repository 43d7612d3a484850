"""The table of known answers in front of an engine: filled by it, and taken up by it before anybody looks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING

import grpcmock_native
from grpcmock_native import WholeCall

from grpcmock.engine.dropped import Kind
from grpcmock.engine.front import Waiting
from grpcmock.engine.given_answers import GivenAnswer
from grpcmock.protocols.http import Body, End, Head
from grpcmock.servers.http_call import answer_at_once
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock_native import Call, Conversation, KnownAnswer, KnownResponse, Server

    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.engine import Engine
    from grpcmock.engine.whole_plan import WholeAnswer
    from grpcmock.protocols.http import Parts, RequestHead
    from grpcmock.servers.http_call import HttpCall
    from grpcmock.servers.native.exchange import NativeExchange
    from grpcmock.status import Metadata

    _Told = tuple[int, bytes, Metadata, float | None, str, float, float]
    _Known = tuple[GivenAnswer, Metadata, float | None, str, float, float, ProtocolName]

_NOTHING = Waiting()

_TIMEOUTS = ("grpc-timeout", "connect-timeout-ms")
"""Headers that one protocol or the other takes for a deadline."""


class KnownAnswers:
    """What is known by now, as the engine sees it: its :class:`~grpcmock.engine.front.Front`."""

    def __init__(self, engine: Engine, server: Server, stop_playing: Callable[[], None]) -> None:
        """*stop_playing* ends that messages are sent at their times without the engine."""
        self._engine = engine
        self._server = server
        self._stop_playing = stop_playing
        self._numbers = itertools.count(1)
        self._by_number: dict[int, tuple[CompiledStub, WholeAnswer, ProtocolName]] = {}
        self._calls: dict[CompiledStub, KnownAnswer] = {}
        self._responses: dict[Hashable, KnownResponse] = {}
        """By stub, protocol, and what is sent."""
        options = engine.options
        self._is_in_time = options.wall_clock is time.time and options.monotonic is time.monotonic
        """Whether the engine has the clocks that the table has, too."""

    def answer(
        self, call: WholeCall | Call, path: str, metadata: Metadata, deadline: float | None, peer: str, request: bytes
    ) -> bool:
        """Answer a call at once; return False if the general way is due.

        If the answer is lasting, it is given to all calls with the same request from now on, save that of a stub that
        answers for the first time: many are asked for once.
        """
        engine = self._engine
        with engine.lock:
            given = engine.answer_at_once(path, metadata, deadline, peer, request)
            if given is None:
                return False
            entry, answer = given.stub, given.answer
            lasts = given.is_lasting and self._is_in_time
            if lasts and entry is not None and entry.count > 1 and isinstance(call, WholeCall):
                known = self._calls.get(entry) or self._made(entry, answer)
                call.answer(known, engine.store.tables[path].metadata_keys)
                return True
        headers, messages, code, message, trailers = answer
        if code is Code.OK and len(messages) == 1 and not (headers or trailers or message):
            call.reply(messages[0])
        else:
            call.say(headers, messages, code, message, trailers)
        return True

    def gather(self, path: str) -> None:
        """Have the transport wait for the whole request of each call to a method, if an answer may be known then."""
        table = self._engine.store.tables.get(path)
        with self._engine.lock:
            if table is not None and table.takes_one and not table.held:
                self._server.gather(path)

    def _made(self, entry: CompiledStub, answer: WholeAnswer) -> KnownAnswer:
        number, size = self._number(entry, answer, "grpc")
        known = self._calls[entry] = grpcmock_native.KnownAnswer(number, size, *answer)
        return known

    def respond(self, exchange: NativeExchange, head: RequestHead, call: HttpCall, body: bytes) -> bool:
        """Do what :meth:`answer` does, for a request in another protocol whose *body* is there whole."""
        engine, opened = self._engine, call.codec.opened
        with engine.lock:
            at_once = answer_at_once(engine, call, body)
            if at_once is None:
                return False
            given, parts = at_once
            whole = _whole(parts) if given.is_lasting and self._is_in_time else None
            if whole is None or given.stub is None or (opened.deadline is None and any(map(head.header, _TIMEOUTS))):
                # Of a time that its protocol knows nothing of, the table would think that it is a deadline.
                exchange.send(parts)
            else:
                known = self._response(given.stub, given.answer, opened.protocol, *whole)
                keys = engine.store.tables[given.method.path].metadata_keys
                exchange.wire.answer(known, given.request, keys)
        return True

    def _response(
        self, entry: CompiledStub, answer: WholeAnswer, protocol: ProtocolName, head: Head, body: bytes
    ) -> KnownResponse:
        key = entry, protocol, head, body
        known = self._responses.get(key)
        if known is None:
            number, size = self._number(entry, answer, protocol)
            known = grpcmock_native.KnownResponse(number, size, head.status, head.headers, body)
            self._responses[key] = known
        return known

    def _number(self, entry: CompiledStub, answer: WholeAnswer, protocol: ProtocolName) -> tuple[int, int]:
        """Return a number for an answer, and what a call that it answers takes in a journal, besides the request."""
        number = next(self._numbers)
        self._by_number[number] = entry, answer, protocol
        return number, GivenAnswer.of(entry.method, entry, b"", answer, is_lasting=True).size

    def conversation(self) -> Conversation | None:
        """Return one of which nothing is known yet; None if the transport can't hold any."""
        return grpcmock_native.Conversation() if self._is_in_time else None

    def void(self) -> None:
        """Forget all answers."""
        with self._engine.lock:
            self._server.void()
            self.absorb()
            self._by_number.clear()
            self._calls.clear()
            self._responses.clear()

    def pause(self, paused: bool) -> None:
        """Answer nothing until further notice, or do so again."""
        self._server.pause(paused)
        if paused:
            self._stop_playing()

    def count(self, latest: int = 0) -> Waiting:
        """Count what was answered since the last time; the calls stay where they are. Returns how many there are."""
        if not self._server.has_pending():
            return _NOTHING
        with self._engine.lock:
            counts, calls, size, last = self._server.count(latest)
            self._take_up(counts)
            return Waiting(calls, size, list(self._read(last)))

    def absorb(self) -> None:
        """Note in the journal what was answered since the last time, and count it."""
        if not self._server.has_pending():
            return
        with self._engine.lock:
            counts, calls = self._server.absorb()
            self._take_up(counts)
            add = self._engine.journal.add_known
            for call in self._read(calls):
                add(*call)

    def _take_up(self, counts: dict[int, tuple[int, int, float, list[int]]]) -> None:
        engine = self._engine
        for number, (count, dropped, seconds, buckets) in counts.items():
            entry, answer, protocol = self._by_number[number]
            engine.store.count(entry, count)
            engine.journal.count_known(entry, answer.code, protocol, count, seconds, buckets)
            if dropped:
                engine.journal.skip(Kind("", entry.method.path, "answered"), dropped)

    def _read(self, calls: list[_Told]) -> Iterator[_Known]:
        same: dict[tuple[int, bytes], GivenAnswer] = {}
        for number, request, metadata, deadline, peer, started, duration in calls:
            entry, answer, protocol = self._by_number[number]
            if (given := same.get((number, request))) is None:
                given = GivenAnswer.of(entry.method, entry, request, answer, is_lasting=True)
                same[number, request] = given
            yield given, metadata, deadline, peer, started, duration, protocol


def _whole(parts: Parts) -> tuple[Head, bytes] | None:
    """Return the head and the whole body of a response; None if it has more than that."""
    match parts:
        case [Head() as head, *rest, End()] if all(isinstance(part, Body) for part in rest):
            return head, b"".join(part.data for part in rest if isinstance(part, Body))
    return None
