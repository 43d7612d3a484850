"""Things with versions in the messages of calls: which are shown, which version a request means, and what it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.versions import key_name, things_in, version_of
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.resources.differences import is_set
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.fuzz.resources.laws.etags import etag_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.versions import Expected

_REPEATED = re.compile(r"(.*_)?(request_(id|key)|idempotency_key|dedup\w*|operation_id|client_token)")
_PLACES = re.compile(r"parent|name|uid|(created?|creation)_(at|time)|.*_id")
VERSIONS = re.compile(r"(.*_)?(version|revision|generation)")

Thing = tuple[str, Any]
"""The name of a type, and a key."""


def things_shown(answer: Message) -> Iterator[Message]:
    """Yield the things that a response shows as a whole."""
    descriptor: Any = answer.DESCRIPTOR
    for one in things_in(descriptor):
        if one is descriptor:
            yield answer
        else:
            yield from (value for field_, value in answer.ListFields() if field_.message_type is one)


def thing_of(message: Any) -> Thing | None:
    name = key_name(message.DESCRIPTOR)
    value = getattr(message, name) if name else None
    return (message.DESCRIPTOR.full_name, value) if value else None


def version_in(message: Any) -> int:
    own = version_of(message.DESCRIPTOR)
    return int(getattr(message, own.name)) if own is not None else 0


def versions_in(message: Message) -> tuple[int, str]:
    return version_in(message), etag_of(message)


def are_one(before: Any, now: Any) -> bool:
    """Whether what has the same key is the same thing: below the same others, and made at the same time."""
    for one in before.DESCRIPTOR.fields:
        is_place = _PLACES.fullmatch(one.name)
        if is_place and not one.is_repeated and getattr(before, one.name) != getattr(now, one.name):
            return False
    return True


def names(request: Message, key: Any) -> bool:
    """Whether a request has the key of a thing."""
    return any(
        names(value, key) if one.message_type is not None else value == key
        for one, value in request.ListFields()
        if not one.is_repeated
    )


def without_expected(request: Any, expected: Expected) -> tuple[Any, bytes]:
    """Return the version that a request expects, and the request without it."""
    bare = type(request)()
    bare.CopyFrom(request)
    place = bare
    for step in expected.asked[:-1]:
        if not place.HasField(step.name):
            return None, bytes_of(bare)
        place = getattr(place, step.name)
    value = getattr(place, expected.asked[-1].name)
    place.ClearField(expected.asked[-1].name)
    return value, bytes_of(bare)


def repetition_marks(request: Message) -> dict[str, Any]:
    """Give what a request says to be known again by, such as a ``request_id``, by the names of the fields."""
    return {one.name: value for one, value in request.ListFields() if _REPEATED.fullmatch(one.name)}


def gives_version(request: Message, asked: tuple[Any, ...]) -> bool:
    """Whether a request gives a version, and not as the one that is expected."""
    for one, value in request.ListFields():
        if VERSIONS.fullmatch(one.name) and one not in asked:
            return True
        if one.message_type is not None and not one.is_repeated and gives_version(value, asked):
            return True
    return False


def value_given(request: Message, own: Any) -> Any:
    """Return what a request gives for a field, at its top or in what stands there; None if it doesn't."""
    for one, value in request.ListFields():
        if one.name == own.name and same_type(one, own) and one.is_repeated == own.is_repeated:
            return value
        if one.message_type is not None and not one.is_repeated:
            inner = one.message_type.fields_by_name.get(own.name)
            if (
                inner is not None
                and same_type(inner, own)
                and inner.is_repeated == own.is_repeated
                and is_set(value, inner)
            ):
                return getattr(value, inner.name)
    return None
