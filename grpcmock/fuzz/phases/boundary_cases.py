"""Cases at the boundaries of one method's requests: around the least one, or one that the server is known to take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.fuzz.expectations.field_paths import is_set, resolve
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.phases import field_relations, item_relations
from grpcmock.fuzz.phases.interleaving import in_turns
from grpcmock.fuzz.phases.request_expectation import expectation, with_controls

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.message_boundaries import Boundary
    from grpcmock.fuzz.generation.positions import Position
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_TARGETS = {
    "empty": frozenset({"empty_request"}),
    "present": frozenset({"empty_parts"}),
    "oneof": frozenset({"empty_parts"}),
    "undeclared": frozenset({"open_enum"}),
}

_MOST_LATER = 16
"""So many cases break a rule in a second item of a list."""


class BoundaryCases:
    """Makes the cases of one method: around the least request, or one that the server is known to take."""

    def __init__(self, method: Method, plan: Plan) -> None:
        self.method = method
        self.plan = plan
        self._generator = plan.generators.of(method.input)
        self._accepted = plan.acceptance.of(method)
        self._behind: set[str] = set()
        """The ids of boundaries that stand in a request which the server takes but for them."""

    def behind_the_door(self, boundary: Boundary) -> Boundary:
        """Return a boundary in a request that the server takes, so that it isn't refused for anything else."""
        position = boundary.position
        if self._accepted is None:
            return boundary
        if position is None:
            return self._lacking(self._accepted, boundary) if boundary.kind == "missing" else boundary
        if (*(step.name for step in position.steps), position.name) in self._accepted.references:
            return boundary
        message = self._accepted.fullest
        position.put(message, boundary.sample, self.plan.generators.minimal)
        if boundary.kind == "well-known":
            _keep_texts(position, self._accepted.fullest, message)
        if self._generator.broken(message) != frozenset(boundary.broken):
            return boundary
        self._behind.add(boundary.id)
        return replace(boundary, message=message)

    def _lacking(self, accepted: AcceptedRequest, boundary: Boundary) -> Boundary:
        """Return a request that the server takes without a field that must be set; the boundary itself if that can't
        be."""
        way = resolve(self.method.input, boundary.path)
        path = tuple(boundary.path.split("."))
        message = accepted.fullest
        if way is None or any(step.is_repeated for step in way[:-1]):
            return boundary
        if any(place[: len(path)] == path for place in accepted.references):
            return boundary  # what is named there would be put back
        if not is_set(message, way):
            return boundary
        owner: Any = value_at(message, path[:-1])
        owner.ClearField(path[-1])
        if self._generator.broken(message) != frozenset(boundary.broken):
            return boundary
        self._behind.add(boundary.id)
        return replace(boundary, message=message)

    def together(self, boundaries: Iterable[Boundary], *, valid: bool) -> Iterator[Case]:
        """Yield many boundaries at once."""
        base = self._accepted.fullest if self._accepted is not None else None
        boundaries = list(boundaries)
        chosen = [one for one in boundaries if base is None or one.id in self._behind]
        found = self._generator.combined_boundaries(chosen, valid=valid, base=base)
        for number, combined in enumerate(found):
            label = f"{'together' if valid else 'odd-together'}-{number}"
            *setup, call = self._calls(combined.message, label, is_behind=base is not None)
            yield Case(
                id=f"boundary/{self.method.full_name}/{label}",
                phase=Phase.BOUNDARY,
                method=self.method,
                calls=(*setup, call),
                setup=len(setup),
                why=f"{len(combined.boundaries)} {'' if valid else 'unusual '}values at once",
                expect=Expect.ACCEPTED if valid else Expect.ANY,
                sub_cases=tuple(map(self.alone, combined.boundaries)),
            )

    def related(self) -> Iterator[Case]:
        """Yield a request that the server takes with fields left out, with two that are the same or exchanged, and with
        another item; each with a plain one after it, which shows whether anything is left of it."""
        if self._accepted is None:
            return
        for one in chain(
            field_relations.pairs(self._accepted),
            item_relations.later_items(self._accepted),
            item_relations.map_letters(self._accepted),
            field_relations.left_out(self._accepted),
        ):
            calls = one.calls(self._accepted, one.label)
            yield self._case(one.label, one.reason, calls, path=one.path, last=2)

    def later_items(self, boundaries: Iterable[Boundary]) -> Iterator[Case]:
        """Yield a request that the server takes with a second item in a list, which breaks a rule that the first keeps.

        What is checked of the first item is often taken for granted of those after it.
        """
        return islice(in_turns(self._later_items(boundaries), key=lambda case: case.path), _MOST_LATER)

    def _later_items(self, boundaries: Iterable[Boundary]) -> Iterator[Case]:
        for boundary in boundaries:
            is_framed = boundary.id in self._behind or boundary.kind == "missing"
            if len(boundary.broken) != 1 or not is_framed or self._accepted is None:
                continue
            message = self._accepted.fullest
            if not item_relations.in_second_item(message, boundary, self.plan.generators.minimal):
                continue
            if self._generator.broken(message) == frozenset(boundary.broken):
                label = f"{boundary.id}+second"
                calls = self._calls(message, label, boundary.path, is_behind=True)
                case = plain_case(self.method, replace(boundary, id=label, message=message))
                yield replace(case, calls=calls, setup=len(calls) - 1, why=f"{boundary.reason}, in a second item")

    def made_otherwise(self) -> Iterator[Case]:
        """Yield a request that the server takes, with one of the things that it needs made with another value."""
        for label, reason, accepted in (
            field_relations.needs_otherwise(self._accepted) if self._accepted is not None else ()
        ):
            data = accepted.fullest.SerializePartialToString(deterministic=True)
            yield self._case(label, reason, accepted.calls(data, salt=label))

    def keys(self, boundaries: Iterable[Boundary]) -> Iterator[Case]:
        """Yield a request that the server takes with each of what it names at the edges of its type, all else made as
        ever: where nothing has such a key, it is looked for all the same."""
        return in_turns(self._keys(boundaries), key=lambda case: case.path)

    def _keys(self, boundaries: Iterable[Boundary]) -> Iterator[Case]:
        accepted = self._accepted
        for boundary in boundaries if accepted is not None else ():
            position = boundary.position
            if boundary.kind != "scalar" or position is None or any(step.is_repeated for step in position.steps):
                continue
            place = (*(step.name for step in position.steps), position.name)
            if accepted is None or place not in accepted.references:
                continue
            message = accepted.fullest
            position.put(message, boundary.sample, self.plan.generators.minimal)
            naming = replace(accepted, needs=tuple(need for need in accepted.needs if need.target != place))
            calls = naming.calls(message.SerializePartialToString(deterministic=True), salt=boundary.id)
            yield self._case(f"{boundary.id}+as-key", boundary.reason, calls, path=boundary.path)

    def _case(self, label: str, why: str, calls: tuple[Call, ...], *, path: str = "", last: int = 1) -> Case:
        """Return a case that is about so many of the *last* calls, and expects nothing of their status."""
        return Case(
            id=f"boundary/{self.method.full_name}/{label}",
            phase=Phase.BOUNDARY,
            method=self.method,
            calls=calls,
            setup=len(calls) - last,
            why=why,
            expect=Expect.ANY,
            path=path,
        )

    def _calls(self, message: Message, label: str, path: str = "", *, is_behind: bool) -> tuple[Call, ...]:
        """Return the calls with a message that says something of its own at a *path*."""
        data = message.SerializePartialToString(deterministic=True)
        if self._accepted is None or not is_behind:
            return (call_of(self.method, data),)
        return self._accepted.saying(path).calls(data, salt=label)

    def values(self, boundaries: Iterable[Boundary]) -> Iterator[Case]:
        """Yield a case for each boundary, of all fields in turns; the two sides of a bound make one together."""
        return in_turns(self._cases(boundaries), key=lambda case: case.path)

    def _cases(self, boundaries: Iterable[Boundary]) -> Iterator[Case]:
        waiting: dict[str, Boundary] = {}
        is_framed = self._accepted is not None and bool(self._accepted.needs or self._accepted.optional)
        for boundary in boundaries:
            if boundary.pair and boundary.side != "inside" and not is_framed:
                other = waiting.pop(boundary.pair, None)
                if other is None:
                    waiting[boundary.pair] = boundary
                    continue
                at, past = (boundary, other) if boundary.side == "at" else (other, boundary)
                if at.side == "at" and at.valid and len(past.broken) == 1:
                    yield self._pair(at, past)
                    continue
                yield self.alone(other)
            yield self.alone(boundary)
        for boundary in waiting.values():
            yield self.alone(boundary)

    def alone(self, boundary: Boundary) -> Case:
        """Return the case of one boundary."""
        calls = self._calls(boundary.message, boundary.id, boundary.path, is_behind=boundary.id in self._behind)
        unusual = boundary.unusual or boundary.kind == "undeclared"
        case = replace(plain_case(self.method, boundary, unusual=unusual), calls=calls, setup=len(calls) - 1)
        return with_controls(case, self.plan)

    def _pair(self, at: Boundary, past: Boundary) -> Case:
        """Return the case of both sides of a bound: what is at it is taken, and what is past it refused."""
        expect = expectation(self.method, past.broken)
        return Case(
            id=f"boundary/{self.method.full_name}/{at.pair}",
            phase=Phase.BOUNDARY,
            method=self.method,
            calls=tuple(self._calls(one.message, one.id, is_behind=one.id in self._behind)[-1] for one in (at, past)),
            why=f"{at.reason}; then {past.reason}",
            expect=expect,
            path=at.path,
            rule=past.broken[0].rule,
            shrinks_as_one=True,
            targets=frozenset({"boundary_pair"}) if expect is Expect.REFUSED else frozenset(),
        )


def _keep_texts(position: Position, before: Message, after: Message) -> None:
    """Leave the texts of a message as they were when its numbers are changed: sums of money keep their currency."""
    path = (*(step.name for step in position.steps), position.name)
    if any(step.is_repeated for step in position.steps):
        return
    ours, theirs = value_at(before, path), value_at(after, path)
    if isinstance(ours, Message):
        for field, value in ours.ListFields():
            if field.type == field.TYPE_STRING and not field.is_repeated and not getattr(theirs, field.name):
                setattr(theirs, field.name, value)


def plain_case(method: Method, boundary: Boundary, *, unusual: bool = False) -> Case:
    """Return the case of one boundary with nothing before it."""
    return Case(
        id=f"boundary/{method.full_name}/{boundary.id}",
        phase=Phase.BOUNDARY,
        method=method,
        calls=(call_of(method, boundary.data),),
        why=boundary.reason,
        expect=expectation(method, boundary.broken, unusual=unusual),
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
