from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import grpc.aio
import pytest

CHANNEL_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))


class _Table(grpc.GenericRpcHandler):
    def __init__(self, handlers: Mapping[str, grpc.RpcMethodHandler]) -> None:
        self._handlers = handlers

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handlers.get(details.method)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Serve handlers by path on a free port; gives the target. ``address`` and ``interceptors`` may be given."""
    servers = []

    async def start(handlers: Mapping[str, Any], *, address: str = "127.0.0.1:0", interceptors: Any = ()) -> str:
        server = grpc.aio.server(handlers=[_Table(handlers)], interceptors=interceptors)
        port = server.add_insecure_port(address)
        servers.append(server)
        await server.start()
        return address.replace(":0", f":{port}") if address.endswith(":0") else address

    yield start
    for server in servers:
        await server.stop(None)


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[str], grpc.aio.Channel]]:
    """Open a channel to a target; closed at the end."""
    channels = []

    def open_channel(target: str) -> grpc.aio.Channel:
        channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        channels.append(channel)
        return channel

    yield open_channel
    for channel in channels:
        await channel.close()
