"""What methods do, and to which resources, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from grpcmock.fuzz.expectations.naming import service_noun, singular, verb_and_noun
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.resources.fields import is_map
from grpcmock.schema.method import Method, MethodKind


def with_irregular_plurals(
    groups: Mapping[tuple[str, str], list[tuple[Role, Method]]],
) -> Mapping[tuple[str, str], list[tuple[Role, Method]]]:
    """Return the methods of each noun, with those that list, ``ListShelves``, beside those of what they list."""
    found: dict[tuple[str, str], list[tuple[Role, Method]]] = {}
    for (service, noun), methods in groups.items():
        roles = {role for role, _ in methods}
        if roles <= {Role.LIST, Role.BATCH_GET, Role.EXPORT}:
            listed = {
                field.message_type.name
                for _, method in methods
                for field in method.output.fields
                if field.is_repeated and field.message_type is not None
            }
            named = [name for name in sorted(listed) if (service, name) in groups]
            noun = named[0] if named and noun not in listed else noun
        found.setdefault((service, noun), []).extend(methods)
    return found


def told_by_name(method: Method) -> tuple[Role, str] | None:
    """Return what a method does, and to what, by its name; None if that says neither."""
    told = verb_and_noun(method.name)
    if told is None:
        return None
    role, noun = told
    if role is Role.CREATE and method.kind is MethodKind.CLIENT_STREAMING:
        role = Role.IMPORT
    if role is Role.LIST and method.kind is MethodKind.BIDI_STREAMING:
        role = Role.LOOKUP
    if role is Role.LOOKUP and method.kind is MethodKind.UNARY:
        role = Role.GET
    if role is Role.GET and _gives_many(method):
        role = Role.LIST
    return role, singular(noun) or service_noun(method.service)


def _gives_many(method: Method) -> bool:
    """Whether a response is a list of messages, with nothing beside it that is one."""
    inner = [field for field in method.output.fields if field.message_type is not None]
    return len(inner) == 1 and inner[0].is_repeated and not is_map(inner[0]) and method.kind is MethodKind.UNARY
