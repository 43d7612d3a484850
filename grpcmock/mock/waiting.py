"""Assertions on the calls of something that has a log of them, at once or as soon as they hold."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.mock.call_store import CallStore
    from grpcmock.mock.calls import CallLog

TIMEOUT = 5.0
"""Seconds that are waited for calls, unless said otherwise."""


class Waits(ABC):
    """What has a log of calls, and can wait for them."""

    _call_store: CallStore

    @property
    @abstractmethod
    def calls(self) -> CallLog[Any, Any]:
        """The calls so far."""

    def assert_called(
        self,
        message: Message | Mapping[str, Any] | None = None,
        /,
        *,
        times: int | None = None,
        at_least: int | None = None,
        **fields: Any,
    ) -> None:
        """Assert how many calls with these fields there were: exactly *times*, *at_least* so many, or any.

        The fields are patterns for the request, as in :meth:`CallLog.where`.
        """
        __tracebackhide__ = True
        self._narrowed(message, fields).assert_called(times, at_least=at_least)

    def assert_called_once(self, message: Message | Mapping[str, Any] | None = None, /, **fields: Any) -> None:
        """Assert that there was exactly one call with these fields."""
        __tracebackhide__ = True
        self._narrowed(message, fields).assert_called(1)

    def assert_not_called(self, message: Message | Mapping[str, Any] | None = None, /, **fields: Any) -> None:
        """Assert that there was no call with these fields."""
        __tracebackhide__ = True
        self._narrowed(message, fields).assert_called(0)

    @overload
    def wait_called(
        self,
        message: Message | Mapping[str, Any] | None = None,
        /,
        *,
        times: int = 1,
        timeout: float = TIMEOUT,
        started: bool = False,
        **fields: Any,
    ) -> CallLog[Any, Any]: ...
    @overload
    def wait_called(
        self,
        times: int,
        message: Message | Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float = TIMEOUT,
        started: bool = False,
        **fields: Any,
    ) -> CallLog[Any, Any]: ...
    def wait_called(
        self,
        first: Any = None,
        second: Any = None,
        /,
        *,
        times: Any = None,
        timeout: float = TIMEOUT,
        started: bool = False,
        **fields: Any,
    ) -> CallLog[Any, Any]:
        """Wait until at least so many calls with these fields have ended, and return them.

        ``AssertionError`` after *timeout* seconds. How many is said first, ``wait_called(2, id=7)``, or as *times*;
        without, it is one. Where *started*, a call counts as soon as its request is there, and where the client
        streams, before the first; its requests are those so far. It blocks the thread: in an async test await
        :meth:`await_called`.
        """
        __tracebackhide__ = True
        number, message = _wanted("wait_called", first, second, times)
        narrow = self._narrower(message, fields)
        if not self._call_store.running.wait(lambda: _counted(narrow(), started).kept >= number, timeout):
            _timed_out(narrow(), number, timeout, blocked_loop(), started=started)
        return _counted(narrow(), started)

    @overload
    async def await_called(
        self,
        message: Message | Mapping[str, Any] | None = None,
        /,
        *,
        times: int = 1,
        timeout: float = TIMEOUT,  # noqa: ASYNC109
        started: bool = False,
        **fields: Any,
    ) -> CallLog[Any, Any]: ...
    @overload
    async def await_called(
        self,
        times: int,
        message: Message | Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float = TIMEOUT,  # noqa: ASYNC109
        started: bool = False,
        **fields: Any,
    ) -> CallLog[Any, Any]: ...
    async def await_called(
        self,
        first: Any = None,
        second: Any = None,
        /,
        *,
        times: Any = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - it is the word of the blocking form, too
        started: bool = False,
        **fields: Any,
    ) -> CallLog[Any, Any]:
        """As :meth:`wait_called`, for asyncio."""
        __tracebackhide__ = True
        number, message = _wanted("await_called", first, second, times)
        narrow = self._narrower(message, fields)
        if not await self._call_store.running.wait_async(lambda: _counted(narrow(), started).kept >= number, timeout):
            _timed_out(narrow(), number, timeout, started=started)
        return _counted(narrow(), started)

    def _narrower(
        self, message: Message | Mapping[str, Any] | None, fields: Mapping[str, Any]
    ) -> Callable[[], CallLog[Any, Any]]:
        self._narrowed(message, fields)  # what is wrong with the fields is said before anything is waited for
        return lambda: self._narrowed(message, fields)

    def _narrowed(self, message: Message | Mapping[str, Any] | None, fields: Mapping[str, Any]) -> CallLog[Any, Any]:
        calls = self.calls
        return calls.where(message, **fields) if message is not None or fields else calls


def _wanted(word: str, first: Any, second: Any, times: Any) -> tuple[int, Any]:
    """Tell the number of calls from the message: both may stand first."""
    message = first
    if isinstance(first, int):
        if times is not None:
            raise TypeError(f"{word}() got the number of calls twice: {first!r} and times={times!r}.")
        times, message = first, second
    elif second is not None:
        raise TypeError(f"{word}() takes the number of calls, then a message, then fields by name; not {first!r:.80}.")
    times = 1 if times is None else times
    if not isinstance(times, int) or times < 1:
        raise ValueError(f"times is a whole number from 1, not {times!r}.")
    return times, message


def _counted(calls: CallLog[Any, Any], started: bool) -> CallLog[Any, Any]:
    return calls.begun if started else calls.ended


def _timed_out(calls: CallLog[Any, Any], times: int, timeout: float, hint: str = "", *, started: bool) -> None:
    __tracebackhide__ = True
    raise AssertionError(f"Waited {timeout:g} s. {calls.missing(times, started=started)}{hint}")


def blocked_loop() -> str:
    """Say so where the thread that has waited runs an event loop, which could not do anything meanwhile."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return ""
    return "\nThis held up the event loop of the thread, and a client in it: await the form that begins with 'await_'."
