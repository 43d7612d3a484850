"""What has one of something at a time, as a comment says, doesn't get a second one while nothing was done to the first.

Time alone may end what says of itself that it holds for a while, or is under way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.one_at_a_time import OneAtATime, one_at_a_time
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.laws.known_states import heard
from grpcmock.fuzz.resources.laws.whole_things import key_of, makes_things, told_by

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Registry

_ENDS = re.compile(r".*ing|queued|scheduled|in progress|done|completed|finished|canceled|closed|ended|failed|expired")


@dataclass(slots=True)
class HasOne:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _has: dict[tuple[str, str, Any], Any] = field(default_factory=dict)
    """The keys of what was made, by methods, and fields with their values."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields the second one of what there is one of."""
        method, told = reply.call.method, told_by(reply)
        if method is not None and only_reads(method):
            return
        if told is None or method is None:
            self._has.clear()
            return
        conditions = one_at_a_time(method, self.registry)
        if told.answer is None:
            return
        if not conditions and not makes_things(method):
            self._has.clear()
        key = key_of(told.answer)
        for one in conditions:
            value = getattr(told.request, one.field.name)
            if not value or not key or not _is_so(told.answer, one):
                continue
            before = self._has.setdefault((method.path, str(one.field.name), value), key)
            if before != key:
                yield Finding(
                    check="preconditions",
                    expected=f"an error, as the comment of {method.name} says: {one.field.name} {shown(value)} has one,"
                    f" {shown(before)}",
                    actual=f"OK, and another one: {shown(key)}",
                    path=str(one.field.name),
                    key=f"one at a time {one.field.name}",
                    method=method,
                )


def _is_so(thing: Message, one: OneAtATime) -> bool:
    """Whether what was made is what there is one of, and stays so."""
    known = heard(thing, is_whole=True)
    if known.may_end or any(map(_ENDS.fullmatch, known.holds)):
        return False
    return not one.state or not known.holds or one.state in known.holds
