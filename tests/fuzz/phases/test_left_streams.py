"""Streams on what was made for them, which their callers leave: who has gone is forgotten, or takes room for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import grpc
import pytest

from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking.case_shrinking import Effort
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package inn;
service Inn {
  rpc OpenRoom(OpenRoomRequest) returns (Room);
  rpc Enter(EnterRequest) returns (stream Event);
}
message OpenRoomRequest { string title = 1; }
message Room { string name = 1; string title = 2; }
message EnterRequest { string room = 1; }
message Event { string text = 1; }
"""
MOST = 5


@pytest.fixture(scope="module")
def inn(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("inn") / "inn.proto"
    file.write_text(PROTO)
    return sources.load([file])


class Inn:
    """Rooms that have so many guests at most, each of whom stays until they leave."""

    def __init__(self, protos: Registry, *, forgets: bool) -> None:
        self._message = protos.message
        self._forgets = forgets
        self._guests: dict[str, int] = {}
        self._numbers = count(1)

    async def open_room(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        request: Any = self._message("inn.OpenRoomRequest").FromString(await anext(requests))
        room: Any = self._message("inn.Room")(name=f"room-{next(self._numbers)}", title=request.title)
        self._guests[room.name] = 0
        yield room.SerializeToString()

    async def enter(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        request: Any = self._message("inn.EnterRequest").FromString(await anext(requests))
        if request.room not in self._guests:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such room")
        if self._guests[request.room] >= MOST:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the room is full")
        self._guests[request.room] += 1
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            if self._forgets:
                self._guests[request.room] -= 1


@pytest.mark.parametrize(("forgets", "expected"), [(True, set()), (False, {"Enter"})])
async def test_who_leaves_a_stream_is_forgotten(
    forgets: bool, expected: set[str], inn: Registry, serving: Callable[..., Any]
) -> None:
    served = Inn(inn, forgets=forgets)
    bounds = Bounds(phases=(Phase.BOUNDARY,), effort=Effort(tries=20))
    async with serving({"/inn.Inn/OpenRoom": served.open_room, "/inn.Inn/Enter": served.enter}) as target:
        finished = await fuzz(Settings(target=target, registry=inn, bounds=bounds, seed=11, checks=["G109"]))
    assert {failure.method.name for failure in finished.failures} == expected
