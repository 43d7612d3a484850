"""The journal of a running server, read through its admin service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from grpcmock.client.admin import AdminClient
from grpcmock.schema import admin

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.client.target import Target

_PAGE = 200
"""Calls in one response."""


class JournalReader:
    """Reads the calls that a server has ended, as messages ``grpcmock.admin.v1.Call``.

    *method* and *misses* choose among them; *text_limit* is the longest message in ProtoJSON, in characters.
    Everything raises :class:`TargetError` if the server can't be asked.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        target: Target,
        *,
        method: str = "",
        misses: bool = False,
        text_limit: int = 0,
    ) -> None:
        self._admin = AdminClient(channel, target)
        self._choice = {"method": method, "misses": misses, "text_limit": text_limit}

    async def calls(self, last: int | None = None) -> AsyncIterator[Any]:
        """Give the calls in the order in which they ended: all, or the *last* ones, of which the server gives 1,000."""
        if last is not None:
            if last:
                for call in (await self._page(limit=last, newest=True)).calls:
                    yield call
            return
        after, more = 0, True
        while more:
            page = await self._page(limit=_PAGE, after_id=after)
            for call in page.calls:
                yield call
                after = call.id
            more = page.more

    async def follow(self, last: int | None = None) -> AsyncIterator[Any]:
        """Give what :meth:`calls` gives, then each call as it ends, until the server does."""
        call = await self._admin.begin("WatchCalls", **self._choice, replay=last is None)
        try:
            # Once the headers are here, nothing that ends is missed; what ended between is told twice, and shown once.
            await call.headers()
            shown = set()
            if last:
                async for told in self.calls(last):
                    shown.add(told.id)
                    yield told
            response_class = self._admin.registry.method(f"{admin.SERVICE}/WatchCalls").response_class
            while (data := await call.receive()) is not None:
                response: Any = response_class.FromString(data)
                if response.call.id not in shown:
                    yield response.call
            await self._admin.check(call)
        finally:
            call.cancel()

    async def _page(self, **request: Any) -> Any:
        return await self._admin.ask("ListCalls", **self._choice, **request)
