"""Which calls of the journal are meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.schema import Registry

Filter = Callable[["CallRecord"], bool]


def filter_of(request: Any, registry: Registry, calls: Iterable[CallRecord]) -> Filter:
    """Give the filter that the request describes which lists or watches calls.

    Raises :class:`UnknownMethodError`, save for a method that *calls* hold: what isn't declared may be called, too.
    """
    path = f"/{request.method.removeprefix('/')}" if request.method else ""
    if path and all(call.path != path for call in calls):
        path = registry.method(request.method).path
    misses, session = request.misses, request.session
    return lambda call: (
        (not path or call.path == path)
        and (not misses or call.miss is not None)
        and (not session or call.session == session)
    )


def after(calls: Iterable[CallRecord], identity: int) -> Iterator[CallRecord]:
    """Skip the calls up to the one with this id; all remain if there is none, since it was dropped then."""
    calls = list(calls)
    for index, call in enumerate(calls):
        if call.id == identity:
            return iter(calls[index + 1 :])
    return iter(calls)
