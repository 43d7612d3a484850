"""What makes it certain that a method must show a thing: its request means this one, and its list has such things.

Where protos have annotations, standard methods say so (AIP-131, AIP-132). Where they have none, any field of a request
may narrow what it gives, set or not, and so may what only the server knows: a limit, what it hides, who asks. There a
server is held to what it has shown itself: a list that has one of two things that were made alike has the other, too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.resources.fields import is_key, same_type

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResource

_SCOPE = re.compile(
    r"(^|_)(id|uid|uuid|key|parent|tenant|project|namespace|organization|organisation|org|workspace|account|region|zone|"
    r"database|collection|bucket|group|scope|owner|user|customer|team|domain|realm|cluster)$"
)
"""Fields that say within what a thing is looked for."""

OWN_WORDS = re.compile(
    r"(^|_)(name|title|slug|email|mail|username|login|handle|label|code|sku|phone|text|body|description)$"
)
"""Texts that things have for themselves, by which no list hides them as long as nobody asks for one of them."""

_LEAST_LIMIT = 5
"""The least that a server cuts a list down to that has no pages."""


def means(step: ResourceCall, known: KnownResource) -> bool:
    """Whether a request means this thing for certain: what it says besides the key was said when that was made."""
    if known.resource.is_annotated:
        return True
    operation, request = step.operation, step.request
    key = str(operation.key[0]) if operation.key else ""
    own = {key, operation.mask, operation.request_id, operation.allow_missing}
    if operation.role is Role.UPDATE and operation.given:
        own.add(str(operation.given[0]))
    descriptor: Any = request.DESCRIPTOR
    for field in descriptor.fields:
        if field.name in own or field.is_repeated:
            continue
        if operation.role is Role.UPDATE and not _SCOPE.search(field.name):
            continue  # it is what is to become of it
        is_given = any(field is one for one, _ in request.ListFields())
        if (is_given or (is_key(field) and _SCOPE.search(field.name))) and not _is_its_own(known, field, request):
            return False
    return True


def is_listed(step: ResourceCall, known: KnownResource, shown: Iterable[KnownResource]) -> bool:
    """Whether a list has a thing for certain, of which it has *shown* those, on all its pages."""
    operation, resource = step.operation, known.resource
    if resource.is_annotated:
        if any(field.name in operation.filters for field, _ in step.request.ListFields()):
            return False
        parent = step.at(operation.parent)
        return bool(parent and parent == known.parent) if operation.parent is not None else not resource.parent
    return known.is_as_made and _asks_for(step, known) and any(_are_alike(known, other) for other in shown)


def _asks_for(step: ResourceCall, known: KnownResource) -> bool:
    """Whether all that the request of a list says is how a thing was made, and which part it wants."""
    operation = step.operation
    paging = {operation.page_size, operation.page_token, operation.page, operation.offset}
    fields = [field for field, _ in step.request.ListFields() if field.name not in paging]
    return all(_is_its_own(known, field, step.request) for field in fields)


def missing_from_empty_list(step: ResourceCall, there: Collection[KnownResource]) -> list[KnownResource]:
    """Return the things below the parent that the request of an empty list names, or all where there are no parents.

    A list may hide what has nothing in a field, or something: so of each field there must be some with it, and, but for
    what all of them have, some without.
    """
    parent = step.at(step.operation.parent)
    if step.resource.parent and (parent is None or not parent):
        return []
    found = [known for known in there if known.is_as_made and known.asked is not None and _asks_for(step, known)]
    return found if _have_all(found) else []


def _have_all(things: Collection[KnownResource]) -> bool:
    """Whether each field that things may be made of is there in some of them, and not in all, where it may lack."""
    given = [known.given for known in things if known.given is not None]
    if len(given) < 2:
        return False
    descriptor: Any = given[0].DESCRIPTOR
    sets = [{field.name for field, _ in one.ListFields()} for one in given]
    return set.union(*sets) == set(descriptor.fields_by_name) and len(set.intersection(*sets)) < len(set.union(*sets))


def may_be_cut(step: ResourceCall, count: int) -> bool:
    """Whether a list without pages may have stopped where it has so many, as numbers are that people set as limits."""
    operation = step.operation
    if operation.is_paged or operation.page:
        return False
    return count >= _LEAST_LIMIT and any(count % size == 0 for size in (5, 6, 8))


_ENDING = re.compile(r"expir|ttl|until|lifetime|not_after|retention|(^|_)ends?_?(at|on|time)$")


def may_end_by_itself(given: Message | None) -> bool:
    """Whether something was made of which its own fields say that it is there for a time."""
    return given is not None and any(_ENDING.search(field.name) for field, _ in given.ListFields())


def _is_its_own(known: KnownResource, field: FieldDescriptor, request: Message) -> bool:
    """Whether a field of a request has the value that the thing was made with, or shows."""
    value = getattr(request, field.name)
    for source in (known.asked, known.message):
        descriptor: Any = source.DESCRIPTOR if source is not None else None
        own = descriptor.fields_by_name.get(field.name) if descriptor is not None else None
        if own is not None and own.is_repeated == field.is_repeated and same_type(own, field):
            return bool(getattr(source, own.name) == value)
    return False


def _are_alike(one: KnownResource, other: KnownResource) -> bool:
    """Whether two things were made by the same request, but for what tells them apart."""
    if one is other or not other.is_as_made or one.by is not other.by or one.asked is None or other.asked is None:
        return False
    return _without_identity(one) == _without_identity(other)


def _without_identity(known: KnownResource) -> bytes:
    assert known.asked is not None
    operation = next((one for one in known.resource.operations if one.method is known.by), None)
    request = type(known.asked)()
    request.CopyFrom(known.asked)
    places: Collection[Any] = [request]
    if operation is not None and operation.given:
        places = [request, value_at(request, operation.given)]
    for place in places:
        _clear_identity(
            place, {known.resource.key, str(operation.own_id[-1]) if operation and operation.own_id else ""}
        )
    return bytes_of(request)


def _clear_identity(place: Message, keys: Collection[str]) -> None:
    for field, value in place.ListFields():
        if field.name in keys or field.name == "request_id":
            place.ClearField(field.name)
        elif isinstance(value, str) and value.strip() and OWN_WORDS.search(field.name):
            setattr(place, field.name, "…")
