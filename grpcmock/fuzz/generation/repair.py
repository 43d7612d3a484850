"""Fix a message that breaks rules: what is wrong is taken from one that keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation.message_classes import message_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.choices import Draw
    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages
    from grpcmock.fuzz.generation.rule_validator import RuleValidator
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.synthesis.planning import Planner

_ROUNDS = 3
_MOST_GRAFTS = 24


class Repairer:
    """Fixes messages. Nothing is thrown away and drawn anew, so that choices shrink well."""

    def __init__(self, planner: Planner, validator: RuleValidator, minimal: MinimalMessages) -> None:
        self._planner = planner
        self._validator = validator
        self._minimal = minimal

    def repair(self, message: Message, found: Iterable[Violation], draw: Draw) -> Message:
        """Give a valid message that has as much as possible of *message*, which breaks the rules *found*.

        Where the type can't be valid, one that breaks as few rules as could be had.
        """
        least = message_of(type(message), self._minimal.least(type(message)))
        for _ in range(_ROUNDS):
            for name in self._concerned(message, found):
                replace(message, name, least)
            found = self._validator.violations(message)
            if not found:
                return message
        return self._graft(message, draw)

    def _concerned(self, message: Message, found: Iterable[Violation]) -> list[str]:
        """Give the fields of the message itself that have to do with what was found."""
        fields = message.DESCRIPTOR.fields_by_name
        names: dict[str, None] = {}
        for violation in found:
            first = re.split(r"[.\[]", violation.path, maxsplit=1)[0]
            if first in fields:
                names[first] = None
            elif first in message.DESCRIPTOR.oneofs_by_name:
                names |= dict.fromkeys(field.name for field in message.DESCRIPTOR.oneofs_by_name[first].fields)
            else:
                names |= dict.fromkeys(self.mentioned(message, violation))
        return list(names)

    def mentioned(self, message: Message, violation: Violation) -> list[str]:
        """Give the fields that a rule about the whole message speaks of."""
        descriptor: Any = message.DESCRIPTOR
        plan = self._planner.plan(descriptor)
        expression = plan.cel.get(violation.rule, "")
        words = set(re.findall(r"\bthis\.(\w+)", expression))
        if not words:
            words = {member.name for oneof in plan.oneofs if "|" in oneof.name for member in oneof.members}
        return [name for name in descriptor.fields_by_name if name in words]

    def _graft(self, message: Message, draw: Draw) -> Message:
        """Put the fields of *message*, one after the other, into a message that keeps the rules, where they hold."""
        bases = (self._minimal.least(type(message)), *self._minimal.naturals(type(message)))
        base = message_of(type(message), bases[draw(len(bases))])
        allowed = len(self._validator.violations(base))
        if allowed and self._minimal.satisfiable(type(message)):
            base = message_of(type(message), bases[0])
            allowed = 0
        for field, _ in message.ListFields()[:_MOST_GRAFTS]:
            if field.is_extension:
                continue
            candidate = message_of(type(message), base.SerializePartialToString())
            replace(candidate, field.name, message)
            if len(self._validator.violations(candidate)) <= allowed:
                base = candidate
        return base


def replace(message: Any, name: str, other: Any) -> None:
    """Make a field hold what it holds in *other*, a message of the same type."""
    message.ClearField(name)
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.has_presence and not field.is_repeated and not other.HasField(name):
        return
    value = getattr(other, name)
    if field.is_repeated:
        getattr(message, name).MergeFrom(value)
    elif field.message_type is not None:
        getattr(message, name).CopyFrom(value)
        getattr(message, name).SetInParent()
    else:
        setattr(message, name, value)
