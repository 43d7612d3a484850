"""A stub whose answers a test pushes while its calls are under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, cast

from grpcmock.engine.steps import Finish, HandlerReturned
from grpcmock.mock.arrivals import Arrivals
from grpcmock.mock.call import Resp
from grpcmock.mock.functions import Q, ending
from grpcmock.mock.handle import StubHandle
from grpcmock.mock.requests_to_come import WaitsForRequests
from grpcmock.mock.waiting import TIMEOUT
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.mock.declared_stubs import DeclaredStubs
    from grpcmock.mock.pushed_call import PushedCall
    from grpcmock.mock.pusher import Pusher

_OVER = Finish(Code.CANCELLED, "The mock ended this call: the test that pushes to it is over, or its stub was removed.")


class Pushes(StubHandle[Q], WaitsForRequests[Q], Generic[Q, Resp]):
    """A stub whose calls wait for what a test sends. All its methods may be called from any thread and event loop.

    ``send``, ``finish`` and ``fails`` go to every call under way; if there is none, they are kept for the next.
    :meth:`wait_call` gives one call, to be spoken to alone. Calls that are open when the test ends, end with CANCELLED.
    """

    def __init__(self, stubs: DeclaredStubs, entry: CompiledStub, *, declared: bool, optional: bool = False) -> None:
        super().__init__(stubs, entry, declared=declared, optional=optional)
        self._pusher = cast("Pusher", entry.stub.answers[0].handler)
        speech = self._pusher.speech
        self._arrivals = Arrivals(speech.call_store, speech.method, lambda: self._pusher.calls)

    # Saying ---------------------------------------------------------------------------------------

    def send(self, message: Resp | Mapping[str, Any] | None = None, /, **fields: Any) -> None:
        """Send a message, given whole, or by its fields. Where the method has one answer, this is it.

        Raises :class:`StubError` if it doesn't fit.
        """
        __tracebackhide__ = True
        self._pusher.say(self._pusher.speech.message(message, fields))

    def finish(self, *, trailers: Mapping[str, Any] | None = None) -> None:
        """End the stream with OK."""
        __tracebackhide__ = True
        self._pusher.say(self._pusher.speech.finish(trailers))

    def fails(
        self,
        code: Any,
        message: str = "",
        *,
        details: Iterable[Message | Mapping[str, Any]] = (),
        trailers: Mapping[str, Any] | None = None,
    ) -> Self:
        """End the call with this status: the name or number of its code, or a ``grpc.StatusCode``."""
        __tracebackhide__ = True
        self._pusher.say([HandlerReturned(ending(code, message, details, trailers))])
        return self

    # The calls ------------------------------------------------------------------------------------

    @property
    def open_calls(self) -> tuple[PushedCall[Any, Resp], ...]:
        """The calls that more can be sent to, in the order in which they began."""
        return tuple(call for call in self._pusher.calls if call.is_open)

    @property
    def requests(self) -> tuple[Q, ...]:
        """The request messages so far: of all its calls, one after the other."""
        return tuple(request for call in self._pusher.calls for request in call.requests)

    def wait_call(
        self,
        message: Q | Mapping[str, Any] | None = None,
        /,
        *,
        metadata: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
        **fields: Any,
    ) -> PushedCall[Any, Resp]:
        """Wait for the next call, and return it: to send to it alone, and to wait for its requests.

        Where fields or *metadata* are given, its first request and its metadata hold these patterns. Calls that began
        before, and were not waited for, count, too. Raises ``AssertionError`` after *timeout* seconds.
        """
        __tracebackhide__ = True
        return self._arrivals.call(message, fields, metadata or {}).wait(timeout)

    async def await_call(
        self,
        message: Q | Mapping[str, Any] | None = None,
        /,
        *,
        metadata: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - it is the word of the blocking form, too
        **fields: Any,
    ) -> PushedCall[Any, Resp]:
        """As :meth:`wait_call`, for asyncio."""
        __tracebackhide__ = True
        return await self._arrivals.call(message, fields, metadata or {}).wait_async(timeout)

    # For the mock alone ---------------------------------------------------------------------------

    @property
    def left_over(self) -> str:
        kept = self._pusher.kept
        if not kept:
            return ""
        ends = sum(isinstance(one, HandlerReturned) for one in kept)
        messages = len(kept) - ends
        parts = [f"{messages} message{'s' if messages > 1 else ''}"] if messages else []
        parts += ["an end"] if ends else []
        return " and ".join(parts)

    def stand_for(self, entry: CompiledStub | None) -> None:
        super().stand_for(entry)
        if entry is None:
            self._pusher.end(_OVER)
