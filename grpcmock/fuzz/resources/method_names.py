"""What methods do, and to which resources, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from grpcmock.fuzz.expectations.naming import capitalized, service_noun, singular, verb_and_noun
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.resources.fields import is_map, shown_types
from grpcmock.schema.method import Method, MethodKind
from grpcmock.schema.naming import snake_case

_VERB_AND_NOUN = re.compile(r"[A-Z][a-z]+([A-Z]\w*)")


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


def makes_by_type(method: Method) -> str:
    """Return what a method seems to make, whatever its verb: ``BookAppointment`` gives an ``Appointment``, and isn't
    told which one is meant. Empty if it makes nothing."""
    found = _VERB_AND_NOUN.fullmatch(capitalized(method.name))
    if found is None or told_by_name(method) is not None or only_reads(method) or method.kind is not MethodKind.UNARY:
        return ""
    noun, stem, keys = found[1], snake_case(found[1]), ("id", "uid", "uuid", "name", "number", "key", "code")
    is_shown = any(one.name == noun for one in shown_types(method.output))
    is_told = any(name in method.input.fields_by_name for key in keys for name in (key, f"{stem}_{key}", stem))
    return noun if is_shown and not is_told else ""


def _gives_many(method: Method) -> bool:
    """Whether a response is a list of messages, with nothing beside it that is one."""
    inner = [field for field in method.output.fields if field.message_type is not None]
    return len(inner) == 1 and inner[0].is_repeated and not is_map(inner[0]) and method.kind is MethodKind.UNARY
