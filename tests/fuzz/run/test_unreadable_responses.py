"""A server that answers in bytes that are no message of its contract: it is told, and nothing falls over it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any

import pytest
from ordinary_services import contract

from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Call, Phase, call_of
from grpcmock.fuzz.model.readable import is_readable
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz

REGISTRY = contract()
CREATE = REGISTRY.method("ordinary.Orders/AddArticle")
PHASES = (Phase.BOUNDARY, Phase.RANDOM, Phase.STATEFUL)


_BAD = (b"\x0a\x7f", b"\x0a\x01\xff", b"\xff" * 11)
"""Cut off, a text that isn't UTF-8, and no field at all."""


def _unreadable(data: bytes) -> Any:
    async def answer(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for _ in requests:
            pass
        yield data

    return answer


async def test_a_run_goes_on_to_its_end(serving: Any) -> None:
    paths = (*REGISTRY.methods, *_REFLECTION)
    handlers = {path: _unreadable(data) for path, data in zip(paths, cycle(_BAD), strict=False)}
    target: Target
    async with serving(handlers) as target:
        bounds = Bounds(phases=PHASES, max_cases=10)
        settings = Settings(target=target, registry=REGISTRY, bounds=bounds, seed=3, include=("ordinary.Shelf/*",))
        finished = await fuzz(settings, [])
    assert finished.interrupted == ""
    told = {failure.case.method.name for failure in finished.failures if failure.finding.code == "G122"}
    assert told == {method.name for method in REGISTRY.methods.values() if method.service == "ordinary.Shelf"}


_REFLECTION = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)


def _reply(call: Call, *responses: bytes) -> Reply:
    return Reply(call=call, termination=Termination.SERVER, code=0, responses=responses)


@pytest.mark.parametrize(
    ("reply", "readable"),
    [
        (_reply(call_of(CREATE, b"")), True),
        (_reply(call_of(CREATE, b""), b"", b"\x0a\x01a"), True),
        (_reply(call_of(CREATE, b""), b"", b"\x0a\x7f"), False),
        (_reply(call_of(CREATE, b"\x0a\x7f"), b""), False),
        (_reply(Call(method=None, path="/a.B/C", actions=()), b"\x0a\x7f"), True),
    ],
    ids=["no response", "two", "the second one isn't", "the request isn't", "of no method that is known"],
)
def test_what_can_be_read(reply: Reply, readable: bool) -> None:
    assert is_readable(reply) is readable
