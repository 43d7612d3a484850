"""A server that ends a stream of requests early is checked by its status, not by what the library made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from grpcmock.fuzz.model.cases import Phase


async def refuses_at_once(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")
    yield b""


async def answers_at_once(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    async for _ in requests:
        break
    yield b""


@pytest.mark.parametrize("handler", [refuses_at_once, answers_at_once])
async def test_a_server_that_ends_first_fails_nothing(fuzzed: Any, handler: Any) -> None:
    names = ("CreateUsers", "LookupUsers")
    finished = await fuzzed(
        dict.fromkeys(names, handler), Phase.BOUNDARY, include=names, checks=("G102", "G138", "G139")
    )
    assert [(failure.id, failure.finding.actual) for failure in finished.failures] == []
