"""A call whose one request is known when it begins: passed on with half the work of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc.aio

from grpcmock.client.call import Status
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.status import Metadata

_EOF = grpc.aio.EOF


class UnaryCall:
    """Such a call under way, with as much of :class:`grpcmock.client.call.Call` as a proxy needs.

    However many responses there are, they are received: a unary method's server may break the rules.
    """

    __slots__ = ("_call",)

    def __init__(
        self, method: Callable[..., Any], request: bytes, *, metadata: Metadata, deadline: float | None
    ) -> None:
        """*method* is what ``channel.unary_stream`` gives."""
        self._call = method(request, metadata=grpc.aio.Metadata(*metadata), timeout=deadline)

    async def headers(self) -> Metadata:
        """Wait for the initial metadata. Empty if the call ended without."""
        return _pairs(await self._call.initial_metadata())

    async def receive(self) -> bytes | None:
        """Wait for the next response. None if there is none any more."""
        try:
            data: Any = await self._call.read()
        except grpc.aio.AioRpcError:
            return None
        return None if data is _EOF else data

    async def status(self) -> Status:
        """Wait until the call has ended."""
        call = self._call
        code = Code((await call.code()).value[0])
        return Status(code, await call.details() or "", _pairs(await call.trailing_metadata()))

    def cancel(self) -> None:
        """Cancel the call; nothing happens if it has ended."""
        self._call.cancel()


def _pairs(metadata: Any) -> Metadata:
    return tuple((key, value) for key, value in metadata or ())
