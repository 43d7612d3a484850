"""The journal of a running server, read through its admin service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from grpcmock.client.admin import AdminClient

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.client.target import Target

_PAGE = 200
"""Calls in one response."""


class JournalReader:
    """Reads the calls that a server has ended, as messages ``grpcmock.admin.v1.Call``.

    *method*, *misses* and *session* choose among them; *text_limit* is the longest message in ProtoJSON, in characters.
    Everything raises :class:`TargetError` if the server can't be asked.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        target: Target,
        *,
        method: str = "",
        misses: bool = False,
        session: str = "",
        text_limit: int = 0,
    ) -> None:
        self._admin = AdminClient(channel, target)
        self._choice = {"method": method, "misses": misses, "session": session, "text_limit": text_limit}

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
        told = await self._admin.open("WatchCalls", **self._choice, replay=last is None)
        try:
            # From here on nothing that ends is missed; what ended between is told twice, and shown once.
            shown = set()
            if last:
                async for call in self.calls(last):
                    shown.add(call.id)
                    yield call
            async for response in told:
                if response.call.id not in shown:
                    yield response.call
        finally:
            told.cancel()

    async def draft(self, number: int) -> Any:
        """Give the stub that the server makes of the call of this number, as a message ``DraftStubResponse``."""
        return await self._admin.ask("DraftStub", id=number)

    async def _page(self, **request: Any) -> Any:
        return await self._admin.ask("ListCalls", **self._choice, **request)
