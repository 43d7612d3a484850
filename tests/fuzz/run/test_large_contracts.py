"""Contracts of unusual size: a thousand methods, types without an end, messages of two hundred fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import CaseFinished, PhaseFinished
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.reporting.history import History
from grpcmock.fuzz.reporting.summary import plain
from grpcmock.fuzz.run import loop
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz, prepared
from grpcmock.schema import Registry, sources

TYPES = (
    "int32",
    "string",
    "bool",
    "double",
    "bytes",
    "uint64",
    "Tree",
    "Color",
    "repeated string",
    "map<string, Tree>",
)


def large(folder: Path, *, methods: int, fields: int) -> Registry:
    rpcs = "".join(f"  rpc Method{number}(Wide) returns (Tree);\n" for number in range(methods))
    members = "".join(f"  {TYPES[number % len(TYPES)]} field_{number} = {number + 1};\n" for number in range(fields))
    text = (
        f'syntax = "proto3";\npackage large;\nservice Large {{\n{rpcs}}}\n'
        "enum Color { COLOR_UNSPECIFIED = 0; RED = 1; }\n"
        "message Tree { Tree left = 1; Tree right = 2; repeated Tree more = 3; Other other = 4; }\n"
        f"message Other {{ Tree tree = 1; map<string, Other> others = 2; }}\nmessage Wide {{\n{members}}}\n"
    )
    (folder / "large.proto").write_text(text)
    return sources.load([folder / "large.proto"])


async def _empty(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    async for _ in requests:
        pass
    yield b""


@pytest.mark.parametrize(("methods", "fields"), [(1000, 3), (1, 200)], ids=["methods", "fields"])
async def test_what_is_large_is_tried_in_turns(tmp_path: Path, serving: Any, methods: int, fields: int) -> None:
    registry = large(tmp_path, methods=methods, fields=fields)
    tried: set[str] = set()
    count = 0

    def hear(event: Any) -> None:
        nonlocal count
        if isinstance(event, CaseFinished):
            count += 1
            tried.add(event.case.method.name)
            assert event.result.last.termination is not Termination.OVERDUE

    async with serving(dict.fromkeys(registry.methods, _empty)) as target:
        bounds = Bounds(phases=(Phase.RANDOM,), max_cases=2000 // methods, max_seconds=60)
        finished = await fuzz(Settings(target=target, registry=registry, bounds=bounds, seed=1), [hear])
    assert finished.failures == ()
    assert not finished.interrupted
    assert len(tried) == methods
    assert count == methods * (2000 // methods)


async def test_all_phases_of_a_large_contract_begin_however_little_time_there_is(
    tmp_path: Path, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "slice_of", lambda _: 0.0)  # as if the time of each turn was up with its first case
    monkeypatch.setattr(loop, "_OPENED", frozenset())  # the requests that open a run would reach every method
    registry = large(tmp_path, methods=400, fields=3)
    history = History(Target.parse("127.0.0.1:1"))

    def stop_in_the_end(event: Any) -> None:
        if isinstance(event, PhaseFinished) and event.phase is Phase.WIRE:
            run.stop("--max-time")

    async with serving(dict.fromkeys(registry.methods, _empty)) as target:
        settings = Settings(target=target, registry=registry, bounds=Bounds(max_seconds=600), seed=1)
        async with prepared(settings, [history.hear, stop_in_the_end]) as run:
            finished = await run.go()
    assert finished.interrupted == "--max-time"
    begun = [span.phase for span in history.spans if span.cases]
    assert begun[:3] == [Phase.BOUNDARY, Phase.RANDOM, Phase.WIRE]
    assert finished.cases < 400
    never = [method for method in history.coverage.methods.values() if not method.cases]
    assert history.not_begun == f"{len(never)} of 400 methods"  # there are no examples, nor resources
    assert f"Not begun: {history.not_begun}; a longer --max-time" in plain(history)


async def test_garbage_is_told_as_what_it_is(serving: Any, tmp_path: Path) -> None:
    registry = large(tmp_path, methods=1, fields=2)

    async def garbage(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield b"\xff\xff\xff\xff"

    async with serving({"/large.Large/Method0": garbage}) as target:
        bounds = Bounds(phases=(Phase.BOUNDARY, Phase.RANDOM), max_cases=20)
        finished = await fuzz(Settings(target=target, registry=registry, bounds=bounds, seed=1))
    assert [failure.finding.code for failure in finished.failures] == ["G122"]
    assert finished.failures[0].seen > 20


async def test_a_unix_socket_and_a_rate(tmp_path: Path) -> None:
    registry = large(tmp_path, methods=1, fields=2)

    class Handlers(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.stream_stream_rpc_method_handler(_empty)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    server.add_insecure_port(f"unix:{tmp_path}/s")
    await server.start()
    try:
        bounds = Bounds(phases=(Phase.RANDOM,), max_cases=30, per_second=100)
        finished = await fuzz(
            Settings(target=Target.parse(f"unix:{tmp_path}/s"), registry=registry, bounds=bounds, seed=1)
        )
    finally:
        await server.stop(None)
    assert finished.calls == 30
    assert finished.seconds >= 0.26  # thirty calls, a hundred a second
    assert finished.failures == ()
