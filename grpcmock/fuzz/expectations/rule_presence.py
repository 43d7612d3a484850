"""Whether the contract states rules for a type at all: constraints of protovalidate, and behaviors of fields."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

_CONSTRAINTS = ("buf.validate.", "validate.")
_BEHAVIORS = ("google.api.field_behavior", "google.api.field_info")


class RulePresence(NamedTuple):
    """What there is for a type, or for one that stands inside it."""

    constraints: bool
    rules: bool
    """Constraints, or behaviors of fields such as REQUIRED."""


@lru_cache(1024)
def rule_presence(descriptor: Descriptor) -> RulePresence:
    """Look through a type and all the types of its fields."""
    constraints = rules = False
    seen: set[str] = set()
    pending = [descriptor]
    while pending:
        current = pending.pop()
        if current.full_name in seen:
            continue
        seen.add(current.full_name)
        places = [current, *current.oneofs, *current.fields]
        names = {option for place in places for option in _options(place)}
        constraints = constraints or any(name.startswith(_CONSTRAINTS) for name in names)
        rules = rules or any(name.startswith(_BEHAVIORS) for name in names)
        pending += [field.message_type for field in current.fields if field.message_type is not None]
    return RulePresence(constraints, constraints or rules)


def has_behavior(field: FieldDescriptor) -> bool:
    """Whether a field is annotated with how it behaves, be it as required or as something else."""
    return any(name.startswith(_BEHAVIORS) for name in _options(field))


_NUMBERS = {1159: "buf.validate.", 1071: "validate.rules", 1052: "google.api.field_behavior"}
"""Options that a pool doesn't know by name are told by their numbers: buf.validate, protoc-gen-validate, AIP-203."""


def _options(place: object) -> list[str]:
    from google.protobuf.unknown_fields import UnknownFieldSet

    options = place.GetOptions()  # type: ignore[attr-defined]
    unknown: Any = UnknownFieldSet(options)
    names = [field.full_name for field, _ in options.ListFields()]
    return names + [_NUMBERS[field.field_number] for field in unknown if field.field_number in _NUMBERS]
