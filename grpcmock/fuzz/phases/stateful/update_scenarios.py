"""Scenarios of methods that update, delete and bring back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.pagination import MANY
from grpcmock.fuzz.phases.stateful.sampling import spread
from grpcmock.fuzz.phases.stateful.call_sequence import Script
from grpcmock.fuzz.model.cases import Caller

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.resources.resource import Operation, Resource
    from grpcmock.fuzz.phases.stateful.resource_factory import World
    from grpcmock.fuzz.model.cases import Trial

_UPDATES = 12


def update(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when one is changed, with a mask and without."""
    fields = world.changeable(resource, operation)
    if operation.mask:
        script = Script(world, operation.method, "unknown-path")
        handle = script.create(resource)
        if handle is None:
            return
        script.update(handle, 0, ["fz_no_such_field"])
        script.get(handle)
        yield script.finish("a mask that names no field")
        yield from _update_alone(resource, operation, world, fields)
        for number, field in enumerate(spread(fields, _UPDATES)):
            script = Script(world, operation.method, f"mask-{field.name}")
            handle = script.create(resource, 1 if number % 2 else 0)
            if handle is None:
                return
            content = _with(world, operation, field.name, number)
            script.update(handle, content, [field.name])
            script.get(handle)
            yield script.finish(f"an update of {field.name} alone")
    for number in range(1, 4):
        script = Script(world, operation.method, f"again-{number}")
        handle = script.create(resource, number)
        if handle is None:
            return
        for _ in range(2):
            script.update(handle, number + 1)
        script.get(handle)
        script.list(resource, handle.parent, size=MANY, pages=2)
        yield script.finish("the same update twice in a row")
    if world.identified:
        script = Script(world, operation.method, "as-other")
        handle = script.create(resource)
        if handle is not None:
            script.update(handle, 1, caller=Caller.OTHER)
            script.get(handle)
            yield script.finish("somebody else changes it")


def _update_alone(
    resource: Resource, operation: Operation, world: World, fields: list[FieldDescriptor]
) -> Iterator[Trial]:
    """An update without all that its mask leaves out, after the same update with it. Both clear the same field."""
    field = next((field for field in fields if field.message_type is None and not field.is_repeated), None)
    script = Script(world, operation.method, "mask-alone")
    handle = script.create(resource, 1)
    if field is None or handle is None or operation.given is None:
        return
    whole = _with(world, operation, field.name, 0)
    given = found(whole, operation.given)
    if given is None:
        return
    given.ClearField(field.name)
    alone = type(whole)()
    alone.CopyFrom(whole)
    found(alone, operation.given).Clear()
    for update in (whole, alone):
        script.update(handle, update, [field.name])
    script.get(handle)
    yield script.finish(f"an update of {field.name} that says nothing else, after one that does")


def _with(world: World, operation: Operation, name: str, number: int) -> Message:
    """Make an update that has a field set, if one can be found."""
    for attempt in range(8):
        content = world.content(operation, 1 if not attempt else 100 * number + attempt)
        given = found(content, operation.given or ())
        if given is not None and any(field.name == name for field, _ in given.ListFields()):
            return content
    return world.content(operation, 1)


def delete(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when one is deleted."""
    script = Script(world, operation.method, "used-after")
    handle = script.create(resource)
    if handle is None:
        return
    script.get(handle)
    script.delete(handle)
    script.get(handle)
    script.list(resource, handle.parent, size=MANY, pages=3)
    script.update(handle, 1)
    script.delete(handle)
    script.get(handle)
    yield script.finish("what was deleted is read, listed, changed and deleted again")
    if world.identified:
        script = Script(world, operation.method, "as-other")
        handle = script.create(resource)
        if handle is not None:
            script.delete(handle, caller=Caller.OTHER)
            script.get(handle)
            yield script.finish("somebody else deletes it")


def undelete(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when a deleted one is brought back."""
    script = Script(world, operation.method, "brought-back")
    handle = script.create(resource, 1)
    if handle is None or script.delete(handle) is None:
        return
    script.undelete(handle)
    script.get(handle)
    yield script.finish("what was deleted is brought back")
