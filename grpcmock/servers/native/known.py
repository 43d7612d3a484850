"""The table of known answers in front of an engine: filled by it, and taken up by it before anybody looks."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import grpcmock_native

from grpcmock.engine.constant_answers import CachedAnswer

if TYPE_CHECKING:
    from grpcmock_native import Call, KnownAnswer, Server

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.constant_plan import ConstantAnswer
    from grpcmock.engine.engine import Engine
    from grpcmock.status import Metadata


class KnownAnswers:
    """What is known by now, as the engine sees it: its :class:`~grpcmock.engine.front.Front`."""

    def __init__(self, engine: Engine, server: Server) -> None:
        self._engine = engine
        self._server = server
        self._numbers = itertools.count(1)
        self._by_number: dict[int, tuple[CompiledStub, ConstantAnswer]] = {}
        self._by_stub: dict[CompiledStub, KnownAnswer] = {}
        options = engine.options
        self._is_in_time = options.wall_clock is time.time and options.monotonic is time.monotonic
        """Whether the engine has the clocks that the table has, too."""

    def answer(
        self, call: Call, path: str, metadata: Metadata, deadline: float | None, peer: str, request: bytes
    ) -> bool:
        """Answer a call at once, and all with the same request from now on; return False if the general way is due."""
        if not self._is_in_time:
            return False
        engine = self._engine
        with engine.lock:
            found = engine.known_answer(path, metadata, deadline, peer, request)
            if found is None:
                return False
            entry, answer = found
            call.answer(self._by_stub.get(entry) or self._made(entry, answer))
        return True

    def _made(self, entry: CompiledStub, answer: ConstantAnswer) -> KnownAnswer:
        number = next(self._numbers)
        self._by_number[number] = entry, answer
        size = CachedAnswer.of(entry.method, entry, b"", answer).size
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

    def absorb(self) -> None:
        """Note in the journal what was answered since the last time, and count it."""
        if not self._server.has_pending():
            return
        engine, known = self._engine, self._by_number
        with engine.lock:
            dropped, given, calls = self._server.absorb()
            for number, (count, seconds, buckets) in given.items():
                entry, answer = known[number]
                engine.store.count(entry, count)
                engine.journal.count_known(entry, answer.code, "grpc", count, seconds, buckets)
            engine.journal.skip(dropped)
            for number, request, metadata, deadline, peer, started, duration in calls:
                entry, answer = known[number]
                cached = CachedAnswer.of(entry.method, entry, request, answer)
                engine.journal.add_known(cached, metadata, deadline, peer, started, duration)
