"""Programs by chance: long runs of calls on a few resources, in which later calls use what earlier ones made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.resources.resource import Role
from grpcmock.fuzz.phases.stateful.call_sequence import Script

if TYPE_CHECKING:
    from grpcmock.fuzz.resources.resource import Operation, Resource
    from grpcmock.fuzz.phases.stateful.resource_factory import World
    from grpcmock.fuzz.model.cases import Trial

PROGRAMS = 8
"""For each kind of resource."""

STEPS = 14


def trials(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield the programs on a kind of resource; they belong to the method that creates it."""
    making = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
    if operation is not making:
        return
    for number in range(PROGRAMS):
        if (trial := _program(resource, operation, world, number)) is not None:
            yield trial


def _program(resource: Resource, operation: Operation, world: World, number: int) -> Trial | None:
    source = RandomSource(world.plan.seed, "stateful/program", operation.method.full_name, number)
    script = Script(world, operation.method, f"program-{world.plan.seed}-{number}")
    parent = script.parent_for(resource)
    handles = [script.create(resource, source.integer(0, 60), parent=parent)]
    if handles[0] is None:
        return None
    for _ in range(STEPS):
        handle = source.choice([one for one in handles if one is not None])
        match source.choice(("get", "get", "create", "update", "mask", "delete", "list")):
            case "create":
                handles.append(script.create(resource, source.integer(0, 60), parent=parent))
            case "get":
                script.get(handle)
            case "update":
                script.update(handle, source.integer(0, 60))
            case "mask" if (changing := resource.operation(Role.UPDATE)) is not None and changing.mask:
                fields = world.changeable(resource, changing)
                if fields:
                    script.update(handle, source.integer(1, 60), [source.choice(fields).name])
            case "delete":
                script.delete(handle)
            case _:
                script.list(resource, parent, size=source.integer(0, 3), pages=4)
    return script.finish("a program by chance")
