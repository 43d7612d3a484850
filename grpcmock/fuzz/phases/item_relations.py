"""Requests that a server takes, with something wrong in a later item of a list, or letters of others in a map.

What is checked of the first item is often taken for granted of those after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_paths import is_set, reachable
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.phases.field_relations import RelatedFields

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Path

_MOST_LISTS = 3
_MOST_FIELDS = 6
_MOST_MAPS = 3
_DEEPEST = 2
_LETTERS = "\u00e9\U0001f600"


def later_items(accepted: AcceptedRequest) -> Iterator[RelatedFields]:
    """Yield the request with a second item in its lists: an empty one, the first again, and it without each field."""
    lists = (way for way in reachable(accepted.method.input) if len(way) <= _DEEPEST and _is_list(accepted, way))
    for way in islice(lists, _MOST_LISTS):
        path = tuple(field.name for field in way)
        name = ".".join(path)
        first = value_at(accepted.fullest, path)[0]
        yield _with_second(accepted, path, f"{name}[1]=empty", type(first)())
        yield _with_second(accepted, path, f"{name}[1]==[0]", first)
        for field in islice((field for field, _ in first.ListFields()), _MOST_FIELDS):
            other = type(first)()
            other.CopyFrom(first)
            other.ClearField(field.name)
            yield _with_second(accepted, path, f"{name}[1].{field.name}=left-out", other)


def map_letters(accepted: AcceptedRequest) -> Iterator[RelatedFields]:
    """Yield the request with letters that aren't ASCII in its maps: in a value, then in a key."""
    places = [place for place, _ in _maps(accepted.fullest)]
    for number, place in enumerate(places[:_MOST_MAPS]):
        name = ".".join(map(str, place))
        for what in ("value", "key"):
            message = accepted.fullest
            entries = [entries for _, entries in _maps(message)][number]
            key, value = next(iter(entries.items()))
            if what == "value":
                entries[key] = _LETTERS
            else:
                entries[_LETTERS] = value
            yield RelatedFields(f"{name}.{what}=letters", f"a {what} of {name} has letters of others", name, message)


def _is_list(accepted: AcceptedRequest, way: tuple[FieldDescriptor, ...]) -> bool:
    last = way[-1]
    if not last.is_repeated or last.message_type is None or last.message_type.GetOptions().map_entry:
        return False
    return not any(field.is_repeated for field in way[:-1]) and is_set(accepted.fullest, way)


def _with_second(accepted: AcceptedRequest, path: Path, label: str, item: Message) -> RelatedFields:
    message = accepted.fullest
    items = value_at(message, path)
    del items[1:]
    items.add().CopyFrom(item)
    return RelatedFields(label, f"a second item: {label}", ".".join(map(str, path)), message)


def _maps(message: Message, way: Path = (), depth: int = 3) -> Iterator[tuple[Path, Any]]:
    """Yield the maps of texts in a message that have entries."""
    for field, value in message.ListFields():
        inner, path = field.message_type, (*way, field.name)
        if inner is None or not depth:
            continue
        if inner.GetOptions().map_entry:
            texts = all(one.type == FieldDescriptor.TYPE_STRING for one in inner.fields)
            yield from [(path, value)] if texts else []
        elif field.is_repeated:
            yield from _maps(value[0], (*path, 0), depth - 1)
        else:
            yield from _maps(value, path, depth - 1)
