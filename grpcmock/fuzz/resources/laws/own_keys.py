"""What is asked for by a key is what is shown under this key elsewhere, and looks as it does there.

That needs no creation: a catalog that nobody writes to tells by its list what there is. A server is held to that where
it is the same before and after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.naming import capitalized, singular
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.calls import may_change, step_of
from grpcmock.fuzz.resources.differences import is_set, shown
from grpcmock.fuzz.resources.fields import type_name
from grpcmock.fuzz.resources.known_resources import is_volatile
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Operation, Resource, Resources
    from grpcmock.schema import Method

_OF_A_VIEW = re.compile(
    r"(.*_)?(times?|at|on|date|day|etag|version|revision|generation|hash|checksum|digest|fingerprint|token|cursor|signature"
    r"|url|uri|link|href|html|markdown|image|icon|thumbnail|picture|avatar|preview|snippet|summary|excerpt|teaser|highlight"
    r"|score|rank|ranking|distance|relevance|position|index|offset|row|page|total|num|number|quantity|amount|balance|stock"
    r"|available|availability|active|enabled|online|locked|open|closed|done|favorite|selected|rating|average|level|load"
    r"|usage|used|size|kind|view|self|mask|language|locale|currency|permissions?|role|access|is_\w+|has_\w+|can_\w+)"
)
"""Fields that go with who looks at it, when, from where and how, or that change by themselves."""

_DETAIL = re.compile(r"By(Id|ID|Uid|Uuid|Key|Name|Code|Sku|Number|Slug)")
_DEEPEST = 2
_TIMES = "google.protobuf."


@dataclass(slots=True)
class _Look:
    """What a list has shown, and what was asked for by its keys since."""

    items: dict[Any, Message]
    """By their keys; those that are there twice are left out."""

    got: dict[tuple[str, Any], list[Message]] = field(default_factory=dict)
    """By the paths of methods and the keys that were asked for."""


@dataclass(slots=True)
class OwnKeys:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _looks: dict[tuple[str, str, bytes], _Look] = field(default_factory=dict)
    """Since something may have been changed: by resources, and the paths of methods with their requests."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or may_change(reply):
            self._looks.clear()
            return
        if reply.call.raw is not None or not with_meant_status(reply).is_ok or len(reply.call.messages) != 1:
            return
        step = step_of(reply, self.resources)
        if step is not None and step.operation.role is Role.GET:
            self._hear_of_one(step)
        elif only_lists(method) and (item := item_of(method)) is not None:
            for resource in self.resources.all:
                if resource.descriptor is item and (reading := reading_of(resource)) is not None:
                    yield from self._hear_of_list(method, resource, reading, reply)

    def _hear_of_one(self, step: ResourceCall) -> None:
        operation = step.operation
        if reading_of(step.resource) is not operation or not says_no_more(step.request, operation.key):
            return
        key, messages = step.at(operation.key), step.resources()
        for (name, _, _), look in self._looks.items():
            if name == step.resource.name and key in look.items and len(messages) == 1:
                look.got.setdefault((operation.method.path, key), []).append(messages[0])

    def _hear_of_list(self, method: Method, resource: Resource, reading: Operation, reply: Reply) -> Iterator[Finding]:
        shown_now = listed(reply)
        if shown_now is None:
            return
        items: dict[Any, Message] = {}
        shared: set[Any] = set()
        for item in shown_now.items:
            key = getattr(item, resource.key)
            shared.update({key} if key in items or not key else ())
            items[key] = item
        for key in shared:
            items.pop(key, None)
        told = (resource.name, method.path, bytes_of(shown_now.request))
        before, self._looks[told] = self._looks.get(told), _Look(items)
        if before is None:
            return
        for (path, key), got in before.got.items():
            if items.get(key) == before.items[key] and path == reading.method.path:
                yield from _judged(reading.method, method, resource, items, key, got)


def _judged(
    reading: Method, listing: Method, resource: Resource, items: dict[Any, Message], key: Any, got: list[Message]
) -> Iterator[Finding]:
    """Judge what a method gave for a key, between two looks at a list that had the same there."""
    one, item = got[0], items[key]
    other = getattr(one, resource.key)
    if other != key:
        if other in items and not _are_alike(other, key) and all(getattr(it, resource.key) == other for it in got):
            expected = f"{resource.key} {shown(key)}, which {listing.name} shows: {shown(item)}"
            yield _finding(reading, resource.key, expected, f"{shown(one)}, which is another one there", "another")
        return
    if len(got) < 2 or any(it != one for it in got):
        return
    for path, ours, theirs in _contradictions(item, one):
        expected = f"{path} {shown(ours)} for {resource.key} {shown(key)}, as {listing.name} shows it before and after"
        yield _finding(reading, path, expected, f"{path} {shown(theirs)}", f"as listed {path}")
        return


def reading_of(resource: Resource) -> Operation | None:
    """Return the method that gives what has a key, if its name says no more than that: ``GetNextOrder`` gives another
    one than is named, ``GetCommentForPost`` names something else."""
    operation = resource.operation(Role.GET)
    if operation is None or operation.key is None or operation.many or operation.shown is None:
        return None
    asked, stem, own = singular(str(operation.key[-1])), snake_case(resource.name), resource.key
    noun, type_ = resource.name.rpartition(".")[2], resource.descriptor.name
    if not (type_.startswith(noun) or type_.endswith(noun)):
        return None
    if asked not in (own, f"{stem}_{own}", f"{snake_case(type_)}_{own}", stem):
        return None
    rest = re.sub(rf"^[A-Z][a-z]+({re.escape(noun)})?", "", capitalized(operation.method.name))
    return operation if not rest or _DETAIL.fullmatch(rest) else None


def says_no_more(request: Message, key: Path | None) -> bool:
    """Whether a request names a thing by its key, and says nothing besides."""
    names = [one.name for one, _ in request.ListFields()]
    return key is not None and names == [str(key[0])]


def _are_alike(one: Any, other: Any) -> bool:
    """Whether two keys may be ways to write one."""
    if isinstance(one, str) and isinstance(other, str):
        one, other = one.strip().casefold(), other.strip().casefold()
        return bool(one.endswith(other) or other.endswith(one) or one.startswith(other) or other.startswith(one))
    return bool(one == other)


def _contradictions(
    item: Message, one: Message, way: str = "", depth: int = _DEEPEST
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields that both have, with values of which neither is a part of the other."""
    descriptor: Any = item.DESCRIPTOR
    for own in descriptor.fields:
        if own.is_repeated or not is_set(item, own) or not is_set(one, own) or not may_be_compared(own):
            continue
        ours, theirs = getattr(item, own.name), getattr(one, own.name)
        if own.message_type is not None:
            if depth:
                yield from _contradictions(ours, theirs, f"{way}{own.name}.", depth - 1)
        elif ours != theirs and not is_part(ours, theirs):
            yield f"{way}{own.name}", ours, theirs


def may_be_compared(one: FieldDescriptor) -> bool:
    """Whether a field tells the same of a thing wherever it is shown."""
    if is_volatile(one.name) or _OF_A_VIEW.fullmatch(one.name) or type_name(one).startswith(_TIMES):
        return False
    return one.cpp_type not in (one.CPPTYPE_BOOL, one.CPPTYPE_FLOAT, one.CPPTYPE_DOUBLE)


def is_part(one: Any, other: Any) -> bool:
    """Whether one of two texts is the other cut short, or with something around it."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    one, other = (" ".join(text.split()).rstrip(".… ") for text in (one, other))
    return one in other or other in one


def _finding(method: Method, path: str, expected: str, actual: str, key: str) -> Finding:
    return Finding(
        check="read_after_write", expected=expected, actual=actual, path=path, key=key, method=method, may_lag=True
    )
