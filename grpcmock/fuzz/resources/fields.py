"""Questions about types and their fields."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Path

KEYS = ("id", "number", "name", "uid", "uuid", "key", "code", "token")
"""What fields with keys are called, the likeliest first."""


def at(descriptor: Descriptor, path: Path) -> Descriptor | None:
    """Give the type that stands at a path; None if no message does."""
    for name in path:
        field = descriptor.fields_by_name.get(str(name))
        if field is None or field.message_type is None:
            return None
        descriptor = field.message_type
    return descriptor


def all_fields(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    """Yield the fields of a type, and of all the types inside it."""
    seen, pending = set(), [descriptor]
    while pending:
        current = pending.pop()
        if current.full_name in seen:
            continue
        seen.add(current.full_name)
        for field in current.fields:
            yield field
            if field.message_type is not None:
                pending.append(field.message_type)


def named(descriptor: Descriptor, *names: str) -> str:
    """Give the first of these names that a field with a single plain value has; empty if none does."""
    for name in names:
        field = descriptor.fields_by_name.get(name)
        if field is not None and field.message_type is None and not field.is_repeated:
            return name
    return ""


def shown_types(output: Descriptor) -> tuple[Descriptor, ...]:
    """Return the type of a response, and those of the single messages in it: what it may show whole."""
    return (
        output,
        *(one.message_type for one in output.fields if one.message_type is not None and not one.is_repeated),
    )


def type_name(field: FieldDescriptor) -> str:
    """Give the full name of the message type of a field; empty if it has none."""
    return field.message_type.full_name if field.message_type is not None else ""


def same_type(one: FieldDescriptor, other: FieldDescriptor) -> bool:
    """Whether two fields hold values of one type."""
    return bool(one.cpp_type == other.cpp_type) and type_name(one) == type_name(other)


def is_key(field: FieldDescriptor) -> bool:
    """Whether a field can tell one resource from another."""
    return not field.is_repeated and (field.cpp_type == field.CPPTYPE_STRING or field.cpp_type in WHOLE)


def names_same(one: Message, other: Message) -> bool:
    """Whether two messages of a type have the same key, so far as it has a field that is called like one."""
    key, scopes = _key_and_scopes(one.DESCRIPTOR)
    if not key or not getattr(one, key) or getattr(one, key) != getattr(other, key):
        return False
    return not any(getattr(one, own) and getattr(other, own) not in ("", 0, getattr(one, own)) for own in scopes)


def place_of(message: Any) -> tuple[str, ...] | None:
    """Return what tells a thing from all others: its type and its key, and where it stands if that is a number, which
    may count within something else; None if it has no key."""
    key, scopes = _key_and_scopes(message.DESCRIPTOR)
    value = getattr(message, key) if key else None
    if not value:
        return None
    within = () if isinstance(value, str) else (str(getattr(message, own)) for own in scopes)
    return (message.DESCRIPTOR.full_name, str(value), *within)


def is_mask(field: FieldDescriptor) -> bool:
    """Whether a field says which other fields are meant."""
    return type_name(field) == "google.protobuf.FieldMask"


@lru_cache(1024)
def _key_and_scopes(descriptor: Descriptor) -> tuple[str, tuple[str, ...]]:
    """Return the field with the key of a type, empty if it has none, and those that say below what its things stand."""
    noun = snake_case(descriptor.name)
    key = named(descriptor, *(f"{noun}_{name}" for name in KEYS), *KEYS)
    scopes = [own.name for own in descriptor.fields if is_key(own) and own.name.endswith(("_id", "parent"))]
    return key, tuple(scopes)


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def is_optional(field: FieldDescriptor) -> bool:
    """Whether a single value is called ``optional`` in proto3, so that a zero isn't the same as nothing."""
    oneof = field.containing_oneof
    return oneof is not None and oneof.name == f"_{field.name}" and field.message_type is None
