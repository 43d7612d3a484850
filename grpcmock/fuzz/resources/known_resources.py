"""What a model of a server remembers: which resources must be there, which must not, and how they must look."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import Difference, differences, is_set
from grpcmock.fuzz.resources.pagination import PageWalks

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method


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

    asked: Message | None = None
    """The request that made it."""

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

    is_as_made: bool = True
    """Whether nobody has changed it since it was made."""

    is_settled: bool = True
    """Whether nothing was called since that may have ended it, or brought it back, as far as names and types tell."""

    is_quiet: bool = True
    """Whether nothing was called since it was written but what reads, or makes more of its kind."""

    written: frozenset[str] = frozenset()
    """The fields that clients have given it."""

    past_etags: frozenset[str] = frozenset()
    """The etags that it had before it was changed."""

    reads: list[Message] = field(default_factory=list)
    """What reads have shown since it was last written."""

    @property
    def is_there(self) -> bool:
        """Whether it must be there, for certain."""
        return self.alive and self.sure and self.is_settled

    @property
    def is_gone(self) -> bool:
        """Whether it must not be there, for certain: it was deleted, or never came to be."""
        return (self.deleted or self.failed) and self.sure and self.is_settled


class KnownResources:
    """All that is known after the calls so far."""

    def __init__(self, resources: Resources, documented: Mapping[str, Collection[int]]) -> None:
        self.resources = resources
        self.documented = documented
        """The codes that methods are said to answer with, by their full names."""

        self.known: dict[tuple[str, Any], KnownResource] = {}
        """What is known of resources, by their kinds and keys."""

        self._ever: set[tuple[str, Any]] = set()
        """All that anything was known of."""

        self.unproven: dict[str, list[KnownResource]] = {}
        """What was made by servers of which nothing says that they keep anything, by the names of resources."""

        self.requests: dict[bytes, list[Any]] = {}
        """What keys came of the creations with a request id, by method and request."""

        self.shared: set[tuple[str, Any]] = set()
        """What several things have as their key: it tells one from another only together with something else."""

        self.walks = PageWalks()
        self.last: ResourceCall | None = None

    def find(self, resource: Resource, key: Any) -> KnownResource | None:
        """Give what is known of a key."""
        return self.known.get((resource.name, key))

    def was_known(self, resource: Resource, key: Any) -> bool:
        """Whether there was ever anything to know of a key, though it may be forgotten by now."""
        return (resource.name, key) in self._ever

    def put(self, known: KnownResource) -> None:
        """Remember what became of a resource, in place of what was known of it."""
        self._ever.add((known.resource.name, known.key))
        if (known.resource.name, known.key) not in self.shared:
            self.known[known.resource.name, known.key] = known

    def share(self, resource: Resource, key: Any) -> None:
        """Hear that a key isn't that of one thing alone: nothing can be said of it."""
        self.shared.add((resource.name, key))
        self.forget(resource, key)

    def forget(self, resource: Resource, key: Any) -> None:
        """Know nothing of a key any more."""
        self.known.pop((resource.name, key), None)

    def alive(self, resource: Resource) -> list[KnownResource]:
        """Give the resources of a kind that must be there."""
        return [known for known in self.known.values() if known.resource is resource and known.is_there]

    def unsettle(self, reply: Reply, about: Resource | None, key: Any = None) -> None:
        """Hear of a call that may have changed more than the one thing that it was to change: the *about* which it was,
        under this *key*, if it changed one that there is. None for a method of which nobody knows what it does.

        What a request names may be changed. And where no annotation says what a service is made of, a transfer that
        names no account may still change two.
        """
        self.walks.disturb()
        named = {value for data in reply.call.messages for value in _leaves(reply.call.method, data)}
        for known in (*self.known.values(), *chain.from_iterable(self.unproven.values())):
            if known.resource is about:
                known.is_quiet = known.is_quiet and key in (None, known.key)
                continue
            known.is_quiet = False
            if about is None or not known.resource.is_annotated or known.key in named:
                known.message = known.given = None
                known.is_as_made = False
            if about is None or not known.resource.is_annotated:
                known.is_settled = known.is_settled and about is not None and not known.alive

    def doubt(self, resource: Resource, key: Any) -> None:
        """A call may have changed a resource, or not."""
        if (known := self.find(resource, key)) is not None:
            known.sure, known.message, known.given = False, None, None


def _leaves(method: Method | None, data: bytes) -> Iterator[Any]:
    """Yield the texts and numbers that a request holds."""
    if method is None:
        return
    pending: list[Any] = [method.request_class.FromString(data)]
    while pending:
        for own, value in pending.pop().ListFields():
            items = list(value.values() if hasattr(value, "items") else value) if own.is_repeated else [value]
            pending += [item for item in items if isinstance(item, Message)]
            yield from (item for item in items if isinstance(item, str | int | bytes) and not isinstance(item, bool))


def finding(step: ResourceCall, check: str, expected: str, actual: str, path: str = "", key: str = "") -> Finding:
    """Say what is wrong with a call, and blame its method."""
    method = step.operation.method
    return Finding(check=check, expected=expected, actual=actual, path=path, key=key or path, method=method)


_VOLATILE = frozenset(
    {
        *("read", "access", "accessed", "seen", "now", "server", "request", "response", "view", "views", "viewed"),
        *("hit", "hits", "age", "uptime", "ttl", "count", "progress", "phase", "state", "status", "remaining", "left"),
        "expires",
    }
)
"""Parts of the names of fields that may well change while nobody writes."""


def is_volatile(name: str) -> bool:
    """Whether a field may well change while nobody writes, by its name."""
    return not _VOLATILE.isdisjoint(name.split("_"))


def must_stay(known: KnownResource, name: str) -> bool:
    """Whether a field of a resource is as it was, for certain.

    Where no annotation says whose it is, what only the server sets may follow what else is done; what was given stays.
    """
    if known.resource.is_marked or name in known.written:
        return True
    return known.is_quiet and not is_volatile(name)


def given_by(given: Message | None, kept: Message | None) -> frozenset[str]:
    """Return the names of the fields that a client has given something that has taken them as they were."""
    if given is None or kept is None:
        return frozenset(field.name for field, _ in given.ListFields()) if given is not None else frozenset()
    own: Any = kept.DESCRIPTOR
    names = [field.name for field, _ in given.ListFields() if field.name in own.fields_by_name]
    return frozenset(name for name in names if is_set(kept, own.fields_by_name[name]))


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


_GONE = re.compile(r"delet|remov|archiv|purg|trash|revok|disabl|inactiv|cancel|retire|discard|destroy|closed|expired")


def is_tombstone(message: Message, known: KnownResource | None = None) -> bool:
    """Whether a resource is shown as deleted: softly, so that it can be brought back (AIP-164).

    Where nothing is annotated, whatever mark it bears that *known* didn't have before its deletion may say so.
    """
    for one, value in message.ListFields():
        if _GONE.search(one.name) and not one.is_repeated:
            return True
        if one.enum_type is not None and one.name in ("state", "status") and not one.is_repeated:
            number = one.enum_type.values_by_number.get(value)
            if number is not None and _GONE.search(number.name.lower()):
                return True
    if known is None or known.resource.is_annotated or known.message is None:
        return False
    return any(_is_mark(one, known.message, message) for one in message.DESCRIPTOR.fields)


def _is_mark(own: Any, before: Message, now: Message) -> bool:
    if own.is_repeated:
        return False
    if own.enum_type is not None or own.cpp_type == own.CPPTYPE_BOOL:
        return bool(getattr(before, own.name) != getattr(now, own.name))
    return is_set(now, own) and not is_set(before, own)
