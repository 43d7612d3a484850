"""Which trials may be made at once: those of which one says nothing about another, and changes nothing for it."""

from __future__ import annotations

from collections.abc import Container
from enum import Enum
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.cases import Expect, Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Trial

_MEASURED = frozenset({"G107", "G108", "G109", "G138", "G139", "G147", "G149"})
"""Checks that look at the time, or at what a server uses."""

_CUT = frozenset({"G107", "G109"})
"""Checks that look at what is left of calls that were cut short."""

_SINGLE = frozenset({"G112", "G113", "G114", "G115", "G117", "G118", "G121", "G127", "G144"})
"""Checks that judge each call of a trial by itself."""


class Company(Enum):
    """With which others a trial is made."""

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


def company(trial: Trial, open_ended: Container[str]) -> Company:
    """Tell with which others a trial may be made. The streams of methods in *open_ended* don't end by themselves."""
    if trial.waits:
        if trial.aims & _CUT:
            return Company.LEAVERS if trial.method.kind.client_streams else Company.WATCHERS
        return Company.WAITING
    if trial.phase is Phase.RANDOM:
        return Company.ANY
    if trial.repeat > 1 or trial.aims & _MEASURED or trial.phase not in (Phase.BOUNDARY, Phase.WIRE):
        return Company.NONE
    if trial.expect is Expect.SAME:
        if not only_reads(trial.method):
            return Company.IDLERS
        return Company.WAITING if trial.method.path in open_ended else Company.READERS
    if trial.aims <= _SINGLE and all(call.deadline is None for call in trial.calls):
        return Company.WAITING if trial.method.path in open_ended else Company.ANY
    return Company.IDLERS
