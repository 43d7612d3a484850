"""The handler of a stub that a test pushes to: it gives each call what is said to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from grpcmock.engine.steps import Finish, HandlerReturned
from grpcmock.mock.pushed_call import PushedCall

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.mock.loops import Ask
    from grpcmock.mock.speech import Said, Speech
    from grpcmock.responses.context import RenderContext


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
                    call.take([HandlerReturned(finish)])

    async def __call__(self, context: RenderContext, record: CallRecord, ask: Ask) -> None:  # noqa: ARG002
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
