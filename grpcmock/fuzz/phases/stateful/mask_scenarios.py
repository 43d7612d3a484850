"""Scenarios of updates whose masks name several fields, each field by itself, or what is a list."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.differences import is_set
from grpcmock.fuzz.resources.fields import is_map, same_type

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

_SEVERAL = 4
_LISTS = 4
"""So many fields are reset at once, and so many lists replaced."""


def cases(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the cases of an update that has a mask; none of others."""
    if not operation.mask or not operation.given:
        return
    yield from _several(resource, operation, factory)
    yield from _replaced(resource, operation, factory)
    yield from _each(resource, operation, factory)


def _made(resource: Resource, factory: ResourceFactory) -> tuple[Message, Message] | None:
    """Return a full creation that the server has taken, or may take, and the thing that it gives."""
    creating = resource.operation(Role.CREATE)
    if creating is None:
        return None
    content = factory.content(creating, 1)
    taken = found(factory.accepted(creating), creating.given or ())
    given = found(content, creating.given or ())
    if taken is not None and given is not None and len(taken.ListFields()) > len(given.ListFields()):
        given.CopyFrom(taken)
    return (content, given) if given is not None else None


def _several(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Each field is reset by itself, and then all of them at once, by masks in both orders."""
    made = _made(resource, factory)
    if made is None:
        return
    content, given = made
    fields = [one for one in factory.clearable(resource, operation) if _has(given, one)][:_SEVERAL]
    if len(fields) < 2:
        return
    names = [one.name for one in fields]
    emptied = _updated(factory, operation, {})
    whole = _updated(factory, operation, {name: getattr(given, name) for name in names})
    for order, way in (("first", names), ("last", names[::-1])):
        sequence = CallSequence(factory, operation.method, f"mask-several-{order}")
        handle = sequence.create_kept(resource, content)
        if handle is None or emptied is None or whole is None:
            return
        for name in names:
            sequence.update(handle, emptied, [name])
        sequence.update(handle, whole, names)
        sequence.update(handle, emptied, way)
        sequence.get(handle)
        yield sequence.finish(f"an update that resets {', '.join(way)} at once")


def _replaced(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """A list, or a map, that was given takes the place of what was there."""
    made = _made(resource, factory)
    fields = [one for one in factory.changeable(resource, operation) if one.is_repeated]
    if made is None:
        return
    content, given = made
    for field in fields[:_LISTS]:
        if not _has(given, field):
            continue
        value = getattr(given, field.name)
        update = _updated(factory, operation, {field.name: _other_entry(value) if is_map(field) else value})
        sequence = CallSequence(factory, operation.method, f"mask-{field.name}-replaced")
        if update is None or (handle := sequence.create_kept(resource, content)) is None:
            return
        sequence.update(handle, update, [field.name])
        sequence.get(handle)
        yield sequence.finish(f"an update that replaces {field.name}")


def _each(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """The same update without a mask, with a mask for each of its fields, and without a mask again."""
    made = _made(resource, factory)
    if made is None or not resource.is_annotated:
        return
    _, given = made
    creating = resource.operation(Role.CREATE)
    least = factory.content(creating, 0) if creating is not None else given
    there = found(least, creating.given or ()) if creating is not None else None
    names = [
        one.name
        for one in factory.changeable(resource, operation)
        if _has(given, one) and (there is None or not _has(there, one))
    ][:_SEVERAL]
    update = _updated(factory, operation, {name: getattr(given, name) for name in names})
    sequence = CallSequence(factory, operation.method, "mask-each")
    if update is None or len(names) < 2 or (handle := sequence.create_kept(resource, 0)) is None:
        return
    for mask in ([], *([name] for name in names), []):
        sequence.update(handle, update, mask)
    yield sequence.finish("the same update without a mask, and with one for each of its fields")


def _has(given: Message, field: FieldDescriptor) -> bool:
    """Whether a creation gives something of the name and the type that a field of an update has."""
    descriptor: Any = given.DESCRIPTOR
    own = descriptor.fields_by_name.get(field.name)
    return own is not None and own.is_repeated == field.is_repeated and same_type(own, field) and is_set(given, own)


def _updated(factory: ResourceFactory, operation: Operation, values: dict[str, Any]) -> Message | None:
    """Make an update of nothing but some fields; None where their values don't fit."""
    update = factory.content(operation, 0)
    place: Any = value_at(update, operation.given or ())
    place.Clear()
    place.SetInParent()
    try:
        place.MergeFrom(type(place)(**values))
    except (TypeError, ValueError):
        return None
    return update


def _other_entry(entries: Any) -> dict[Any, Any]:
    """Return one entry of a map under another key of the same form."""
    return {varied(key, "replaced"): entries[key] for key in islice(entries, 1)}
