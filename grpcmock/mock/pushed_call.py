"""A call under way to which a test pushes: what it sends, and what it waits for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, cast

from grpcmock.engine.steps import Finish, Returned, Wants, Yielded
from grpcmock.errors import Problem, Problems, StubError
from grpcmock.mock.arrivals import Arrivals
from grpcmock.mock.call import Call, Req, Resp
from grpcmock.mock.functions import ending
from grpcmock.mock.places import caller
from grpcmock.mock.waiting import TIMEOUT
from grpcmock.mock.words import check_type, merged
from grpcmock.schema.codec import build
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.journal import Call as Record
    from grpcmock.mock.loops import Ask
    from grpcmock.mock.records import Records
    from grpcmock.replies.context import RenderContext
    from grpcmock.schema import Method

Said = Yielded | Returned
"""What a test says to a call."""


class Speech:
    """Turns the words of a test into what is said to a call of a method."""

    def __init__(self, records: Records, method: Method) -> None:
        self.records = records
        self.method = method

    def message(self, message: Any, fields: Mapping[str, Any]) -> list[Said]:
        """Send one message; to a method with one answer, that is all. Raises :class:`StubError` if it doesn't fit."""
        __tracebackhide__ = True
        location = caller()
        check_type([message], self.method.output.full_name, "response", location)
        tree = merged(message, fields)

        def check() -> None:
            problems = Problems()
            registry = self.records.running.engine.registry
            build(Node.of(tree, location), self.method.response_class, registry, problems, "response")
            problems.raise_errors()

        self.records.running.call(check)
        return [Yielded(tree)] if self.method.kind.server_streams else [Yielded(tree), Returned(Finish())]

    def finish(self, trailers: Mapping[str, Any] | None) -> list[Said]:
        """End the stream with OK."""
        __tracebackhide__ = True
        if not self.method.kind.server_streams:
            text = f"{self.method} is {self.method.kind.value}: it answers with one message, and ends with that."
            raise StubError([Problem(text, caller(), "finish", hint="Write send(…).", rule="answer-kind")])
        return [Returned(ending(Code.OK, trailers=trailers))]


class PushedCall(Call[Req, Resp], Generic[Req, Resp]):
    """A call to which a test pushes. Besides what every :class:`Call` tells, it takes messages, and an end.

    All its methods may be called from any thread and in any event loop.
    """

    def __init__(self, record: Record, speech: Speech, lock: Lock) -> None:
        super().__init__(record)
        self._speech = speech
        self._loop = asyncio.get_running_loop()
        self._lock = lock
        self._said: deque[Said] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._arrivals = Arrivals(speech.records, speech.method, lambda: [self])
        self.half_closed = not speech.method.kind.client_streams
        """Whether the client has finished sending."""
        self.is_open = True
        """Whether more can be sent: neither the test nor the client has ended the call."""

    # Saying ---------------------------------------------------------------------------------------

    def send(self, message: Resp | Mapping[str, Any] | None = None, /, **fields: Any) -> None:
        """Send a message, given whole, or by its fields. Where the method has one answer, this is it.

        Raises :class:`StubError` if it doesn't fit, ``AssertionError`` if the call has ended.
        """
        __tracebackhide__ = True
        self._say(self._speech.message(message, fields))

    def finish(self, *, trailers: Mapping[str, Any] | None = None) -> None:
        """End the stream with OK."""
        __tracebackhide__ = True
        self._say(self._speech.finish(trailers))

    def fails(
        self,
        code: Any,
        message: str = "",
        *,
        details: Iterable[Message] = (),
        trailers: Mapping[str, Any] | None = None,
    ) -> None:
        """End the call with this status: the name or number of its code, or a ``grpc.StatusCode``."""
        __tracebackhide__ = True
        self._say([Returned(ending(code, message, details, trailers))])

    def _say(self, said: Sequence[Said]) -> None:
        __tracebackhide__ = True
        with self._lock:
            if self.is_open:
                self.take(said)
                return
        raise AssertionError(f"Nothing more can be sent to this call, which has ended: {self}")

    def take(self, said: Sequence[Said]) -> None:
        """Let the handler say this; the lock is held."""
        self._said.extend(said)
        self.is_open = not any(isinstance(one, Returned) for one in said)
        if self._wake is not None:
            with suppress(RuntimeError):  # the loop has ended, and so has the call
                self._loop.call_soon_threadsafe(_done, self._wake)

    # Waiting --------------------------------------------------------------------------------------

    def wait_request(
        self, message: Req | Mapping[str, Any] | None = None, /, *, timeout: float = TIMEOUT, **fields: Any
    ) -> Req:
        """Wait for the next request message, with these fields if any are given, and return it.

        Those that came before, and were not waited for, count, too; those that don't fit are passed over. Raises
        ``AssertionError`` after *timeout* seconds, or as soon as no more can come.
        """
        __tracebackhide__ = True
        return cast("Req", self._arrivals.request(message, fields).wait(timeout))

    async def await_request(
        self,
        message: Req | Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - it is the word of the blocking form, too
        **fields: Any,
    ) -> Req:
        """As :meth:`wait_request`, for asyncio."""
        __tracebackhide__ = True
        return cast("Req", await self._arrivals.request(message, fields).wait_async(timeout))

    def wait_half_closed(self, timeout: float = TIMEOUT) -> None:
        """Wait until the client has finished sending."""
        __tracebackhide__ = True
        self._arrivals.half_close(self).wait(timeout)

    async def await_half_closed(self, timeout: float = TIMEOUT) -> None:  # noqa: ASYNC109
        """As :meth:`wait_half_closed`, for asyncio."""
        __tracebackhide__ = True
        await self._arrivals.half_close(self).wait_async(timeout)

    def wait_ended(self, timeout: float = TIMEOUT) -> str:
        """Wait until the call has ended, by whomever, and return its status: ``"CANCELLED"`` where the client left."""
        __tracebackhide__ = True
        return str(self._arrivals.end(self).wait(timeout))

    async def await_ended(self, timeout: float = TIMEOUT) -> str:  # noqa: ASYNC109
        """As :meth:`wait_ended`, for asyncio."""
        __tracebackhide__ = True
        return str(await self._arrivals.end(self).wait_async(timeout))

    # Answering, in the loop of the mock -----------------------------------------------------------

    async def answer(self, ask: Ask) -> None:
        """Say what the test says, as it does, and read what the client sends meanwhile."""
        while True:
            said, wake = self._next()
            if said is not None:
                await ask(said)
                if isinstance(said, Returned):
                    return
            elif self.half_closed:
                await wake
            elif await ask(Wants(until=wake)) is None and not wake.done():
                self.half_closed = True
                self.record.tell()

    def _next(self) -> tuple[Said | None, asyncio.Future[None]]:
        with self._lock:
            wake = self._wake = self._loop.create_future()
            return (self._said.popleft() if self._said else None), wake

    def close(self) -> None:
        """Take nothing more."""
        with self._lock:
            self.is_open = False
        self.record.tell()


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Pusher:
    """Answers each call by what a test pushes; what is said while there is no call is kept for the next."""

    is_live = True
    """It asks for each message by itself."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self._lock = Lock()
        self._kept: deque[Said] = deque()
        self._calls: list[PushedCall[Any, Any]] = []

    @property
    def calls(self) -> tuple[PushedCall[Any, Any], ...]:
        """All calls, in the order in which they began."""
        with self._lock:
            return tuple(self._calls)

    @property
    def kept(self) -> tuple[Said, ...]:
        """What was said that no call has taken yet."""
        with self._lock:
            return tuple(self._kept)

    def say(self, said: Sequence[Said]) -> None:
        """Say this to every call that is open; if none is, to the next."""
        with self._lock:
            targets = [call for call in self._calls if call.is_open]
            for call in targets:
                call.take(said)
            if not targets:
                self._kept.extend(said)

    def end(self, finish: Finish) -> None:
        """End all calls that are open."""
        with self._lock:
            self._kept.clear()
            for call in self._calls:
                if call.is_open:
                    call.take([Returned(finish)])

    async def __call__(self, context: RenderContext, record: Record, ask: Ask) -> None:  # noqa: ARG002
        """Answer one call; see :class:`grpcmock.engine.steps.Invoke`."""
        call: PushedCall[Any, Any] = PushedCall(record, self.speech, self._lock)
        with self._lock:
            self._calls.append(call)
            while self._kept and call.is_open:
                call.take([self._kept.popleft()])
        record.tell()
        try:
            await call.answer(ask)
        finally:
            call.close()

    def __str__(self) -> str:
        return "pushes()"
