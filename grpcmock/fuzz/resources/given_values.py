"""What was given to a server, and isn't what it shows: fields that were lost, cut, rounded, or put in another way."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.resources.differences import is_set, may_become, shown
from grpcmock.fuzz.resources.fields import is_map, is_optional, same_type

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.resources.resource import Resource

_SECRET = re.compile(r"password|passphrase|secret|token|credential|(^|_)(pin|cvv|cvc|card|key)($|_)")
"""What servers had better not show."""

_PROSE = re.compile(
    r"(^|_)(title|subtitle|text|description|comment|note|notes|body|summary|display_name|author|authors)($|_)"
)
"""Texts for people, whose capitals are no server's business. It may well fold those of codes, addresses and labels."""

_COUNTED = re.compile(
    r"count|size|total|version|revision|number|generation|progress|_(at|time|on|by)$|^(state|status|owner|creator|slug|parent)$"
)
"""What servers often set by themselves, where a request has the whole of a thing and no annotation says whose it is."""

_UNITS = re.compile(
    r"(cents|grams|meters|metres|bytes|pixels|points|seconds|minutes|hours|days|weeks|months|years|ms)$"
)

_INSTANTS = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
"""Of these the seconds count: databases keep no nanoseconds."""

_FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)

_EXACT_AS_FLOAT = 2**53
"""Beyond it a number of 64 bits may be none that a float holds. Other numbers than those that narrower types make of it
may be the most that a server gives."""


class Loss(NamedTuple):
    """A field that came back as something else than it was given."""

    path: str
    expected: str
    actual: str


def losses(resource: Resource, given: Message, kept: Message, *, exact: bool = False, way: str = "") -> Iterator[Loss]:
    """Yield the fields of what was *given* that are something else in what is *kept*, where they have one name and one
    type in both. With *exact*, lists and maps must have no more in them than was given."""
    descriptor: Any = kept.DESCRIPTOR
    for field, value in given.ListFields():
        own = descriptor.fields_by_name.get(field.name)
        if own is None or own.is_repeated != field.is_repeated or not (same_type(own, field) or _is_like(own, field)):
            continue
        if own.full_name in resource.hidden | resource.fixed or _SECRET.search(own.name):
            continue
        is_told = resource.is_annotated or bool(resource.servers_own)  # where some are, the others are the client's
        if not is_told and kept.DESCRIPTOR is given.DESCRIPTOR and _may_be_servers_own(own):
            continue
        path = f"{way}{own.name}"
        if not is_set(kept, own):
            is_zero = not own.is_repeated and not own.has_presence and value == own.default_value
            if not is_zero and not _may_be_nothing(field, value):
                yield Loss(path, f"{path} {shown(value)}", f"no {path}")
        elif own.message_type is not None and not own.is_repeated and own.message_type.full_name not in _INSTANTS:
            yield from losses(resource, value, getattr(kept, own.name), exact=exact, way=f"{path}.")
        elif not _is_kept(own, value, getattr(kept, own.name), exact=exact):
            yield Loss(path, f"{path} {shown(value)}", f"{path} {shown(getattr(kept, own.name))}")


def has_grown(given: Message, before: Message, now: Message, path: str) -> bool:
    """Whether a list or a map that a client left empty has in it what it had *before*, and more: what a server has
    begun by itself, such as what it notes of its work, it may go on with."""
    *way, last = path.split(".")
    for name in way:
        given, before, now = (getattr(message, name) for message in (given, before, now))
    descriptor: Any = before.DESCRIPTOR
    field = descriptor.fields_by_name[last]
    if not field.is_repeated or getattr(given, last):
        return False
    had, has = getattr(before, last), getattr(now, last)
    if is_map(field):
        return all(key in has and has[key] == value for key, value in had.items())
    return all(item in has for item in had) and len(has) > len(had)


def _is_like(one: FieldDescriptor, other: FieldDescriptor) -> bool:
    """Whether two fields hold messages of one name and of the same fields, each type defined within its owner."""
    ours, theirs = one.message_type, other.message_type
    if ours is None or theirs is None or ours.name != theirs.name or is_map(one) or is_map(other) or one.is_repeated:
        return False
    if ours.containing_type is not one.containing_type or theirs.containing_type is not other.containing_type:
        return False
    own, others = ({field.name: (field.type, field.is_repeated) for field in kind.fields} for kind in (ours, theirs))
    return own == others and not any(field.message_type for field in ours.fields)


def _may_be_servers_own(field: FieldDescriptor) -> bool:
    is_switch = field.enum_type is not None or field.cpp_type == FieldDescriptor.CPPTYPE_BOOL
    counts = (
        field.cpp_type in WHOLE and field.name.endswith("s") and not _UNITS.search(field.name)
    )  # ``likes``, ``members``
    return not field.is_repeated and (is_switch or counts or _COUNTED.search(field.name) is not None)


def _may_be_nothing(field: FieldDescriptor, value: Any) -> bool:
    """Whether a value says so little that a server may well leave it out; where it shows whether one is there, a zero
    says something."""
    if field.is_repeated:
        return not is_map(field) and all(isinstance(item, str) and not item.strip() for item in value)
    if field.message_type is not None:
        return not value.ListFields()
    if value == field.default_value:
        return not is_optional(field)
    if isinstance(value, str | bytes):
        return not value.strip()
    return isinstance(value, float) and not math.isfinite(value)


def _is_kept(field: FieldDescriptor, given: Any, kept: Any, *, exact: bool) -> bool:
    if is_map(field):
        of = field.message_type.fields_by_name["value"]  # type: ignore[union-attr]
        if exact and len(kept) > len(given):
            return False
        return all(key in kept and _is_one_kept(of, given[key], kept[key]) for key in given)
    if field.is_repeated:
        if exact and len(kept) > len(given):
            return False
        if field.message_type is not None:
            return len(kept) >= len({bytes_of(item) for item in given})
        left = [item for item in given if not any(_is_one_kept(field, item, other) for other in kept)]
        return all(isinstance(item, str) and not item.strip() for item in left)
    return _is_one_kept(field, given, kept)


def _is_one_kept(field: FieldDescriptor, given: Any, kept: Any) -> bool:
    if field.message_type is not None:
        is_instant = field.message_type.full_name in _INSTANTS
        return not is_instant or bool(given.seconds == kept.seconds)
    if field.cpp_type in _FLOATS:
        return math.isclose(given, kept, rel_tol=1e-6, abs_tol=1e-9) or not math.isfinite(given)
    if isinstance(given, str):
        if not (given.isascii() and given.isalnum()):
            return may_become(field, given, kept) or not given.isascii() or not given.isprintable()
        if _PROSE.search(field.name):
            return bool(given == kept.strip())
        return bool(given.casefold() == "".join(kept.split()).casefold())
    if field.cpp_type in WHOLE and abs(given) > _EXACT_AS_FLOAT:
        return given == kept or kept not in _narrowed(given)
    return bool(given == kept)


def _narrowed(number: int) -> tuple[int, ...]:
    """Return what becomes of a large number in a type that doesn't hold it: a float of 64 bits, and a number of 32."""
    low = number & 0xFFFFFFFF
    return int(float(number)), low, low - (1 << 32)
