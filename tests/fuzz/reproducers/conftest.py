"""The server that fails, for each test anew."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc.aio
import pytest
from failing_users import REGISTRY, Broken
from grpc_reflection.v1alpha import reflection

from grpcmock.client.target import Target


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Broken(),))
    reflection.enable_server_reflection(["user.UserService", reflection.SERVICE_NAME], server, pool=REGISTRY.pool)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Target.parse(f"127.0.0.1:{port}")
    await server.stop(None)
