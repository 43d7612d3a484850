"""Calls, as the journal keeps them: listed, shown, forgotten."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.servers.admin.behaviors import BYTES_LIMIT, PAGE
from grpcmock.servers.admin.call_filter import CallFilter
from grpcmock.servers.admin.call_messages import CallWriter
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.dropped import Dropped
    from grpcmock.engine.given_answers import CompactCall
    from grpcmock.engine.journal import Journal
    from grpcmock.servers.admin.behaviors import Behaviors, Steered

    Kept = CallRecord | CompactCall

_TURN = 0.02
"""Seconds of a long search, after which other calls get their turn."""

_PARTS, _PART = 8, 2
"""Into how many parts a block is divided, and how many calls are looked at each by itself."""

_BLOCK = 64
_BLOCK_BYTES = 1 << 20
"""Calls that are looked through at once, and about how many bytes of them. Of more, hardly a block would have nothing
of what a few calls in a hundred have."""


def behaviors(steered: Steered) -> Behaviors:
    """Give what lists, shows and forgets calls."""

    async def list_calls(request: Any, response: Any) -> None:
        journal = steered.engine.journal
        limit = min(request.limit, PAGE) if request.limit > 0 else PAGE
        writer = CallWriter(steered, request)
        size = 0
        between = _between(journal.unread(), request.after_id, request.before_id)
        calls: Iterable[Kept] = reversed(between) if request.newest else between
        # From the end that is wanted, so that what doesn't fit into one response is left out at the other end.
        chosen = CallFilter(request, steered.engine)
        async for call in meant(calls, chosen):
            if len(response.calls) == limit:
                response.more = True
                break
            told = writer.write(journal.read(call))
            size += told.ByteSize()
            if size > BYTES_LIMIT and response.calls:
                response.more = True
                break
            response.calls.append(told)
        _write_dropped(response, request, journal.lost)
        if request.newest:
            response.calls.reverse()
        if request.under_way and not response.more:
            response.calls.extend(writer.write(call) for call in journal.under_way if chosen.holds(call))

    def get_call(request: Any, response: Any) -> None:
        response.CopyFrom(CallWriter(steered, request).write(find(steered.engine.journal, request.id)))

    def clear_calls(request: Any, _: Any) -> None:
        if request.session:
            steered.engine.journal.forget((request.session,))
        else:
            steered.engine.journal.clear_calls()
        steered.note("Forgot all calls.", request.session)

    return {"ListCalls": list_calls, "GetCall": get_call, "ClearCalls": clear_calls}


def _write_dropped(response: Any, request: Any, lost: Dropped) -> None:
    wanted = f"/{request.method.removeprefix('/')}" if request.method else ""
    session = request.session or None
    for path in lost.paths():
        if (not wanted or path == wanted) and (calls := lost.count(path, session=session)):
            response.dropped += calls
            response.dropped_of.add(
                method=path.removeprefix("/"),
                calls=calls,
                unmatched=lost.count(path, session=session, outcome="unmatched"),
                failed=lost.count(path, session=session, outcome="failed"),
            )


def find(journal: Journal, identity: int) -> CallRecord:
    """Return a call, under way or ended. Raises :class:`RefusedError` if the journal doesn't have it."""
    for call in journal.under_way:
        if call.id == identity:
            return call
    kept = journal.unread()
    for entry in reversed(kept):
        if entry.id == identity:
            return journal.read(entry)
    if kept:
        ids = [entry.id for entry in kept]
        hint = f"It has {len(ids):,}, from #{min(ids)} to #{max(ids)}."
    else:
        hint = "It has none."
    raise RefusedError(Code.NOT_FOUND, f"The journal has no call #{identity}, or no longer. {hint}")


def after(calls: Sequence[Kept], identity: int) -> Sequence[Kept]:
    """Return the calls behind the one with this id; all if there is none, since it was dropped then."""
    return _between(calls, identity, 0)


def _between(calls: Sequence[Kept], after: int, before: int) -> Sequence[Kept]:
    if not after and not before:
        return calls
    begin, end = 0, len(calls)
    for number, call in enumerate(calls):
        if after and call.id == after:
            begin = number + 1
        if before and call.id == before:
            end = number
    if before and end == len(calls):
        return ()  # it was dropped, and so were those before it
    return calls[begin:end] if begin or end < len(calls) else calls


async def meant(calls: Iterable[Kept], chosen: CallFilter) -> AsyncIterator[Kept]:
    """Yield the calls that are meant, without keeping others waiting for long."""
    now = asyncio.get_running_loop().time
    began = now()
    for block in _blocks(calls):
        for call in _narrowed(block, chosen):
            if chosen.holds(call):
                yield call
            if now() - began > _TURN:
                await asyncio.sleep(0)
                began = now()
        if now() - began > _TURN:
            await asyncio.sleep(0)
            began = now()


def _blocks(calls: Iterable[Kept]) -> Iterator[Sequence[Kept]]:
    """Put calls together, as many as can be looked through in a short time."""
    left = iter(calls)
    while block := list(islice(left, _BLOCK)):
        yield from _bounded(block)


def _bounded(block: Sequence[Kept]) -> Iterator[Sequence[Kept]]:
    if len(block) > 1 and sum(call.size for call in block) > _BLOCK_BYTES:
        half = len(block) // 2
        yield from _bounded(block[:half])
        yield from _bounded(block[half:])
    else:
        yield block


def _narrowed(block: Sequence[Kept], chosen: CallFilter) -> Iterator[Kept]:
    """Yield the calls of a block that may be meant: its parts are ruled out as it is, where only a few calls are."""
    if not chosen.may_be_among(block):
        return
    if len(block) <= _PART:
        yield from block
        return
    part = max(len(block) // _PARTS, _PART)
    for begin in range(0, len(block), part):
        yield from _narrowed(block[begin : begin + part], chosen)
