"""Small servers with bugs of their own, and runs over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from support import registry

from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import Event, Finished
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking.case_shrinking import Effort

Handler = Callable[[AsyncIterator[bytes], grpc.aio.ServicerContext], AsyncIterator[bytes]]
"""Takes the requests' bytes and yields those of the answers, whatever the kind of the method."""


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        handler = self._handlers.get(call.method)
        return None if handler is None else grpc.stream_stream_rpc_method_handler(handler)


@asynccontextmanager
async def _serving(handlers: Mapping[str, Handler]) -> AsyncIterator[Target]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Handlers(handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Target.parse(f"127.0.0.1:{port}")
    finally:
        await server.stop(None)


@pytest.fixture
def serving() -> Callable[[Mapping[str, Handler]], Any]:
    """Serves handlers by the paths of their methods; gives the target."""
    return _serving


@pytest.fixture
def fuzzed(serving: Any) -> Callable[..., Any]:
    """Fuzzes the user service over given handlers; methods without one take anything and answer with nothing."""

    async def run(
        handlers: Mapping[str, Handler], *phases: Phase, events: list[Event] | None = None, **settings: Any
    ) -> Finished:
        protos = registry("user.proto")
        every = {path: _answering(method.kind.server_streams) for path, method in protos.methods.items()}
        bounds = settings.pop(
            "bounds", Bounds(phases=phases or (Phase.BOUNDARY,), max_cases=40, effort=Effort(tries=80))
        )
        async with serving(
            {**every, **{f"/user.UserService/{name}": handler for name, handler in handlers.items()}}
        ) as target:
            given = {"registry": protos, "bounds": bounds, "seed": 7, **settings}
            return await fuzz(Settings(target=target, **given), [] if events is None else [events.append])

    return run


def _answering(streams: bool) -> Handler:
    async def handler(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        async for _ in requests:
            if streams:
                yield b""
        if not streams:
            yield b""

    return handler
