"""The calls of one case on resources, written one after the other: later ones say what earlier ones have made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Pause, Send
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding, Call, Caller, Case, Phase, call_of
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.pagination import MANY

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource
    from grpcmock.schema import Method

TARGETS = frozenset(
    {
        "idempotency",
        "read_after_write",
        "use_after_delete",
        "leak_on_failure",
        "parent_confusion",
        "duplicate_create",
        "pagination",
        "field_mask",
        "object_authorization",
    }
)
"""What is looked at in every case on resources."""

PAGES = 12
"""So many pages of a list are asked for; what is beyond is nobody's business."""

_APART = 31
"""Added to the number of a content, it gives another one: two of the same may be refused."""

_SETTLED = 0.05
"""Seconds after a cancel until a server must have noticed."""


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """A resource that a script makes."""

    resource: Resource
    source: Path | None
    """Where the response of ``call`` has its key; None if nowhere."""

    call: int
    key: Any = None
    """What the key will be, if the client chose it."""

    parent: Handle | None = None


class CallSequence:
    """A case being written."""

    def __init__(self, factory: ResourceFactory, method: Method, name: str) -> None:
        self.factory = factory
        self.method = method
        self.name = name
        self.calls: list[Call] = []
        self.made: list[Handle] = []
        self._ids = 0

    # Making ---------------------------------------------------------------------------------------------

    def create(
        self,
        resource: Resource,
        content: Message | int = 0,
        *,
        parent: Handle | None = None,
        own_id: Any = None,
        request_id: str = "",
    ) -> Handle | None:
        """Create a resource, and first the one that it stands below. None if there is no way to."""
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        if operation is None:
            return None
        if parent is None:
            parent = self.parent_for(resource)
        if own_id is None and self.factory.must_choose_id(operation):
            own_id = self.new_id(resource)
        message = self.factory.content(operation, content) if isinstance(content, int) else content
        handle = self._creating(resource, operation, message, parent, own_id)
        request, bindings = self._creation(operation, message, parent, own_id)
        if request_id:
            setattr(request, operation.request_id, request_id)
        handle = replace(
            handle,
            call=self.add(call_of(operation.method, request.SerializePartialToString(deterministic=True)), bindings),
        )
        self.made.append(handle)
        return handle

    def create_kept(self, resource: Resource, content: Message | int = 0) -> Handle | None:
        """Create a resource of which the server can be held to its word: where nothing is annotated, that takes two,
        whose keys show that it tells one from another."""
        handle = self.create(resource, content)
        if handle is not None and not resource.is_annotated:
            self.create(resource, content + _APART if isinstance(content, int) else _APART, parent=handle.parent)
        return handle

    def create_numbered(self, resource: Resource, parent: Handle | None, content: int = 0) -> Handle | None:
        """Create a resource with an id that the client chooses, where it may: no earlier run has left it there."""
        own_id = self.new_id(resource) if resource.is_annotated else None
        if own_id is not None and (parent is None or parent.key is not None or not resource.parent):
            operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
            key = resource.key_of(own_id, parent.key if parent is not None else None)
            if key is not None and operation is not None:
                self.clear(resource, key, parent)
        return self.create(resource, content, parent=parent, own_id=own_id)

    def numbered_parent_for(self, resource: Resource) -> Handle | None:
        """Create a parent whose key is known beforehand, so that names below it can be made up."""
        above = self.factory.resources.parent_of(resource)
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        if above is None or operation is None or operation.parent is None:
            return None
        return self.create_numbered(above, self.parent_for(above))

    def parent_for(self, resource: Resource) -> Handle | None:
        """Create what a resource stands below, if that can be created."""
        above = self.factory.resources.parent_of(resource)
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        if above is None or operation is None or operation.parent is None:
            return None
        known = next((handle for handle in self.made if handle.resource.name == above.name), None)
        return known or self.create(above)

    def _creating(
        self, resource: Resource, operation: Operation, message: Message, parent: Handle | None, own_id: Any
    ) -> Handle:
        source: Path | None = None
        if operation.made is not None:
            repeated = operation.method.output.fields_by_name[str(operation.made[-1])].is_repeated
            source = (*operation.made, 0) if repeated else operation.made
        elif operation.shown is not None:
            source = (*operation.shown, 0, resource.key) if operation.many else (*operation.shown, resource.key)
        above = parent.key if parent is not None else _value(message, operation.parent)
        key = resource.key_of(own_id, above) if own_id is not None else None
        return Handle(resource, source, len(self.calls), key, parent)

    def _creation(
        self, operation: Operation, message: Message, parent: Handle | None, own_id: Any
    ) -> tuple[Message, tuple[Binding, ...]]:
        request = type(message)()
        request.CopyFrom(message)
        bindings: tuple[Binding, ...] = ()
        if parent is not None and operation.parent is not None:
            bindings = self.refer(request, operation.parent, parent)
        if own_id is not None and operation.own_id is not None:
            put(request, operation.own_id, own_id)
        return request, bindings

    def new_id(self, resource: Resource, index: int = 0) -> Any:
        """Choose an id that nothing else has; None where clients choose no ids."""
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        if operation is None or operation.own_id is None:
            return None
        self._ids += 1
        label = f"{self.method.full_name} {self.name} {resource.name} {index or self._ids}"
        return next(self.factory.ids(operation, label), None)

    def new_key(self, resource: Resource, parent: Handle | None) -> tuple[Any, Any]:
        """Choose an id that nothing else has; give it with the key that it makes below *parent*. The key is None where
        it can't be known beforehand."""
        own_id = self.new_id(resource)
        if own_id is None:
            return None, None
        return own_id, resource.key_of(own_id, parent.key if parent is not None else None)

    # Calls ----------------------------------------------------------------------------------------------

    def add(self, call: Call, bindings: Sequence[Binding] = (), caller: Caller = Caller.OWN) -> int:
        """Add a call; give its index."""
        self.calls.append(
            replace(call, bindings=tuple(bindings), caller=caller) if bindings or caller is not Caller.OWN else call
        )
        return len(self.calls) - 1

    def refer(self, request: Message, target: Path, handle: Handle) -> tuple[Binding, ...]:
        """Put the key of a resource into a request: as far as it is known now, and as it turns out to be."""
        if handle.key is not None:
            put(request, target, handle.key)
        if handle.source is None or (handle.key is not None and handle.resource.patterns):
            return ()
        return (Binding(handle.call, handle.source, target),)

    def get(self, handle: Handle, *, caller: Caller = Caller.OWN) -> int | None:
        return self._on(Role.GET, handle, caller=caller)

    def delete(self, handle: Handle, *, caller: Caller = Caller.OWN) -> int | None:
        return self._on(Role.DELETE, handle, caller=caller)

    def undelete(self, handle: Handle) -> int | None:
        return self._on(Role.UNDELETE, handle)

    def _on(self, role: Role, handle: Handle, *, caller: Caller = Caller.OWN) -> int | None:
        """Call a method that says nothing but which resource it means."""
        operation = handle.resource.operation(role)
        if operation is None or operation.key is None:
            return None
        request = self.factory.content(operation, 0)
        bindings = self.refer(request, operation.key, handle)
        return self.add(call_of(operation.method, _data(request)), bindings, caller)

    def get_several(self, role: Role, handles: Sequence[Handle]) -> int | None:
        """Get several resources at once: in one list of keys, or one by one in a stream."""
        operation = handles[0].resource.operation(role)
        if operation is None or operation.key is None:
            return None
        if role is Role.LOOKUP:
            known = [handle for handle in handles[1:] if handle.key is not None]
            requests = [self.factory.content(operation, 0) for _ in (handles[0], *known)]
            bindings = self.refer(requests[0], operation.key, handles[0])
            for request, handle in zip(requests[1:], known, strict=True):
                put(request, operation.key, handle.key)
            return self.add(call_of(operation.method, *map(_data, requests)), bindings)
        request = self.factory.content(operation, 0)
        request.ClearField(str(operation.key[0]))
        bindings = ()
        for index, handle in enumerate(handles):
            if handle.key is not None:
                getattr(request, str(operation.key[0])).append(handle.key)
            if handle.source is not None and handle.key is None:
                bindings = (*bindings, Binding(handle.call, handle.source, (*operation.key, index)))
        return self.add(call_of(operation.method, _data(request)), bindings)

    def update(
        self,
        handle: Handle,
        content: Message | int,
        mask: Iterable[str] = (),
        *,
        caller: Caller = Caller.OWN,
    ) -> int | None:
        """Update a resource: with a whole request, whose key and mask are set here."""
        operation = handle.resource.operation(Role.UPDATE)
        if operation is None or operation.key is None:
            return None
        request = type(content)() if isinstance(content, Message) else self.factory.content(operation, content)
        if isinstance(content, Message):
            request.CopyFrom(content)
        bindings = self.refer(request, operation.key, handle)
        if operation.mask:
            request.ClearField(operation.mask)
            if paths := tuple(mask):
                getattr(request, operation.mask).paths.extend(paths)
        return self.add(call_of(operation.method, _data(request)), bindings, caller)

    def list(
        self,
        resource: Resource,
        parent: Handle | None = None,
        *,
        size: int = 0,
        pages: int = PAGES,
        role: Role = Role.LIST,
        caller: Caller = Caller.OWN,
    ) -> int | None:
        """Read a list, page by page."""
        operation = resource.operation(role)
        if operation is None or operation.method.kind.client_streams:
            return None
        request = self.factory.content(operation, 0)
        for name in filter(None, (operation.page_token, operation.page, operation.offset, operation.after)):
            request.ClearField(name)
        if operation.page_size and size:
            setattr(request, operation.page_size, min(size, self._largest_page(operation)))
        above: tuple[Binding, ...] = ()
        if parent is not None and operation.parent is not None:
            above = self.refer(request, operation.parent, parent)
        first = last = self.add(call_of(operation.method, _data(request)), above, caller)
        for number in range(2, pages + 1):
            if operation.is_paged:
                token = Binding(last, (operation.next_token,), (operation.page_token,))
                last = self.add(call_of(operation.method, _data(request)), (*above, token), caller)
            elif operation.page:
                setattr(request, operation.page, number)
                self.add(call_of(operation.method, _data(request)), above, caller)
            elif operation.offset and operation.page_size and size:
                setattr(request, operation.offset, (number - 1) * size)
                self.add(call_of(operation.method, _data(request)), above, caller)
            elif operation.after and operation.shown and size:
                key = Binding(last, (*operation.shown, -1, resource.key), (operation.after,))
                last = self.add(call_of(operation.method, _data(request)), (*above, key), caller)
        return first

    def _largest_page(self, operation: Operation) -> int:
        """Return how large a page may be, as far as the server has said so."""
        limits = self.factory.plan.limits.of(operation.method)
        told = [limit.most for way, (limit, _) in limits.items() if way[-1].name == operation.page_size]
        return next((most for most in told if most), MANY)

    def stream(self, operation: Operation, messages: Sequence[Message], *, cut: bool = False) -> int:
        """Send several messages in one call; *cut* it before they have all been sent."""
        actions: list[Action] = [Send(_data(message)) for message in messages]
        actions += [Pause(_SETTLED), Cancel()] if cut else [HALF_CLOSE]
        return self.add(Call(path=operation.method.path, method=operation.method, actions=tuple(actions)))

    def wait(self, seconds: float = _SETTLED) -> None:
        """Let the server notice what the call before has done: the last call begins a little later."""
        call = self.calls[-1]
        self.calls[-1] = replace(call, actions=(Pause(seconds), *call.actions))

    def cut(self, deadline: float) -> None:
        """Give the last call a deadline, in seconds."""
        self.calls[-1] = replace(self.calls[-1], deadline=deadline)

    # The end --------------------------------------------------------------------------------------------

    def clear(self, resource: Resource, key: Any, parent: Handle | None = None) -> None:
        """Delete what an earlier run may have left under a key that the client chooses."""
        self.delete(Handle(resource, None, 0, key, parent))

    def finish(self, why: str, *, clean: bool = True) -> Case:
        """Delete what was made, the last first, and give the case."""
        if clean:
            for handle in reversed(self.made):
                self.delete(handle)
        return Case(
            id=f"stateful/{self.method.full_name}/{self.name}",
            phase=Phase.STATEFUL,
            method=self.method,
            calls=tuple(self.calls),
            why=why,
            targets=TARGETS,
        )


def _value(message: Message, path: Path | None) -> Any:
    return None if path is None else found(message, path)


def _data(message: Message) -> bytes:
    return message.SerializePartialToString(deterministic=True)
