"""Statuses that gRPC doesn't have, but a server does: libraries show any number above 16 as UNKNOWN.

Typed errors that are told so are answers that somebody chose, whereas UNKNOWN is what becomes of an exception that
nobody caught. The number can be read below the libraries alone:
https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.client.raw import header_fields
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.model.wording import shape
from grpcmock.fuzz.wire import requests
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.execution.executor import RawPerform

_ENOUGH = 3
"""After so many words that went with a real UNKNOWN, a server has no statuses of its own: a call that fails so isn't
made twice any more."""

_BY_LIBRARIES = ("Unexpected <class '", "Exception calling application", "Application error processing RPC")
"""How libraries, grpcio and grpc-java, begin to tell of an exception: of these UNKNOWN is the very status."""

_SECONDS = 1.0
"""How long a call that has failed may take when it is made again."""


class OwnStatuses:
    """Learns the numbers of a server's own statuses, by the words that come with them."""

    def __init__(self, perform: RawPerform) -> None:
        self._perform = perform
        self._numbers: dict[str, int] = {}
        self._has_own = False

    async def read(self, reply: Reply) -> Reply:
        """Return a reply with the number of its status, for which its call may have to be made again."""
        is_status = reply.code == Code.UNKNOWN and reply.termination is Termination.SERVER
        if not is_status or not reply.message or reply.message.startswith(_BY_LIBRARIES):
            return reply
        words = shape(reply)
        if words not in self._numbers:
            if not self._has_own and len(self._numbers) >= _ENOUGH:
                return reply
            self._numbers[words] = number = await self._number(reply)
            self._has_own = self._has_own or number != Code.UNKNOWN
        return replace(reply, code=self._numbers[words])

    async def _number(self, reply: Reply) -> int:
        """Make a call again, below the libraries; return UNKNOWN if something else comes of it."""
        request = requests.good(reply.call.path, *reply.call.messages)
        request = requests.extended(request, *header_fields(reply.call.metadata))
        call = replace(reply.call, raw=request, deadline=_SECONDS)
        again = await self._perform(call, _SECONDS)
        number = again.wire.grpc_status if again.wire is not None else None
        same = number is not None and shape(again) == shape(replace(reply, code=number))
        return number if number is not None and same else Code.UNKNOWN
