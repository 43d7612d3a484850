"""The table of known answers in front of an engine: filled by it, and taken up by it before anybody looks."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import grpcmock_native

from grpcmock.engine.given_answers import GivenAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock_native import Call, KnownAnswer, Server

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.engine import Engine
    from grpcmock.engine.whole_plan import WholeAnswer
    from grpcmock.status import Metadata


class KnownAnswers:
    """What is known by now, as the engine sees it: its :class:`~grpcmock.engine.front.Front`."""

    def __init__(self, engine: Engine, server: Server, stop_playing: Callable[[], None]) -> None:
        """*stop_playing* ends that messages are sent at their times without the engine."""
        self._engine = engine
        self._server = server
        self._stop_playing = stop_playing
        self._numbers = itertools.count(1)
        self._by_number: dict[int, tuple[CompiledStub, WholeAnswer]] = {}
        self._by_stub: dict[CompiledStub, KnownAnswer] = {}
        options = engine.options
        self._is_in_time = options.wall_clock is time.time and options.monotonic is time.monotonic
        """Whether the engine has the clocks that the table has, too."""

    def answer(
        self, call: Call, path: str, metadata: Metadata, deadline: float | None, peer: str, request: bytes
    ) -> bool:
        """Answer a call at once; return False if the general way is due.

        If the answer is lasting, it is given to all calls with the same request from now on.
        """
        engine = self._engine
        with engine.lock:
            given = engine.answer_at_once(path, metadata, deadline, peer, request)
            if given is None:
                return False
            if given.is_lasting and given.stub is not None and self._is_in_time:
                call.answer(self._by_stub.get(given.stub) or self._made(given.stub, given.answer))
                return True
        headers, messages, code, message, trailers = given.answer
        if headers:
            call.headers(headers)
        if len(messages) == 1:
            call.send(messages[0])
        elif messages:
            call.send_all(list(messages))
        call.finish(code, message, trailers)
        return True

    def _made(self, entry: CompiledStub, answer: WholeAnswer) -> KnownAnswer:
        number = next(self._numbers)
        self._by_number[number] = entry, answer
        size = GivenAnswer.of(entry.method, entry, b"", answer, is_lasting=True).size
        known = self._by_stub[entry] = grpcmock_native.KnownAnswer(number, size, *answer)
        return known

    def void(self) -> None:
        """Forget all answers."""
        with self._engine.lock:
            self._server.void()
            self.absorb()
            self._by_number.clear()
            self._by_stub.clear()

    def pause(self, paused: bool) -> None:
        """Answer nothing until further notice, or do so again."""
        self._server.pause(paused)
        if paused:
            self._stop_playing()

    def absorb(self) -> None:
        """Note in the journal what was answered since the last time, and count it."""
        if not self._server.has_pending():
            return
        engine, known = self._engine, self._by_number
        with engine.lock:
            dropped, counts, calls = self._server.absorb()
            for number, count in counts.items():
                engine.store.count(known[number][0], count)
            engine.journal.skip(dropped)
            for number, request, metadata, deadline, peer, started, duration in calls:
                entry, answer = known[number]
                given = GivenAnswer.of(entry.method, entry, request, answer, is_lasting=True)
                engine.journal.add_known(given, metadata, deadline, peer, started, duration)
