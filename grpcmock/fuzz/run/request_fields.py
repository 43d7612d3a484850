"""The fields of a request that the server takes, as one goes on from it: what may differ, be filled, or be longer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable, values_at
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.side_effects import JUST_CHECKS
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import chosen_at, stem_of
from grpcmock.fuzz.learning.moments import holds_moment
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.readable import first_request
from grpcmock.fuzz.resources.fields import is_mask
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.learning.known_things import KnownThings
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

DEEPEST = 2
"""So many steps fields lie deep that are filled."""

_VALUES = 3

_TURNING = JUST_CHECKS | {"allow_missing", "read_mask", "view", "etag", "page_token", "force"}
"""Fields that turn a request into another one."""

KEY_TYPES = WHOLE | {FieldDescriptor.CPPTYPE_STRING}


def new_keys(things: KnownThings, reply: Reply) -> list[object]:
    """Return the keys in a reply that its request doesn't have."""
    request = first_request(reply.call)
    if request is None:
        return []
    return [key for key in things.keys_in(reply) if chosen_at(request, key) is None]


def leaves(accepted: AcceptedRequest) -> Iterator[Path]:
    """Yield the places of texts and numbers of a request that may be what there can be once only; in the end those that
    seem to name something of which nobody knows how it is made: it may be a key of its own that is like another one."""
    if accepted.own_id is not None:
        yield accepted.own_id
    message, made = accepted.message, {need.target for need in (*accepted.needs, *accepted.optional)}
    found = []
    for way in reachable(accepted.method.input):
        path = path_of(way)
        field = way[-1]
        if any(step.is_repeated for step in way) or path in made or path == accepted.own_id:
            continue
        if len(way) > 1 and holds_moment(way[-2].message_type):
            continue
        if (
            (field.cpp_type in KEY_TYPES or holds_moment(field.message_type))
            and (len(way) > 1 or is_set(message, way))
            and any(values_at(message, way))
        ):
            found.append(path)
    yield from sorted(found, key=lambda path: path in accepted.references)


def lists(accepted: AcceptedRequest) -> Iterator[Fields]:
    """Yield the ways to lists in which a request has something."""
    for way in reachable(accepted.method.input):
        if way[-1].is_repeated and is_set(accepted.fullest, way) and not hasattr(_value(accepted, way), "items"):
            yield way


def _value(accepted: AcceptedRequest, way: Fields) -> object:
    found: object = value_at(accepted.fullest, path_of(way))
    return found


def enough(values: Iterator[Any]) -> list[Any]:
    """Return the values to fill a field with: of numbers a hundred first, that what is made lasts for a while."""
    found = list(values)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in found) and 100 in found:
        found.insert(0, 100)
    return list(dict.fromkeys(found))[:_VALUES] if all(isinstance(one, int | str) for one in found) else found[:_VALUES]


def may_name(things: KnownThings, method: Method, way: Fields, value: object) -> bool:
    """Whether a value that was taken may be the key of a thing that happens to be there: a small number often is."""
    field = way[-1]
    if field.cpp_type not in KEY_TYPES or field.is_repeated:
        return False
    if isinstance(value, int):
        name = snake_case(field.name)
        return stem_of(name) != name
    return any(key.value == value for key in things.keys_for(method, way, anything=True))


def fill_in(message: Message, field: FieldDescriptor, theirs: Message, other: AcceptedRequest) -> bool:
    """Fill a message in a request from that of the same type in another request. Returns whether that changed it."""
    same = theirs.DESCRIPTOR.fields_by_name.get(field.name)
    if field.message_type is None or field.is_repeated or same is None or same.message_type is not field.message_type:
        return False
    if not theirs.HasField(field.name) or any(need.target[0] == field.name for need in other.needs):
        return False
    own_names = (other.own_id,) if other.own_id is not None else ()
    for path in (*own_names, *(need.target for need in other.optional)):
        if path[0] == field.name:
            parent: Any = value_at(theirs, path[:-1])
            parent.ClearField(str(path[-1]))
    own, more = getattr(message, field.name), getattr(theirs, field.name)
    before = bytes_of(own) if message.HasField(field.name) else b""  # one that isn't set may well not be encoded
    for one, _ in own.ListFields():
        more.ClearField(one.name)
    own.MergeFrom(more)
    return bytes_of(own) != before


def unset(accepted: AcceptedRequest) -> Iterator[Fields]:
    """Yield the ways to fields that a request doesn't have, and may: in messages only that are there."""
    message = accepted.message
    for way in reachable(accepted.method.input):
        field = way[-1]
        if len(way) > DEEPEST or field.name in _TURNING or any(step.is_repeated for step in way[:-1]):
            continue
        if is_mask(field) or is_set(message, way):
            continue
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            continue
        yield way


def other_arms(accepted: AcceptedRequest) -> Iterator[FieldDescriptor]:
    """Yield the arms of oneofs that a request doesn't have: the other kinds of messages in a stream."""
    message = accepted.message
    for oneof in accepted.method.input.oneofs:
        chosen = message.WhichOneof(oneof.name)
        yield from (arm for arm in oneof.fields if chosen is not None and arm.name != chosen)
