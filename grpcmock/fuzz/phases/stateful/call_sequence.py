"""The calls of one case on resources, written one after the other: later ones say what earlier ones have made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.learning.accepted_requests import is_there, made_before, make_other
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding, Case, Phase, call_of
from grpcmock.fuzz.phases.stateful.handle import Handle
from grpcmock.fuzz.phases.stateful.written_calls import WrittenCalls, data_of
from grpcmock.fuzz.resources.calls import found

if TYPE_CHECKING:
    from google.protobuf.message import Message

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

_APART = 31
"""Added to the number of a content, it gives another one: two of the same may be refused."""


class CallSequence(WrittenCalls):
    """A case being written: what it makes, its calls, and how it ends."""

    def __init__(self, factory: ResourceFactory, method: Method, name: str) -> None:
        super().__init__(factory)
        self.method = method
        self.name = name
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
            call=self.add(call_of(operation.method, data_of(request)), (*needed, *bindings)),
        )
        self.made.append(handle)
        return handle

    def content(self, operation: Operation, number: int, *, anew: bool = True) -> Message:
        """Make a content: where there may be one of it only, another one each time, and in each case."""
        message, accepted = self.factory.content(operation, number), self.factory.plan.acceptance.of(operation.method)
        for once in accepted.own if accepted is not None else ():
            if once != operation.own_id and is_there(message, once):
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

    def missing(self, resource: Resource) -> Handle | None:
        """Give one that isn't there; None where its key can't be made up."""
        parent = self.parent_for(resource)
        _, key = self.new_key(resource, parent)
        return Handle(resource, None, 0, key, parent) if key is not None else None

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
