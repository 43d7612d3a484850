"""The fields that servers name: by paths in their details, written this way or that, and in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

Fields = tuple["FieldDescriptor", ...]
"""The way from a message to a field in it, or in a message inside it."""

_DEEPEST = 4
_MOST = 600

_STEP = re.compile(r"""\[("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\]]*)\]?|\.?([^.\[\]]+)""")
_INDEX = re.compile(r"\d+|\*|#")
_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\]|\.\w+)*")


def resolve(descriptor: Descriptor, path: str) -> Fields | None:
    """Return the fields on the way that a path leads, as far as it names any; None if it doesn't begin like a field.

    Paths may be written as in protos or in ProtoJSON, with indices and keys in brackets or after a dot, and may be cut:
    trailers are bounded, and so what tells of a long key ends anywhere. A path may begin with the name of the message,
    or end with that of a oneof; the empty path stands for the whole.
    """
    found: list[FieldDescriptor] = []
    current: Descriptor | None = descriptor
    steps = [match for match in _STEP.finditer(path) if match[0] not in (".", "")]
    if steps and steps[0][2] is not None and snake_case(steps[0][2]) == snake_case(descriptor.name) and steps[1:]:
        steps = steps if _field(descriptor, steps[0][2]) is not None else steps[1:]
    in_many = False
    for number, step in enumerate(steps):
        name = (step[2] or "").strip("`'\" ")
        if in_many and (step[2] is None or _is_map(found[-1]) or _INDEX.fullmatch(name)):
            in_many = False  # an index, or a key
            continue
        if current is None or step[2] is None:
            break  # what follows is about the inside of a value
        field = _field(current, name)
        if field is None:
            if name in current.oneofs_by_name or (found and _is_cut(current, name, is_last=number == len(steps) - 1)):
                break
            return None
        found.append(field)
        in_many = field.is_repeated
        current = _inside(field)
    return tuple(found)


def _field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    by_name = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
    return by_name or descriptor.fields_by_name.get(snake_case(name.replace("-", "_")))


def _is_cut(descriptor: Descriptor, name: str, *, is_last: bool) -> bool:
    """Whether the last name of a path may have lost its end."""
    return is_last and any(field.name.startswith(name.rstrip("….")) for field in descriptor.fields)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _inside(field: FieldDescriptor) -> Descriptor | None:
    """Give the type of what a field holds, if that is messages; of a map, of its values."""
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return inner.fields_by_name["value"].message_type
    return inner


@lru_cache(256)
def reachable(descriptor: Descriptor) -> tuple[Fields, ...]:
    """Return the ways to all fields of a message, and of those inside it: the nearest first."""
    found: list[Fields] = []
    pending: list[tuple[Fields, Descriptor]] = [((), descriptor)]
    for way, current in pending:
        for field in current.fields:
            if len(found) >= _MOST:
                return tuple(found)
            found.append((*way, field))
            inner = _inside(field)
            own = inner is not None and not inner.full_name.startswith("google.protobuf.")
            if inner is not None and own and len(way) < _DEEPEST - 1:
                pending.append(((*way, field), inner))
    return tuple(found)


@lru_cache(256)
def _by_words(descriptor: Descriptor) -> tuple[tuple[str, tuple[Fields, ...]], ...]:
    """Return the ways to fields by the words of their names, those of the most words first."""
    found: dict[str, list[Fields]] = {}
    for fields in reachable(descriptor):
        found.setdefault(snake_case(fields[-1].name).replace("_", " "), []).append(fields)
    return tuple((name, tuple(found[name])) for name in sorted(found, key=lambda name: -name.count(" ")))


def named_in(text: str, descriptor: Descriptor) -> tuple[Fields, ...]:
    """Return the fields of a message that a text speaks of, by paths, by names, or in plain words."""
    found: dict[Fields, None] = {}
    for match in _WORDS.finditer(text):
        if ("." in match[0] or "[" in match[0]) and (fields := resolve(descriptor, match[0])):
            found[fields] = None
    paths = {field for fields in found for field in fields}
    plain = snake_case(re.sub("[^A-Za-z0-9]+", " ", text)).replace("_", " ")
    words = f" {' '.join(plain.split())} "
    for name, ways in _by_words(descriptor):
        if f" {name} " in words:
            words = words.replace(f" {name} ", " | ")  # a display name is no name
            found |= dict.fromkeys(way for way in ways if way[-1] not in paths)
    return tuple(found)


def path_of(way: Iterable[FieldDescriptor]) -> tuple[str, ...]:
    """Return the names of the fields on a way."""
    return tuple(field.name for field in way)


def values_at(message: Message, fields: Fields) -> Iterator[Any]:
    """Yield what a message holds at the end of a way: once for each item of the lists on it, zero where it is unset.

    Where a message on the way is absent, there is nothing.
    """
    first, *rest = fields
    value = getattr(message, first.name)
    if not rest:
        yield value
        return
    if first.is_repeated:
        inner = value.values() if hasattr(value, "items") else value
    else:
        inner = [value] if message.HasField(first.name) else []
    for one in inner:
        yield from values_at(one, tuple(rest))


def is_set(message: Message, fields: Fields) -> bool:
    """Whether a message has something at the end of a way, be it zero where that can be told; a list has items."""
    *way, last = fields
    for field in way:
        if field.is_repeated or not message.HasField(field.name):
            return False
        message = getattr(message, field.name)
    if last.has_presence:
        return bool(message.HasField(last.name))
    return bool(getattr(message, last.name)) if not last.is_repeated else len(getattr(message, last.name)) > 0
