"""The interceptors in ``examples/`` do what they say."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import grpc.aio
import pytest

from grpcmock.servers.health import Health
from grpcmock.servers.interceptors import load

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def target(serve: Callable[..., Awaitable[str]], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = ["interceptors:LoggingInterceptor", "interceptors:require_token"]
    return await serve(Health().handlers(), interceptors=load(names))


@pytest.mark.parametrize(("method", "path"), [("unary_unary", "Check"), ("unary_stream", "Watch")])
async def test_a_call_without_the_token_is_logged_and_refused(
    target: str,
    connect: Callable[[str], grpc.aio.Channel],
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
) -> None:
    caplog.set_level(logging.INFO, "interceptors")
    call = getattr(connect(target), method)(f"/grpc.health.v1.Health/{path}")(b"")
    assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
    assert f"gRPC call: /grpc.health.v1.Health/{path}" in caplog.messages


async def test_a_call_with_the_token_is_answered(target: str, connect: Callable[[str], grpc.aio.Channel]) -> None:
    check = connect(target).unary_unary("/grpc.health.v1.Health/Check")
    assert await check(b"", metadata=(("authorization", "Bearer secret"),)) == b"\x08\x01"
