"""An answer that came too late once says more of the machine than of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import grpc
import grpc.aio
import pytest
from support import registry

from grpcmock.client.target import Target
from grpcmock.contract.case_runner import CaseRunner, Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.run.session import Settings

GET = registry("user.proto").method("UserService/GetUser")


class Late(grpc.GenericRpcHandler):
    """Answers each call after so many seconds."""

    def __init__(self, seconds: Iterator[float]) -> None:
        self._seconds = seconds

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        async def answer(_request: bytes, _context: Any) -> bytes:
            await asyncio.sleep(next(self._seconds))
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.mark.parametrize("shrunk", [False, True], ids=["Hypothesis makes it small", "it is made small here"])
@pytest.mark.parametrize(
    ("seconds", "is_wrong"),
    [(chain([1.5], repeat(0.0)), False), (repeat(1.5), True)],
    ids=["late once", "always late"],
)
async def test_what_was_late_is_asked_again(seconds: Iterator[float], is_wrong: bool, shrunk: bool) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Late(chain([0.0], seconds)),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    protos = registry("user.proto")
    target = Target.parse(f"127.0.0.1:{port}")
    settings = Settings(target=target, registry=protos, checks=("G108",), max_latency=1.0)
    runner = CaseRunner(Expectations(protos, Generators(protos), settings), target)
    case = Case(id="a", phase=Phase.RANDOM, method=GET, calls=(call_of(GET, b""),), why="a test", expect=Expect.ANY)
    try:
        await runner.observe(case)  # the connection is made
        error = await runner.error(case, await runner.observe(case), shrunk=shrunk)
    finally:
        await runner.close()
        await server.stop(None)
    assert ("G108 slow_input" in str(error)) is is_wrong
