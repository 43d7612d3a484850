"""Scenarios of methods that update, delete and bring back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.phases.stateful import mask_scenarios
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.sampling import spread
from grpcmock.fuzz.phases.stateful.several_scenarios import one_of_three
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.differences import is_set
from grpcmock.fuzz.resources.fields import is_optional
from grpcmock.fuzz.resources.laws import etags
from grpcmock.fuzz.resources.laws.families import takes_force
from grpcmock.fuzz.resources.laws.servers_own import mark, marked
from grpcmock.fuzz.resources.laws.soft_deletion import SHOW_DELETED
from grpcmock.fuzz.resources.pagination import MANY

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.handle import Handle
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

_UPDATES = 12
_SPOILED = 14


def update(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when one is changed, with a mask and without."""
    fields = factory.changeable(resource, operation)
    yield from _update_refused(resource, operation, factory)
    yield from _update_out_of_date(resource, operation, factory)
    yield from _update_up_to_date(resource, operation, factory)
    yield from _update_of_immutable(resource, operation, factory)
    yield from _update_of_servers_own(resource, operation, factory)
    if operation.mask:
        sequence = CallSequence(factory, operation.method, "unknown-path")
        handle = sequence.create_kept(resource)
        if handle is None:
            return
        sequence.update(handle, 0, ["fz_no_such_field"])
        sequence.get(handle)
        yield sequence.finish("a mask that names no field")
        yield from mask_scenarios.cases(resource, operation, factory)
        yield from _update_alone(resource, operation, factory)
        for number, field in enumerate(spread(fields, _UPDATES)):
            sequence = CallSequence(factory, operation.method, f"mask-{field.name}")
            handle = sequence.create_kept(resource, 0 if number % 2 and not field.is_repeated else 1)
            if handle is None:
                return
            content = _with(factory, operation, field.name, number)
            sequence.update(handle, content, [field.name])
            if field.is_repeated:  # what is there may stay beside it, where it isn't the same
                sequence.update(handle, _with(factory, operation, field.name, number, first=2), [field.name])
            sequence.get(handle)
            yield sequence.finish(f"an update of {field.name} alone")
        yield from _update_to_zero(resource, operation, factory)
    yield from _update_later(resource, operation, factory)
    for number in range(1, 4):
        sequence = CallSequence(factory, operation.method, f"again-{number}")
        handle = sequence.create_kept(resource, number)
        if handle is None:
            return
        for _ in range(2):
            sequence.update(handle, number + 1)
        sequence.get(handle)
        sequence.list(resource, handle.parent, size=MANY, pages=2)
        yield sequence.finish("the same update twice in a row")
    if factory.identified:
        sequence = CallSequence(factory, operation.method, "as-other")
        handle = sequence.create_kept(resource)
        if handle is not None:
            sequence.update(handle, 1, caller=Caller.OTHER)
            sequence.get(handle)
            yield sequence.finish("somebody else changes it")


def _update_refused(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Updates that may be refused, each with other changes beside what is wrong with it: then nothing is changed."""
    fields = factory.changeable(resource, operation)
    sequence = CallSequence(factory, operation.method, "refused")
    handle = sequence.create_kept(resource, 0)
    if handle is None:
        return
    sequence.get(handle)
    mask = [field.name for field in fields] if operation.mask else []
    for _, content in spread(list(factory.spoiled(operation, fields)), _SPOILED):
        sequence.update(handle, content, mask)
        sequence.get(handle)
    if operation.mask and fields:
        sequence.update(handle, 1, [fields[0].name, "fz_no_such_field"])
        sequence.get(handle)
    yield sequence.finish("an update that is refused changes nothing")


def _update_out_of_date(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """An update, and a deletion, of a thing as it was before it was changed."""
    creating, deleting = resource.operation(Role.CREATE), resource.operation(Role.DELETE)
    if creating is None or creating.shown is None or etags.place_of(resource, operation) is None:
        return
    for role in (Role.UPDATE, Role.DELETE):
        sequence = CallSequence(factory, operation.method, f"etag-{role.value}")
        handle = sequence.create_kept(resource, 0)
        if handle is None or not (fields := factory.changeable(resource, operation)):
            return
        state = (handle.call, (*creating.shown, etags.ETAG))
        mask = [field.name for field in fields] if operation.mask else []
        for content in (1, 0):  # the server may not take the full one
            sequence.update(handle, content, mask)
        if role is Role.UPDATE:
            sequence.update(handle, 0, mask, state=state)
        elif deleting is None or not etags.place_of(resource, deleting):
            return
        else:
            sequence.delete(handle, state=state)
        sequence.get(handle)
        yield sequence.finish(f"{role.value} with the etag that it had before it was changed")


def _update_up_to_date(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Updates, and a deletion, each of a thing as it is."""
    reading, deleting = resource.operation(Role.GET), resource.operation(Role.DELETE)
    if reading is None or reading.shown is None or etags.place_of(resource, operation) is None:
        return
    sequence = CallSequence(factory, operation.method, "etag-now")
    handle = sequence.create_kept(resource, 0)
    if handle is None or not (fields := factory.changeable(resource, operation)):
        return
    mask = [field.name for field in fields] if operation.mask else []
    where = (*reading.shown, etags.ETAG)
    for content in (1, 0, 2):
        seen = sequence.get(handle)
        if seen is None:
            return
        sequence.update(handle, content, mask, state=(seen, where))
    seen = sequence.get(handle)
    if seen is not None and deleting is not None and etags.place_of(resource, deleting):
        sequence.delete(handle, state=(seen, where))
        sequence.get(handle)
    yield sequence.finish("updates, and a deletion, with the etag that it has")


def _update_of_immutable(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Updates that name what can't be changed."""
    creating = resource.operation(Role.CREATE)
    for field in resource.descriptor.fields:
        if not operation.mask or creating is None or field.full_name not in resource.immutable:
            continue
        contents = (factory.content(creating, number) for number in range(1, 8))
        made = [(content, found(content, creating.given or ())) for content in contents]
        first, given = made[0]
        others = [
            getattr(one, field.name) for _, one in made if one is not None and is_set(one, field) and given is not None
        ]
        other = next((value for value in others if value != getattr(given, field.name)), None)
        if other is None and given is not None and is_set(given, field) and field.enum_type is not None:
            numbers = [value.number for value in field.enum_type.values if value.number]
            other = next((number for number in numbers if number != getattr(given, field.name)), None)
        sequence = CallSequence(factory, operation.method, f"immutable-{field.name}")
        update = factory.content(operation, 1)
        if other is None or not operation.given or (handle := sequence.create(resource, first)) is None:
            continue
        put(update, (*operation.given, field.name), other)
        sequence.update(handle, update, [field.name])
        sequence.get(handle)
        yield sequence.finish(f"an update of {field.name}, which can't be changed")


def _update_of_servers_own(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Updates with what only the server sets: without a mask, and under masks that name it or not."""
    content, changeable = factory.content(operation, 0), factory.changeable(resource, operation)
    given = found(content, operation.given or ())
    if given is None or given.DESCRIPTOR is not resource.descriptor or not mark(resource, given):
        return
    sequence = CallSequence(factory, operation.method, "servers-own")
    handle = sequence.create_kept(resource)
    if handle is None:
        return
    sequence.update(handle, content)
    if operation.mask:
        for mask in (*(field.name for field in changeable[:1]), *(field.name for field in marked(resource)), "*"):
            sequence.update(handle, content, [mask])
    sequence.get(handle)
    yield sequence.finish("what only the server sets isn't taken from those who update")


def _update_later(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """One is changed after another one was made, which by the server's clock was later than the first."""
    sequence = CallSequence(factory, operation.method, "later")
    fields = factory.changeable(resource, operation)
    handle = sequence.create_kept(resource)
    if handle is None or not fields or not resource.is_annotated:
        return
    sequence.create(resource, 1, parent=handle.parent)
    sequence.wait()
    for number in (1, 0, 2):
        sequence.update(handle, number, [field.name for field in fields] if operation.mask else [])
    sequence.get(handle)
    yield sequence.finish("one is changed after another one was made")


def _update_alone(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """An update without all that its mask leaves out, after the same update with it. Both clear the same field."""
    fields = factory.clearable(resource, operation)
    field = next((field for field in fields if field.message_type is None and not field.is_repeated), None)
    sequence = CallSequence(factory, operation.method, "mask-alone")
    handle = sequence.create_kept(resource, 1)
    if field is None or handle is None or operation.given is None:
        return
    whole = _with(factory, operation, field.name, 0)
    given = found(whole, operation.given)
    if given is None:
        return
    given.ClearField(field.name)
    alone = type(whole)()
    alone.CopyFrom(whole)
    found(alone, operation.given).Clear()
    for update in (whole, alone):
        sequence.update(handle, update, [field.name])
    sequence.get(handle)
    yield sequence.finish(f"an update of {field.name} that says nothing else, after one that does")


def _update_to_zero(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Updates that set what is optional to zero, which isn't the same as to clear it."""
    for field in filter(is_optional, factory.clearable(resource, operation)):
        sequence = CallSequence(factory, operation.method, f"mask-{field.name}-zero")
        handle = sequence.create_kept(resource, 1)
        content = factory.content(operation, 1)
        given = found(content, operation.given or ())
        if handle is None or given is None:
            return
        setattr(given, field.name, field.default_value)
        sequence.update(handle, content, [field.name])
        sequence.get(handle)
        yield sequence.finish(f"an update that sets {field.name} to zero")


def _with(factory: ResourceFactory, operation: Operation, name: str, number: int, first: int = 1) -> Message:
    """Make an update that has a field set, if one can be found; the content of the *first* number comes first."""
    for attempt in range(8):
        content = factory.content(operation, first if not attempt else 100 * number + attempt)
        given = found(content, operation.given or ())
        if given is not None and any(field.name == name for field, _ in given.ListFields()):
            return content
    return factory.content(operation, 1)


def delete(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when one is deleted."""
    sequence = CallSequence(factory, operation.method, "used-after")
    handle = sequence.create_kept(resource)
    if handle is None:
        return
    sequence.get(handle)
    sequence.delete(handle)
    sequence.get(handle)
    sequence.list(resource, handle.parent, size=MANY, pages=3)
    sequence.update(handle, 1)
    sequence.delete(handle)
    sequence.get(handle)
    yield sequence.finish("what was deleted is read, listed, changed and deleted again")
    yield from one_of_three(resource, operation, factory)
    yield from _with_some_below(resource, operation, factory)
    if factory.identified:
        sequence = CallSequence(factory, operation.method, "as-other")
        handle = sequence.create_kept(resource)
        if handle is not None:
            sequence.delete(handle, caller=Caller.OTHER)
            sequence.get(handle)
            yield sequence.finish("somebody else deletes it")


def _with_some_below(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """One is deleted below which something stands, and nothing is said of that."""
    for below in factory.resources.all if resource.is_annotated and takes_force(operation) else ():
        if factory.resources.parent_of(below) is not resource or below.operation(Role.CREATE) is None:
            continue
        sequence = CallSequence(factory, operation.method, f"with-some-{below.name}-below")
        parent = sequence.numbered_parent_for(below)
        child = sequence.create_numbered(below, parent) if parent is not None else None
        if parent is None or child is None:
            continue
        sequence.get(child)
        sequence.delete(parent, with_all_below=False)
        sequence.get(child)
        sequence.get(parent)
        yield sequence.finish(f"one is deleted without force, below which there is a {below.name}")


def undelete(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when a deleted one is brought back."""
    sequence = CallSequence(factory, operation.method, "brought-back")
    handle = sequence.create_kept(resource, 1)
    if handle is None or sequence.delete(handle) is None:
        return
    _list_deleted(sequence, handle)
    sequence.undelete(handle)
    sequence.get(handle)
    sequence.list(resource, handle.parent, size=MANY, pages=1)
    yield sequence.finish("what was deleted is brought back")


def expunge(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when a deleted one is removed for good."""
    sequence = CallSequence(factory, operation.method, "removed")
    handle = sequence.create_kept(resource, 1)
    if handle is None or sequence.delete(handle) is None:
        return
    _list_deleted(sequence, handle)
    sequence.expunge(handle)
    sequence.get(handle)
    _list_deleted(sequence, handle)
    sequence.undelete(handle)
    sequence.get(handle)
    yield sequence.finish("what was deleted is removed for good")


def _list_deleted(sequence: CallSequence, handle: Handle) -> None:
    sequence.list(handle.resource, handle.parent, size=MANY, pages=1, switches=[SHOW_DELETED])
