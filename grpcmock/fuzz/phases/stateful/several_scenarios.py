"""Scenarios of several things: what is done to one of them leaves the others as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.evidence import OWN_WORDS
from grpcmock.fuzz.resources.pagination import MANY

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.handle import Handle
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource


def one_of_three(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """The first of three is deleted: the others stay as they are, by themselves and beside what is made then."""
    sequence = CallSequence(factory, operation.method, "one-of-three")
    parent = sequence.numbered_parent_for(resource) or sequence.parent_for(resource)

    def make(number: int) -> Handle | None:
        content = _with_own_words(resource, factory, f"{operation.method.full_name} {number}")
        return sequence.create(resource, content, parent=parent, own_id=sequence.new_id(resource))

    made = [handle for number in range(3) if (handle := make(number)) is not None]
    if len(made) < 3 or sequence.delete(made[0]) is None:
        return
    first, *others = made
    for handle in others:
        sequence.get(handle)
    sequence.list(resource, first.parent, size=MANY, pages=3)
    make(3)
    for handle in others:
        sequence.get(handle)
    sequence.list(resource, first.parent, size=MANY, pages=3)
    yield sequence.finish("the first of three is deleted, and another one made")


def _with_own_words(resource: Resource, factory: ResourceFactory, salt: str) -> Message | int:
    """Return a request that makes a thing which has other names and texts than the others, and else is as they are."""
    creating = resource.operation(Role.CREATE)
    if creating is None or creating.given is None:
        return 0
    content = factory.content(creating, 1)
    given = found(content, creating.given)
    for one, value in given.ListFields() if given is not None else ():
        if one.type == one.TYPE_STRING and not one.is_repeated and OWN_WORDS.search(one.name):
            setattr(given, one.name, varied(value, salt))
    return content
