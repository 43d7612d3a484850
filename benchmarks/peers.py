"""What grpcmock is measured against: the smallest possible handler, and a servicer as people write it by hand.

Run as a process: ``python -m benchmarks.peers raw|typed|raw-uvloop`` prints its port and serves until killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from grpcmock.schema import Registry, sources

PROTO = Path(__file__).parent.parent / "protos" / "user.proto"
STREAM_LENGTH = 1_000
"""Messages in the streams that are measured."""


def user_registry() -> Registry:
    return sources.load([PROTO])


def alice(registry: Registry) -> Any:
    return registry.message("user.UserResponse")(id=1, name="Alice", email="alice@example.com")


class Raw(grpc.GenericRpcHandler):
    """One handler over raw bytes that always answers the same: the limit of the library."""

    def __init__(self) -> None:
        data = alice(user_registry()).SerializeToString()

        async def unary(_: bytes, __: Any) -> bytes:
            return data

        async def stream(_: bytes, context: Any) -> None:
            for _ in range(STREAM_LENGTH):
                await context.write(data)

        async def take(_: bytes, context: Any) -> bytes:
            while await context.read() is not grpc.aio.EOF:
                pass
            return data

        async def converse(_: bytes, context: Any) -> None:
            while await context.read() is not grpc.aio.EOF:
                await context.write(data)

        self._handlers = {
            "/user.UserService/GetUser": grpc.unary_unary_rpc_method_handler(unary),
            "/user.UserService/ListUsers": grpc.unary_stream_rpc_method_handler(stream),
            "/user.UserService/CreateUsers": grpc.stream_unary_rpc_method_handler(take),
            "/user.UserService/LookupUsers": grpc.stream_stream_rpc_method_handler(converse),
            "/scale.Scale/Unary": grpc.unary_unary_rpc_method_handler(unary),
        }

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handlers.get(details.method)


def typed() -> grpc.GenericRpcHandler:
    """A servicer with typed messages, as generated code registers it."""
    registry = user_registry()
    request, response = registry.message("user.GetUserRequest"), registry.message("user.UserResponse")

    async def get_user(request: Any, _: Any) -> Any:
        return response(id=request.id, name="Alice", email="alice@example.com")

    async def list_users(_: Any, __: Any) -> AsyncIterator[Any]:
        for number in range(STREAM_LENGTH):
            yield response(id=number, name="Alice", email="alice@example.com")

    return grpc.method_handlers_generic_handler(
        "user.UserService",
        {
            "GetUser": grpc.unary_unary_rpc_method_handler(get_user, request.FromString, response.SerializeToString),
            "ListUsers": grpc.unary_stream_rpc_method_handler(
                list_users, registry.message("user.ListUsersRequest").FromString, response.SerializeToString
            ),
        },
    )


async def serve(handler: grpc.GenericRpcHandler) -> None:
    server = grpc.aio.server(handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def command(name: str) -> list[str]:
    """Give the command that runs a peer: ``raw`` or ``typed``, and with ``-uvloop`` after it, on uvloop."""
    return [sys.executable, "-m", "benchmarks.peers", name]


if __name__ == "__main__":
    name, _, loop = sys.argv[1].partition("-")
    handler = {"raw": Raw, "typed": typed}[name]()
    if loop:
        import uvloop

        uvloop.run(serve(handler))
    else:
        asyncio.run(serve(handler))
