"""A server of HTTP/2 that answers by a function, also what none should."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded

from grpcmock.client.target import Target


class _Answering(asyncio.Protocol):
    """Answers a whole request by a function; what it does afterwards is up to h2."""

    def __init__(self, answer: Callable[[H2Connection, int], None], seen: dict[bytes, bytes]) -> None:
        self.lost: asyncio.Future[None] | None = None
        self._answer = answer
        self._seen = seen
        self._h2 = H2Connection(
            H2Configuration(client_side=False, header_encoding=None, validate_outbound_headers=False)
        )

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.lost = asyncio.get_running_loop().create_future()
        self._h2.initiate_connection()
        transport.write(self._h2.data_to_send())

    def connection_lost(self, error: Exception | None) -> None:
        assert self.lost is not None
        self.lost.set_result(None)

    async def close(self) -> None:
        if self.lost is not None:
            self._transport.abort()
            await self.lost

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, RequestReceived):
                self._seen.update({bytes(key): bytes(value) for key, value in event.headers or ()})
            if isinstance(event, StreamEnded):
                self._answer(self._h2, event.stream_id or 0)
        if not self._transport.is_closing():
            self._transport.write(self._h2.data_to_send())


@asynccontextmanager
async def answering(
    answer: Callable[[H2Connection, int], None],
    seen: dict[bytes, bytes] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Target]:
    made: dict[bytes, bytes] = {} if seen is None else seen
    connections: list[_Answering] = []

    def connected() -> _Answering:
        connections.append(_Answering(answer, made))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield Target(address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for connection in connections:
            await connection.close()
