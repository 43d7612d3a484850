"""Calls on the native transport that are passed on to another server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from grpcmock.servers.forwarded_client import ForwardedClient

if TYPE_CHECKING:
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.steps import Forward
    from grpcmock.servers.invocation import Reading
    from grpcmock.servers.native.call import NativeCall
    from grpcmock.status import Metadata


class NativeClient(ForwardedClient):
    """The client of a call that is passed on."""

    def __init__(self, call: NativeCall, step: Forward, exchange: Exchange, reading: Reading) -> None:
        super().__init__(step, exchange, reading, call.write)
        self._call = call
        self._began = asyncio.get_running_loop().time()

    async def send_headers(self, metadata: Metadata) -> None:
        self._call.send_headers(metadata)

    def time_left(self) -> float | None:
        deadline = self._call.deadline
        return None if deadline is None else deadline - (asyncio.get_running_loop().time() - self._began)
