"""Assertions on the calls of something that has a log of them, at once or as soon as they hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.mock.calls import CallLog
    from grpcmock.mock.records import Records

TIMEOUT = 5.0
"""Seconds that are waited for calls, unless said otherwise."""


class Waits(ABC):
    """What has a log of calls, and can wait for them."""

    _records: Records

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

    def wait_called(
        self,
        times: int = 1,
        message: Message | Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float = TIMEOUT,
        **fields: Any,
    ) -> None:
        """Wait until at least so many calls with these fields have ended; ``AssertionError`` after *timeout* seconds.

        It blocks the thread: in an async test await :meth:`await_called`.
        """
        __tracebackhide__ = True
        narrow = self._narrower(times, message, fields)
        if not self._records.running.wait(lambda: len(narrow()) >= times, timeout):
            _timed_out(narrow(), times, timeout)

    async def await_called(
        self,
        times: int = 1,
        message: Message | Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - it is the word of the blocking form, too
        **fields: Any,
    ) -> None:
        """As :meth:`wait_called`, for asyncio."""
        __tracebackhide__ = True
        narrow = self._narrower(times, message, fields)
        if not await self._records.running.wait_async(lambda: len(narrow()) >= times, timeout):
            _timed_out(narrow(), times, timeout)

    def _narrower(
        self, times: int, message: Message | Mapping[str, Any] | None, fields: Mapping[str, Any]
    ) -> Callable[[], CallLog[Any, Any]]:
        if not isinstance(cast("object", times), int) or times < 1:
            raise ValueError(f"times is a whole number from 1, not {times!r}.")
        self._narrowed(message, fields)  # what is wrong with the fields is said before anything is waited for
        return lambda: self._narrowed(message, fields)

    def _narrowed(self, message: Message | Mapping[str, Any] | None, fields: Mapping[str, Any]) -> CallLog[Any, Any]:
        calls = self.calls
        return calls.where(message, **fields) if message is not None or fields else calls


def _timed_out(calls: CallLog[Any, Any], times: int, timeout: float) -> None:
    __tracebackhide__ = True
    try:
        calls.assert_called(at_least=times)
    except AssertionError as error:
        raise AssertionError(f"Waited {timeout:g} s. {error}") from None
