"""What a model of a server remembers: which resources must be there, which must not, and how they must look."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.body_status import with_body_status
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.resources.differences import Difference, differences
from grpcmock.fuzz.resources.pagination import PageWalks
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method


_PERHAPS_DONE = frozenset(
    {
        *(Code.OK, Code.CANCELLED, Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.ABORTED, Code.INTERNAL),
        *(Code.UNAVAILABLE, Code.DATA_LOSS),
    }
)
"""Codes after which something may have been done."""


@dataclass(slots=True, eq=False)
class KnownResource:
    """What is known of one resource."""

    resource: Resource
    key: Any
    alive: bool
    why: str
    """How it came to be so, in words: ``CreateUser answered OK``."""

    by: Method | None = None
    """The method that made it so."""

    message: Message | None = None
    """What it must look like; None if that isn't known."""

    given: Message | None = None
    """What the client asked it to be, where no answer has shown it."""

    parent: Any = None

    masked: frozenset[str] = frozenset()
    """The fields that the last update named, where it named any."""

    empty: frozenset[str] = frozenset()
    """Fields that were cleared, and so must be empty."""

    deleted: bool = False
    """Whether it isn't there because it was deleted."""

    failed: bool = False
    """Whether it isn't there because the call that would have made it failed. Where neither is so, it wasn't there, and
    somebody else may have made it since."""

    is_chosen: bool = False
    """Whether the client chose the key: then nobody else has made another one under it."""

    sure: bool = True
    """Whether that it's alive or not is known for certain."""

    reads: list[Message] = field(default_factory=list)
    """What reads have shown since it was last written."""

    @property
    def is_there(self) -> bool:
        """Whether it must be there, for certain."""
        return self.alive and self.sure

    @property
    def is_gone(self) -> bool:
        """Whether it must not be there, for certain: it was deleted, or never came to be."""
        return (self.deleted or self.failed) and self.sure


class KnownResources:
    """All that is known after the calls so far."""

    def __init__(self, resources: Resources, documented: Mapping[str, Collection[int]]) -> None:
        self.resources = resources
        self.documented = documented
        """The codes that methods are said to answer with, by their full names."""

        self.known: dict[tuple[str, Any], KnownResource] = {}
        """What is known of resources, by their kinds and keys."""

        self.requests: dict[bytes, list[Any]] = {}
        """What keys came of the creations with a request id, by method and request."""

        self.walks = PageWalks()
        self.last: ResourceCall | None = None

    def find(self, resource: Resource, key: Any) -> KnownResource | None:
        """Give what is known of a key."""
        return self.known.get((resource.name, key))

    def put(self, known: KnownResource) -> None:
        """Remember what became of a resource, in place of what was known of it."""
        self.known[known.resource.name, known.key] = known

    def forget(self, resource: Resource, key: Any) -> None:
        """Know nothing of a key any more."""
        self.known.pop((resource.name, key), None)

    def alive(self, resource: Resource) -> list[KnownResource]:
        """Give the resources of a kind that must be there."""
        return [known for known in self.known.values() if known.resource is resource and known.is_there]

    def doubt(self, resource: Resource, key: Any) -> None:
        """A call may have changed a resource, or not."""
        if (known := self.find(resource, key)) is not None:
            known.sure, known.message, known.given = False, None, None

    def unsettle(self, reply: Reply, own: Resource | None) -> None:
        """A call has done something: to its *own* kind of resource what its role says, to all others who knows what.

        What names a thing may change it. And where no annotation says what a service is made of, a transfer that names
        no account may still change two.
        """
        method = reply.call.method
        named = {value for data in reply.call.messages for value in _leaves(method, data)}
        for known in self.known.values():
            other = known.resource
            if other is own or not any(one.method.service == method.service for one in other.operations):  # type: ignore[union-attr]
                continue
            if own is None and (known.key in named or not other.is_annotated):
                known.sure = False
            if known.key in named or not other.is_annotated:
                known.message, known.given = None, None
        if own is None:
            self.walks.disturb()


def may_change(reply: Reply) -> bool:
    """Whether a call may have changed anything: not if it only reads, or was refused."""
    method = reply.call.method
    if method is None or reply.call.raw is not None or only_reads(method):
        return False
    told = with_body_status(reply)
    return told.termination is not Termination.SERVER or told.code in _PERHAPS_DONE


def _leaves(method: Method | None, data: bytes) -> Iterator[Any]:
    """Yield the texts and numbers that a request holds."""
    if method is None:
        return
    try:
        pending: list[Any] = [method.request_class.FromString(data)]
    except DecodeError:
        return
    while pending:
        for own, value in pending.pop().ListFields():
            items = list(value.values() if hasattr(value, "items") else value) if own.is_repeated else [value]
            pending += [item for item in items if isinstance(item, Message)]
            yield from (item for item in items if isinstance(item, str | int | bytes) and not isinstance(item, bool))


def finding(step: ResourceCall, check: str, expected: str, actual: str, path: str = "", key: str = "") -> Finding:
    """Say what is wrong with a call, and blame its method."""
    method = step.operation.method
    return Finding(check=check, expected=expected, actual=actual, path=path, key=key or path, method=method)


def differ(
    resource: Resource, expected: Message, actual: Message, *, also: Collection[str] = (), partial: bool = False
) -> Iterator[Difference]:
    """Yield what differs in two messages of a resource, but for what only the server sets, and what it never shows."""
    ignoring = resource.hidden | resource.fixed
    return differences(expected, actual, ignoring=ignoring, also=also, partial=partial)


_MARKS = ("create_time", "created_at", "created", "uid", "uuid")
"""Fields that tell one thing from another that got the same key after it."""


def is_another(known: KnownResource, message: Message) -> bool:
    """Whether what is shown under the key of something that is gone may be another thing, which somebody else made.

    Servers may use the ids that they make again.
    """
    if known.is_chosen:
        return False
    if known.message is None or any(differ(known.resource, known.message, message, partial=True)):
        return True
    descriptor: Any = message.DESCRIPTOR
    marks = [name for name in _MARKS if name in descriptor.fields_by_name]
    return any(getattr(known.message, name) != getattr(message, name) for name in marks)


def is_tombstone(message: Message) -> bool:
    """Whether a resource is shown as deleted: softly, so that it can be brought back (AIP-164)."""
    for one, value in message.ListFields():
        if one.name in ("delete_time", "deleted_at", "purge_time", "deleted", "is_deleted"):
            return True
        if one.enum_type is not None and one.name in ("state", "status") and not one.is_repeated:
            number = one.enum_type.values_by_number.get(value)
            if number is not None and "DELET" in number.name:
                return True
    return False
