"""Where resources and their keys stand in the requests and responses of methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.resources.fields import is_map, named, same_type
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.resources.resource import Operation, Resource
    from grpcmock.schema import Method

_OPAQUE = frozenset({"google.protobuf.Empty", "google.longrunning.Operation", "google.protobuf.Any"})
"""Responses that show no resource; one that is made later can't be looked for now."""

RESOURCE_KEYS = ("name", "id", "uid", "uuid", "key", "guid")
"""What the keys of resources are called, the likeliest first."""


SIZES = ("page_size", "limit", "max_results", "per_page", "take", "max_items")
"""Fields that say how many are wanted."""


_AFTER = ("after", "start_after", "starting_after", "after_id", "after_key", "last_id", "exclusive_start_key")
_MORE = ("more", "has_more", "has_next", "has_next_page", "truncated", "is_truncated")


def with_paging(operation: Operation, resource: Resource) -> Operation:
    """Return an operation with the fields of its request that say which part of a list is wanted, and that of the
    response which leads on."""
    request, response = operation.method.input, operation.method.output
    return replace(
        operation,
        page_size=named(request, *SIZES),
        page_token=named(request, "page_token"),
        next_token=named(response, "next_page_token"),
        page=named(request, "page", "page_number"),
        offset=named(request, "offset", "skip"),
        after=_after(request, resource),
        more=named(response, *_MORE),
    )


def _after(request: Descriptor, resource: Resource) -> str:
    """Return the field of a request that names the last thing on the page before; empty if there is none."""
    own = resource.descriptor.fields_by_name[resource.key]
    name = named(request, *_AFTER, f"after_{resource.key}")
    return name if name and same_type(request.fields_by_name[name], own) else ""


def shown_type(method: Method, noun: str, role: Role) -> Descriptor | None:
    """Find the type of the resource that a method shows; None where it shows none."""
    output = method.output
    if output.full_name in _OPAQUE:
        return None
    inner = [field for field in output.fields if field.message_type is not None and not is_map(field)]
    many = role is Role.LIST and method.kind is MethodKind.UNARY
    fitting = [field for field in inner if field.is_repeated == many]
    for field in fitting:
        if (field.message_type is not None and field.message_type.name == noun) or field.name in (
            snake_case(noun),
            f"{snake_case(noun)}s",
        ):
            return field.message_type
    if many:
        return fitting[0].message_type if len(fitting) == 1 else None
    if role is Role.CREATE and not any(name in output.fields_by_name for name in RESOURCE_KEYS):
        return None
    return output


def shown_in(output: Descriptor, descriptor: Descriptor) -> tuple[Path | None, bool]:
    """Find the resource in a response: the path, and whether a list stands there."""
    if output.full_name == descriptor.full_name:
        return (), False
    for field in output.fields:
        if field.message_type is not None and field.message_type.full_name == descriptor.full_name:
            return (field.name,), field.is_repeated
    return None, False


def made_in(output: Descriptor, resource: Resource) -> Path | None:
    """Find where a response has the keys of what was made."""
    stem, own = snake_case(resource.name), resource.descriptor.fields_by_name[resource.key]
    for name in dict.fromkeys((resource.key, f"{stem}_{resource.key}", f"{stem}_id", "id", "name")):
        for label in (name, f"{name}s"):
            field = output.fields_by_name.get(label)
            if field is not None and same_type(field, own) and field.is_repeated == (label != name):
                return (label,)
    return None


def given_in(request: Descriptor, resource: Resource, role: Role) -> Path | None:
    """Find where a request has the resource, or that its own fields are those of the resource."""
    if role not in (Role.CREATE, Role.IMPORT, Role.UPDATE):
        return None
    if request.full_name == resource.descriptor.full_name:
        return ()
    for field in request.fields:
        if field.message_type is not None and field.message_type.full_name == resource.descriptor.full_name:
            return None if field.is_repeated else (field.name,)
    alike = _alike(request, resource)
    drafts = [
        (len(shared), field.name)
        for field in request.fields
        if field.message_type is not None and not field.is_repeated and not is_map(field)
        for shared in [_alike(field.message_type, resource)]
        if len(shared) > max(len(alike), len(field.message_type.fields) // 2)
    ]
    if len(drafts) == 1:
        return (drafts[0][1],)
    return () if alike else None


def _alike(descriptor: Descriptor, resource: Resource) -> list[str]:
    """Return the fields of a type that a resource has as well, but for its key: a ``TaskDraft`` is what becomes of a
    ``Task``."""
    own = resource.descriptor.fields_by_name
    return [
        field.name
        for field in descriptor.fields
        if field.name in own and field.name != resource.key and same_type(field, own[field.name])
    ]


_DESTINATIONS = ("destination", "destination_parent", "new_parent", "target_parent", "target", "parent")


def destination_in(request: Descriptor, references: Mapping[str, str], resource: Resource) -> Path | None:
    """Find where a request that moves a resource says below which other one it shall stand; *references* are the types
    that its fields refer to."""
    for name, reference in references.items():
        if reference and reference != resource.type:
            return (name,)
    name = named(request, *_DESTINATIONS)
    return (name,) if name else None


def filters_of(operation: Operation) -> frozenset[str]:
    """Give the fields of a request by which what a list gives may be less than all."""
    known = {operation.page_size, operation.page_token, operation.page, operation.offset, operation.after}
    known |= {str(operation.parent[0])} if operation.parent else set()
    return frozenset(field.name for field in operation.method.input.fields if field.name not in known)


def makes_sense(operation: Operation) -> bool:
    """Whether an operation has what its role takes."""
    match operation.role:
        case Role.CREATE | Role.IMPORT:
            return operation.given is not None and operation.method.output.full_name != "google.longrunning.Operation"
        case Role.GET | Role.BATCH_GET | Role.LOOKUP:
            return operation.key is not None and operation.shown is not None
        case Role.LIST | Role.EXPORT:
            return operation.shown is not None and (
                operation.many or operation.method.kind is MethodKind.SERVER_STREAMING
            )
        case Role.UPDATE:
            return operation.key is not None and operation.given is not None
        case Role.MOVE:
            return operation.key is not None and operation.parent is not None and operation.shown is not None
        case Role.DELETE | Role.UNDELETE | Role.EXPUNGE:
            return operation.key is not None and operation.method.output.full_name != "google.longrunning.Operation"
        case _:
            return True
