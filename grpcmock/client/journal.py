"""The journal of a running server, read through its admin service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from grpcmock.client.call import Call
from grpcmock.errors import TargetError
from grpcmock.schema import admin
from grpcmock.status import Code

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
        self._channel = channel
        self._target = target
        self._registry = admin.registry()
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
        call = await self._begin("WatchCalls", **self._choice, replay=last is None)
        try:
            # Once the headers are here, nothing that ends is missed; what ended between is told twice, and shown once.
            await call.headers()
            shown = set()
            if last:
                async for told in self.calls(last):
                    shown.add(told.id)
                    yield told
            response_class = self._registry.method(f"{admin.SERVICE}/WatchCalls").response_class
            while (data := await call.receive()) is not None:
                response: Any = response_class.FromString(data)
                if response.call.id not in shown:
                    yield response.call
            await self._check(call)
        finally:
            call.cancel()

    async def _page(self, **request: Any) -> Any:
        call = await self._begin("ListCalls", **self._choice, **request)
        data = await call.receive()
        await self._check(call)
        response_class = self._registry.method(f"{admin.SERVICE}/ListCalls").response_class
        return response_class.FromString(data or b"")

    async def _begin(self, name: str, **request: Any) -> Call:
        method = self._registry.method(f"{admin.SERVICE}/{name}")
        call = Call(self._channel, method.path, metadata=self._target.metadata)
        await call.send(method.request_class(**request).SerializeToString())
        await call.half_close()
        return call

    async def _check(self, call: Call) -> None:
        status = await call.status()
        match status.code:
            case Code.OK:
                return
            case Code.UNIMPLEMENTED:
                raise TargetError(
                    f"{self._target} has no admin service. Start the server with `grpcmock serve --admin`."
                )
            case Code.UNAUTHENTICATED:
                given = any(key == "authorization" for key, _ in self._target.metadata)
                what = "takes another token than this one" if given else "wants a token"
                raise TargetError(f"{self._target} {what}: give the server's own with --admin-token TOKEN.")
            case Code.PERMISSION_DENIED:
                raise TargetError(f"{self._target} refuses: {status.message}")
            case Code.UNAVAILABLE if call.received:
                raise TargetError(f"{self._target} has ended.")
            case _:
                raise TargetError(f"{self._target}: {status.code.name}: {status.message}")
