"""One of each: operations for each role, and resources for each name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.roles import Role
    from grpcmock.fuzz.resources.resource import Operation, Resource


def one_for_each_role(operations: Iterable[Operation]) -> list[Operation]:
    """Return of several methods with one role that with the plainest name."""
    kept: dict[Role, Operation] = {}
    for operation in operations:
        if operation.role not in kept or len(operation.method.name) < len(kept[operation.role].method.name):
            kept[operation.role] = operation
    return list(kept.values())


def with_names_of_their_own(found: Sequence[Resource]) -> list[Resource]:
    """Return the resources with the service in the names that several have."""
    counts = Counter(resource.name for resource in found)
    return [
        replace(resource, name=f"{resource.operations[0].method.service}.{resource.name}")
        if counts[resource.name] > 1
        else resource
        for resource in found
    ]
