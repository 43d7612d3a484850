"""What a server shows a moment later, as one with an index does, is no failure; what it shows for ever is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc.aio
import pytest
import workshop
from workshop import Habits, Workshop

from grpcmock.fuzz.model.cases import Phase, call_of
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking.case_shrinking import Effort

Handler = Callable[[AsyncIterator[bytes], Any], AsyncIterator[bytes]]

_LATER = 0.4
_SOON = 0.02
"""Seconds after which one shows changes that forgets them, and one that doesn't: that is no matter of time."""


def handlers(server: Workshop, *, forgets: bool) -> Mapping[str, Handler]:
    """Serve a workshop whose lists of bays are brought up to date a moment after each change; what was deleted leaves
    them only if it *forgets*."""
    index: dict[str, Any] = {}
    pending: set[asyncio.TimerHandle] = set()

    def refresh() -> None:
        if forgets:
            index.clear()
        index.update({name: workshop.message("Bay", name=name) for name in server.bays})

    def handler(method: Any) -> Handler:
        async def handle(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            data = b"".join([data async for data in requests])
            if method.name == "ListBays":
                yield workshop.message("ListBaysResponse", bays=list(index.values())).SerializeToString()
                return
            reply = server.reply(call_of(method, data))
            if not reply.is_ok:
                await context.abort(grpc.StatusCode[reply.name], reply.message)
            if method.name in ("CreateBay", "DeleteBay"):
                pending.add(asyncio.get_running_loop().call_later(_LATER if forgets else _SOON, refresh))
            yield reply.responses[0]

        return handle

    methods = workshop.contract().methods
    return {path: handler(method) for path, method in methods.items()}


@pytest.mark.parametrize(("forgets", "codes"), [(True, set()), (False, {"G130"})])
async def test_a_list_that_is_late(forgets: bool, codes: set[str], serving: Any) -> None:
    most = 8 if forgets else None
    bounds = Bounds(phases=(Phase.STATEFUL,), max_seconds=most, effort=Effort(seconds=1.0, tries=60))
    async with serving(handlers(Workshop(Habits()), forgets=forgets)) as target:
        given: dict[str, Any] = {
            "registry": workshop.contract(),
            "include": ["CreateBay", "ListBays", "DeleteBay"],
            "seed": 3,
        }
        finished = await fuzz(Settings(target=target, bounds=bounds, **given))
    failures = [one for one in finished.failures if not one.is_remark]
    assert {one.finding.code for one in failures} == codes, failures
