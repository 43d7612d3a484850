"""Calls that no stub answers, passed on to another server for as long as that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from grpcmock.client.channel import CONNECT_TIMEOUT, connect
from grpcmock.client.learning import Learning
from grpcmock.record.capture.proxy import Proxy

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.drafting.captured_call import CapturedCall
    from grpcmock.engine.engine import Engine
    from grpcmock.record.recorder import Recorder


@asynccontextmanager
async def forwarding(
    engine: Engine,
    target: Target,
    recorder: Recorder | None = None,
    *,
    within: float = CONNECT_TIMEOUT,
    learns: bool = False,
) -> AsyncIterator[Proxy]:
    """Have *engine* pass the calls that no stub answers on to *target*, and *recorder* record them, until left.

    If it *learns*, the target's reflection is asked for types that turn up in an ``Any`` and aren't known.

    On leaving, all that has passed is recorded; writing it is up to :meth:`Recorder.finish`. Raises
    :class:`TargetError` if there is no connection *within* so many seconds.
    """
    async with connect(target, within=within) as channel:
        on_captured = _unrecorded if recorder is None else recorder.take
        proxy = engine.forwarder = Proxy(channel, target, on_captured, engine.registry.methods)
        learning = Learning(channel, engine.registry, target.metadata) if learns else None
        working = None if recorder is None else asyncio.create_task(recorder.run(learning))
        try:
            yield proxy
        finally:
            engine.forwarder = None
            if recorder is not None and working is not None:
                working.cancel()
                await asyncio.wait([working])
                await recorder.settle_learning(learning)


def _unrecorded(_: CapturedCall) -> None: ...
