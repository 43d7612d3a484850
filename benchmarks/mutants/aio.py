"""The directory on ``grpc.aio``."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio

from benchmarks.mutants.service import Call, Service
from benchmarks.mutants.steps import Detach, Gone, Next, Program, Receive, Refusal, Send, Settle, Sleep

if TYPE_CHECKING:
    from benchmarks.mutants.infrastructure import Infrastructure

_EOF = grpc.aio.EOF  # type: ignore[attr-defined]  # the type stubs lack it


class AioHandler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not generic at run time
    """Takes every call as raw bytes in both directions, whatever its kind."""

    def __init__(self, service: Service, infrastructure: Infrastructure) -> None:
        self._service = service
        self._infrastructure = infrastructure

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        program = self._infrastructure.program(details.method)
        if program is None:
            method = self._service.find(details.method)
            if method is None:
                return None
            program = self._service.program(Call(method, tuple(details.invocation_metadata)))

        async def handle(_: Any, context: Any) -> None:
            await _serve(program, context)

        return grpc.stream_stream_rpc_method_handler(cast("Any", handle))


async def _serve(program: Program, context: Any) -> None:
    try:
        await _carry_out(program, context)
    except Gone:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "It is too late.")
    except Refusal as refusal:
        await context.abort(refusal.code, refusal.message, refusal.trailers)


async def _carry_out(program: Program, context: Any) -> None:
    """Do what the program says, until it ends."""
    answer: Any = None
    detached = False
    try:
        while True:
            try:
                step = program.send(answer)
            except StopIteration:
                return
            answer = None
            match step:
                case Receive():
                    answer = await _receive(context, step)
                case Send():
                    await context.write(step.data)
                case Settle():
                    left = context.time_remaining()
                    if left is not None and left <= 0:
                        raise Gone
                case Sleep():
                    await asyncio.sleep(step.seconds)
                case Next():
                    await _news(step)
                case Detach():
                    detached = True
                    await asyncio.shield(_rest(program, context))
                    return
    finally:
        if not detached:
            program.close()


async def _receive(context: Any, step: Receive) -> bytes | None:
    data = await context.read()
    if data is not _EOF:
        return bytes(data)
    if step.sure:
        # What is read once more comes back behind the cancellation, if there was one, which then strikes here.
        await context.read()
    return None


async def _news(step: Next) -> None:
    while not step.feed.news:
        waiting = asyncio.Event()
        step.feed.wake = waiting.set
        await waiting.wait()


async def _rest(program: Program, context: Any) -> None:
    with contextlib.suppress(grpc.aio.BaseError, asyncio.InvalidStateError, Gone):
        await _carry_out(program, context)


@contextlib.asynccontextmanager
async def running(service: Service, infrastructure: Infrastructure, address: str) -> Any:
    """Serve until the block ends; gives the port, and what stops the server at once."""
    server = grpc.aio.server(handlers=[AioHandler(service, infrastructure)], options=list(service.options))
    port = server.add_insecure_port(address)
    await server.start()
    stopping: list[Any] = []
    try:
        yield port, lambda: stopping.append(asyncio.ensure_future(server.stop(None)))
    finally:
        await server.stop(None)
