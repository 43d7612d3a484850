"""Messages at the boundaries of their type: always the same, each with an id that stays and a reason in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation.field_boundaries import edges, set_field
from grpcmock.fuzz.generation.message_classes import bytes_of, join, message_class_of, message_inside, message_of
from grpcmock.fuzz.generation.positions import Position
from grpcmock.fuzz.generation.rule_bounds import AT, INSIDE, OUTSIDE, BoundValue, bound_values

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.field_constraints import Constraints
    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages
    from grpcmock.fuzz.generation.rule_validator import RuleValidator
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.synthesis.planning import FieldPlan, Planner

_DEEPEST = 3
_MOST = 800
_MOST_FIELDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """One message at a boundary."""

    id: str
    """Stable and readable: ``id=max``, ``lines[].quantity~gt=0:outside``. No two of a type are alike."""

    reason: str
    """Why, in words: ``id is the greatest int32``."""

    kind: str
    """``empty``, ``scalar``, ``enum``, ``undeclared``, ``present`` (a message that is there, but empty), ``oneof``,
    ``list``, ``map``, ``well-known``, ``constraint``, ``missing``."""

    path: str
    """The field it is about: ``lines[].quantity``; empty for the message as a whole."""

    message: Message
    """Not to be changed. It may lack required fields: encode it with ``SerializePartialToString``."""

    broken: tuple[Violation, ...] = ()
    """The rules it breaks; none, if it is valid as far as the constraints tell."""

    pair: str = ""
    """What the sides of one constraint have in common: ``lines[].quantity~gt=0``."""

    side: str = ""
    """``at`` the bound, ``inside`` or ``outside``; empty where there is no constraint."""

    unusual: bool = False
    """Whether a well-known type is outside of what its own definition allows, such as a moment in the year 10000."""

    position: Position | None = None
    """Where its value stands; None if it is about what isn't there."""

    sample: bytes = b""
    """The value: the bytes of a message that holds the field alone."""

    @property
    def valid(self) -> bool:
        """Whether a server has no stated reason to refuse it."""
        return not self.broken and not self.unusual

    @property
    def data(self) -> bytes:
        """The message as bytes, always the same."""
        return bytes_of(self.message)


_SIDES = {AT: "is at the bound of", INSIDE: "is just inside of", OUTSIDE: "is just outside of"}
_KEEPING = {INSIDE: "keeps", OUTSIDE: "breaks"}


@dataclass(frozen=True, slots=True)
class _Sample:
    label: str
    reason: str
    kind: str
    data: bytes
    unusual: bool = False
    pair: str = ""
    side: str = ""


class Explorer:
    """Walks the boundaries of types."""

    def __init__(
        self, planner: Planner, validator: RuleValidator, minimal: MinimalMessages, constraints: Constraints
    ) -> None:
        self._planner = planner
        self._validator = validator
        self._minimal = minimal
        self._constraints = constraints

    def boundaries(self, message_class: type[Message]) -> Iterator[Boundary]:
        """Yield a bounded number of messages: those about the type's own fields first, then those further inside."""
        seen: set[str] = set()
        number = 0
        for boundary in self._all(message_class):
            if boundary.id in seen:
                continue
            seen.add(boundary.id)
            number += 1
            if number > _MOST:
                return
            yield boundary

    def _all(self, message_class: type[Message]) -> Iterator[Boundary]:
        empty = message_class()
        yield self._boundary("empty", "nothing is set", "empty", "", empty)
        descriptor: Any = message_class.DESCRIPTOR
        spots = list(self._spots(descriptor))
        # Enough for each field even where there are many; most for the type's own.
        own = sum(not steps for steps, _, _ in spots)
        shares = max(2, _MOST * 3 // (4 * max(1, own))), max(1, _MOST // (4 * max(1, len(spots) - own)))
        for steps, path, plan in spots:
            name = join(path, plan.name)
            position = Position(steps, plan.name)
            for index, sample in enumerate(self._samples(plan)):
                if index >= shares[bool(steps)] and sample.kind not in ("enum", "undeclared", "present"):
                    continue
                message = position.on_minimal(message_class, sample.data, self._minimal)
                yield self._made(name, f"{name}={sample.label}", sample, message, position)
            yield from self._sides(message_class, position, plan, name)
        yield from self._oneofs(message_class, spots)
        yield from self._missing(message_class, spots)

    def _boundary(self, label: str, reason: str, kind: str, path: str, message: Message) -> Boundary:
        broken = self._validator.violations(message)
        return Boundary(id=label, reason=reason, kind=kind, path=path, message=message, broken=broken)

    def _made(self, path: str, label: str, sample: _Sample, message: Message, position: Position) -> Boundary:
        return Boundary(
            id=label,
            reason=f"{path} {sample.reason}",
            kind=sample.kind,
            path=path,
            message=message,
            broken=self._validator.violations(message),
            pair=sample.pair,
            side=sample.side,
            unusual=sample.unusual,
            position=position,
            sample=sample.data,
        )

    def _spots(self, descriptor: Descriptor) -> Iterator[tuple[tuple[FieldDescriptor, ...], str, FieldPlan]]:
        """Yield the fields of a type, then those of the messages in it, each type once on the way to any of them."""
        pending: list[tuple[tuple[FieldDescriptor, ...], str, Descriptor]] = [((), "", descriptor)]
        count = 0
        for steps, path, current in pending:
            plan = self._planner.plan(current)
            by_name = {f.name: f for f in (*plan.fields, *(m for oneof in plan.oneofs for m in oneof.members))}
            for field in current.fields:
                count += 1
                if count > _MOST_FIELDS:
                    return
                yield steps, path, by_name[field.name]
                inner = message_inside(field)
                around = {descriptor, *(step.message_type for step in steps)}
                if inner is not None and inner not in around and len(steps) < _DEEPEST - 1:
                    below = join(path, field.name) + ("[]" if field.is_repeated else "")
                    pending.append(((*steps, field), below, inner))

    # Values ----------------------------------------------------------------------------------------

    def _samples(self, plan: FieldPlan) -> Iterator[_Sample]:
        """Yield what to put into a field alone."""
        field = plan.descriptor
        owner: Any = field.containing_type
        message_class = message_class_of(owner)
        for label, reason, kind, unusual, value in edges(field):
            message: Any = message_class()
            try:
                set_field(message, field, value)
            except (ValueError, TypeError):
                continue
            data = bytes_of(message)
            if data:
                yield _Sample(label, reason, kind, data, unusual)

    def _sides(
        self, message_class: type[Message], position: Position, plan: FieldPlan, name: str
    ) -> Iterator[Boundary]:
        """Yield the sides of a field's constraints, each pair in a message that is valid but for the one outside."""
        pairs: dict[str, list[BoundValue]] = {}
        for side in bound_values(plan, self._constraints):
            pairs.setdefault(side.rule, []).append(side)
        for both in pairs.values():
            for base in (self._minimal.least(message_class), *self._minimal.naturals(message_class)):
                found = [self._side(message_class, base, position, name, side) for side in both]
                if all(boundary.valid is (boundary.side != OUTSIDE) for boundary in found):
                    yield from found
                    yield from self._wide(message_class, base, position, name, both)
                    break

    def _wide(
        self, message_class: type[Message], base: bytes, position: Position, name: str, both: list[BoundValue]
    ) -> Iterator[Boundary]:
        """Yield the longest text once more, of letters that take more than one byte each: a bound counts characters."""
        for side in both:
            if side.side == AT and side.rule.startswith("max_len="):
                owner: Any = position.owner(message_class)
                text = message_of(owner, side.sample)
                value = getattr(text, position.name)
                if isinstance(value, str):
                    setattr(text, position.name, "\u00e9" * len(value))
                    wide = BoundValue(f"{side.rule}:wide", INSIDE, bytes_of(text))
                    if (boundary := self._side(message_class, base, position, name, wide)).valid:
                        yield replace(boundary, reason=f"{name} keeps {side.rule} in letters of two bytes", pair="")

    def _side(
        self, message_class: type[Message], base: bytes, position: Position, name: str, side: BoundValue
    ) -> Boundary:
        message = message_of(message_class, base)
        position.put(message, side.sample, self._minimal)
        words = _SIDES if "=" in side.rule else _KEEPING
        sample = _Sample(
            f"{side.rule}:{side.side}",
            f"{words[side.side]} {side.rule}",
            "constraint",
            side.sample,
            pair=f"{name}~{side.rule}",
            side=side.side,
        )
        return self._made(name, f"{name}~{sample.label}", sample, message, position)

    def _oneofs(self, message_class: type[Message], spots: list[Any]) -> Iterator[Boundary]:
        """Yield messages in which no arm of a oneof is set; each arm alone is among the fields."""
        for steps, path, plan in spots:
            owner = plan.descriptor.containing_type
            oneof = plan.descriptor.containing_oneof
            if oneof is None or owner is None or oneof.fields[0].name != plan.name or _is_synthetic(oneof):
                continue
            name = join(path, oneof.name)
            starts = [("none", self._minimal.least(message_class))]
            starts += [("none-of-all", natural) for natural in self._minimal.naturals(message_class)[:1]]
            for label, start in starts:
                message = message_of(message_class, start)
                target = Position(steps).find(message, self._minimal)
                target.ClearField(oneof.name)
                reason = f"no arm of {name} is set" + (", though all else is" if label != "none" else "")
                yield self._boundary(f"{name}={label}", reason, "oneof", name, message)

    def _missing(self, message_class: type[Message], spots: list[Any]) -> Iterator[Boundary]:
        """Yield messages that lack one field that must be there."""
        for steps, path, plan in spots:
            if not self._constraints.must(plan):
                continue
            message = message_of(message_class, self._minimal.least(message_class))
            Position(steps).find(message, self._minimal).ClearField(plan.name)
            name = join(path, plan.name)
            yield self._boundary(f"{name}=missing", f"{name} must be set, but isn't", "missing", name, message)


def _is_synthetic(oneof: Any) -> bool:
    return len(oneof.fields) == 1 and oneof.name == f"_{oneof.fields[0].name}"
