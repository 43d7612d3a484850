"""Which lane a call goes by is a matter of speed alone: what is seen of it is the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from support import registry

from grpcmock.client.channel import connect
from grpcmock.fuzz.execution.executor import Executor
from grpcmock.fuzz.model.cases import call_of

GET = registry("user.proto").method("user.UserService/GetUser")


async def answers_before_it_fails(
    requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
) -> AsyncIterator[bytes]:
    async for request in requests:
        yield b""
        if request:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is none")


async def test_a_message_before_an_error_is_seen_of_a_method_that_went_well_so_far(serving: Any) -> None:
    async with serving({GET.path: answers_before_it_fails}) as target, connect(target, within=5.0) as channel:
        executor = Executor(channel)
        for _ in range(5):
            assert (await executor.call(call_of(GET, b""))).is_ok
        failed = [await executor.call(call_of(GET, b"\x08\x01")) for _ in range(2)]
        assert [reply.name for reply in failed] == ["NOT_FOUND"] * 2
        assert failed[-1].responses == (b"",)
        assert (await executor.call(call_of(GET, b""))).is_ok
