"""Scenarios of methods that create: what was made is there, once, as it was told; what failed left nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.binding import put
from grpcmock.fuzz.stateful.paging import MANY
from grpcmock.fuzz.stateful.resources import Operation, Resource, Role
from grpcmock.fuzz.stateful.scenarios.spreading import spread
from grpcmock.fuzz.stateful.script import Handle, Script
from grpcmock.fuzz.trials import LATER, SHORT
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.violations import Violation
    from grpcmock.fuzz.stateful.world import World
    from grpcmock.fuzz.trials import Trial

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


_REQUEST_ID = "6f1c1a9e-5d0b-4c3a-9a57-0d1e5c7ab0{:02x}"


def create(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when a resource is created."""
    yield from _cut(resource, operation, world)
    yield from _read_back(resource, operation, world, 0, 2)
    yield from _texts_read_back(resource, operation, world)
    yield from _listed(resource, operation, world)
    yield from _twice(resource, operation, world)
    yield from _refused(resource, operation, world)
    yield from _read_back(resource, operation, world, 2, _CONTENTS)


def _read_back(resource: Resource, operation: Operation, world: World, first: int, end: int) -> Iterator[Trial]:
    for number in range(first, end):
        script = Script(world, operation.method, f"read-back-{number}")
        handle = script.create(resource, number)
        if handle is None:
            return
        if not resource.is_annotated:
            handle = script.create(resource, number, parent=handle.parent) or handle
        if (
            script.get(handle) is None
            and script.get_several(Role.LOOKUP, [handle]) is None
            and script.get_several(Role.BATCH_GET, [handle]) is None
        ):
            return
        yield script.finish("what was created is read back")


def _texts_read_back(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    if not resource.is_annotated:
        return  # to refuse odd texts, or to tidy them up, is a server's right where no rule speaks of them
    for name, (words, rewrite) in _REWRITES.items():
        script = Script(world, operation.method, f"read-back-{name}")
        handle = script.create(resource, world.rewritten(operation, rewrite))
        if handle is None or script.get(handle) is None:
            return
        yield script.finish(f"what was created with {words} is read back")


def _listed(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    listing = resource.operation(Role.LIST) or resource.operation(Role.EXPORT)
    if listing is None:
        return
    script = Script(world, operation.method, "listed")
    parent = script.parent_for(resource)
    for _ in range(2):
        if script.create_numbered(resource, parent) is None:
            return
    script.list(resource, parent, size=MANY, role=listing.role)
    yield script.finish("what was created is in the list")


def _twice(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    script = Script(world, operation.method, "twice")
    parent = script.numbered_parent_for(resource)
    own_id = script.new_id(resource)
    if own_id is not None:
        key = resource.key_of(own_id, parent.key if parent is not None else None)
        if key is not None:
            script.clear(resource, key, parent)
        script.create(resource, 0, parent=parent, own_id=own_id)
        script.create(resource, 1, parent=parent, own_id=own_id)
        yield script.finish("the same id is created twice")
    if operation.request_id and resource.is_annotated:
        for number in (0, 1):
            script = Script(world, operation.method, f"request-id-{number}")
            request_id = _REQUEST_ID.format(number)
            parent = script.parent_for(resource)
            handle = script.create(resource, number, parent=parent, request_id=request_id)
            if handle is None:
                return
            script.calls.append(script.calls[handle.call])
            script.get(handle)
            yield script.finish("the same request is made twice, with the same request id")


def _cut(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """A creation below a parent, with a deadline that is soon over. Where there is no parent, other phases look."""
    listing = resource.operation(Role.LIST) or resource.operation(Role.EXPORT)
    script = Script(world, operation.method, "deadline")
    parent = script.numbered_parent_for(resource)
    if listing is None or parent is None or operation.method.kind is not MethodKind.UNARY:
        return
    own_id = script.new_id(resource)
    if own_id is not None and (key := resource.key_of(own_id, parent.key)) is not None:
        script.clear(resource, key, parent)
    setup = len(script.calls)
    script.list(resource, parent, size=MANY, pages=1, role=listing.role)
    script.create(resource, 0, parent=parent, own_id=own_id)
    script.cut(SHORT)
    script.list(resource, parent, size=MANY, pages=1, role=listing.role)
    script.wait(LATER)
    calls = len(script.calls)
    trial = script.finish("a creation whose deadline is soon over leaves nothing")
    aims = frozenset({"G107"})
    yield replace(trial, aims=aims, setup=setup, cleanup=len(trial.calls) - calls)


def _refused(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """A creation that breaks one rule, and the id it asked for looked up after it."""
    if operation.own_id is None or not resource.is_annotated or operation.method.kind is not MethodKind.UNARY:
        return
    for violation in spread(world.violations(operation), _VIOLATIONS):
        name = f"refused-{violation.path or 'message'}-{violation.rule}"
        script = Script(world, operation.method, name)
        parent = script.numbered_parent_for(resource)
        own_id, key = script.new_key(resource, parent)
        if key is None:
            return
        script.clear(resource, key, parent)
        content = world.broken(operation, violation, name)
        handle = script.create(resource, content, parent=parent, own_id=own_id)
        if handle is None:
            return
        script.get(handle)
        script.list(resource, parent, size=MANY, pages=3)
        yield script.finish(f"a creation that must fail ({violation.reason}) leaves nothing")


def import_(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield what may go wrong when many are created in one stream."""
    if resource.operation(Role.CREATE) is None:
        yield from _read_back(resource, operation, world, 0, _CONTENTS // 2)
        yield from _listed(resource, operation, world)
    if operation.own_id is None or operation.method.kind is not MethodKind.CLIENT_STREAMING:
        return
    yield from _imports(resource, operation, world)


def _imports(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    violations = spread(world.violations(operation), 2)
    ways: list[tuple[str, Violation | None, bool]] = [("imported", None, False), ("cancelled", None, True)]
    ways += [(f"refused-{violation.path}-{violation.rule}", violation, False) for violation in violations]
    for name, violation, cut in ways:
        script = Script(world, operation.method, name)
        parent = script.numbered_parent_for(resource)
        own_id, key = script.new_key(resource, parent)
        if key is None:
            return
        good = world.content(operation, 0)
        assert operation.own_id is not None
        put(good, operation.own_id, own_id)
        handle = Handle(resource, None, 0, key, parent)
        script.clear(resource, key, parent)
        messages: list[Message] = [good]
        if violation is not None:
            messages.append(world.broken(operation, violation, name))
        script.stream(operation, messages, cut=cut)
        if script.get(handle) is None and script.get_several(Role.LOOKUP, [handle]) is None:
            return
        if cut:
            script.wait()
        script.made.append(handle)
        why = "leaves nothing" if cut or violation else "is read back"
        yield script.finish(f"an import that is {name.partition('-')[0]} {why}")
