"""Rules broken on purpose, one at a time: what can be broken in a type, where, and with which values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.errors import SchemaError, did_you_mean
from grpcmock.fuzz.generation.message_classes import bytes_of, join, message_class_of, message_inside, message_of
from grpcmock.fuzz.generation.positions import Position
from grpcmock.fuzz.generation.violation import EVALUATION, Violation

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.choices import Draw
    from grpcmock.fuzz.generation.field_constraints import Constraints
    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages
    from grpcmock.fuzz.generation.rule_validator import RuleValidator
    from grpcmock.synthesis.planning import Planner

_DEEPEST = 4
_MOST = 500
_MOST_SAMPLES = 8


_Ways = dict[tuple[str, str], tuple[Violation, Position, tuple[bytes, ...]]]
"""By path and rule: the violation, where it can be made, and with what."""


class Breaker:
    """Breaks rules. What can be broken in a type is found out once, and each way confirmed by the validator."""

    def __init__(
        self, planner: Planner, validator: RuleValidator, minimal: MinimalMessages, constraints: Constraints
    ) -> None:
        self._planner = planner
        self._validator = validator
        self._minimal = minimal
        self._constraints = constraints
        self._found: dict[type[Message], _Ways] = {}

    def violations(self, message_class: type[Message]) -> tuple[Violation, ...]:
        """List what can be broken."""
        return tuple(violation for violation, _, _ in self._of(message_class).values())

    def break_rule(self, message: Message, violation: Violation, draw: Draw) -> Message:
        """Give a message that breaks the one rule: *message* changed, if it was valid otherwise, else the least one."""
        known = self._of(type(message))
        found = known.get((violation.path, violation.rule))
        if found is None:
            hint = did_you_mean(violation.id, (one.id for one, _, _ in known.values()), known="Known are")
            name = message.DESCRIPTOR.full_name
            raise SchemaError(f"No message {name} was found that breaks {violation.id} alone. {hint}".rstrip())
        _, position, samples = found
        sample = samples[draw(len(samples))]
        position.put(message, sample, self._minimal)
        if self._breaks(message) == [(violation.path, violation.rule)]:
            return message
        return position.on_minimal(type(message), sample, self._minimal)

    def _breaks(self, message: Message) -> list[tuple[str, str]]:
        return [(violation.path, violation.rule) for violation in self._validator.violations(message)]

    # What can be broken ----------------------------------------------------------------------------

    def _of(self, message_class: type[Message]) -> _Ways:
        found = self._found.get(message_class)
        if found is None:
            found = self._found[message_class] = self._search(message_class)
        return found

    def _search(self, message_class: type[Message]) -> _Ways:
        found: _Ways = {}
        descriptor: Any = message_class.DESCRIPTOR
        if not self._validator.has_rules(descriptor) or not self._minimal.satisfiable(message_class):
            return found
        for path, rule, position, samples in self._places(descriptor, (), ""):
            if len(found) >= _MOST:
                break
            if (path, rule) in found:
                continue
            confirmed: list[bytes] = []
            reason = ""
            for sample in samples[:_MOST_SAMPLES]:
                broken = self._validator.violations(position.on_minimal(message_class, sample, self._minimal))
                if [(one.path, one.rule) for one in broken] == [(path, rule)]:
                    confirmed.append(sample)
                    reason = reason or broken[0].reason
            if confirmed:
                found[path, rule] = Violation(path, rule, reason), position, tuple(confirmed)
        return found

    def _places(
        self, descriptor: Descriptor, steps: tuple[FieldDescriptor, ...], path: str
    ) -> Iterator[tuple[str, str, Position, tuple[bytes, ...]]]:
        """Yield the places, in a type and those inside it, where a rule can be broken: path, rule, and how."""
        if not self._validator.has_rules(descriptor):
            return
        plan = self._planner.plan(descriptor)
        fields = {field.name: field for field in (*plan.fields, *(m for oneof in plan.oneofs for m in oneof.members))}
        for name in descriptor.fields_by_name:
            for (below, rule), samples in self._constraints.sorted(fields[name]).bad.items():
                yield join(path, below), rule, Position(steps, name), samples
        for (below, rule), samples in self._of_whole(descriptor).items():
            yield join(path, below), rule, Position(steps), samples
        if len(steps) >= _DEEPEST:
            return
        for field in descriptor.fields:
            inner = message_inside(field)
            if inner is None or [step.message_type for step in steps].count(field.message_type) > 0:
                continue
            below = join(path, field.name) + ("[]" if field.is_repeated else "")
            yield from self._places(inner, (*steps, field), below)

    def _of_whole(self, descriptor: Descriptor) -> dict[tuple[str, str], tuple[bytes, ...]]:
        """Give messages that break a rule about several fields together: found by changing single fields."""
        plan = self._planner.plan(descriptor)
        oneofs = [oneof for oneof in plan.oneofs if oneof.must or "|" in oneof.name]
        if not plan.cel and not oneofs:
            return {}
        found: dict[tuple[str, str], dict[bytes, None]] = {}
        for candidate in self._mutants(descriptor):
            broken = self._validator.violations(candidate)
            if len(broken) != 1 or broken[0].rule == EVALUATION:
                continue
            key = (broken[0].path, broken[0].rule)
            is_whole = not broken[0].path or broken[0].path in descriptor.oneofs_by_name
            if is_whole and len(found.setdefault(key, {})) < _MOST_SAMPLES:
                found[key][bytes_of(candidate)] = None
        return {key: tuple(samples) for key, samples in found.items()}

    def _mutants(self, descriptor: Descriptor) -> Iterator[Message]:
        message_class = message_class_of(descriptor)
        plan = self._planner.plan(descriptor)
        fields = (*plan.fields, *(member for oneof in plan.oneofs for member in oneof.members))
        for base in (self._minimal.least(message_class), *self._minimal.naturals(message_class)):
            for oneof in plan.oneofs:
                message = message_of(message_class, base)
                for member in oneof.members:
                    message.ClearField(member.name)
                yield message
            for field in fields:
                for sample in self._constraints.sorted(field).good[:40]:
                    message = message_of(message_class, base)
                    message.ClearField(field.name)
                    message.MergeFromString(sample)
                    yield message
