"""What is done twice by calls at once, and once only by calls in turn, is found; what may well be done twice is not."""

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


class Racing(depot.Depot):
    """Looks whether an id is free, and takes it a moment later."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.lock = asyncio.Lock()
        self.under_way: dict[str, asyncio.Future[Any]] = {}
        self.titles: set[str] = set()

    async def CreateItem(self, request: Any, context: Any) -> Any:
        await self.valid(request.item, context)
        if self.way == "locked":
            async with self.lock:
                return await self.late(request, context)
        if self.way == "one for all":
            return await self.together(request, context)
        if self.way == "by title":  # which nothing in the contract tells from an id
            if request.item.title in self.titles:
                await context.abort(grpc.StatusCode.ALREADY_EXISTS, "there is one of this title")
            self.titles.add(request.item.title)
            return depot.message("Item")(name=f"items/{len(self.titles)}", title=request.item.title)
        if self.way == "overwriting":
            self.items.pop(request.item_id, None)
        if self.way == "falling at once" and request.item_id:
            if request.item_id in self.under_way:
                raise KeyError(request.item_id)
            self.under_way[request.item_id] = asyncio.get_running_loop().create_future()
            try:
                return await self.late(request, context)
            finally:
                self.under_way.pop(request.item_id)
        return await self.late(request, context)

    async def late(self, request: Any, context: Any) -> Any:
        if request.item_id and request.item_id in self.items:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "there is one already")
        await asyncio.sleep(0.02)
        self.items.pop(request.item_id, None)
        return await super().CreateItem(request, context)

    async def together(self, request: Any, context: Any) -> Any:
        """Make one thing for all calls that ask for it at once, and give each of them the same answer."""
        if (first := self.under_way.get(request.item_id)) is not None:
            return await first
        if request.item_id:
            self.under_way[request.item_id] = asyncio.get_running_loop().create_future()
        try:
            made = await self.late(request, context)
        except BaseException:
            self.under_way.pop(request.item_id, None)
            raise
        if request.item_id:
            self.under_way.pop(request.item_id).set_result(made)
        return made


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("racing", {"CreateItem"}),
        ("locked", set()),
        ("one for all", set()),
        ("by title", set()),
        ("overwriting", set()),
    ],
)
async def test_a_race_for_an_id_is_found(way: str, expected: set[str]) -> None:
    finished = await fuzzed(way, "G149")
    assert {failure.method.name for failure in finished.failures} == expected
    for failure in finished.failures:
        assert failure.case.together
        assert not failure.is_flaky


async def test_what_falls_in_a_race_alone_keeps_its_race() -> None:
    (failure,) = (await fuzzed("falling at once", "G102")).failures
    assert failure.case.together


async def fuzzed(way: str, check: str) -> Any:
    async with depot.depot_server(depot=Racing(way)) as address:
        return await fuzz(
            Settings(
                target=Target.parse(address),
                registry=depot.registry(),
                bounds=Bounds(phases=(Phase.BOUNDARY, Phase.STATEFUL), effort=Effort(tries=20), max_seconds=4.0),
                seed=11,
                deadline=2.0,
                include=["CreateItem", "GetItem"],
                checks=[check],
            )
        )
