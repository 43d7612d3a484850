"""What two fields say of each other: a request that the server takes, with fields left out, made equal, or exchanged.

What stands behind every check of a single field may still fall over two that fit alone: an account that pays itself, a
range that ends before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.model.bindings import put, value_at

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Call, Path

_DEEPEST = 2
_MOST_LEFT_OUT = 24
_MOST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class RelatedFields:
    """A request that differs from one that the server takes in how its fields go together."""

    label: str
    reason: str
    path: str
    message: Message
    same: tuple[Path, Path] | None = None
    """Two references that are to name the same thing."""

    def calls(self, accepted: AcceptedRequest, salt: str) -> tuple[Call, ...]:
        """Return the calls that make what is needed, the one with this request, and a plain one."""
        messages = (self.message, accepted.fullest)
        data = [one.SerializePartialToString(deterministic=True) for one in messages]
        *setup, last, plain = accepted.calls(*data, salt=salt)
        if self.same is not None:
            kept, other = self.same
            source = next(binding for binding in last.bindings if binding.target == kept)
            bindings = tuple(replace(source, target=other) if one.target == other else one for one in last.bindings)
            last = replace(last, bindings=bindings)
        return (*setup, last, plain)


def left_out(accepted: AcceptedRequest) -> Iterator[RelatedFields]:
    """Yield the request without each of its fields in turn."""
    whole = accepted.fullest
    ways = (way for way in _ways(accepted) if is_set(whole, way) and path_of(way) not in accepted.references)
    for way in islice(ways, _MOST_LEFT_OUT):
        message, name = accepted.fullest, ".".join(path_of(way))
        place: Any = value_at(message, path_of(way[:-1]))
        place.ClearField(way[-1].name)
        yield RelatedFields(f"{name}=left-out", f"{name} is left out of a request that the server takes", name, message)


def pairs(accepted: AcceptedRequest) -> Iterator[RelatedFields]:
    """Yield the request with two fields of one type made equal, then exchanged, for each two that stand together."""
    made = {need.target for need in accepted.needs}
    for one, other in islice(_alike(accepted), _MOST_PAIRS):
        names = ".".join(path_of(one)), ".".join(path_of(other))
        if any(path_of(way) in accepted.references for way in (one, other)):
            # What names something that was there already is left alone.
            if made.issuperset((path_of(one), path_of(other))):
                words = f"{names[0]} and {names[1]} are the same"
                same = (path_of(one), path_of(other))
                yield RelatedFields(f"{names[0]}=={names[1]}", words, names[1], accepted.fullest, same)
            continue
        first, second = (value_at(accepted.fullest, path_of(way)) for way in (one, other))
        for sign, words, values in (
            ("==", "is the same as", (first, first)),
            ("<>", "is exchanged for", (second, first)),
        ):
            message = accepted.fullest
            put(message, path_of(one), values[0])
            put(message, path_of(other), values[1])
            if message != accepted.fullest:
                yield RelatedFields(f"{names[0]}{sign}{names[1]}", f"{names[1]} {words} {names[0]}", names[1], message)


def needs_otherwise(accepted: AcceptedRequest) -> Iterator[tuple[str, str, AcceptedRequest]]:
    """Yield the request with one of the things that it needs made with another value, each with a label and a reason:
    of two accounts, one in another currency."""
    found = []
    for number, need in enumerate(accepted.needs):
        for way, values in need.made_by.values.items():
            message = need.made_by.method.request_class.FromString(need.made_by.plain or need.made_by.data)
            if not values or set_at(message, way, values[0]) is None:
                continue
            made = replace(need.made_by, data=message.SerializePartialToString(deterministic=True))
            needs = tuple(replace(one, made_by=made) if one is need else one for one in accepted.needs)
            target, name = ".".join(map(str, need.target)), ".".join(path_of(way))
            reason = f"what {target} names is made with another {name}"
            found.append((f"{target}-{number}-with-other-{name}", reason, replace(accepted, needs=needs)))
    yield from islice(found, _MOST_PAIRS)


def _ways(accepted: AcceptedRequest) -> Iterator[Fields]:
    for way in reachable(accepted.method.input):
        if len(way) <= _DEEPEST and not any(field.is_repeated for field in way[:-1]):
            yield way


def _alike(accepted: AcceptedRequest) -> Iterator[tuple[Fields, Fields]]:
    """Yield the ways to two fields of one type that are set in one message; no switches, enums, and maps."""
    whole = accepted.fullest
    ways = [way for way in _ways(accepted) if is_set(whole, way) and _is_plain(way[-1])]
    for one, other in combinations(ways, 2):
        if one[:-1] == other[:-1] and _kind(one[-1]) == _kind(other[-1]):
            yield one, other


def _kind(field: FieldDescriptor) -> tuple[Any, ...]:
    kind = field.type if field.cpp_type == field.CPPTYPE_STRING else field.cpp_type
    return kind, field.is_repeated, field.message_type


def _is_plain(field: FieldDescriptor) -> bool:
    if field.cpp_type in (field.CPPTYPE_BOOL, field.CPPTYPE_ENUM):
        return False
    return field.message_type is None or not field.message_type.GetOptions().map_entry
