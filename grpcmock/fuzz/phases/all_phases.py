"""All phases, each by the module that makes its cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.phases import boundary_phase, examples_phase, random_phase, wire_phase
from grpcmock.fuzz.phases.injection import injection_phase
from grpcmock.fuzz.phases.stateful import stateful_phase

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


class CaseSource(Protocol):
    """What the module of a phase has.

    A phase makes no calls: what it wants to know of replies it binds (:class:`Binding`), or finds in
    ``plan.dictionary`` when it is asked for its next case.
    """

    def parts(self, method: Method, plan: Plan) -> Iterable[Iterator[Case]]:
        """Yield the cases of one method, in an order that is the same in every run, and in several parts.

        Those come first that tell the most for the least, for a run makes the first part of all phases before the
        second of any. The last part may go on for ever.
        """

    def notices(self, plan: Plan) -> Iterator[str]:
        """Yield what the phase can't do in this run, and why."""


_SOURCES: Mapping[Phase, CaseSource] = {
    Phase.BOUNDARY: boundary_phase,
    Phase.EXAMPLES: examples_phase,
    Phase.WIRE: wire_phase,
    Phase.RANDOM: random_phase,
    Phase.STATEFUL: stateful_phase,
    Phase.INJECTION: injection_phase,
}


def parts_of(phase: Phase, method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield a phase's cases of one method, in parts."""
    return iter(_SOURCES[phase].parts(method, plan))


def cases_of(phase: Phase, method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a phase's cases of one method."""
    return chain.from_iterable(parts_of(phase, method, plan))


def notices_of(phase: Phase, plan: Plan) -> Iterator[str]:
    """Yield what a phase can't do in this run, and why."""
    return _SOURCES[phase].notices(plan)
