"""Crashes of a server that the run has started, though no trial repeats them alone."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from support import registry

from grpcmock.client.target import Target
from grpcmock.fuzz.run import Bounds
from grpcmock.fuzz.session import Settings, fuzz
from grpcmock.fuzz.trials import Phase

_SERVER = """
import asyncio, os, sys, grpc, grpc.aio
calls = []
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.rpartition("/")[2]
        async def handle(requests, context):
            async for _ in requests:
                pass
            calls.append(name)
            if {deadly}:
                os._exit(3)
            yield b""
        return grpc.stream_stream_rpc_method_handler(handle)
async def main():
    server = grpc.aio.server(handlers=[Handler()])
    server.add_insecure_port(sys.argv[1])
    await server.start()
    await server.wait_for_termination()
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("deadly", "paths", "why"),
    [
        ('calls.count("CreateUsers") == 5', ["CreateUsers"] * 5, "the same call 5 times"),
        ('calls[-2:] == ["CreateUsers", "GetUser"]', ["CreateUsers", "GetUser"], "2 calls, one after the other,"),
    ],
    ids=["the fifth of a method", "one after another"],
)
async def test_the_calls_that_bring_a_server_down_together_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deadly: str, paths: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    command = shlex.join([sys.executable, "-c", _SERVER.replace("{deadly}", deadly), "unix:server"])
    settings: dict[str, Any] = {"registry": registry("user.proto"), "include": ["GetUser", "CreateUsers"]}
    target = Target.parse("unix:server")
    bounds = Bounds(phases=(Phase.RANDOM,), max_cases=20)  # it cancels nothing: who knows what a server counts then
    finished = await fuzz(Settings(target=target, server_command=command, checks=["G101"], bounds=bounds, **settings))
    (failure,) = finished.failures
    assert [call.path.rpartition("/")[2] for call in failure.trial.calls * failure.trial.repeat] == paths
    assert not failure.is_flaky
    assert failure.finding.got == "the server ended with exit code 3"
    assert failure.trial.why == f"{why} to a server that was just started"
    assert failure.method.name == paths[-1]
    assert {message for call in failure.trial.calls for message in call.messages} <= {b""}
