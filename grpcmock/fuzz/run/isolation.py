"""Which cases may be made at once: those of which one says nothing about another, and changes nothing for it."""

from __future__ import annotations

from collections.abc import Container
from enum import Enum
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.cases import Expect, Measure, Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case

_EXCLUSIVE = frozenset({Measure.TIME, Measure.GROWTH, Measure.USAGE, Measure.EFFECTS})
"""What is measured only where nothing else goes on."""


class Isolation(Enum):
    """With which others a case is made."""

    EXCLUSIVE = "exclusive"
    """Alone: what the server uses is measured, or the time that it takes."""

    WITH_IDLE = "with idle"
    """With nothing but those that wait: its calls are compared with each other."""

    READ_ONLY = "read only"
    """With others that compare what the server tells, and change nothing."""

    WATCHING = "watching"
    """With others that cut calls, wait, and look whether something has changed that should not."""

    UNFINISHED = "unfinished"
    """As those, but with others that never say all that they have to say, so that nothing should change at all."""

    ANY = "any"
    """With others that are checked by each answer alone."""

    MOSTLY_IDLE = "mostly idle"
    """With many others that do little but wait."""


def isolation_of(case: Case, open_ended: Container[str]) -> Isolation:
    """Tell with which others a case may be made. The streams of methods in *open_ended* don't end by themselves."""
    if case.mostly_idle:
        if Measure.EFFECTS in case.measures:
            return Isolation.UNFINISHED if case.method.kind.client_streams else Isolation.WATCHING
        return Isolation.MOSTLY_IDLE
    if case.phase is Phase.RANDOM:
        return Isolation.ANY
    if case.repeat > 1 or case.measures & _EXCLUSIVE or case.phase not in (Phase.BOUNDARY, Phase.WIRE):
        return Isolation.EXCLUSIVE
    if case.expect is Expect.SAME:
        if not only_reads(case.method):
            return Isolation.WITH_IDLE
        return Isolation.MOSTLY_IDLE if case.method.path in open_ended else Isolation.READ_ONLY
    if not (case.compares_calls or case.measures) and all(call.deadline is None for call in case.calls):
        return Isolation.MOSTLY_IDLE if case.method.path in open_ended else Isolation.ANY
    return Isolation.WITH_IDLE
