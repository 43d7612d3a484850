"""Programs by chance: long runs of calls on a few resources, in which later calls use what earlier ones made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

PROGRAMS = 8
"""For each kind of resource."""

STEPS = 14


def cases(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the programs on a kind of resource; they belong to the method that creates it."""
    making = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
    if operation is not making:
        return
    for number in range(PROGRAMS):
        if (case := _program(resource, operation, factory, number)) is not None:
            yield case


def _program(resource: Resource, operation: Operation, factory: ResourceFactory, number: int) -> Case | None:
    source = RandomSource(factory.plan.seed, "stateful/program", operation.method.full_name, number)
    sequence = CallSequence(factory, operation.method, f"program-{factory.plan.seed}-{number}")
    parent = sequence.parent_for(resource)
    handles = [sequence.create(resource, source.integer(0, 60), parent=parent)]
    if handles[0] is None:
        return None
    for _ in range(STEPS):
        handle = source.choice([one for one in handles if one is not None])
        match source.choice(("get", "get", "create", "update", "mask", "delete", "list")):
            case "create":
                handles.append(sequence.create(resource, source.integer(0, 60), parent=parent))
            case "get":
                sequence.get(handle)
            case "update":
                sequence.update(handle, source.integer(0, 60))
            case "mask" if (changing := resource.operation(Role.UPDATE)) is not None and changing.mask:
                fields = factory.changeable(resource, changing)
                if fields:
                    sequence.update(handle, source.integer(1, 60), [source.choice(fields).name])
            case "delete":
                sequence.delete(handle)
            case _:
                sequence.list(resource, parent, size=source.integer(0, 3), pages=4)
    return sequence.finish("a program by chance")
