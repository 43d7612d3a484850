"""Fields that only the server sets: what a client gives them is passed over (AIP-203)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.calls import step_of
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import type_name

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method

_TEXT = "0fc0ffee-0bad-4bad-8bad-0badc0ffee00"
_NUMBER = 981_173_106
"""What no server comes upon by itself: as a time, it was in 2001."""

_NUMBERS = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64)
_ASKED_FOR = frozenset({"etag"})
"""Fields by which clients say something in spite of all."""


def mark(resource: Resource, given: Message) -> bool:
    """Give the fields that only the server sets a value that is no server's. Returns whether there are any."""
    marks = list(_marks(resource))
    for one, value in marks:
        if one.message_type is not None:
            getattr(given, one.name).seconds = value
        else:
            setattr(given, one.name, value)
    return bool(marks)


def marked(resource: Resource) -> list[FieldDescriptor]:
    """Return the fields that can be given such a value."""
    return [one for one, _ in _marks(resource)]


def _marks(resource: Resource) -> Iterator[tuple[FieldDescriptor, Any]]:
    for one in resource.descriptor.fields:
        if one.full_name not in resource.servers_own or one.is_repeated or one.name in {resource.key, *_ASKED_FOR}:
            continue
        if one.type == FieldDescriptor.TYPE_STRING:
            yield one, _TEXT
        elif one.type in _NUMBERS or type_name(one) == "google.protobuf.Timestamp":
            yield one, _NUMBER


@dataclass(slots=True)
class ServersOwn:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _given: dict[str, Method] = field(default_factory=dict)
    """The fields that a client has given such a value, by their full names, and the method that was called."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what was taken from a client."""
        step = step_of(reply, self.resources)
        if step is None or not step.resource.servers_own:
            return
        resource, marks = step.resource, list(_marks(step.resource))
        if step.operation.role in (*MAKING, Role.UPDATE):
            for request in step.requests:
                given = step.at(step.operation.given, request)
                if given is not None and given.DESCRIPTOR is resource.descriptor:
                    self._given |= {
                        one.full_name: step.operation.method for one, value in marks if _has(given, one, value)
                    }
        for message in step.resources() if step.is_ok else ():
            for one, value in marks:
                if one.full_name in self._given and _has(message, one, value):
                    by = self._given[one.full_name]
                    yield Finding(
                        check="response_behavior",
                        expected=f"a {one.name} of the server's own: it is OUTPUT_ONLY, so that what a client gives "
                        "is passed over (AIP-203)",
                        actual=f"{one.name} {shown(getattr(message, one.name))}, which {by.name} was given",
                        path=one.name,
                        key=f"{one.full_name} taken",
                        causes=(f"{resource.descriptor.full_name}: what only the server sets",),
                        method=by,
                    )


def _has(message: Message, one: FieldDescriptor, value: Any) -> bool:
    own = getattr(message, one.name)
    return bool((own if one.message_type is None else own.seconds) == value)
