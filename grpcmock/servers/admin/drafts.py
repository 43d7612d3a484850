"""Stubs made of calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from grpcmock.servers.admin.calls import find
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.engine import Engine
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what makes a stub of a call."""

    async def draft(request: Any, response: Any) -> None:
        from grpcmock.drafting.draft import NoDraftError, draft_of  # nobody else needs it

        engine = steered.engine
        call = find(engine.journal, request.id)
        taken = {entry.name for entry in engine.store}
        try:
            # In a thread, since a stub is tried before it is given, and calls have to go on.
            found = await asyncio.to_thread(
                draft_of, call, engine.registry, name=request.name, taken=taken, looked_at=_looked_at(engine, call)
            )
        except NoDraftError as error:
            raise RefusedError(Code.FAILED_PRECONDITION, str(error)) from None
        response.stubs = found.text
        response.warnings.extend(found.warnings)

    return {"DraftStub": draft}


def _looked_at(engine: Engine, call: CallRecord) -> list[str]:
    """Name the keys of metadata that stubs of its method look at."""
    table = engine.store.tables.get(call.path)
    patterns = [entry.conditions.metadata for entry in table.index] if table is not None else []
    return list(dict.fromkeys(key for pattern in patterns if pattern is not None for key, _ in pattern.parts))
