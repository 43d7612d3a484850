"""What is known of a server's resources: types, what tells one from another, and the methods that deal with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.expectations.roles import Role
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.schema import Method


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """A method, and where things stand in its requests and responses. A path that is None: there is no such thing."""

    role: Role
    method: Method

    shown: Path | None = None
    """Where the resource stands in a response; the empty path if the response is the resource."""

    many: bool = False
    """Whether a list of resources stands there."""

    made: Path | None = None
    """Where a response holds the keys of what was made, one or a list of them, without the resources themselves."""

    given: Path | None = None
    """Where the resource stands in a request; the empty path if the request's own fields are those of the resource."""

    key: Path | None = None
    """Where a request says which resource is meant."""

    own_id: Path | None = None
    """Where a client may choose the id of what it creates; for names made of several ids, the last one."""

    parent: Path | None = None
    """Where a request says below which other resource."""

    mask: str = ""
    """The field with the mask of an update."""

    page_size: str = ""
    page_token: str = ""
    next_token: str = ""
    """The field of the response with the token of the next page (AIP-158)."""

    page: str = ""
    """The field with the number of the page, where pages are numbered and tokens don't exist."""

    offset: str = ""
    """The field with how many are left out at the beginning."""

    after: str = ""
    """The field with the key of the last thing on the page before."""

    more: str = ""
    """The field of the response that tells whether there is another page."""

    request_id: str = ""
    """AIP-155."""

    allow_missing: str = ""

    filters: frozenset[str] = frozenset()
    """The other fields of a request that lists: where one is set, what is given may not be all."""

    @property
    def is_paged(self) -> bool:
        """Whether it has pages as in AIP-158."""
        return bool(self.page_token and self.next_token)

    def key_shown(self, name: str) -> Path | None:
        """Return where a response has the key of what was made, of the first one if there are many; *name* is that of
        the field in the resource."""
        if self.made is not None:
            repeated = self.method.output.fields_by_name[str(self.made[-1])].is_repeated
            return (*self.made, 0) if repeated else self.made
        if self.shown is None:
            return None
        return (*self.shown, 0, name) if self.many else (*self.shown, name)

    def __repr__(self) -> str:
        return f"Operation({self.role.value}, {self.method})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource:
    """A kind of thing that a server keeps."""

    name: str
    """``User``."""

    descriptor: Descriptor
    """The type of its messages."""

    key: str
    """The field by which one is told from another: ``name`` or ``id``."""

    type: str = ""
    """As in ``google.api.resource``: ``directory.example.com/User``; empty where nothing is annotated."""

    patterns: tuple[str, ...] = ()
    """Of its names: ``users/{user}/notes/{note}``."""

    parent: str = ""
    """The name of the resource that it stands below; empty if there is none."""

    operations: tuple[Operation, ...] = ()

    hidden: frozenset[str] = frozenset()
    """The full names of fields that no response shows: INPUT_ONLY."""

    fixed: frozenset[str] = frozenset()
    """The full names of fields that only the server sets, or that never change: OUTPUT_ONLY, IDENTIFIER, IMMUTABLE."""

    servers_own: frozenset[str] = frozenset()
    """The full names of fields that no client gives: OUTPUT_ONLY, and nothing besides that speaks of clients."""

    is_marked: bool = False
    """Whether annotations say whose its fields are; else what only the server sets is told by what clients give."""

    immutable: frozenset[str] = frozenset()
    """The full names of those that never change: IMMUTABLE."""

    @property
    def is_annotated(self) -> bool:
        """Whether the protos themselves call it a resource."""
        return bool(self.type)

    def operation(self, role: Role) -> Operation | None:
        """Give the method that does this, if there is one."""
        return next((operation for operation in self.operations if operation.role is role), None)

    @property
    def collection(self) -> str:
        """The part of the first pattern before the last id: ``notes``."""
        steps = self.patterns[0].split("/") if self.patterns else []
        return steps[-2] if len(steps) >= 2 else ""

    def key_of(self, own_id: object, parent: object = None) -> object | None:
        """Tell which key a resource has of which the client chose the id; None if that can't be told."""
        if not self.patterns:
            return own_id
        pattern = self.patterns[0]
        steps = pattern.split("/")
        if not own_id or not isinstance(own_id, str) or not _VARIABLE.fullmatch(steps[-1]):
            return None
        if len(_VARIABLE.findall(pattern)) == 1:
            return "/".join([*steps[:-1], own_id])
        if not isinstance(parent, str) or not parent or len(steps) < 2:
            return None
        return f"{parent}/{steps[-2]}/{own_id}"

    def parent_of(self, key: object) -> str | None:
        """Give the name of the parent that a name begins with; None if the pattern has none."""
        if not self.patterns or not isinstance(key, str):
            return None
        pattern = self.patterns[0]
        if len(_VARIABLE.findall(pattern)) < 2:
            return None
        steps = key.split("/")
        return "/".join(steps[:-2]) if len(steps) == len(pattern.split("/")) else None

    def __repr__(self) -> str:
        return f"Resource({self.name}, {', '.join(operation.role.value for operation in self.operations)})"


_VARIABLE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Resources:
    """All the resources of a contract."""

    all: tuple[Resource, ...] = field(default=())

    @cached_property
    def by_path(self) -> Mapping[str, tuple[Resource, Operation]]:
        """What each method, by its path, does to which resource."""
        return {
            operation.method.path: (resource, operation) for resource in self.all for operation in resource.operations
        }

    @cached_property
    def by_name(self) -> Mapping[str, Resource]:
        return {resource.name: resource for resource in self.all}

    def parent_of(self, resource: Resource) -> Resource | None:
        """Give the resource that another stands below."""
        return self.by_name.get(resource.parent) if resource.parent != resource.name else None
