"""Scenarios of methods that read: one, several, or pages of what there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.cases import Binding, Caller, call_of
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.handle import Handle
from grpcmock.fuzz.resources.pagination import GARBAGE, MANY, NEVER_CUT

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

_GREATEST = {
    FieldDescriptor.CPPTYPE_INT32: 2**31 - 1,
    FieldDescriptor.CPPTYPE_UINT32: 2**31 - 1,
    FieldDescriptor.CPPTYPE_INT64: 2**63 - 1,
    FieldDescriptor.CPPTYPE_UINT64: 2**63 - 1,
}
"""Keys behind which there is nothing."""


def get(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when one is read."""
    sequence = CallSequence(factory, operation.method, "again")
    handle = sequence.create_kept(resource, 1)
    if handle is None:
        return
    for _ in range(4):
        sequence.get(handle)
    yield sequence.finish("what reads say stays the same while nobody writes")
    yield from _elsewhere(resource, operation, factory)
    if factory.identified:
        sequence = CallSequence(factory, operation.method, "as-other")
        handle = sequence.create(resource)
        if handle is not None:
            sequence.get(handle, caller=Caller.OTHER)
            yield sequence.finish("somebody else reads it")


def _elsewhere(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """A child is asked for below another parent."""
    above = factory.resources.parent_of(resource)
    creating = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
    if above is None or creating is None or creating.parent is None or operation.key is None:
        return
    for content in (0, 1):
        sequence = CallSequence(factory, operation.method, f"other-parent-{content}")
        first, second = (sequence.create_numbered(above, sequence.parent_for(above)) for _ in range(2))
        own_id = sequence.new_id(resource)
        if first is None or second is None or own_id is None:
            return
        wrong = resource.key_of(own_id, second.key)
        if wrong is None or second.key is None:
            return
        sequence.create(resource, content, parent=first, own_id=own_id)
        sequence.get(Handle(resource, None, 0, wrong, second))
        yield sequence.finish("a resource is asked for below another parent")


def get_several(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when several are asked for at once."""
    sequence = CallSequence(factory, operation.method, "some-deleted")
    parent = sequence.parent_for(resource)
    handles = [sequence.create_numbered(resource, parent, number) for number in (0, 1)]
    kept = [handle for handle in handles if handle is not None]
    if len(kept) < 2:
        return
    sequence.get_several(operation.role, kept)
    if sequence.delete(kept[1]) is not None:
        sequence.get_several(operation.role, kept)
        sequence.get_several(operation.role, kept[1:])
    yield sequence.finish("several are read at once, before and after one of them was deleted")
    yield from _several_elsewhere(resource, operation, factory)
    if factory.identified:
        sequence = CallSequence(factory, operation.method, "as-other")
        handle = sequence.create(resource)
        if handle is not None:
            index = sequence.get_several(operation.role, [handle])
            assert index is not None
            call = sequence.calls.pop()
            sequence.add(call, call.bindings, Caller.OTHER)
            yield sequence.finish("somebody else reads it")


def _several_elsewhere(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Two are asked for below the parent of one of them."""
    above = factory.resources.parent_of(resource)
    if above is None or operation.parent is None or not resource.is_annotated:
        return
    sequence = CallSequence(factory, operation.method, "other-parent")
    grand = sequence.parent_for(above)
    parents = [sequence.create_numbered(above, grand) for _ in range(2)]
    handles = [sequence.create_numbered(resource, parent) for parent in parents if parent is not None]
    kept = [handle for handle in handles if handle is not None]
    if len(kept) == 2:
        for several in (kept, kept[1:]):
            sequence.get_several(operation.role, several, parents[0])
        yield sequence.finish("several are asked for below one parent, and one of them stands below another")


def list_pages(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when there are pages of them."""
    if operation.is_paged:
        yield from _odd_pages(resource, operation, factory)
    if operation.after and operation.page_size:
        yield from _behind(resource, operation, factory)
    for size in (1, 2, 0, MANY) if operation.is_paged else (1, 2, MANY) if operation.page_size else (MANY,):
        sequence = CallSequence(factory, operation.method, f"pages-of-{size or 'any'}")
        parent = sequence.parent_for(resource)
        for _ in range(3):
            sequence.create_numbered(resource, parent)
        if operation.page_size and size in (1, 2):
            sequence.list(resource, parent, size=MANY, pages=1, role=operation.role)
        sequence.list(resource, parent, size=size, role=operation.role)
        yield sequence.finish("page after page")
    sequence = CallSequence(factory, operation.method, "after-delete")
    parent = sequence.parent_for(resource)
    handle = sequence.create_numbered(resource, parent)
    if handle is not None and sequence.delete(handle) is not None:
        sequence.list(resource, parent, size=MANY, role=operation.role)
        yield sequence.finish("what was deleted is in no list")
    yield from _list_elsewhere(resource, operation, factory)
    if factory.identified:
        sequence = CallSequence(factory, operation.method, "as-other")
        parent = sequence.parent_for(resource)
        if sequence.create_numbered(resource, parent) is not None:
            sequence.list(resource, parent, size=MANY, role=operation.role, caller=Caller.OTHER)
            yield sequence.finish("somebody else lists it")


def _behind(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """A list from its beginning, behind the first and the last of what was made, and behind all that there may be."""
    sequence = CallSequence(factory, operation.method, "behind")
    parent = sequence.parent_for(resource)
    made = [sequence.create_numbered(resource, parent) for _ in range(4)]

    def look(handle: Handle | None = None) -> None:
        sequence.list(resource, parent, size=NEVER_CUT, pages=1)
        if handle is not None and handle.source is not None:
            behind = Binding(handle.call, handle.source, (operation.after,))
            sequence.calls[-1] = replace(sequence.calls[-1], bindings=(*sequence.calls[-1].bindings, behind))

    for handle in (None, *made, None):
        look(handle)
    if (greatest := _GREATEST.get(operation.method.input.fields_by_name[operation.after].cpp_type)) is not None:
        look()
        request = operation.method.request_class.FromString(sequence.calls[-1].messages[0])
        setattr(request, operation.after, greatest)
        data = request.SerializePartialToString(deterministic=True)
        sequence.calls[-1] = replace(call_of(operation.method, data), bindings=sequence.calls[-1].bindings)
    yield sequence.finish("what comes behind a thing is a part of the list, and comes to an end")


def _odd_pages(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    sequence = CallSequence(factory, operation.method, "garbage-token")
    parent = sequence.parent_for(resource)
    sequence.list(resource, parent, pages=1)
    request = operation.method.request_class.FromString(sequence.calls[-1].messages[0])
    setattr(request, operation.page_token, GARBAGE)
    sequence.add(
        call_of(operation.method, request.SerializePartialToString(deterministic=True)), sequence.calls[-1].bindings
    )
    yield sequence.finish("a page token that nobody has given")
    if operation.page_size:
        sequence = CallSequence(factory, operation.method, "negative-size")
        parent = sequence.parent_for(resource)
        sequence.list(resource, parent, size=-1, pages=1)
        yield sequence.finish("a negative page size")


def _list_elsewhere(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    above = factory.resources.parent_of(resource)
    if above is None or operation.parent is None:
        return
    sequence = CallSequence(factory, operation.method, "other-parent")
    first, second = sequence.create(above), sequence.create(above)
    if first is None or second is None or sequence.create(resource, parent=first) is None:
        return
    sequence.list(resource, second, size=MANY, role=operation.role, pages=3)
    yield sequence.finish("what stands below one parent is in no other's list")
