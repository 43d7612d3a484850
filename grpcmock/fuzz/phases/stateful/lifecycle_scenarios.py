"""Scenarios of things that come and go: made again, below parents that are gone or come back, moved elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding, call_of
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.handle import Handle
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.laws.aliases import aliases, place_of
from grpcmock.fuzz.resources.laws.families import named_by
from grpcmock.fuzz.resources.pagination import MANY

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case, Path
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

_MOST_NAMES = 4


def create(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong between the creation of one thing and that of the next."""
    yield from _made_again(resource, operation, factory)
    yield from _by_other_names(resource, operation, factory)
    yield from _below_nothing(resource, operation, factory)
    yield from _below_new_parent(resource, operation, factory)
    yield from _below_one_that_begins_alike(resource, operation, factory)


def _made_again(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """The same id is made, deleted, and made once more."""
    sequence = CallSequence(factory, operation.method, "made-again")
    parent = sequence.numbered_parent_for(resource) or sequence.parent_for(resource)
    own_id, key = sequence.new_key(resource, parent)
    if own_id is None or resource.operation(Role.DELETE) is None:
        return
    if key is not None:
        sequence.clear(resource, key, parent)
    first = sequence.create(resource, 1, parent=parent, own_id=own_id)
    if first is None:
        return
    sequence.get(first)
    sequence.delete(first)
    sequence.expunge(first)
    second = sequence.create(resource, 0, parent=parent, own_id=own_id)
    assert second is not None
    sequence.get(second)
    sequence.update(second, 1)
    sequence.get(second)
    sequence.list(resource, parent, size=MANY, pages=1)
    yield sequence.finish("what was deleted is made again under the same id")


def _by_other_names(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """One is looked for by all that may name it besides its key, before and after it is deleted."""
    place = operation.shown
    if place is None or operation.many or resource.operation(Role.DELETE) is None:
        return
    sequence = CallSequence(factory, operation.method, "by-other-names")
    handle = sequence.create(resource, 1)
    if handle is None:
        return
    readers = [
        (method, one)
        for method in factory.plan.methods
        if place_of(method, resource) is not None
        for one in aliases(method, resource)
    ]
    if not readers:
        return

    def look() -> None:
        for method, one in readers[:_MOST_NAMES]:
            sequence.add(call_of(method, b""), (Binding(handle.call, (*place, one.name), (one.name,)),))

    look()
    sequence.delete(handle)
    look()
    yield sequence.finish("what is deleted isn't found by any of its names")


def _below_nothing(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """One is made that names another one which isn't there."""
    for path, above in named_by(resource, operation, factory.resources):
        for role in (Role.CREATE, Role.UPDATE):
            sequence = CallSequence(factory, operation.method, f"below-nothing-{'.'.join(map(str, path))}-{role.value}")
            missing = sequence.missing(above)
            if missing is None or sequence.get(missing) is None:
                break
            if role is Role.CREATE:
                own_id = sequence.new_id(resource)
                handle = sequence.create(resource, 0, parent=missing, own_id=own_id, named_at=path)
            else:
                handle = _made_by_update(sequence, resource, missing)
            if handle is None:
                break
            if role is Role.CREATE and path == operation.parent:
                sequence.list(resource, missing, pages=1)
            sequence.get(missing)
            yield sequence.finish(f"one is made below a {above.name} that isn't there")


def _made_by_update(sequence: CallSequence, resource: Resource, parent: Handle) -> Handle | None:
    """Create by an update, where one may (AIP-134)."""
    updating, creating = resource.operation(Role.UPDATE), resource.operation(Role.CREATE)
    _, key = sequence.new_key(resource, parent)
    if updating is None or not updating.allow_missing or key is None or creating is None:
        return None
    content = sequence.factory.content(updating, 0)
    given, own = found(content, updating.given or ()), sequence.factory.content(creating, 0)
    made = found(own, creating.given or ())
    if given is None or made is None or made.DESCRIPTOR is not given.DESCRIPTOR:
        return None
    given.CopyFrom(made)
    setattr(content, updating.allow_missing, True)
    sequence.clear(resource, key, parent)
    handle = Handle(resource, None, 0, key, parent)
    return handle if sequence.update(handle, content) is not None else None


def _below_new_parent(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """A parent is deleted with what stands below it, and made again: it has nothing below it."""
    above = factory.resources.parent_of(resource)
    creating = above.operation(Role.CREATE) if above is not None else None
    if above is None or creating is None or above.operation(Role.DELETE) is None:
        return
    sequence = CallSequence(factory, operation.method, "below-new-parent")
    grand = sequence.parent_for(above)
    own_id, key = sequence.new_key(above, grand)
    if key is None:
        return
    sequence.clear(above, key, grand)
    parent = sequence.create(above, 0, parent=grand, own_id=own_id)
    if parent is None or (child := sequence.create_numbered(resource, parent)) is None:
        return
    children = [child, sequence.create_numbered(resource, parent) or child]
    sequence.delete(parent, with_all_below=True)
    for one in children:
        sequence.get(one)
    sequence.create(above, 0, parent=grand, own_id=own_id)
    for one in children:
        sequence.get(one)
    sequence.list(resource, parent, size=MANY, pages=1)
    sequence.get(parent)
    yield sequence.finish("a parent is deleted with all below it, and made again")


def _below_one_that_begins_alike(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Of two parents the name of one is the beginning of the other's."""
    listing = resource.operation(Role.LIST) or resource.operation(Role.EXPORT)
    if listing is None or listing.parent is None or operation.parent is None:
        return
    sequence = CallSequence(factory, operation.method, "parents-alike")
    above = factory.resources.parent_of(resource)
    if above is None or above.operation(Role.CREATE) is None:
        given = sequence.parent_for(resource)
        if given is None or not isinstance(given.key, str) or not given.key[-1:].isalnum():
            return
        shorter, longer = given, replace(given, key=f"{given.key}0")
    else:
        grand = sequence.parent_for(above)
        own_id, key = sequence.new_key(above, grand)
        if not isinstance(own_id, str) or not isinstance(key, str):
            return
        made = []
        for one in (own_id, f"{own_id}0"):
            sequence.clear(above, above.key_of(one, grand.key if grand is not None else None), grand)
            if (parent := sequence.create(above, 0, parent=grand, own_id=one)) is None:
                return
            made.append(parent)
        shorter, longer = made
    if sequence.create_numbered(resource, longer) is None:
        return
    sequence.list(resource, shorter, size=MANY, pages=3, role=listing.role)
    yield sequence.finish("what stands below one parent isn't below another whose name begins alike")


def move(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when one is moved below another parent."""
    above = factory.resources.parent_of(resource)
    creating = resource.operation(Role.CREATE)
    if above is None or creating is None or operation.key is None or operation.parent is None:
        return
    sequence = CallSequence(factory, operation.method, "moved")
    grand = sequence.parent_for(above)
    first, second = (sequence.create_numbered(above, grand) for _ in range(2))
    if first is None or second is None or (child := sequence.create_numbered(resource, first, 1)) is None:
        return
    request = factory.content(operation, 0)
    bindings = (*sequence.refer(request, operation.key, child), *sequence.refer(request, operation.parent, second))
    moved = sequence.add(call_of(operation.method, request.SerializePartialToString(deterministic=True)), bindings)
    sequence.get(child)
    _get_moved(sequence, resource, (moved, (*(operation.shown or ()), resource.key)))
    for parent in (first, second):
        sequence.list(resource, parent, size=MANY, pages=1)
    sequence.delete(first)
    yield sequence.finish("one is moved below another parent, and looked for below both")


def _get_moved(sequence: CallSequence, resource: Resource, source: tuple[int, Path]) -> None:
    reading = resource.operation(Role.GET)
    if reading is None or reading.key is None:
        return
    request = sequence.factory.content(reading, 0)
    put(request, reading.key, f"{resource.collection}/fz-moved" if resource.patterns else "fz-moved")
    data = request.SerializePartialToString(deterministic=True)
    sequence.add(call_of(reading.method, data), (Binding(*source, reading.key),))
