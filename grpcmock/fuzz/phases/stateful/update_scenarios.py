"""Scenarios of methods that update, delete and bring back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.sampling import spread
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.fields import is_optional
from grpcmock.fuzz.resources.pagination import MANY

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

_UPDATES = 12


def update(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when one is changed, with a mask and without."""
    fields = factory.changeable(resource, operation)
    if operation.mask:
        sequence = CallSequence(factory, operation.method, "unknown-path")
        handle = sequence.create_kept(resource)
        if handle is None:
            return
        sequence.update(handle, 0, ["fz_no_such_field"])
        sequence.get(handle)
        yield sequence.finish("a mask that names no field")
        yield from _update_alone(resource, operation, factory)
        for number, field in enumerate(spread(fields, _UPDATES)):
            sequence = CallSequence(factory, operation.method, f"mask-{field.name}")
            handle = sequence.create_kept(resource, 1 if number % 2 else 0)
            if handle is None:
                return
            content = _with(factory, operation, field.name, number)
            sequence.update(handle, content, [field.name])
            sequence.get(handle)
            yield sequence.finish(f"an update of {field.name} alone")
        yield from _update_to_zero(resource, operation, factory)
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


def _with(factory: ResourceFactory, operation: Operation, name: str, number: int) -> Message:
    """Make an update that has a field set, if one can be found."""
    for attempt in range(8):
        content = factory.content(operation, 1 if not attempt else 100 * number + attempt)
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
    if factory.identified:
        sequence = CallSequence(factory, operation.method, "as-other")
        handle = sequence.create_kept(resource)
        if handle is not None:
            sequence.delete(handle, caller=Caller.OTHER)
            sequence.get(handle)
            yield sequence.finish("somebody else deletes it")


def undelete(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when a deleted one is brought back."""
    sequence = CallSequence(factory, operation.method, "brought-back")
    handle = sequence.create_kept(resource, 1)
    if handle is None or sequence.delete(handle) is None:
        return
    sequence.undelete(handle)
    sequence.get(handle)
    yield sequence.finish("what was deleted is brought back")
