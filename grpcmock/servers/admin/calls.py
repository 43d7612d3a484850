"""Calls that have ended, as the journal keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.servers.admin.behaviors import BYTES_LIMIT, PAGE
from grpcmock.servers.admin.call_filter import after, filter_of
from grpcmock.servers.admin.call_messages import CallWriter

if TYPE_CHECKING:
    from grpcmock.engine.dropped import Dropped
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what lists calls."""

    def list_calls(request: Any, response: Any) -> None:
        journal = steered.engine.journal
        holds = filter_of(request, steered.engine.registry, journal)
        limit = min(request.limit, PAGE) if request.limit > 0 else PAGE
        found = [call for call in after(journal, request.after_id) if holds(call)]
        _write_dropped(response, request, journal.lost)
        response.more = len(found) > limit and not request.newest
        writer = CallWriter(steered.service, request)
        size = 0
        # From the end that is wanted, so that what doesn't fit into one response is left out at the other end.
        for call in reversed(found[-limit:]) if request.newest else found[:limit]:
            told = writer.write(call)
            size += told.ByteSize()
            if size > BYTES_LIMIT and response.calls:
                response.more = not request.newest
                break
            response.calls.append(told)
        if request.newest:
            response.calls.reverse()
        if request.under_way and not response.more:
            response.calls.extend(writer.write(call) for call in journal.under_way if holds(call))

    return {"ListCalls": list_calls}


def _write_dropped(response: Any, request: Any, lost: Dropped) -> None:
    path = f"/{request.method.removeprefix('/')}" if request.method else None
    session = request.session or None
    response.dropped = lost.count(path, session=session)
    for one in lost.paths() if path is None else (path,):
        if calls := lost.count(one, session=session):
            response.dropped_of.add(
                method=one.removeprefix("/"),
                calls=calls,
                unmatched=lost.count(one, session=session, outcome="unmatched"),
                failed=lost.count(one, session=session, outcome="failed"),
            )
