"""The constraints that a stub puts on all parts of a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from grpcmock.matching.operators.collections import At
from grpcmock.matching.value_types import ListType
from grpcmock.verify.requests.constraints import must

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.verify.requests.constraints import Constraints


@dataclass(frozen=True, slots=True)
class CallConstraints:
    """What the parts of a call must satisfy."""

    messages: Constraints = ()
    """On the request; where the client streams, on the list of its messages."""

    metadata: Mapping[str, Constraints] = field(default_factory=dict)
    deadline: Constraints = ()

    @classmethod
    def of(cls, stub: CompiledStub) -> CallConstraints:
        """Return those under which a stub holds."""
        conditions = stub.conditions
        messages: Constraints = ()
        if not stub.method.kind.client_streams:
            messages = must(conditions.request) if conditions.request is not None else ()
        else:
            if conditions.requests is not None:
                messages += must(conditions.requests)
            if conditions.request is not None:
                messages += must(At(ListType(conditions.kind, "all messages"), 0, conditions.request))
        parts = conditions.metadata.parts if conditions.metadata else ()
        return cls(
            messages,
            {key: must(matcher) for key, matcher in parts},
            must(conditions.deadline) if conditions.deadline else (),
        )

    @property
    def identity(self) -> frozenset[tuple[str, int, bool]]:
        """What tells these constraints from others, in whatever order they came."""
        parts = {"messages": self.messages, "deadline": self.deadline}
        parts |= {f"metadata {key}": constraints for key, constraints in self.metadata.items()}
        return frozenset((part, id(matcher), holds) for part, all_ in parts.items() for matcher, holds in all_)

    def violating(self, other: CallConstraints) -> Iterator[CallConstraints]:
        """Yield constraints that are the same, and violate one of the other's, whichever it is."""
        for matcher, _ in other.messages:
            yield replace(self, messages=(*self.messages, (matcher, False)))
        for key, constraints in other.metadata.items():
            own = self.metadata.get(key, ())
            for matcher, _ in constraints:
                yield replace(self, metadata={**self.metadata, key: (*own, (matcher, False))})
        for matcher, _ in other.deadline:
            yield replace(self, deadline=(*self.deadline, (matcher, False)))
