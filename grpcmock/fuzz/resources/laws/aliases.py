"""One thing under several names: what is deleted isn't found by any of them, be it its key or an address.

Which names there are, the server shows: a read that gave a thing gives it no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.calls import found, may_change, step_of
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import is_map, same_type
from grpcmock.fuzz.resources.known_resources import is_tombstone
from grpcmock.fuzz.resources.laws.exchanges import answered
from grpcmock.fuzz.resources.locations import shown_in
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method

_OF_THE_PAST = re.compile(
    r"(Archived?|Deleted|Removed|Trash(ed)?|Past|Previous|Histor\w+|Last|Audit|Snapshot|Revision|Version|Cached)(?=[A-Z]|$)"
)
"""In the names of methods that may well show what is gone."""


def place_of(method: Method, resource: Resource) -> Path | None:
    """Return where a method that reads shows one thing; None if it doesn't."""
    if method.kind is not MethodKind.UNARY or not only_reads(method) or _OF_THE_PAST.search(method.name):
        return None
    path, many = shown_in(method.output, resource.descriptor)
    return None if many else path


def aliases(method: Method, resource: Resource) -> Iterator[FieldDescriptor]:
    """Yield the fields of a request that may name a thing by something else than its key."""
    for one in method.input.fields:
        own = resource.descriptor.fields_by_name.get(one.name)
        if own is None or one.is_repeated or own.is_repeated or is_map(one) or one.name == resource.key:
            continue
        is_name = one.enum_type is None and one.cpp_type not in (
            one.CPPTYPE_BOOL,
            one.CPPTYPE_FLOAT,
            one.CPPTYPE_DOUBLE,
        )
        if is_name and same_type(one, own):
            yield one


def shown_by_name(method: Method, reply: Reply, resources: Resources) -> Iterator[tuple[Resource, Message, Message]]:
    """Yield what a read has shown of each kind of resource that its response has a place for, with the request."""
    both = answered(reply)
    if both is None:
        return
    request, answer = both
    for resource in resources.all:
        place = place_of(method, resource)
        message = found(answer, place) if place is not None else None
        if message is not None and getattr(message, resource.key):
            yield resource, message, request


@dataclass(slots=True)
class Aliases:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _shown: dict[tuple[str, bytes], Message] = field(default_factory=dict)
    """What a read has given, by its method and request, since it was made."""

    _gone: dict[tuple[str, Any], Method] = field(default_factory=dict)
    """What was deleted, and by which method."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method, step = reply.call.method, step_of(reply, self.resources)
        if method is None or reply.call.raw is not None:
            return
        if step is not None and step.operation.role is Role.DELETE:
            if step.is_ok:
                self._gone[step.resource.name, step.at(step.operation.key)] = method
        elif may_change(reply):
            if step is None or step.operation.role not in MAKING:
                self._shown.clear()
            self._gone.clear()  # it may be there again
        else:
            yield from self._read(method, reply)

    def _read(self, method: Method, reply: Reply) -> Iterator[Finding]:
        for resource, message, request in shown_by_name(method, reply, self.resources):
            names = [one.name for one, _ in request.ListFields()]
            if len(names) != 1 or names[0] not in {one.name for one in aliases(method, resource)}:
                continue
            told = (method.path, reply.call.messages[0])
            by = self._gone.get((resource.name, getattr(message, resource.key)))
            if by is None:
                self._shown[told] = message
            elif self._shown.get(told) == message and not is_tombstone(message):
                name = shown(getattr(request, names[0]))
                yield Finding(
                    check="use_after_delete",
                    expected=f"nothing found by {names[0]} {name} after {by.name} answered OK",
                    actual=f"{said(reply)}, and it is shown as before",
                    path=names[0],
                    key=f"found by {names[0]}",
                    method=by,
                    may_lag=True,
                )
