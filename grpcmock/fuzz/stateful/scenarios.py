"""What goes wrong with resources again and again, as trials: one function for each role that a method can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.binding import put
from grpcmock.fuzz.stateful.history import found
from grpcmock.fuzz.stateful.paging import GARBAGE
from grpcmock.fuzz.stateful.resources import Operation, Resource, Role
from grpcmock.fuzz.stateful.script import Handle, Script
from grpcmock.fuzz.trials import LATER, SHORT, Caller, call_of
from grpcmock.schema.method import Kind

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
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

CONTENTS = 24
"""So many different contents are created and read back."""

_UPDATES = 12
_VIOLATIONS = 8
_MANY = 1000
"""The size of a page that a server cuts down to its own largest."""

_REQUEST_ID = "6f1c1a9e-5d0b-4c3a-9a57-0d1e5c7ab0{:02x}"


def trials(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield the trials about one method."""
    maker = _MAKERS.get(operation.role)
    if maker is not None:
        yield from maker(resource, operation, world)


# Creating -----------------------------------------------------------------------------------------------


def _create(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    yield from _cut(resource, operation, world)
    yield from _read_back(resource, operation, world, 0, 2)
    yield from _texts_read_back(resource, operation, world)
    yield from _listed(resource, operation, world)
    yield from _twice(resource, operation, world)
    yield from _refused(resource, operation, world)
    yield from _read_back(resource, operation, world, 2, CONTENTS)


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
        if _numbered(script, resource, parent) is None:
            return
    script.list(resource, parent, size=_MANY, role=listing.role)
    yield script.finish("what was created is in the list")


def _numbered(script: Script, resource: Resource, parent: Handle | None, content: int = 0) -> Handle | None:
    """Create a resource with an id that the client chooses, where it may: no earlier run has left it there."""
    own_id = script.new_id(resource) if resource.is_annotated else None
    if own_id is not None and (parent is None or parent.key is not None or not resource.parent):
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        key = resource.key_of(own_id, parent.key if parent is not None else None)
        if key is not None and operation is not None:
            script.clear(resource, key, parent)
    return script.create(resource, content, parent=parent, own_id=own_id)


def _twice(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    script = Script(world, operation.method, "twice")
    parent = _numbered_parent(script, resource)
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


def _numbered_parent(script: Script, resource: Resource) -> Handle | None:
    """Create a parent whose key is known beforehand, so that names below it can be made up."""
    above = script.world.resources.parent_of(resource)
    operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
    if above is None or operation is None or operation.parent is None:
        return None
    return _numbered(script, above, script.parent_for(above))


def _cut(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """A creation below a parent, with a deadline that is soon over. Where there is no parent, other phases look."""
    listing = resource.operation(Role.LIST) or resource.operation(Role.EXPORT)
    script = Script(world, operation.method, "deadline")
    parent = _numbered_parent(script, resource)
    if listing is None or parent is None or operation.method.kind is not Kind.UNARY:
        return
    own_id = script.new_id(resource)
    if own_id is not None and (key := resource.key_of(own_id, parent.key)) is not None:
        script.clear(resource, key, parent)
    setup = len(script.calls)
    script.list(resource, parent, size=_MANY, pages=1, role=listing.role)
    script.create(resource, 0, parent=parent, own_id=own_id)
    script.cut(SHORT)
    script.list(resource, parent, size=_MANY, pages=1, role=listing.role)
    script.wait(LATER)
    calls = len(script.calls)
    trial = script.finish("a creation whose deadline is soon over leaves nothing")
    aims = frozenset({"G107"})
    yield replace(trial, aims=aims, setup=setup, cleanup=len(trial.calls) - calls)


def _refused(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """A creation that breaks one rule, and the id it asked for looked up after it."""
    if operation.own_id is None or not resource.is_annotated or operation.method.kind is not Kind.UNARY:
        return
    for violation in _spread(world.violations(operation), _VIOLATIONS):
        name = f"refused-{violation.path or 'message'}-{violation.rule}"
        script = Script(world, operation.method, name)
        parent = _numbered_parent(script, resource)
        own_id = script.new_id(resource)
        key = resource.key_of(own_id, parent.key if parent is not None else None) if own_id is not None else None
        if key is None:
            return
        script.clear(resource, key, parent)
        content = world.broken(operation, violation, name)
        handle = script.create(resource, content, parent=parent, own_id=own_id)
        if handle is None:
            return
        script.get(handle)
        script.list(resource, parent, size=_MANY, pages=3)
        yield script.finish(f"a creation that must fail ({violation.reason}) leaves nothing")


def _spread(options: list[Any], count: int) -> list[Any]:
    """Take so many of a list, from all parts of it."""
    step = max(len(options) / count, 1)
    return [options[int(index * step)] for index in range(min(count, len(options)))]


def _import(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    if resource.operation(Role.CREATE) is None:
        yield from _read_back(resource, operation, world, 0, CONTENTS // 2)
        yield from _listed(resource, operation, world)
    if operation.own_id is None or operation.method.kind is not Kind.CLIENT_STREAMING:
        return
    yield from _imports(resource, operation, world)


def _imports(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    violations = _spread(world.violations(operation), 2)
    ways: list[tuple[str, Violation | None, bool]] = [("imported", None, False), ("cancelled", None, True)]
    ways += [(f"refused-{violation.path}-{violation.rule}", violation, False) for violation in violations]
    for name, violation, cut in ways:
        script = Script(world, operation.method, name)
        parent = _numbered_parent(script, resource)
        own_id = script.new_id(resource)
        key = resource.key_of(own_id, parent.key if parent is not None else None) if own_id is not None else None
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


# Reading ------------------------------------------------------------------------------------------------


def _get(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
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
        first, second = (_numbered(script, above, script.parent_for(above)) for _ in range(2))
        own_id = script.new_id(resource)
        if first is None or second is None or own_id is None:
            return
        wrong = resource.key_of(own_id, second.key)
        if wrong is None or second.key is None:
            return
        script.create(resource, content, parent=first, own_id=own_id)
        script.get(Handle(resource, None, 0, wrong, second))
        yield script.finish("a resource is asked for below another parent")


def _several(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    script = Script(world, operation.method, "some-deleted")
    parent = script.parent_for(resource)
    handles = [_numbered(script, resource, parent, number) for number in (0, 1)]
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


def _list(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    if operation.is_paged:
        yield from _odd_pages(resource, operation, world)
    for size in (1, 2, 0):
        if size and not operation.is_paged:
            continue
        script = Script(world, operation.method, f"pages-of-{size or 'any'}")
        parent = script.parent_for(resource)
        for _ in range(3):
            _numbered(script, resource, parent)
        script.list(resource, parent, size=size or (0 if operation.is_paged else _MANY), role=operation.role)
        yield script.finish("page after page")
    script = Script(world, operation.method, "after-delete")
    parent = script.parent_for(resource)
    handle = _numbered(script, resource, parent)
    if handle is not None and script.delete(handle) is not None:
        script.list(resource, parent, size=_MANY, role=operation.role)
        yield script.finish("what was deleted is in no list")
    yield from _list_elsewhere(resource, operation, world)
    if world.identified:
        script = Script(world, operation.method, "as-other")
        parent = script.parent_for(resource)
        if _numbered(script, resource, parent) is not None:
            script.list(resource, parent, size=_MANY, role=operation.role, caller=Caller.OTHER)
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
    script.list(resource, second, size=_MANY, role=operation.role, pages=3)
    yield script.finish("what stands below one parent is in no other's list")


# Changing -----------------------------------------------------------------------------------------------


def _update(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
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
        for number, field in enumerate(_spread(fields, _UPDATES)):
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
        script.list(resource, handle.parent, size=_MANY, pages=2)
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


def _delete(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    script = Script(world, operation.method, "used-after")
    handle = script.create(resource)
    if handle is None:
        return
    script.get(handle)
    script.delete(handle)
    script.get(handle)
    script.list(resource, handle.parent, size=_MANY, pages=3)
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


def _undelete(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    script = Script(world, operation.method, "brought-back")
    handle = script.create(resource, 1)
    if handle is None or script.delete(handle) is None:
        return
    script.undelete(handle)
    script.get(handle)
    yield script.finish("what was deleted is brought back")


_MAKERS: dict[Role, Callable[[Resource, Operation, World], Iterator[Trial]]] = {
    Role.CREATE: _create,
    Role.IMPORT: _import,
    Role.GET: _get,
    Role.BATCH_GET: _several,
    Role.LOOKUP: _several,
    Role.LIST: _list,
    Role.EXPORT: _list,
    Role.UPDATE: _update,
    Role.DELETE: _delete,
    Role.UNDELETE: _undelete,
}
