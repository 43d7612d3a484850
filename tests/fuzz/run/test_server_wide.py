"""What a library does at every method is told once for each server."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import CaseFinished
from grpcmock.fuzz.run.loop import Bounds


async def takes_anything(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    async for _ in requests:
        pass
    yield b""


async def test_what_all_methods_take_is_told_once_of_the_library(fuzzed: Any) -> None:
    finished = await fuzzed({}, Phase.WIRE, include=("GetUser", "ListUsers"))
    assert not [failure for failure in finished.failures if failure.finding.code in ("G115", "G117", "G118")]
    (accepted,) = [finding for finding in finished.warnings if finding.code == "G115" and finding.key == "accepted"]
    assert "its library is that lenient" in accepted.actual
    assert not [failure for failure in finished.failures if failure.finding.code == "G102"]
    # Two requests for one are taken by both: that is a library's way, and no failure.
    warning = [finding.key for finding in finished.warnings if finding.code == "G111"]
    assert warning == ["requests.two"]


def throwing(text: str) -> Any:
    async def throws(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        async for _ in requests:
            pass
        await context.abort(grpc.StatusCode.UNKNOWN, text)
        yield b""

    return throws


@pytest.mark.parametrize(("text", "told"), [("the database is away", 1), ("Internal server error", 3)])
async def test_what_a_server_says_of_many_methods_is_told_once_or_where_it_says_little_three_times(
    fuzzed: Any, text: str, told: int
) -> None:
    names = ("CreateUsers", "GetUser", "ListUsers", "LookupUsers")
    finished = await fuzzed(dict.fromkeys(names, throwing(text)), Phase.BOUNDARY, checks=("G102",))
    assert len(finished.failures) == told
    heads = {failure.method.full_name for failure in finished.failures}
    others = [other for failure in finished.failures for other in failure.others]
    assert sorted([*heads, *others]) == [f"user.UserService/{name}" for name in names]


async def isnt_there(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not implemented!")
    yield b""


async def test_a_method_that_isnt_there_is_left_alone(fuzzed: Any) -> None:
    events: list[Any] = []
    await fuzzed({"GetUser": isnt_there}, Phase.BOUNDARY, Phase.RANDOM, events=events)
    tried = Counter(event.case.method.name for event in events if isinstance(event, CaseFinished))
    assert 10 <= tried["GetUser"] < 10 + Bounds().in_flight  # those that were under way by then
    assert tried["ListUsers"] > 40
