"""What a method does with a resource: which one its request means, where it shows it, and what else it can be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.resources.fields import at, is_key, is_mask, named, same_type
from grpcmock.fuzz.resources.locations import (
    destination_in,
    filters_of,
    given_in,
    made_in,
    makes_sense,
    shown_in,
    with_paging,
)
from grpcmock.fuzz.resources.resource import Operation
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.resources.resource import Resource
    from grpcmock.schema import Method
    from grpcmock.schema.annotations import AnnotationReader


def operation_of(options: AnnotationReader, role: Role, method: Method, resource: Resource) -> Operation | None:
    """Tell what a method of this role does, by names and annotations; None if that makes no sense."""
    shown, many = shown_in(method.output, resource.descriptor)
    if role not in (Role.LIST, Role.BATCH_GET, Role.EXPORT) and many and role is not Role.IMPORT:
        shown, many = None, False
    operation = Operation(
        role=role,
        method=method,
        shown=shown,
        many=many,
        made=None if shown is not None or role not in MAKING else made_in(method.output, resource),
        given=given_in(method.input, resource, role),
        parent=_parent(options, method.input, resource, role),
        mask=_mask_of(method.input),
        request_id=named(method.input, "request_id"),
        allow_missing=named(method.input, "allow_missing"),
    )
    operation = replace(
        operation, key=_asked(options, operation, resource), own_id=_own_id(options, operation, resource)
    )
    operation = with_paging(operation, resource)
    operation = replace(operation, filters=filters_of(operation))
    return operation if makes_sense(operation) else None


def written_operation(
    options: AnnotationReader,
    role: Role,
    method: Method,
    resource: Resource,
    *,
    response: Path | None = None,
    key: Path = (),
    shows: Path | None = None,
) -> Operation:
    """Return an operation of which some things were written, and the rest is told as ever."""
    shown, many = shown_in(method.output, resource.descriptor)
    if shows is not None:
        shown, many = shows, method.output.fields_by_name[str(shows[0])].is_repeated
    operation = Operation(
        role=role,
        method=method,
        shown=shown,
        many=many,
        made=response if response is not None and shown is None else None,
        given=given_in(method.input, resource, role),
        key=key or None,
        parent=_parent(options, method.input, resource, role),
        mask=_mask_of(method.input),
    )
    operation = with_paging(operation, resource)
    return replace(operation, filters=filters_of(operation))


def _asked(options: AnnotationReader, operation: Operation, resource: Resource) -> Path | None:
    """Find where a request says which resource is meant."""
    if operation.role in (Role.CREATE, Role.IMPORT, Role.LIST, Role.EXPORT, Role.WATCH):
        return None
    request = operation.method.input
    given = operation.given if operation.role is Role.UPDATE else None
    if given is not None and (given or resource.key in request.fields_by_name):
        return (*given, resource.key)
    repeated = operation.role is Role.BATCH_GET
    for field in request.fields:
        if resource.type and options.reference(field)[0] == resource.type and field.is_repeated == repeated:
            return (field.name,)
    stem, own = snake_case(resource.name), resource.descriptor.fields_by_name[resource.key]
    names = [resource.key, f"{stem}_{resource.key}", f"{stem}_id", f"{stem}_name", "id", "name", stem]
    for name in dict.fromkeys(names):
        for label in (f"{name}s",) if repeated else (name,):
            found = request.fields_by_name.get(label)
            if found is not None and same_type(found, own) and found.is_repeated == repeated:
                return (found.name,)
    return None


def _own_id(options: AnnotationReader, operation: Operation, resource: Resource) -> Path | None:
    """Find where a client may choose the id of what it creates (AIP-133)."""
    if operation.role not in MAKING:
        return None
    request, stem = operation.method.input, snake_case(resource.name)
    field = request.fields_by_name.get(f"{stem}_id")
    if field is not None and is_key(field) and (resource.patterns or field.name == resource.key):
        return (field.name,)
    if resource.patterns or operation.given is None:
        return None
    place = at(request, operation.given)
    own = place.fields_by_name.get(resource.key) if place is not None else None
    if own is None or not same_type(own, resource.descriptor.fields_by_name[resource.key]):
        return None
    if "OUTPUT_ONLY" in options.field(own).behaviors:
        return None
    return (*operation.given, own.name)


def _parent(options: AnnotationReader, request: Descriptor, resource: Resource, role: Role) -> Path | None:
    if role is Role.MOVE:
        return destination_in(request, {f.name: options.reference(f)[0] for f in request.fields}, resource)
    if role not in (Role.CREATE, Role.IMPORT, Role.LIST, Role.EXPORT, Role.BATCH_GET):
        return None
    for field in request.fields:
        if field.is_repeated:
            continue
        if resource.type and options.reference(field)[1] == resource.type:
            return (field.name,)
        if field.name == "parent" and field.type == FieldDescriptor.TYPE_STRING:
            return (field.name,)
    return None


def _mask_of(request: Descriptor) -> str:
    return next((field.name for field in request.fields if is_mask(field) and not field.is_repeated), "")
