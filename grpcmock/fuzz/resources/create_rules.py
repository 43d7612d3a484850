"""Creations: what they make, once or twice, and what is left of those that failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.meant_status import tells_error
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.calls import leaves_nothing
from grpcmock.fuzz.resources.differences import may_become, shown
from grpcmock.fuzz.resources.evidence import OWN_WORDS, may_end_by_itself
from grpcmock.fuzz.resources.given_values import losses
from grpcmock.fuzz.resources.known_resources import KnownResource, finding, given_by
from grpcmock.fuzz.resources.versioned import repetition_marks
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResources
    from grpcmock.fuzz.resources.laws.families import Families
    from grpcmock.fuzz.resources.resource import Resource


_WAS_THERE = re.compile(r"(was_|is_|num_)?(updated|replaced|overwritten|merged|existing|existed|unchanged)(_count)?")
"""How many of the rows were there already, or whether the one thing was."""


class CreateRules:
    """The part of a model that hears of creations."""

    def __init__(self, memory: KnownResources, families: Families) -> None:
        self._memory = memory
        self._families = families
        self._proven: dict[str, bool] = {}
        self._given_again: set[tuple[str, Any]] = set()
        """The keys that were given for several creations, with the names of resources: they may be repeated answers."""
        self._carried_out: set[tuple[str, str, Any]] = set()
        """What requests that were answered OK say to be known again by, with their paths and the fields' names."""

    def take(self, step: ResourceCall) -> Iterator[Finding]:
        operation = step.operation
        token = step.named(operation.request_id) if step.resource.is_annotated else None
        same = step.reply.call.path.encode() + b"\0" + bytes_of(step.request)
        is_partial = step.is_ok and operation.role is Role.IMPORT and tells_error(step.reply)
        if step.is_ok and not is_partial:
            if token and (earlier := self._memory.requests.get(same)) is not None:
                yield from self._again(step, earlier)
                return
            self._memory.walks.disturb()
            if token:
                self._memory.requests[same] = step.keys()
            yield from self._created(step)
            self._carried_out.update(self._marks(step))
        elif token and same in self._memory.requests and step.reply.code == Code.ALREADY_EXISTS:
            yield finding(
                step,
                "idempotency",
                f"the first answer again: {operation.request_id} says that it is the same request",
                said(step.reply),
            )
        elif step.is_refused or step.was_given_up:
            self._not_created(step)
        else:
            self._memory.walks.disturb()
            for key in self._asked_for(step):
                self._memory.doubt(step.resource, key)

    def touched(self, resource: Resource, key: Any) -> None:
        """Hear that something may have been changed or deleted: of what isn't proven to be kept, that says nothing."""
        made = self._memory.unproven.get(resource.name, [])
        self._memory.unproven[resource.name] = [known for known in made if known.key != key]

    def _again(self, step: ResourceCall, keys: list[Any]) -> Iterator[Finding]:
        """The same request with the same request id was made twice."""
        if keys and step.keys() and step.keys() != keys:
            expected = f"{shown(keys[0])} again: {step.operation.request_id} says that it is the same request (AIP-155)"
            yield finding(
                step, "idempotency", expected, f"another one: {shown(step.keys()[0])}", path=step.operation.request_id
            )

    def _created(self, step: ResourceCall) -> Iterator[Finding]:
        resource, asked = step.resource, self._asked_for(step)
        keys = step.keys() or asked
        messages = step.resources()
        made: list[KnownResource] = []
        for index, key in enumerate(keys):
            if not key and key != 0:
                continue
            old = self._memory.find(resource, key)
            request = step.requests[index] if index < len(step.requests) else step.request
            given, message = step.at(step.operation.given, request), messages[index] if index < len(messages) else None
            known = KnownResource(
                resource=resource,
                key=key,
                alive=True,
                why=f"{step.operation.method.name} made it",
                by=step.operation.method,
                message=message,
                given=given,
                asked=request,
                written=given_by(given, message),
                is_settled=not may_end_by_itself(given),
                parent=step.at(step.operation.parent, request) or resource.parent_of(key),
                is_chosen=key in asked,
            )
            if old is not None and old.is_there:
                yield from self._created_twice(step, key, known.is_chosen)
                yield from self._taken_again(step, known, old)
            is_own = known.is_chosen or resource.is_annotated
            if not is_own and (resource.name, key) in self._given_again:
                continue
            if old is not None and old.alive and not is_own:
                self._given_again.add((resource.name, key))
                self._memory.share(resource, key)
                continue
            made.append(known)
        for known in made:
            old = self._memory.find(resource, known.key)
            if resource.is_annotated or (old is not None and not old.is_there):
                self._memory.forget(resource, known.key)
            self._families.created(step, known)
        for known in made if resource.is_annotated else self._kept(resource, made):
            old = self._memory.find(resource, known.key)
            if not resource.is_annotated and old is not None and old.is_there and not known.is_chosen:
                self._given_again.add((resource.name, known.key))
                self._memory.forget(resource, known.key)  # given once more, or put in its place: nobody says which
                continue
            self._memory.put(known)
            yield from self._kept_as_given(step, known)

    def _kept(self, resource: Resource, made: list[KnownResource]) -> list[KnownResource]:
        """Give what a server without annotations can be held to: what has no memory, such as a mock, gives the same key
        to all that it is asked to make, and only of two creations can be told that they gave different ones."""
        earlier = self._memory.unproven.setdefault(resource.name, [])
        proven = self._proven.get(resource.name)
        if proven is None and earlier:
            proven = self._proven[resource.name] = not {known.key for known in earlier} & {known.key for known in made}
        earlier += made
        if not proven:
            return []
        kept, self._memory.unproven[resource.name] = earlier, []
        return kept

    def _kept_as_given(self, step: ResourceCall, made: KnownResource) -> Iterator[Finding]:
        """What a creation shows of what it made is what it was given: a field that comes back empty was lost."""
        if made.message is None or made.given is None:
            return
        for lost in losses(step.resource, made.given, made.message):
            expected = f"{lost.expected}: the request says so"
            yield finding(step, "read_after_write", expected, lost.actual, path=lost.path)
            return

    def _marks(self, step: ResourceCall) -> set[tuple[str, str, Any]]:
        return {(step.reply.call.path, name, value) for name, value in repetition_marks(step.request).items()}

    def _created_twice(self, step: ResourceCall, key: Any, was_asked: bool) -> Iterator[Finding]:
        if self._marks(step) & self._carried_out:
            return  # it may be the same request once more, which makes nothing
        resource, method = step.resource, step.operation.method
        documented = Code.ALREADY_EXISTS in self._memory.documented.get(method.full_name, ())
        if was_asked and (resource.is_annotated or documented) and not _tells_update(step):
            yield finding(
                step,
                "duplicate_create",
                f"ALREADY_EXISTS: there is a {resource.name} {key!r} already",
                said(step.reply),
            )
        elif not was_asked and resource.is_annotated:
            yield finding(
                step, "duplicate_create", f"a key that no other {resource.name} has", f"{key!r} once more", key="key"
            )

    def _taken_again(self, step: ResourceCall, new: KnownResource, old: KnownResource) -> Iterator[Finding]:
        """What is made anew gets a key of its own, where nothing is annotated, too.

        Unless it may be the same thing for the server: by what both were given alike. Where that is just as much as a
        third one was given, which has another key, it isn't. And keys may count within whatever else the request says,
        so that all but the things' own words has to be the same.
        """
        resource = step.resource
        if resource.is_annotated or new.is_chosen or old.by is not new.by or new.message == old.message:
            return
        if new.parent != old.parent:
            return
        others = [one for one in self._memory.alive(resource) if one.by is new.by and one.key != old.key]
        if any(_is_as_far(new.given, old.given, one.given, resource.key) for one in others):
            words = f"a key that no other {resource.name} has: {old.why}, and it wasn't deleted"
            yield finding(step, "duplicate_create", words, f"{new.key!r} once more, for something else", key="key")

    def _not_created(self, step: ResourceCall) -> None:
        self._families.refused(step)
        nothing_left = leaves_nothing(step.reply) or step.was_given_up
        for key in self._asked_for(step):
            old = self._memory.find(step.resource, key)
            if old is not None and old.alive:
                continue
            if nothing_left and old is not None and old.sure:
                why = f"{step.operation.method.name} failed ({said(step.reply)})"
                self._memory.known[step.resource.name, key] = KnownResource(
                    step.resource, key, False, why, by=step.operation.method, failed=True, is_chosen=True
                )
            elif not nothing_left:
                self._memory.forget(step.resource, key)

    def _asked_for(self, step: ResourceCall) -> list[Any]:
        """Give the keys that a client chose in a creation."""
        operation, keys = step.operation, []
        for request in step.requests:
            own_id = step.at(operation.own_id, request)
            if own_id:
                key = step.resource.key_of(own_id, step.at(operation.parent, request))
                keys += [] if key is None else [key]
        return keys


def _tells_update(step: ResourceCall) -> bool:
    """Whether the answer says that something was there already, and was changed: its method does either."""
    told = [one for answer in step.responses for one in answer.ListFields()]
    return any(_WAS_THERE.fullmatch(field.name) and field.message_type is None and value for field, value in told)


def _is_as_far(new: Message | None, old: Message | None, other: Message | None, key: str) -> bool:
    """Whether something new differs from what is there, and that agrees with a third one in all that both have."""
    if new is None or old is None or other is None or not new.DESCRIPTOR is old.DESCRIPTOR is other.DESCRIPTOR:
        return False
    descriptor: Any = new.DESCRIPTOR
    differing = [one for one in descriptor.fields if one.name != key and not _agree(one, new, old)]
    are_words = all(one.type == one.TYPE_STRING and OWN_WORDS.search(one.name) for one in differing)
    alike = [one for one in descriptor.fields if one.name != key and one not in differing]
    return bool(differing) and are_words and all(_agree(one, other, old) for one in alike)


def _agree(one: FieldDescriptor, new: Message, old: Message) -> bool:
    return may_become(one, getattr(new, one.name), getattr(old, one.name))
