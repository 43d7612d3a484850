"""Which rules a message breaks: by protovalidate, and by the annotations that no validator looks at."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation.message_classes import join
from grpcmock.fuzz.generation.violation import EVALUATION, Violation
from grpcmock.schema.annotations import Rules
from grpcmock.schema.rules import BrokenRulesError, UnreadableRulesError
from grpcmock.synthesis.planning import Shape

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.synthesis.planning import FieldPlan, Planner

BEHAVIOR = "google.api.field_behavior"
RESOURCE = "google.api.resource"
FORMAT = "google.api.field_info"
REQUIRED = "proto.required"

_INDEX = re.compile(r"\[[^\]]*\]")
_UUID4 = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")

_Check = Callable[[Any, str], Iterator[Violation]]
"""Yields what is wrong with a message that stands at a path."""


class RuleValidator:
    """Tells which rules messages break. Rules that can't be compiled break nothing; see :meth:`unreadable`."""

    def __init__(self, planner: Planner, *, as_request: bool) -> None:
        """With *as_request*, what only a server may set needs not be there, whatever else is said of it."""
        self._planner = planner
        self._as_request = as_request
        self._ruled: dict[Descriptor, bool] = {}
        self._checks: dict[Descriptor, tuple[_Check, ...]] = {}

    def has_rules(self, descriptor: Descriptor) -> bool:
        """Whether a type, or one inside it, has any rule at all."""
        return self._has_rules(descriptor) or bool(self._annotations(descriptor)) or _may_be_incomplete(descriptor)

    def violations(self, message: Message) -> tuple[Violation, ...]:
        """List the rules that a message breaks, each as often as it does."""
        descriptor: Any = message.DESCRIPTOR
        found: list[Violation] = []
        if not message.IsInitialized():
            missing: Any = message
            paths = (_INDEX.sub("[]", path) for path in missing.FindInitializationErrors())
            found += (Violation(path, REQUIRED, "a required field is missing") for path in paths)
        if self._has_rules(descriptor):
            found += self._validate(message)
        for check in self._annotations(descriptor):
            found += check(message, "")
        return tuple(found)

    def unreadable(self, message_class: type[Message]) -> str:
        """Return why protovalidate can't compile the rules of a type; empty if it can."""
        descriptor: Any = message_class.DESCRIPTOR
        if not self._has_rules(descriptor):
            return ""
        try:
            self._planner.judge.violations(message_class())
        except UnreadableRulesError as error:
            return str(error)
        except BrokenRulesError:
            pass
        return ""

    def _validate(self, message: Message) -> list[Violation]:
        try:
            return list(map(_told, self._planner.judge.violations(message)))
        except BrokenRulesError as error:
            return [Violation("", EVALUATION, str(error))]
        except UnreadableRulesError:
            return []  # said once, at the start of a run

    # Which types have rules ------------------------------------------------------------------------

    def _has_rules(self, descriptor: Descriptor) -> bool:
        if not self._planner.options.has_rules:
            return False
        found = self._ruled.get(descriptor)
        if found is None:
            found = self._ruled[descriptor] = any(map(self._states_rules, reachable(descriptor)))
        return found

    def _states_rules(self, descriptor: Descriptor) -> bool:
        options = self._planner.options.message(descriptor)
        plan = self._planner.plan(descriptor)
        fields = (*plan.fields, *(member for oneof in plan.oneofs for member in oneof.members))
        return bool(
            options.cel
            or options.oneofs
            or any(oneof.must for oneof in plan.oneofs)
            or any(field.rules != Rules() for field in fields)
        )

    # Annotations -----------------------------------------------------------------------------------

    def must(self, plan: FieldPlan) -> bool:
        """Whether a field has to be set, by any annotation."""
        return plan.descriptor.is_required or plan.rules.required or self.expected(plan)

    def expected(self, plan: FieldPlan) -> bool:
        """Whether ``field_behavior`` has a field set. A number or flag that is zero may well have been set."""
        behaviors = plan.options.behaviors
        if "REQUIRED" not in behaviors or (self._as_request and "OUTPUT_ONLY" in behaviors):
            return False
        field = plan.descriptor
        texts = (FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_ENUM)
        return field.has_presence or field.is_repeated or field.cpp_type in texts

    def is_endless(self, descriptor: Descriptor, around: tuple[Descriptor, ...] = ()) -> bool:
        """Whether a message of a type would have to hold another of the same type, and so on without end."""
        if descriptor in around:
            return True
        plan = self._planner.plan(descriptor)
        inside = [
            held.message_type
            for field in plan.fields
            if (held := field.entry or field).shape is Shape.MESSAGE
            and (self.must(field) or field.rules.values.get("min_items") or field.rules.values.get("min_pairs"))
        ]
        return any(self.is_endless(inner, (*around, descriptor)) for inner in inside)

    def _annotations(self, descriptor: Descriptor) -> tuple[_Check, ...]:
        found = self._checks.get(descriptor)
        if found is None:
            self._checks[descriptor] = ()
            if any(any(self._own_checks(inside)) for inside in reachable(descriptor)):
                found = tuple(self._own_checks(descriptor)) + tuple(self._inner_checks(descriptor))
            found = self._checks[descriptor] = found or ()
        return found

    def _own_checks(self, descriptor: Descriptor) -> Iterator[_Check]:
        plan = self._planner.plan(descriptor)
        # Those of proto3 that are `optional` stand in a oneof only by name.
        yield from (_presence_check(field) for field in plan.fields if self.expected(field))
        for field in (*plan.fields, *(member for oneof in plan.oneofs for member in oneof.members)):
            name = field.name
            if field.descriptor.type != FieldDescriptor.TYPE_STRING:
                continue
            if (expression := resource_expression(field)) is not None:
                reason = f"is no resource name like {' or '.join(field.options.patterns)}"
                yield _text_check(name, lambda text, known=expression: bool(known.fullmatch(text)), RESOURCE, reason)  # type: ignore[misc]
            if field.options.format:
                asked = field.options.format
                yield _text_check(name, lambda text, asked=asked: has_format(asked, text), FORMAT, f"is no {asked}")  # type: ignore[misc]

    def _inner_checks(self, descriptor: Descriptor) -> Iterator[_Check]:
        for field in descriptor.fields:
            inner = field.message_type
            if inner is None or inner.full_name.startswith("google.protobuf."):
                continue
            if inner.GetOptions().map_entry:
                held = inner.fields_by_name["value"].message_type
                if held is not None and not held.full_name.startswith("google.protobuf."):
                    yield self._descent(field, held)
            else:
                yield self._descent(field, inner)

    def _descent(self, field: FieldDescriptor, inner: Descriptor) -> _Check:
        name, is_list = field.name, field.is_repeated
        is_map = is_list and inner is not field.message_type

        def check(message: Any, path: str) -> Iterator[Violation]:
            checks = self._annotations(inner)
            if not checks:
                return
            value = getattr(message, name)
            if is_list:
                parts, below = (value.values() if is_map else value), f"{join(path, name)}[]"
            else:
                parts, below = ([value] if message.HasField(name) else []), join(path, name)
            for part in parts:
                for inside in checks:
                    yield from inside(part, below)

        return check


def reachable(descriptor: Descriptor) -> Iterator[Descriptor]:
    """Yield a type and all those that can stand inside it, map entries left out."""
    seen, pending = {descriptor}, [descriptor]
    while pending:
        current = pending.pop()
        if not current.GetOptions().map_entry:
            yield current
        for field in current.fields:
            inner = field.message_type
            if inner is not None and inner not in seen and not inner.full_name.startswith("google.protobuf."):
                seen.add(inner)
                pending.append(inner)


def _may_be_incomplete(descriptor: Descriptor) -> bool:
    return any(field.is_required for inside in reachable(descriptor) for field in inside.fields)


def _told(violation: Any) -> Violation:
    proto = violation.proto
    path = ""
    for element in proto.field.elements if proto.field is not None else ():
        path = join(path, element.field_name)
        if element.subscript is not None:
            path += "[]"
    return Violation(path, proto.rule_id, proto.message or f"breaks the rule {proto.rule_id}")


def _presence_check(plan: FieldPlan) -> _Check:
    name, tracked, is_list = plan.name, plan.descriptor.has_presence, plan.descriptor.is_repeated

    def check(message: Any, path: str) -> Iterator[Violation]:
        if not (message.HasField(name) if tracked and not is_list else getattr(message, name)):
            yield Violation(join(path, name), BEHAVIOR, "is REQUIRED, but not set")

    return check


def _text_check(name: str, holds: Callable[[str], bool], rule: str, reason: str) -> _Check:
    def check(message: Any, path: str) -> Iterator[Violation]:
        value = getattr(message, name)
        for text in [value] if isinstance(value, str) else value:
            if text and not holds(text):
                yield Violation(join(path, name), rule, reason)

    return check


def resource_expression(plan: FieldPlan) -> re.Pattern[str] | None:
    """Give the expression for the names of the resources that a field refers to; None if it refers to none.

    A resource's own name isn't checked: a server may choose it by itself.
    """
    patterns = plan.options.patterns
    if not patterns or plan.options.own_name or "*" in patterns:
        return None
    return re.compile("|".join(map(_expression, patterns)))


def _expression(pattern: str) -> str:
    parts = re.split(r"(\{[^}]*\}|\*\*?)", pattern)
    return "".join(_VARIABLE if part[:1] in "{*" and part else re.escape(part) for part in parts)


_VARIABLE = r"[^/]+"


def has_format(name: str, text: str) -> bool:
    """Whether a text has one of the formats of ``google.api.field_info``."""
    if name == "UUID4":
        return _UUID4.fullmatch(text) is not None
    try:
        version = ipaddress.ip_address(text).version
    except ValueError:
        return False
    return name == "IPV4_OR_IPV6" or name == f"IPV{version}"
