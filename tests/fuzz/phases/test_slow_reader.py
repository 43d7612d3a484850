"""Readers that take nothing for a while: servers that lose responses over it, or keep something for them in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import registry, server_command

from grpcmock.client.actions import HALF_CLOSE, Cancel, Pause, Send
from grpcmock.client.target import Target
from grpcmock.fuzz.checks.streams import CHECKS
from grpcmock.fuzz.execution.executor import Executor
from grpcmock.fuzz.execution.monitor import Monitor
from grpcmock.fuzz.execution.server import Server
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.acceptance import Acceptance
from grpcmock.fuzz.learning.limits import Limits
from grpcmock.fuzz.model.cases import Case, Phase
from grpcmock.fuzz.phases.all_phases import cases_of

PROTOS = registry("user.proto")
LIST = PROTOS.method("UserService/ListUsers")
PLAN: Any = SimpleNamespace(
    registry=PROTOS,
    methods=(LIST,),
    expectations=Expectations(registry=PROTOS),
    generators=Generators(PROTOS),
    seed=0,
    simplest=lambda _: b"",
    acceptance=Acceptance(PROTOS),
    limits=Limits(PROTOS),
)

SLOW = (Send(b""), HALF_CLOSE, Pause(2.0), Cancel())

_HANDLER = """
kept = []
async def handle(name, requests):
    async for _ in requests:
        pass
    for _ in range(400):
        began = time.monotonic()
        yield b"\\x12\\x80\\x80\\x04" + b"a" * (64 << 10)  # so large that not all fit between server and client
        if time.monotonic() - began > 0.7:  # a busy machine is never so slow
            {late}
"""


@asynccontextmanager
async def observing(late: str) -> AsyncIterator[Monitor]:
    command = server_command(_HANDLER.replace("{late}", late), "unix:server")
    server = Server(Target.parse("unix:server"), command=command)
    try:
        yield Monitor(server, Executor(await server.open()))
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("late", "keys"),
    [
        ("pass", []),
        ("return", ["slow lost"]),
        ("raise ValueError", ["slow UNKNOWN Unexpected <class 'ValueError'>:"]),
        pytest.param(
            "kept.append(b'a' * (100 << 20))",
            ["slow memory"],
            marks=pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here"),
        ),
    ],
    ids=["all is well", "the rest is lost", "an error that nobody handles", "memory"],
)
async def test_what_becomes_of_a_slow_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str, keys: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    case: Case = next(one for one in cases_of(Phase.BOUNDARY, LIST, PLAN) if one.id.endswith("/slow-reader"))
    calls = [replace(call, unread=1.0, actions=SLOW) if call.unread else call for call in case.calls]
    case = replace(case, calls=tuple(calls))
    async with observing(late) as monitor:
        result = await monitor.observe(case)
    evaluate = next(check.evaluate for check in CHECKS if check.code == "G138")
    assert [finding.key for finding in evaluate(case, result, PLAN.expectations)] == keys
