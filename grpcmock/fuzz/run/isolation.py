"""Which cases may be made at once: those of which one says nothing about another, and changes nothing for it."""

from __future__ import annotations

from collections.abc import Container
from enum import Enum
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.cases import Expect, Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case

_MEASURED = frozenset({"G107", "G108", "G109", "G138", "G139", "G147", "G149"})
"""Checks that look at the time, or at what a server uses."""

_CUT = frozenset({"G107", "G109"})
"""Checks that look at what is left of calls that were cut short."""

_SINGLE = frozenset({"G112", "G113", "G114", "G115", "G117", "G118", "G121", "G127", "G144"})
"""Checks that judge each call of a case by itself."""


class Isolation(Enum):
    """With which others a case is made."""

    NONE = "none"
    """Alone: it is held against what the server uses, or takes in time."""

    IDLERS = "idlers"
    """With nothing but those that wait: its calls are held against each other."""

    READERS = "readers"
    """With others that compare what the server tells, and change nothing."""

    WATCHERS = "watchers"
    """With others that cut calls, wait, and look whether something has changed that should not."""

    LEAVERS = "leavers"
    """As those, but with others that never say all that they have to say, so that nothing should change at all."""

    ANY = "any"
    """With others that are judged by each answer alone."""

    WAITING = "waiting"
    """With many others that do little but wait."""


def isolation_of(case: Case, open_ended: Container[str]) -> Isolation:
    """Tell with which others a case may be made. The streams of methods in *open_ended* don't end by themselves."""
    if case.mostly_idle:
        if case.targets & _CUT:
            return Isolation.LEAVERS if case.method.kind.client_streams else Isolation.WATCHERS
        return Isolation.WAITING
    if case.phase is Phase.RANDOM:
        return Isolation.ANY
    if case.repeat > 1 or case.targets & _MEASURED or case.phase not in (Phase.BOUNDARY, Phase.WIRE):
        return Isolation.NONE
    if case.expect is Expect.SAME:
        if not only_reads(case.method):
            return Isolation.IDLERS
        return Isolation.WAITING if case.method.path in open_ended else Isolation.READERS
    if case.targets <= _SINGLE and all(call.deadline is None for call in case.calls):
        return Isolation.WAITING if case.method.path in open_ended else Isolation.ANY
    return Isolation.IDLERS
