"""An interaction while it is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.verify.planning.interactions import Interaction
    from grpcmock.verify.planning.planned_call import PlannedCall
    from grpcmock.verify.requests.spec import RequestSpec


@dataclass(slots=True)
class Draft:
    """An interaction while it is planned."""

    stub: CompiledStub
    spec: RequestSpec | None = None
    calls: tuple[PlannedCall, ...] = ()
    skipped: str = ""
    chain: int = 0
    after: tuple[Draft, ...] = ()
    interaction: Interaction | None = None

    @property
    def state(self) -> Mapping[str, str]:
        """The states in which the stub answers."""
        return self.spec.state if self.spec is not None else self.stub.stub.state

    @property
    def scenarios(self) -> set[str]:
        """The scenarios that it has to do with."""
        return {*self.state, *(scenario for answer in self.stub.stub.answers for scenario in answer.set)}
