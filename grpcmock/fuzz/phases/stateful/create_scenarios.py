"""Scenarios of methods that create: what was made is there, once, as it was told; what failed left nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import LATER, SHORT
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.handle import Handle
from grpcmock.fuzz.phases.stateful.resource_factory import LARGE
from grpcmock.fuzz.phases.stateful.sampling import spread
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.laws.servers_own import mark
from grpcmock.fuzz.resources.pagination import MANY
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

_REWRITES: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "blanks": ("blanks around its texts", lambda text: f" {text} "),
    "capitals": ("small and capital letters the other way round", str.swapcase),
    "accents": ("letters and accents apart", lambda text: f"{text}e\u0301"),
    "beyond": ("characters of four bytes", lambda text: f"{text}\U0001f600"),
    "quotes": ("what other languages use for quotation", lambda text: f"{text}'\"\\%"),
}
"""What servers do to texts without saying so: they strip them, fold them, compose them, cut them, escape them."""

_CONTENTS = 24
"""So many different contents are created and read back."""

_VIOLATIONS = 8


_NUMBERS = 3
"""So many numbers of a thing are made large one by one."""

_REQUEST_ID = "6f1c1a9e-5d0b-4c3a-9a57-0d1e5c7ab0{:02x}"


def create(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when a resource is created."""
    yield from _cut(resource, operation, factory)
    yield from _read_back(resource, operation, factory, 0, 2)
    yield from _zeros_read_back(resource, operation, factory)
    yield from _large_read_back(resource, operation, factory)
    yield from _twice(resource, operation, factory)
    yield from _listed(resource, operation, factory)
    yield from _servers_own(resource, operation, factory)
    yield from _texts_read_back(resource, operation, factory)
    yield from _refused(resource, operation, factory)
    yield from _read_back(resource, operation, factory, 2, _CONTENTS)


def _read_back(
    resource: Resource, operation: Operation, factory: ResourceFactory, first: int, end: int
) -> Iterator[Case]:
    for number in range(first, end):
        sequence = CallSequence(factory, operation.method, f"read-back-{number}")
        handle = sequence.create_kept(resource, number)
        if handle is None:
            return
        if (
            sequence.get(handle) is None
            and sequence.get_several(Role.LOOKUP, [handle]) is None
            and sequence.get_several(Role.BATCH_GET, [handle]) is None
        ):
            return
        yield sequence.finish("what was created is read back")


def _texts_read_back(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    if not resource.is_annotated:
        return  # to refuse unusual texts, or to tidy them up, is a server's right where no rule speaks of them
    for name, (words, rewrite) in _REWRITES.items():
        sequence = CallSequence(factory, operation.method, f"read-back-{name}")
        handle = sequence.create(resource, factory.rewritten(operation, rewrite))
        if handle is None or sequence.get(handle) is None:
            return
        yield sequence.finish(f"what was created with {words} is read back")


def _zeros_read_back(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    content = factory.zeroed(operation)
    sequence = CallSequence(factory, operation.method, "read-back-zeros")
    if content is None or (handle := sequence.create_kept(resource, content)) is None:
        return
    if sequence.get(handle) is not None:
        yield sequence.finish("what was created with zeros, which aren't nothing, is read back")


def _large_read_back(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Numbers of 64 bits that are no float: all of a thing at once, and one after the other."""
    names = factory.enlarged(operation)
    for chosen in (names, *((name,) for name in names[:_NUMBERS] if names[1:])):
        sequence = CallSequence(factory, operation.method, f"read-back-large-{'-'.join(chosen)}")
        content = factory.content(operation, 1)
        place = found(content, operation.given or ())
        for name in chosen if place is not None else ():
            setattr(place, name, LARGE)
        if not chosen or (handle := sequence.create_kept(resource, content)) is None:
            return
        if sequence.get(handle) is not None:
            yield sequence.finish("what was created with numbers that are no floats is read back")


def _servers_own(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """One is made with what only the server sets."""
    sequence = CallSequence(factory, operation.method, "servers-own")
    content = factory.content(operation, 0)
    given = found(content, operation.given or ())
    if given is None or given.DESCRIPTOR is not resource.descriptor or not mark(resource, given):
        return
    handle = sequence.create(resource, content)
    if handle is not None:
        sequence.get(handle)
        yield sequence.finish("what only the server sets isn't taken from those who create")


def _listed(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    listing = resource.operation(Role.LIST) or resource.operation(Role.EXPORT)
    if listing is None:
        return
    sequence = CallSequence(factory, operation.method, "listed")
    parent = sequence.parent_for(resource)
    for _ in range(2):
        if sequence.create_numbered(resource, parent) is None:
            return
    sequence.list(resource, parent, size=MANY, role=listing.role)
    yield sequence.finish("what was created is in the list")


def _twice(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    sequence = CallSequence(factory, operation.method, "twice")
    parent = sequence.numbered_parent_for(resource)
    own_id = sequence.new_id(resource)
    if own_id is not None:
        key = resource.key_of(own_id, parent.key if parent is not None else None)
        if key is not None:
            sequence.clear(resource, key, parent)
        sequence.create(resource, 0, parent=parent, own_id=own_id)
        sequence.create(resource, 1, parent=parent, own_id=own_id)
        yield sequence.finish("the same id is created twice")
    if operation.request_id and resource.is_annotated:
        for number in (0, 1):
            sequence = CallSequence(factory, operation.method, f"request-id-{number}")
            request_id = _REQUEST_ID.format(number)
            parent = sequence.parent_for(resource)
            handle = sequence.create(resource, number, parent=parent, request_id=request_id)
            if handle is None:
                return
            sequence.calls.append(sequence.calls[handle.call])
            sequence.get(handle)
            yield sequence.finish("the same request is made twice, with the same request id")


def _cut(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """A creation below a parent, with a deadline that is soon over. Where there is no parent, other phases look."""
    listing = resource.operation(Role.LIST) or resource.operation(Role.EXPORT)
    sequence = CallSequence(factory, operation.method, "deadline")
    parent = sequence.numbered_parent_for(resource)
    if listing is None or parent is None or operation.method.kind is not MethodKind.UNARY:
        return
    own_id = sequence.new_id(resource)
    if own_id is not None and (key := resource.key_of(own_id, parent.key)) is not None:
        sequence.clear(resource, key, parent)
    setup = len(sequence.calls)
    sequence.list(resource, parent, size=MANY, pages=1, role=listing.role)
    sequence.create(resource, 0, parent=parent, own_id=own_id)
    sequence.cut(SHORT)
    sequence.list(resource, parent, size=MANY, pages=1, role=listing.role)
    sequence.wait(LATER)
    calls = len(sequence.calls)
    case = sequence.finish("a creation whose deadline is soon over leaves nothing")
    targets = frozenset({"deadline_honored"})
    yield replace(case, targets=targets, setup=setup, cleanup=len(case.calls) - calls)


def _refused(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """A creation that breaks one rule, and the id it asked for looked up after it."""
    if operation.own_id is None or not resource.is_annotated or operation.method.kind is not MethodKind.UNARY:
        return
    for violation in spread(factory.violations(operation), _VIOLATIONS):
        name = f"refused-{violation.path or 'message'}-{violation.rule}"
        sequence = CallSequence(factory, operation.method, name)
        parent = sequence.numbered_parent_for(resource)
        own_id, key = sequence.new_key(resource, parent)
        if key is None:
            return
        sequence.clear(resource, key, parent)
        content = factory.broken(operation, violation, name)
        handle = sequence.create(resource, content, parent=parent, own_id=own_id)
        if handle is None:
            return
        sequence.get(handle)
        sequence.list(resource, parent, size=MANY, pages=3)
        yield sequence.finish(f"a creation that must fail ({violation.reason}) leaves nothing")


def import_(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield what may go wrong when many are created in one stream."""
    if resource.operation(Role.CREATE) is None:
        yield from _read_back(resource, operation, factory, 0, _CONTENTS // 2)
        yield from _listed(resource, operation, factory)
    if operation.own_id is None or operation.method.kind is not MethodKind.CLIENT_STREAMING:
        return
    yield from _imports(resource, operation, factory)


def _imports(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    violations = spread(factory.violations(operation), 2)
    ways: list[tuple[str, Violation | None, bool]] = [("imported", None, False), ("cancelled", None, True)]
    ways += [(f"refused-{violation.path}-{violation.rule}", violation, False) for violation in violations]
    for name, violation, cut in ways:
        sequence = CallSequence(factory, operation.method, name)
        parent = sequence.numbered_parent_for(resource)
        own_id, key = sequence.new_key(resource, parent)
        if key is None:
            return
        good = factory.content(operation, 0)
        assert operation.own_id is not None
        put(good, operation.own_id, own_id)
        handle = Handle(resource, None, 0, key, parent)
        sequence.clear(resource, key, parent)
        messages: list[Message] = [good]
        if violation is not None:
            messages.append(factory.broken(operation, violation, name))
        sequence.stream(operation, messages, cut=cut)
        if sequence.get(handle) is None and sequence.get_several(Role.LOOKUP, [handle]) is None:
            return
        if cut:
            sequence.wait()
        sequence.made.append(handle)
        why = "leaves nothing" if cut or violation else "is read back"
        yield sequence.finish(f"an import that is {name.partition('-')[0]} {why}")
