"""Waiting for the request messages of a call under way, or of all calls of a stub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, cast

from grpcmock.mock.call import Req
from grpcmock.mock.waiting import TIMEOUT

if TYPE_CHECKING:
    from grpcmock.mock.arrivals import Arrivals


class WaitsForRequests(Generic[Req]):
    """What gives each request message that arrives to whoever waits for it, once."""

    _arrivals: Arrivals

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
