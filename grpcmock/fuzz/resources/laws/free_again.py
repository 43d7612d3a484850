"""What can be made again once something was done to it, as a comment says, isn't refused as there already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import values_at
from grpcmock.fuzz.expectations.free_again import freed_by
from grpcmock.fuzz.expectations.promises import promises_of
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.laws.whole_things import Told, key_of, told_by
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_Request = tuple[str, bytes]
"""The path of a method, and what it was asked for."""


@dataclass(slots=True)
class FreeAgain:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _made: dict[_Request, tuple[Method, Any]] = field(default_factory=dict)
    """The methods that have made things, and the keys of these."""

    _freed: dict[_Request, Method] = field(default_factory=dict)
    """What can be made again, as long as nothing else is done, and by which method."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what isn't made again."""
        method, told = reply.call.method, told_by(reply)
        if method is not None and only_reads(method):
            return
        freed, self._freed = self._freed, {}
        if method is None or told is None or reply.termination is not Termination.SERVER:
            self._made.clear()
            return
        own = method.path, bytes_of(told.request)
        if told.answer is not None:
            self._done(told, own)
        elif own in freed and with_meant_status(reply).code == Code.ALREADY_EXISTS:
            yield Finding(
                check="preconditions",
                expected=f"OK, as the comment of {method.name} says, after {freed[own].name} for what there was of it",
                actual=said(reply),
                path="",
                key="free again",
                method=method,
            )

    def _done(self, told: Told, own: _Request) -> None:
        method = told.method
        given = [value for _, value in told.request.ListFields() if isinstance(value, str | int)]
        for request, (maker, key) in self._made.items():
            if key in given and method in freed_by(maker, self.registry):
                self._freed[request] = method
        ways = [one.way for one in promises_of(method, self.registry) if one.is_repeatable]
        key = key_of(told.answer)
        if key and freed_by(method, self.registry) and not any(any(values_at(told.request, way)) for way in ways):
            self._made[own] = method, key
