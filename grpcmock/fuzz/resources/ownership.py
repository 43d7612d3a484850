"""Whose fields a resource has: what clients give and never see, what only the server sets, what never changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from grpcmock.fuzz.resources.fields import all_fields

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema.annotations import AnnotationReader

_SERVERS_OWN = frozenset(
    {
        *("create_time", "update_time", "delete_time", "expire_time", "purge_time", "created_at", "updated_at"),
        *("deleted_at", "created", "updated", "modified", "modified_at", "last_modified", "etag", "revision"),
        *("revision_id", "version", "generation", "resource_version", "self_link", "state", "status", "uid"),
    }
)
"""Fields that servers set by themselves, where no annotation says so."""


_OUTPUT_ONLY = re.compile(r"\W*output[ _-]only\b", re.IGNORECASE)

_CLIENTS = frozenset({"REQUIRED", "OPTIONAL", "INPUT_ONLY"})
"""Behaviors by which a field is for clients to give, whatever else is said of it."""


class Ownership(TypedDict):
    """Fields of :class:`~grpcmock.fuzz.resources.resource.Resource`."""

    hidden: frozenset[str]
    fixed: frozenset[str]
    servers_own: frozenset[str]
    immutable: frozenset[str]
    is_marked: bool


def ownership(options: AnnotationReader, descriptor: Descriptor, key: str, comments: Mapping[str, str]) -> Ownership:
    """Tell it by ``google.api.field_behavior``; where none is there, by the names of fields. *comments* are those of
    fields, by their full names: contracts that are older than the annotation say it there."""

    def behaving(*behaviors: str) -> frozenset[str]:
        fields = all_fields(descriptor)
        return frozenset(one.full_name for one in fields if not options.field(one).behaviors.isdisjoint(behaviors))

    is_marked = any(options.field(field).behaviors for field in descriptor.fields)
    servers = {
        field.full_name
        for field in descriptor.fields
        if field.name in _SERVERS_OWN and (field.name == "etag" or not options.field(field).behaviors)
    }
    said = {one.full_name for one in all_fields(descriptor) if _OUTPUT_ONLY.match(comments.get(one.full_name, ""))}
    own_key = descriptor.fields_by_name[key].full_name
    fixed = behaving("OUTPUT_ONLY", "IMMUTABLE", "IDENTIFIER") | servers | said | {own_key}
    return Ownership(
        hidden=behaving("INPUT_ONLY"),
        fixed=fixed,
        servers_own=behaving("OUTPUT_ONLY") - behaving(*_CLIENTS),
        immutable=behaving("IMMUTABLE"),
        is_marked=is_marked,
    )
