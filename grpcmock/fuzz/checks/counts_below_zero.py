"""What counts is never below zero; 0 may be a field that isn't set, whatever is counted from.

A single -1 may stand for what isn't known. Numbers that count by their names alone, such as versions, may have special
values besides: they are wrong where they were seen to count down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.counting import Counting, counts_in, may_tell_counts
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.resources.differences import shown
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.schema import Method, Registry

_UNKNOWN = -1
_STEPS = 3
"""So many different values below zero, one next to the other, and a number was counted down."""


def counts_below_zero(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """Yield what counts and is below zero, each field once."""
    registry = expectations.registry
    seen: dict[str, set[int]] = defaultdict(set)
    told: set[str] = set()
    for reply in result.replies[: len(case.calls)]:
        method = reply.call.method
        if method is None or not may_tell_counts(method.output, registry):
            continue
        for data in reply.responses:
            answer = try_decode(method.response_class, data)
            for message in messages_in(answer) if answer is not None else ():
                for finding in _below(method, message, registry, seen):
                    if finding.key not in told:
                        told.add(finding.key)
                        yield finding


def _below(method: Method, message: Message, registry: Registry, seen: dict[str, set[int]]) -> Iterator[Finding]:
    for name, counting in counts_in(message.DESCRIPTOR, registry).items():
        value, full_name = getattr(message, name), f"{message.DESCRIPTOR.full_name}.{name}"
        if value >= 0:
            continue
        seen[full_name].add(value)
        counted_down = {value - step for step in range(_STEPS)} <= seen[full_name] or {
            value + step for step in range(_STEPS)
        } <= seen[full_name]
        if counted_down or (value < _UNKNOWN and counting is not Counting.NUMBERS):
            least = "1 or more, as its comment says" if counting is Counting.FROM_ONE else "no less than 0"
            yield Finding(
                check="calculation",
                expected=f"{name}: {least}",
                actual=f"{name}: {value}, in {shown(message)}",
                path=name,
                key=f"below zero {full_name}",
                causes=(f"below zero {full_name}",),
                method=method,
            )
