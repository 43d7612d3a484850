"""What the recording proxy is measured against: the smallest pass-through proxies that ``grpc.aio`` allows.

Run as a process: ``python -m benchmarks.proxies unary|stream TARGET`` passes calls on to TARGET, prints its port and
serves until killed. ``python -m benchmarks.proxies counting`` is a server whose every answer is another.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from typing import Any

import grpc
import grpc.aio

from benchmarks.peers import serve, user_registry

OPTIONS = (("grpc.enable_http_proxy", 0),)


class Unary(grpc.GenericRpcHandler):
    """Takes every method for a unary one: the least that passing a call on can cost."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        call_there: Any = self._channel.unary_unary(details.method)

        async def pass_on(request: bytes, context: Any) -> bytes:
            metadata = context.invocation_metadata()
            call = call_there(request, metadata=metadata, timeout=context.time_remaining())
            try:
                return await call
            except grpc.aio.AioRpcError as error:
                context.set_trailing_metadata(error.trailing_metadata())
                await context.abort(error.code(), error.details())
                raise

        return grpc.unary_unary_rpc_method_handler(pass_on)


class Stream(grpc.GenericRpcHandler):
    """Passes any method on, as streams."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        call_there: Any = self._channel.stream_stream(details.method)

        async def pass_on(_: Any, context: Any) -> None:
            call = call_there(metadata=context.invocation_metadata(), timeout=context.time_remaining())
            asking = asyncio.create_task(ask(context, call))
            try:
                await context.send_initial_metadata(await call.initial_metadata())
                while (message := await call.read()) is not grpc.aio.EOF:
                    await context.write(message)
                context.set_trailing_metadata(await call.trailing_metadata())
                context.set_code(await call.code())
                context.set_details(await call.details())
            finally:
                asking.cancel()

        async def ask(context: Any, call: Any) -> None:
            while (message := await context.read()) is not grpc.aio.EOF:
                await call.write(message)
            await call.done_writing()

        return grpc.stream_stream_rpc_method_handler(pass_on)


class Counting(grpc.GenericRpcHandler):
    """Answers each call with another number."""

    def __init__(self) -> None:
        user, numbers = user_registry().message("user.UserResponse"), count(1)

        async def answer(_: bytes, __: Any) -> bytes:
            data: bytes = user(id=next(numbers), name="Alice", email="alice@example.com").SerializeToString()
            return data

        self._handler = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handler


async def main(name: str, target: str = "") -> None:
    if name == "counting":
        await serve(Counting())
        return
    async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:
        await serve({"unary": Unary, "stream": Stream}[name](channel))


def command(*words: str) -> list[str]:
    """Give the command that runs one of them."""
    return [sys.executable, "-m", "benchmarks.proxies", *words]


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
