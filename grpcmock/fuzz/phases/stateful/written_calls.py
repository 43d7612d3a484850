"""Calls on resources that there are, written one after the other: each says which one it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Pause, Send
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding, Call, Caller, call_of
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.laws import etags
from grpcmock.fuzz.resources.laws.families import WITH_ALL_BELOW
from grpcmock.fuzz.resources.pagination import MANY

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.phases.stateful.handle import Handle
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource

PAGES = 12
"""So many pages of a list are asked for; what is beyond is nobody's business."""

_SETTLED = 0.05
"""Seconds after a cancel until a server must have noticed."""


class WrittenCalls:
    """The calls of a case so far. What writes one returns its index, the first if there are several, and None where the
    resource has no method for it."""

    def __init__(self, factory: ResourceFactory) -> None:
        self.factory = factory
        self.calls: list[Call] = []

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
        return self.add(call_of(operation.method, data_of(request)), bindings, caller)

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
            return self.add(call_of(operation.method, *map(data_of, requests)), bindings)
        request = self.factory.content(operation, 0)
        request.ClearField(str(operation.key[0]))
        bindings = self.refer(request, operation.parent, parent) if parent is not None and operation.parent else ()
        for index, handle in enumerate(handles):
            if handle.key is not None:
                getattr(request, str(operation.key[0])).append(handle.key)
            if handle.source is not None and handle.key is None:
                bindings = (*bindings, Binding(handle.call, handle.source, (*operation.key, index)))
        return self.add(call_of(operation.method, data_of(request)), bindings)

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
        return self.add(call_of(operation.method, data_of(request)), bindings, caller)

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
        first = last = self.add(call_of(operation.method, data_of(request)), above, caller)
        for number in range(2, pages + 1):
            if operation.is_paged:
                token = Binding(last, (operation.next_token,), (operation.page_token,))
                last = self.add(call_of(operation.method, data_of(request)), (*above, token), caller)
            elif operation.page:
                setattr(request, operation.page, number)
                self.add(call_of(operation.method, data_of(request)), above, caller)
            elif operation.offset and operation.page_size and size:
                setattr(request, operation.offset, (number - 1) * size)
                self.add(call_of(operation.method, data_of(request)), above, caller)
            elif operation.after and operation.shown and size:
                key = Binding(last, (*operation.shown, -1, resource.key), (operation.after,))
                last = self.add(call_of(operation.method, data_of(request)), (*above, key), caller)
        return first

    def _largest_page(self, operation: Operation) -> int:
        """Return how large a page may be, as far as the server has said so."""
        limits = self.factory.plan.limits.of(operation.method)
        told = [limit.most for way, (limit, _) in limits.items() if way[-1].name == operation.page_size]
        return next((most for most in told if most), MANY)

    def stream(self, operation: Operation, messages: Sequence[Message], *, cut: bool = False) -> int:
        """Send several messages in one call; *cut* it before they have all been sent."""
        actions: list[Action] = [Send(data_of(message)) for message in messages]
        actions += [Pause(_SETTLED), Cancel()] if cut else [HALF_CLOSE]
        return self.add(Call(path=operation.method.path, method=operation.method, actions=tuple(actions)))

    def wait(self, seconds: float = _SETTLED) -> None:
        """Let the server notice what the call before has done: the last call begins a little later."""
        call = self.calls[-1]
        self.calls[-1] = replace(call, actions=(Pause(seconds), *call.actions))

    def cut(self, deadline: float) -> None:
        """Give the last call a deadline, in seconds."""
        self.calls[-1] = replace(self.calls[-1], deadline=deadline)


def data_of(message: Message) -> bytes:
    """Return the bytes of a message, which may lack what is required."""
    return message.SerializePartialToString(deterministic=True)
