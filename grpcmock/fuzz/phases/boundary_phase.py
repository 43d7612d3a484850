"""The boundary phase: the same cases in every run, at the edges of what the contract lets one say and do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.phases import call_lifecycle
from grpcmock.fuzz.phases.interleaving import in_turns
from grpcmock.fuzz.phases.request_expectation import expectation
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.combined_boundaries import CombinedBoundaries
    from grpcmock.fuzz.generation.message_boundaries import Boundary
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_TARGETS = {
    "empty": frozenset({"empty_request"}),
    "present": frozenset({"empty_parts"}),
    "oneof": frozenset({"empty_parts"}),
    "undeclared": frozenset({"open_enum"}),
}

_SHAPES = frozenset({"present", "oneof", "missing", "undeclared"})
"""Sorts of boundaries: what is there or not, and numbers that no enum declares."""

_SINGLE = frozenset({"scalar", "enum", "list", "map", "well-known"})
"""Single values, which have been tried together."""


def parts(method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield the cases of one method: what shows best while little has happened, what tells the most for the least, how
    calls go, then value by value."""
    empty, *boundaries = plan.generators.of(method.input).boundaries()
    early = [call_lifecycle.before(method, plan), iter((_alone(method, empty),))]
    # Of a stream that goes on for ever, the first one shows what is left of it, and should be one that is cut.
    yield chain.from_iterable(early if method.kind is MethodKind.SERVER_STREAMING else reversed(early))
    yield _first(method, plan, boundaries)
    yield call_lifecycle.cases(method, plan)
    yield _values(method, (boundary for boundary in boundaries if boundary.kind in _SINGLE))


def notices(plan: Plan) -> Iterator[str]:
    """Yield the types whose rules can't be compiled, each reason once: what they ask for is checked against nobody."""
    classes = {of.DESCRIPTOR: of for method in plan.methods for of in (method.request_class, method.response_class)}
    types: dict[str, list[str]] = {}
    for descriptor, message_class in classes.items():
        if why := plan.generators.unreadable_rules(message_class):
            types.setdefault(why, []).append(descriptor.full_name)
    for why, (first, *others) in types.items():
        more = f" and {len(others)} more type{'s' if len(others) > 1 else ''}" if others else ""
        yield f"the rules of {first}{more} are ignored, for protovalidate can't compile them: {why}"


def _first(method: Method, plan: Plan, boundaries: Sequence[Boundary]) -> Iterator[Case]:
    """Yield what grows, what is asked many times at once, what is there or not, many values at once, and both sides of
    all rules."""
    yield from call_lifecycle.growing(method, plan)
    yield from call_lifecycle.concurrent(method, plan)
    yield from _values(method, (boundary for boundary in boundaries if boundary.kind in _SHAPES))
    for valid in (True, False):
        for number, combined in enumerate(
            plan.generators.of(method.input).combined_boundaries(boundaries, valid=valid)
        ):
            yield _together(method, number, combined, valid=valid)
    yield from _values(method, (boundary for boundary in boundaries if boundary.kind == "constraint"))


def _together(method: Method, number: int, combined: CombinedBoundaries, *, valid: bool) -> Case:
    data = combined.message.SerializePartialToString(deterministic=True)
    return Case(
        id=f"boundary/{method.full_name}/{'together' if valid else 'odd-together'}-{number}",
        phase=Phase.BOUNDARY,
        method=method,
        calls=(call_of(method, data),),
        why=f"{len(combined.boundaries)} {'' if valid else 'unusual '}values at once",
        expect=Expect.ACCEPTED if valid else Expect.ANY,
        sub_cases=tuple(_alone(method, boundary) for boundary in combined.boundaries),
    )


def _values(method: Method, boundaries: Iterable[Boundary]) -> Iterator[Case]:
    """Yield a case for each boundary, of all fields in turns; the two sides of a bound make one together."""
    return in_turns(_cases(method, boundaries), key=lambda case: case.path)


def _cases(method: Method, boundaries: Iterable[Boundary]) -> Iterator[Case]:
    waiting: dict[str, Boundary] = {}
    for boundary in boundaries:
        if boundary.pair and boundary.side != "inside":
            other = waiting.pop(boundary.pair, None)
            if other is None:
                waiting[boundary.pair] = boundary
                continue
            at, past = (boundary, other) if boundary.side == "at" else (other, boundary)
            if at.side == "at" and at.valid and len(past.broken) == 1:
                yield _pair(method, at, past)
                continue
            yield _alone(method, other)
        yield _alone(method, boundary)
    for boundary in waiting.values():
        yield _alone(method, boundary)


def _alone(method: Method, boundary: Boundary) -> Case:
    return Case(
        id=f"boundary/{method.full_name}/{boundary.id}",
        phase=Phase.BOUNDARY,
        method=method,
        calls=(call_of(method, boundary.data),),
        why=boundary.reason,
        expect=expectation(method, boundary.broken, unusual=boundary.unusual),
        path=boundary.path,
        rule=", ".join(violation.rule for violation in boundary.broken),
        targets=_targets(method, boundary),
    )


def _targets(method: Method, boundary: Boundary) -> frozenset[str]:
    if boundary.kind == "missing" and _is_message(method, boundary.path):
        return frozenset({"empty_parts"})
    return _TARGETS.get(boundary.kind, frozenset())


def _is_message(method: Method, path: str) -> bool:
    current = method.input
    *way, last = path.replace("[]", "").split(".")
    for name in way:
        field = current.fields_by_name.get(name)
        if field is None or field.message_type is None:
            return False
        current = field.message_type
    field = current.fields_by_name.get(last)
    return field is not None and field.message_type is not None


def _pair(method: Method, at: Boundary, past: Boundary) -> Case:
    return Case(
        id=f"boundary/{method.full_name}/{at.pair}",
        phase=Phase.BOUNDARY,
        method=method,
        calls=(call_of(method, at.data), call_of(method, past.data)),
        why=f"{at.reason}; then {past.reason}",
        expect=expectation(method, past.broken),
        path=at.path,
        rule=past.broken[0].rule,
        shrinks_as_one=True,
        targets=frozenset({"boundary_pair"}) if expectation(method, past.broken).value == "refused" else frozenset(),
    )
