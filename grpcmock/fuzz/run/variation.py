"""Requests of each kind: with every value of the enums in a request that a server takes, and with what that asks for.

A travel policy can't be renewed, and an adjustment needs a reason: which kind a thing is decides what can be done with
it. So where another value of an enum alone is refused, the search goes on from there, and keeps to that value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of, reachable, values_at
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.run.request_sender import RequestSender, is_ok

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.learning.acceptance import Acceptance
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest

_DEEPEST = 2
_MOST = 8
"""So many kinds of requests of a method are looked for, …"""

_TRIES = 20
"""… with so many calls each."""


class Variation:
    """Looks for the kinds of a request."""

    def __init__(self, acceptance: Acceptance, sender: RequestSender, is_late: Callable[[], bool]) -> None:
        self._acceptance = acceptance
        self._sender = sender
        self._is_late = is_late

    async def vary(self, accepted: AcceptedRequest) -> None:
        """Find a request of each kind, and let it be known what such requests make."""
        acceptance = self._acceptance
        if only_reads(accepted.method) or accepted.method.kind.client_streams or acceptance.takes_away(accepted.method):
            return
        for way, value in islice(_kinds(accepted), _MOST):
            if self._is_late():
                return
            await self._find(accepted, way, value)

    async def _find(self, accepted: AcceptedRequest, way: Fields, value: int) -> None:
        message = accepted.message_with(way)
        if set_at(message, way, value) is None:
            return
        accepted.make_other(message, f"kind {path_of(way)} {value}")
        search = self._acceptance.search_from(accepted, message, {way: value})
        for _ in range(_TRIES):
            if self._is_late() or (data := search.next()) is None:
                return
            reply = await self._sender.send_with_needs(search.current, data)
            search.hear(reply)
            if search.accepted is not None and is_ok(reply):
                kind = replace(
                    search.accepted,
                    own_id=accepted.own_id,
                    also_own=accepted.also_own,
                    one_each=accepted.one_each,
                )
                self._acceptance.take_kind(accepted, kind, reply)
            if search.is_over:
                return


def _kinds(accepted: AcceptedRequest) -> Iterator[tuple[Fields, int]]:
    """Yield the other values of the enums in a request, and where they stand."""
    for way in reachable(accepted.method.input):
        enum = way[-1].enum_type
        if enum is None or len(way) > _DEEPEST or any(field.is_repeated for field in way):
            continue
        there: Any = next(values_at(accepted.message_with(way), way), 0)
        if there:
            yield from ((way, one.number) for one in enum.values if one.number not in (0, there))
