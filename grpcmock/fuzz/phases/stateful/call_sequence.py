"""The calls of one case on resources, written one after the other: later ones say what earlier ones have made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Pause, Send
from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.learning.accepted_requests import is_there, made_before, make_other
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding, Call, Caller, Case, Phase, call_of
from grpcmock.fuzz.phases.stateful.handle import Handle
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.laws import etags
from grpcmock.fuzz.resources.laws.families import WITH_ALL_BELOW
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
        "preconditions",
    }
)
"""What is looked at in every case on resources."""

PAGES = 12
"""So many pages of a list are asked for; what is beyond is nobody's business."""

_APART = 31
"""Added to the number of a content, it gives another one: two of the same may be refused."""

_SETTLED = 0.05
"""Seconds after a cancel until a server must have noticed."""


class CallSequence:
    """A case being written."""

    def __init__(self, factory: ResourceFactory, method: Method, name: str) -> None:
        self.factory = factory
        self.method = method
        self.name = name
        self.calls: list[Call] = []
        self.made: list[Handle] = []
        self._ids = 0
        self._others: dict[str, tuple[Binding, ...]] = {}
        """What was made for the requests of methods, by their paths, and where they say it."""

    # Making ---------------------------------------------------------------------------------------------

    def create(
        self,
        resource: Resource,
        content: Message | int = 0,
        *,
        parent: Handle | None = None,
        own_id: Any = None,
        request_id: str = "",
        named_at: Path | None = None,
    ) -> Handle | None:
        """Create a resource, and first the one that it stands below. None if there is no way to. The *parent* may be
        another thing that the request names at a place of its own."""
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        if operation is None:
            return None
        if parent is None:
            parent = self.parent_for(resource)
        if own_id is None and self.factory.must_choose_id(operation):
            own_id = self.new_id(resource)
        if isinstance(content, int):
            content = self.content(operation, content, anew=not request_id)
        needed = self._needed(operation, (operation.parent, operation.own_id, named_at))
        handle = self._creating(resource, operation, content, parent, own_id)
        request, bindings = self._creation(operation, content, parent, own_id, named_at or operation.parent)
        if request_id:
            setattr(request, operation.request_id, request_id)
        handle = replace(
            handle,
            call=self.add(call_of(operation.method, _data(request)), (*needed, *bindings)),
        )
        self.made.append(handle)
        return handle

    def content(self, operation: Operation, number: int, *, anew: bool = True) -> Message:
        """Make a content: where there may be one of it only, another one each time, and in each case."""
        message, accepted = self.factory.content(operation, number), self.factory.plan.acceptance.of(operation.method)
        once = accepted.own_id if accepted is not None else None
        if once is not None and once != operation.own_id and is_there(message, once):
            make_other(message, once, f"{self.method.full_name} {self.name} {len(self.calls) if anew else ''}")
        return message

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
        above = self._creatable_above(resource)
        return self._given_parent(resource) if above is None else self.create_numbered(above, self.parent_for(above))

    def parent_for(self, resource: Resource) -> Handle | None:
        """Create what a resource stands below; where nobody can, take what the server has taken for that."""
        above = self._creatable_above(resource)
        if above is None:
            return self._given_parent(resource)
        known = next((handle for handle in self.made if handle.resource.name == above.name), None)
        return known or self.create(above)

    def _creatable_above(self, resource: Resource) -> Resource | None:
        above = self.factory.resources.parent_of(resource)
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        if above is None or operation is None or operation.parent is None:
            return None
        return above if above.operation(Role.CREATE) or above.operation(Role.IMPORT) else None

    def _given_parent(self, resource: Resource) -> Handle | None:
        operation = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
        key = _value(self.factory.accepted(operation), operation.parent) if operation is not None else None
        return Handle(resource, None, 0, key) if key else None

    def _needed(self, operation: Operation, without: Collection[Path | None]) -> tuple[Binding, ...]:
        """Make what the request of a method names besides, once for all: what the run has made for that is gone by now,
        as a rule. Returns where the request says it."""
        accepted, path = self.factory.plan.acceptance.of(operation.method), operation.method.path
        if accepted is None:
            return ()
        if path not in self._others:
            first = len(self.calls)
            self._others[path] = made_before(
                accepted, self.calls, f"{self.method.full_name} {self.name}", without=without
            )
            for index, call in enumerate(self.calls[first:], first):
                resource, making = self.factory.resources.by_path.get(call.path, (None, None))
                if resource is not None and making is not None and making.role in MAKING:
                    self.made.append(Handle(resource, making.key_shown(resource.key), index))
        return tuple(binding for binding in self._others[path] if binding.target not in without)

    def _creating(
        self, resource: Resource, operation: Operation, message: Message, parent: Handle | None, own_id: Any
    ) -> Handle:
        source = operation.key_shown(resource.key)
        above = parent.key if parent is not None else _value(message, operation.parent)
        key = resource.key_of(own_id, above) if own_id is not None else None
        return Handle(resource, source, len(self.calls), key, parent)

    def _creation(
        self, operation: Operation, message: Message, parent: Handle | None, own_id: Any, place: Path | None
    ) -> tuple[Message, tuple[Binding, ...]]:
        request = type(message)()
        request.CopyFrom(message)
        bindings: tuple[Binding, ...] = ()
        if parent is not None and place is not None:
            bindings = self.refer(request, place, parent)
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

    def delete(
        self,
        handle: Handle,
        *,
        caller: Caller = Caller.OWN,
        with_all_below: bool | None = None,
        state: tuple[int, Path] | None = None,
    ) -> int | None:
        """Delete a resource, and what is below it, or not, where one may say that; if the *state* is said that is
        meant, with its etag, as in an update."""
        switches = dict.fromkeys(WITH_ALL_BELOW, with_all_below) if with_all_below is not None else {}
        index = self._on(Role.DELETE, handle, caller=caller, switches=switches)
        if index is not None and state is not None:
            call = self.calls[index]
            self.calls[index] = replace(call, bindings=(*call.bindings, Binding(*state, (etags.ETAG,))))
        return index

    def undelete(self, handle: Handle) -> int | None:
        return self._on(Role.UNDELETE, handle)

    def expunge(self, handle: Handle) -> int | None:
        """Remove for good what was deleted, where there is a method for that."""
        return self._on(Role.EXPUNGE, handle)

    def missing(self, resource: Resource) -> Handle | None:
        """Give one that isn't there; None where its key can't be made up."""
        parent = self.parent_for(resource)
        _, key = self.new_key(resource, parent)
        return Handle(resource, None, 0, key, parent) if key is not None else None

    def _on(
        self, role: Role, handle: Handle, *, caller: Caller = Caller.OWN, switches: Mapping[str, bool] | None = None
    ) -> int | None:
        """Call a method that says nothing but which resource it means, and turn its *switches* on or off."""
        operation = handle.resource.operation(role)
        if operation is None or operation.key is None:
            return None
        request = self.factory.content(operation, 0)
        for name in filter(operation.method.input.fields_by_name.get, switches or ()):
            setattr(request, name, (switches or {})[name])
        bindings = self.refer(request, operation.key, handle)
        return self.add(call_of(operation.method, _data(request)), bindings, caller)

    def get_several(self, role: Role, handles: Sequence[Handle], parent: Handle | None = None) -> int | None:
        """Get several resources at once: in one list of keys, which may all be said to stand below a *parent*, or one
        by one in a stream."""
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
        bindings = self.refer(request, operation.parent, parent) if parent is not None and operation.parent else ()
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
        state: tuple[int, Path] | None = None,
    ) -> int | None:
        """Update a resource: with a whole request, whose key and mask are set here, and its etag, if the *state* is
        said that is meant: a call, and where its response shows the etag."""
        operation = handle.resource.operation(Role.UPDATE)
        if operation is None or operation.key is None:
            return None
        request = type(content)() if isinstance(content, Message) else self.factory.content(operation, content)
        if isinstance(content, Message):
            request.CopyFrom(content)
        bindings = self.refer(request, operation.key, handle)
        if (etag := etags.place_of(handle.resource, operation)) is not None:
            if state is not None:
                bindings = (*bindings, Binding(*state, etag))
            elif (place := found(request, etag[:-1])) is not None:
                place.ClearField(etags.ETAG)  # one that is made up is an old one
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
        switches: Iterable[str] = (),
    ) -> int | None:
        """Read a list, page by page; turn on the *switches* that its request has."""
        operation = resource.operation(role)
        if operation is None or operation.method.kind.client_streams:
            return None
        request = self.factory.content(operation, 0)
        for name in filter(operation.method.input.fields_by_name.get, switches):
            setattr(request, name, True)
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
