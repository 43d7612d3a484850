"""The two sides of a constraint: the value at its bound, the one just inside, and the one just outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation.message_classes import message_class_of, message_of
from grpcmock.fuzz.generation.rule_candidates import next_real
from grpcmock.synthesis.planning import FieldPlan, Shape

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.field_constraints import Constraints

_SECOND = 10**9
_MOMENTS = ("google.protobuf.Timestamp", "google.protobuf.Duration")

AT, INSIDE, OUTSIDE = "at", "inside", "outside"

_TARGETS: dict[str, tuple[int, int, int]] = {
    "gt": (1, 2, 0),
    "gte": (0, 1, -1),
    "lt": (-1, -2, 0),
    "lte": (0, -1, 1),
    "min_len": (0, 1, -1),
    "max_len": (0, -1, 1),
    "len": (0, 0, 1),
    "min_bytes": (0, 1, -1),
    "max_bytes": (0, -1, 1),
    "len_bytes": (0, 0, 1),
    "min_items": (0, 1, -1),
    "max_items": (0, -1, 1),
    "min_pairs": (0, 1, -1),
    "max_pairs": (0, -1, 1),
}
"""How many steps from the number in a rule lie the values at its bound, inside, and outside."""


@dataclass(frozen=True, slots=True)
class BoundValue:
    """One side of one constraint of a field."""

    rule: str
    """The rule as it is written: ``gt=1000``; or, of one without a bound, its id: ``string.email``."""

    side: str
    """``at``, ``inside`` or ``outside``."""

    sample: bytes
    """The bytes of a message that holds the field alone."""


def bound_values(plan: FieldPlan, constraints: Constraints) -> Iterator[BoundValue]:
    """Yield the sides of all constraints of a field of which both sides could be had."""
    found = constraints.sorted(plan)
    if not found.bad:
        return
    timing_based: set[bytes] = set()
    bad = [sample for samples in found.bad.values() for sample in samples]
    for rule, bound in plan.rules.values.items():
        measure = _measure(plan, rule)
        if rule not in _TARGETS or measure is None:
            continue
        wanted = dict(zip((AT, INSIDE, OUTSIDE), _wanted(plan, rule, bound), strict=True))
        at = _first(plan, found.good, measure, wanted[AT])
        outside = _first(plan, bad, measure, wanted[OUTSIDE])
        if at is None or outside is None:
            continue
        timing_based.add(outside)
        written = f"{rule}={_shown(bound)}"
        yield BoundValue(written, AT, at)
        inside = _first(plan, found.good, measure, wanted[INSIDE])
        if inside is not None and inside != at:
            yield BoundValue(written, INSIDE, inside)
        yield BoundValue(written, OUTSIDE, outside)
    good = next(filter(None, found.good), None)
    for (_, rule_id), samples in found.bad.items():
        if good is not None and samples and not timing_based & {*samples} and samples[0]:
            yield BoundValue(rule_id, INSIDE, good)
            yield BoundValue(rule_id, OUTSIDE, samples[0])


def _wanted(plan: FieldPlan, rule: str, bound: Any) -> tuple[Any, ...]:
    steps = _TARGETS[rule]
    if hasattr(bound, "seconds"):
        return tuple(int(bound.seconds) * _SECOND + int(bound.nanos) + step for step in steps)
    if not isinstance(bound, float):
        return tuple(bound + step for step in steps)
    narrow = plan.descriptor.type == FieldDescriptor.TYPE_FLOAT
    found = []
    for step in steps:
        number = bound
        for _ in range(abs(step)):
            number = next_real(number, 1 if step > 0 else -1, narrow=narrow)
        found.append(number)
    return tuple(found)


def _measure(plan: FieldPlan, rule: str) -> Callable[[Any], Any] | None:
    """Give what a rule compares with its bound, of a message that holds the field."""
    name = plan.name
    if plan.key is not None or plan.is_list:
        return lambda message: len(getattr(message, name))
    if plan.shape is Shape.MESSAGE:
        if plan.message_type.full_name not in _MOMENTS:
            return None
        return lambda message: _nanos(getattr(message, name)) if message.HasField(name) else None
    if plan.shape is Shape.WRAPPER:
        return lambda message: _size(getattr(message, name).value, rule) if message.HasField(name) else None
    return lambda message: _size(getattr(message, name), rule)


def _size(value: Any, rule: str) -> Any:
    if isinstance(value, str):
        return len(value.encode()) if "bytes" in rule else len(value)
    return len(value) if isinstance(value, bytes) else value


def _nanos(moment: Any) -> int:
    return int(moment.seconds) * _SECOND + int(moment.nanos)


def _first(plan: FieldPlan, samples: Iterable[bytes], measure: Callable[[Any], Any], wanted: Any) -> bytes | None:
    """Give the first sample of which the measure is as wanted."""
    owner: Any = plan.descriptor.containing_type
    message_class = message_class_of(owner)
    return next((sample for sample in samples if measure(message_of(message_class, sample)) == wanted), None)


def _shown(bound: Any) -> str:
    if not hasattr(bound, "seconds"):
        return str(bound)
    return f"{bound.seconds}s" + (f"{bound.nanos}ns" if bound.nanos else "")
