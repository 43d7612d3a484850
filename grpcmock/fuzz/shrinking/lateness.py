"""Servers that show changes a moment later, as indexes and replicas do: the same calls with pauses in between."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from grpcmock.client.actions import Pause
from grpcmock.fuzz.expectations.side_effects import only_reads

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Case

_SECONDS = 1.5
"""As long as servers let changes gather before they show them, most often a second, and a little more."""

_MOST = 2
"""So many pauses are few."""

_TAKING = re.compile(r"(Pull|Receive|Dequeue|Poll|Take|Claim|Lease|Next|Pop|Consume)(?=[A-Z]|$)")
"""Methods by which something comes that was put before."""


def slowly(case: Case) -> Case:
    """Return a case in which each call that reads comes a while after one that may have changed something."""
    calls = [
        later if _reads(earlier) or not _reads(later) else _after_a_while(later)
        for earlier, later in pairwise(case.calls)
    ]
    return replace(case, calls=(*case.calls[:1], *calls))


def is_long(case: Case) -> bool:
    """Whether a case takes its time once it is made slowly."""
    slow = zip(case.calls, slowly(case).calls, strict=True)
    return sum(one is not other for one, other in slow) > _MOST


def _reads(call: Call) -> bool:
    return call.method is not None and (only_reads(call.method) or _TAKING.match(call.method.name) is not None)


def _after_a_while(call: Call) -> Call:
    return replace(call, actions=(Pause(_SECONDS), *call.actions))
