"""What a test waits for in calls under way: a call, a request message, the end of sending, the end of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from grpcmock.matching.call_context import CallContext
from grpcmock.matching.miss import refused_lines
from grpcmock.mock.answer_builders import check_type
from grpcmock.mock.call_site import caller
from grpcmock.mock.filters import Filter, fields_of, shown_value
from grpcmock.mock.waiting import blocked_loop
from grpcmock.schema.codec import to_text

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.matching.conditions import Conditions
    from grpcmock.mock.call_store import CallStore
    from grpcmock.mock.pushed_call import PushedCall
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running
    from grpcmock.schema import Method

T = TypeVar("T")
Calls = Callable[[], Sequence["PushedCall[Any, Any]"]]

_SHOWN = 20
"""Requests, or calls, that a failure lists."""


class Wait(Generic[T]):
    """Waits for something, blocking or not; at the end of its patience it says what was expected, and what there is."""

    def __init__(
        self,
        running: Running | RemoteRunning,
        find: Callable[[], T | None],
        over: Callable[[], bool],
        tell: Callable[[], str],
    ) -> None:
        """*find* looks for it; *over* says that it can't come any more, *tell* what was expected and what there is."""
        self._running = running
        self._find = find
        self._over = over
        self._tell = tell
        self._found: T | None = None

    def wait(self, timeout: float) -> T:
        __tracebackhide__ = True
        self._running.wait(self._enough, timeout)
        return self._result(timeout, blocked_loop())

    async def wait_async(self, timeout: float) -> T:  # noqa: ASYNC109
        __tracebackhide__ = True
        await self._running.wait_async(self._enough, timeout)
        return self._result(timeout)

    def _enough(self) -> bool:
        if self._found is None:
            # First whether it is over: what came before that must still be found.
            over = self._over()
            self._found = self._find()
            return over or self._found is not None
        return True

    def _result(self, timeout: float, hint: str = "") -> T:
        __tracebackhide__ = True
        if self._found is not None:
            return self._found
        text = self._tell()
        raise AssertionError(text if self._over() else f"Waited {timeout:g} s. {text}{hint}")


class Arrivals:
    """What may be waited for in some calls of one method. Each call, and each request message, is given once."""

    def __init__(self, call_store: CallStore, method: Method, calls: Calls) -> None:
        self._call_store = call_store
        self._method = method
        self._calls = calls
        self._given: set[tuple[int, int]] = set()
        self._called: set[int] = set()

    def request(self, message: Any, fields: Mapping[str, Any]) -> Wait[Message]:
        """Wait for a request message that was not given yet."""
        __tracebackhide__ = True
        location = caller()
        check_type([message], self._method.input.full_name, "request", location)
        pattern = {**fields_of(message), **fields}
        keys = {"request": pattern}
        conditions = self._call_store.conditions(self._method, keys, None, location) if pattern else None

        def find() -> Message | None:
            for call in self._calls():
                for number, (public, own) in enumerate(zip(call.requests, call.record.requests, strict=False)):
                    key = (call.id, number)
                    if key not in self._given and (conditions is None or conditions.holds(_facts(own))):
                        self._given.add(key)
                        found: Message = public
                        return found
            return None

        def over() -> bool:
            # Without a call, one may still come.
            calls = self._calls()
            return bool(calls) and all(call.half_closed or not call.under_way for call in calls)

        def tell() -> str:
            named = ", ".join(f"{name}={shown_value(value)}" for name, value in pattern.items())
            lines = [f"Expected a{'nother' if self._given else ''} request of {self._method}"]
            lines[0] += f" with {named}, but none came." if named else ", but none came."
            return "\n".join([*lines, *self._lines(conditions)])

        return Wait(self._call_store.running, find, over, tell)

    def _lines(self, conditions: Conditions | None) -> list[str]:
        calls = self._calls()
        if not calls:
            return ["There is no call yet."]
        lines = []
        for position, call in list(enumerate(calls, 1))[-_SHOWN:]:
            ended = f"has ended: {call.status}" if not call.under_way else "is under way"
            sending = ", and the client has finished sending" if call.half_closed and call.under_way else ""
            lines.append(f"Call {position} {ended}{sending}; its requests:")
            requests = list(enumerate(call.record.requests))
            lines += ["  none"] if not requests else []
            for number, request in requests[-_SHOWN:]:
                taken = "  (was waited for before)" if (call.id, number) in self._given else ""
                lines.append(f"  {number + 1}. {to_text(request, 160)}{taken}")
                if conditions is not None and not taken:
                    lines += refused_lines([one for one in conditions.explain(_facts(request)) if not one.matched])
        return lines

    def call(self, message: Any, fields: Mapping[str, Any], metadata: Mapping[str, Any]) -> Wait[PushedCall[Any, Any]]:
        """Wait for a call that was not given yet, whose first request, and whose metadata, hold these patterns."""
        __tracebackhide__ = True
        check_type([message], self._method.input.full_name, "request", caller())
        pattern = {**fields_of(message), **fields}
        registry = self._call_store.running.engine.registry
        chosen = Filter(registry, (self._method,), pattern, metadata, None, None, None)

        def find() -> PushedCall[Any, Any] | None:
            for call in self._calls():
                if call.id not in self._called and chosen.holds(call):
                    self._called.add(call.id)
                    return call
            return None

        def tell() -> str:
            which = f" with {chosen}" if pattern or metadata else ""
            more = "another" if self._called else "a"
            lines = [f"Expected {more} call of {self._method}{which}, but none came."]
            for position, call in list(enumerate(self._calls(), 1))[-_SHOWN:]:
                taken = call.id in self._called
                lines.append(f"  {position}. {call}{'  (was waited for before)' if taken else ''}")
                lines += [] if taken else [f"       {line}" for line in chosen.refused(call)]
            return "\n".join(lines)

        return Wait(self._call_store.running, find, lambda: False, tell)

    def half_close(self, call: PushedCall[Any, Any]) -> Wait[bool]:
        """Wait until the client of this call has finished sending."""
        return Wait(
            self._call_store.running,
            lambda: call.half_closed or None,
            lambda: not call.under_way,
            lambda: f"Expected the client to finish sending, but it has not: {call}",
        )

    def end(self, call: PushedCall[Any, Any]) -> Wait[str]:
        """Wait until this call has ended; it gives the status."""
        return Wait(
            self._call_store.running,
            lambda: call.status,
            lambda: False,
            lambda: f"Expected the call to end, but it is under way: {call}",
        )


def _facts(message: Message) -> CallContext:
    return CallContext({}, None, {}, message, half_closed=True)
