"""Scenarios of methods that read: one, several, or pages of what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.resources.pagination import GARBAGE, MANY
from grpcmock.fuzz.resources.resource import Operation, Resource, Role
from grpcmock.fuzz.phases.stateful.call_sequence import Handle, Script
from grpcmock.fuzz.model.cases import Caller, call_of

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.stateful.resource_factory import World
    from grpcmock.fuzz.model.cases import Trial


def get(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when one is read."""
    script = Script(world, operation.method, "again")
    handle = script.create(resource, 1)
    if handle is None:
        return
    if not resource.is_annotated:
        script.create(resource, 1, parent=handle.parent)
    for _ in range(4):
        script.get(handle)
    yield script.finish("what reads say stays the same while nobody writes")
    yield from _elsewhere(resource, operation, world)
    if world.identified:
        script = Script(world, operation.method, "as-other")
        handle = script.create(resource)
        if handle is not None:
            script.get(handle, caller=Caller.OTHER)
            yield script.finish("somebody else reads it")


def _elsewhere(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """A child is asked for below another parent."""
    above = world.resources.parent_of(resource)
    creating = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
    if above is None or creating is None or creating.parent is None or operation.key is None:
        return
    for content in (0, 1):
        script = Script(world, operation.method, f"other-parent-{content}")
        first, second = (script.create_numbered(above, script.parent_for(above)) for _ in range(2))
        own_id = script.new_id(resource)
        if first is None or second is None or own_id is None:
            return
        wrong = resource.key_of(own_id, second.key)
        if wrong is None or second.key is None:
            return
        script.create(resource, content, parent=first, own_id=own_id)
        script.get(Handle(resource, None, 0, wrong, second))
        yield script.finish("a resource is asked for below another parent")


def get_several(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when several are asked for at once."""
    script = Script(world, operation.method, "some-deleted")
    parent = script.parent_for(resource)
    handles = [script.create_numbered(resource, parent, number) for number in (0, 1)]
    kept = [handle for handle in handles if handle is not None]
    if len(kept) < 2:
        return
    script.get_several(operation.role, kept)
    if script.delete(kept[1]) is not None:
        script.get_several(operation.role, kept)
        script.get_several(operation.role, kept[1:])
    yield script.finish("several are read at once, before and after one of them was deleted")
    if world.identified:
        script = Script(world, operation.method, "as-other")
        handle = script.create(resource)
        if handle is not None:
            index = script.get_several(operation.role, [handle])
            assert index is not None
            call = script.calls.pop()
            script.add(call, call.bindings, Caller.OTHER)
            yield script.finish("somebody else reads it")


def list_pages(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when there are pages of them."""
    if operation.is_paged:
        yield from _odd_pages(resource, operation, world)
    for size in (1, 2, 0, MANY) if operation.is_paged else (MANY,):
        script = Script(world, operation.method, f"pages-of-{size or 'any'}")
        parent = script.parent_for(resource)
        for _ in range(3):
            script.create_numbered(resource, parent)
        script.list(resource, parent, size=size, role=operation.role)
        yield script.finish("page after page")
    script = Script(world, operation.method, "after-delete")
    parent = script.parent_for(resource)
    handle = script.create_numbered(resource, parent)
    if handle is not None and script.delete(handle) is not None:
        script.list(resource, parent, size=MANY, role=operation.role)
        yield script.finish("what was deleted is in no list")
    yield from _list_elsewhere(resource, operation, world)
    if world.identified:
        script = Script(world, operation.method, "as-other")
        parent = script.parent_for(resource)
        if script.create_numbered(resource, parent) is not None:
            script.list(resource, parent, size=MANY, role=operation.role, caller=Caller.OTHER)
            yield script.finish("somebody else lists it")


def _odd_pages(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    script = Script(world, operation.method, "garbage-token")
    parent = script.parent_for(resource)
    script.list(resource, parent, pages=1)
    request = operation.method.request_class.FromString(script.calls[-1].messages[0])
    setattr(request, operation.page_token, GARBAGE)
    script.add(
        call_of(operation.method, request.SerializePartialToString(deterministic=True)), script.calls[-1].bindings
    )
    yield script.finish("a page token that nobody has given")
    if operation.page_size:
        script = Script(world, operation.method, "negative-size")
        parent = script.parent_for(resource)
        script.list(resource, parent, size=-1, pages=1)
        yield script.finish("a negative page size")


def _list_elsewhere(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    above = world.resources.parent_of(resource)
    if above is None or operation.parent is None:
        return
    script = Script(world, operation.method, "other-parent")
    first, second = script.create(above), script.create(above)
    if first is None or second is None or script.create(resource, parent=first) is None:
        return
    script.list(resource, second, size=MANY, role=operation.role, pages=3)
    yield script.finish("what stands below one parent is in no other's list")
