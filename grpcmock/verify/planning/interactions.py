"""What is verified, as data: the stubs of consumers, and the interactions that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problem
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Stub
    from grpcmock.verify.expectations.consumer import ConsumerExpectation
    from grpcmock.verify.planning.planned_call import PlannedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Stubs that belong together: all those of one consumer."""

    stubs: Sequence[Stub]
    consumer: str = ""
    """Whose contract they are; empty if nobody says."""

    file: str = ""
    descriptors: Mapping[str, str] = field(default_factory=dict)
    """The hashes of the methods' descriptors as the consumer knew them, by full name."""

    expectations: Mapping[str, ConsumerExpectation] = field(default_factory=dict)
    """What the consumer expects where that is less than a stub says, by the names of stubs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interaction:
    """One stub, as a real server is verified with it."""

    name: str
    consumer: str
    stub: Stub
    method: Method
    calls: tuple[PlannedCall, ...] = ()
    """One after the other. None if it is skipped."""

    skipped: str = ""
    """Why it can't be verified."""

    after: tuple[Interaction, ...] = ()
    """What must have happened before: stubs that must be exhausted first, or lead to its state."""

    chain: int = 0
    """Interactions of one chain follow one another; 0 for those that stand alone."""

    @property
    def id(self) -> str:
        """A name that no other interaction of the plan has."""
        return f"{self.consumer}: {self.name}" if self.consumer else self.name

    @property
    def given(self) -> str:
        """The provider state; empty for none."""
        return self.stub.given or ""

    @property
    def location(self) -> Location | None:
        return self.stub.location

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Plan:
    """All interactions, in the order of their stubs; those of a chain in the order in which they run."""

    interactions: tuple[Interaction, ...]
    registry: Registry
    warnings: tuple[Problem, ...] = ()

    def find(self, name: str) -> Interaction | None:
        """Find an interaction by its id, or by the name of its stub."""
        return next((one for one in self.interactions if name in (one.id, one.name)), None)
