"""What was done to resources, and what came of it: the calls of a case, as a model of the server looks at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.client.actions import Cancel, HalfClose
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Operation, Resource, Resources


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResourceCall:
    """One call that deals with a resource."""

    resource: Resource
    operation: Operation
    reply: Reply
    """What came of it; what a response tells of an error counts as a status."""

    requests: tuple[Message, ...]
    responses: tuple[Message, ...]

    @property
    def is_ok(self) -> bool:
        """Whether it was done; a stream that goes on for ever counts as far as it went."""
        return self.reply.is_ok

    @property
    def is_refused(self) -> bool:
        """Whether the server itself said no."""
        return self.reply.termination is Termination.SERVER and self.reply.code != 0

    @property
    def was_given_up(self) -> bool:
        """Whether the client cancelled it before it had said all that it wanted to say."""
        actions = self.reply.call.actions
        return any(isinstance(a, Cancel) for a in actions) and not any(isinstance(a, HalfClose) for a in actions)

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else made it."""
        return self.reply.call.caller is not Caller.OWN

    @property
    def request(self) -> Message:
        """The first request; an empty one if none was sent."""
        return self.requests[0] if self.requests else self.operation.method.request_class()

    def at(self, path: Path | None, request: Message | None = None) -> Any:
        """Give what stands at a path of a request, of the first one unless another is named; None if nothing does."""
        return None if path is None else found(self.request if request is None else request, path)

    def named(self, name: str) -> Any:
        """Give the value of a field of the request; None for no field."""
        return getattr(self.request, name) if name else None

    def named_switch(self, name: str) -> bool:
        """Whether the request turns on the switch of this name; not so if it has none."""
        field = self.request.DESCRIPTOR.fields_by_name.get(name)
        is_switch = field is not None and field.cpp_type == field.CPPTYPE_BOOL and not field.is_repeated
        return is_switch and bool(getattr(self.request, name))

    def resources(self) -> list[Message]:
        """Give the resources in the responses."""
        path = self.operation.shown
        if path is None:
            return []
        shown: list[Message] = []
        for response in self.responses:
            value = found(response, path)
            if value is not None:
                shown += list(value) if self.operation.many else [value]
        return shown

    def keys(self) -> list[Any]:
        """Give the keys in the responses: of the resources there, or of what was made."""
        if self.operation.made is None:
            return [getattr(resource, self.resource.key) for resource in self.resources()]
        keys: list[Any] = []
        for response in self.responses:
            value = found(response, self.operation.made)
            keys += list(value) if hasattr(value, "extend") else [value]
        return keys


_LEFT_NOTHING = frozenset(
    {
        *(Code.UNKNOWN, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.PERMISSION_DENIED, Code.FAILED_PRECONDITION),
        *(Code.ABORTED, Code.OUT_OF_RANGE, Code.UNIMPLEMENTED, Code.INTERNAL, Code.UNAUTHENTICATED, Code.DATA_LOSS),
    }
)
"""The codes after which nothing may be left; with others it may have been done, or was there before."""


def leaves_nothing(reply: Reply) -> bool:
    """Whether a call was refused in a way that says that nothing was done."""
    return reply.termination is Termination.SERVER and reply.code in _LEFT_NOTHING


def may_change(reply: Reply) -> bool:
    """Whether a call may have changed something: its method isn't one that only reads, and it wasn't refused."""
    method = reply.call.method
    return method is not None and not only_reads(method) and not leaves_nothing(with_meant_status(reply))


def found(message: Message, path: Path) -> Any:
    """Give what stands at a path; None if a message on the way is absent."""
    if path and not path[1:] and message.DESCRIPTOR.fields_by_name.get(str(path[0])) is None:
        return None
    for index in range(1, len(path) + 1):
        name, place = str(path[index - 1]), value_at(message, path[: index - 1])
        field = place.DESCRIPTOR.fields_by_name.get(name)
        if field is None or (field.message_type is not None and not field.is_repeated and not place.HasField(name)):
            return None
    return value_at(message, path)


def steps(replies: Sequence[Reply], resources: Resources) -> Iterator[ResourceCall | None]:
    """Yield a step for each reply, None for a call that deals with no resource."""
    for reply in replies:
        yield step_of(reply, resources)


def step_of(reply: Reply, resources: Resources) -> ResourceCall | None:
    """Read a call and what came of it; None if it deals with no resource, or isn't made of messages.

    It must be one that can be read, as all that laws are told of.
    """
    known = resources.by_path.get(reply.call.path)
    if known is None or reply.call.raw is not None:
        return None
    return step_as(reply, *known)


def step_as(reply: Reply, resource: Resource, operation: Operation) -> ResourceCall | None:
    """Read a call as an operation on a resource; None if it isn't made of messages."""
    method = operation.method
    if reply.call.raw is not None:
        return None
    requests = tuple(method.request_class.FromString(data) for data in reply.call.messages[: max(reply.sent, 1)])
    responses = tuple(method.response_class.FromString(data) for data in reply.responses)
    told = with_meant_status(reply)
    return ResourceCall(resource=resource, operation=operation, reply=told, requests=requests, responses=responses)
