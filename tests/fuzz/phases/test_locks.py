"""What a cancelled call leaves locked is found; what may well be refused the second time is not."""

from __future__ import annotations

import asyncio
from typing import Any

import depot
import grpc
import pytest

from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking.case_shrinking import Effort


class Locking(depot.Depot):
    """Updates an item under a lock."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.locks: dict[str, asyncio.Lock] = {}
        self.versions: dict[str, int] = {}

    async def UpdateItem(self, request: Any, context: Any) -> Any:
        name = request.item.name
        await self.item(name, context, "item.name")
        lock = self.locks.setdefault(name, asyncio.Lock())
        if self.way == "busy" and lock.locked():
            await context.abort(grpc.StatusCode.ABORTED, "somebody else is changing it")
        await lock.acquire()
        try:
            await asyncio.sleep(0.03)
            answer = await super().UpdateItem(request, context)
        except asyncio.CancelledError:
            if self.way == "released":
                lock.release()
            raise
        except BaseException:
            lock.release()
            raise
        lock.release()
        return answer


class Versioned(depot.Depot):
    """Takes an update once: then its sender has an old version."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()

    async def UpdateItem(self, request: Any, context: Any) -> Any:
        item = await self.item(request.item.name, context, "item.name")
        data = request.SerializeToString(deterministic=True)
        if data in self.seen:
            await context.abort(grpc.StatusCode.ABORTED, "it was changed since you looked at it")
        self.seen.add(data)
        await asyncio.sleep(0.03)
        del item
        return await super().UpdateItem(request, context)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (Locking("held"), {"UpdateItem"}),
        (Locking("busy"), {"UpdateItem"}),
        (Locking("released"), set()),
        (Versioned(), set()),
    ],
    ids=["held", "busy", "released", "versioned"],
)
async def test_a_lock_that_is_left_is_found(server: depot.Depot, expected: set[str]) -> None:
    async with depot.depot_server(depot=server) as address:
        bounds = Bounds(phases=(Phase.BOUNDARY,), effort=Effort(tries=20))
        finished = await fuzz(
            Settings(
                target=Target.parse(address),
                registry=depot.registry(),
                bounds=bounds,
                seed=11,
                deadline=1.0,
                include=["CreateItem", "UpdateItem"],
                checks=["G109"],
            )
        )
    assert {failure.method.name for failure in finished.failures} == expected
