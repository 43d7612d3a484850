"""Calls with requests that a server takes, each with what it needs, and so that it makes another thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.results import Reply

Ask = Callable[..., Awaitable["Reply"]]
"""Makes one call: of a method, with messages."""

Make = Callable[..., Awaitable["Reply"]]
"""Makes what a request needs, once, and then the calls with requests of that kind, given as bytes. Gives what became of
the last one."""


class RequestSender:
    """Makes calls, of which each one is told what it needs anew: what is there may be used up."""

    def __init__(self, ask: Ask, make: Make) -> None:
        self._ask = ask
        self.send_with_needs = make
        self._count = 0

    async def send(self, accepted: AcceptedRequest, data: bytes) -> Reply:
        """Make a call with the data of a request, or with another thing in it if it can be made once only."""
        self._count += 1
        data = accepted.distinct(data, f"enrichment {self._count}")
        if accepted.needs or accepted.optional:  # those that are there may be used up
            return await self.send_with_needs(accepted, data)
        return await self._ask(accepted.method, data, *accepted.later)

    async def beside(self, accepted: AcceptedRequest, first: bytes, second: bytes) -> Reply:
        """Make a second request after a first one, below the very things that the first one needs; where it needs none,
        the first was made already."""
        if accepted.needs or accepted.optional:
            return await self.send_with_needs(accepted, first, second)
        return await self.send(accepted, second)

    async def is_taken_beside(self, accepted: AcceptedRequest, data: bytes) -> bool:
        """Whether a request is refused as a duplicate where it is made twice below one parent, and not below two."""
        if not accepted.needs:
            return False
        return with_meant_status(await self.beside(accepted, data, data)).code == Code.ALREADY_EXISTS


def is_ok(reply: Reply) -> bool:
    """Whether a call was answered OK, and its response tells no error."""
    return with_meant_status(reply).is_ok
