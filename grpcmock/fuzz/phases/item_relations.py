"""Requests that a server takes, with something wrong in a later item of a list, or letters of others in a map.

What is checked of the first item is often taken for granted of those after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpcmock.fuzz.expectations.field_paths import is_set, path_of, reachable
from grpcmock.fuzz.generation.message_classes import is_map
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.phases.field_relations import RelatedFields

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.message_boundaries import Boundary
    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages
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
        path = path_of(way)
        name = ".".join(path)
        first = value_at(accepted.fullest, path)[0]
        yield _with_second(accepted, path, f"{name}[1]=empty", type(first)())
        yield _with_second(accepted, path, f"{name}[1]==[0]", first)
        for field in islice((field for field, _ in first.ListFields()), _MOST_FIELDS):
            other = type(first)()
            other.CopyFrom(first)
            other.ClearField(field.name)
            yield _with_second(accepted, path, f"{name}[1].{field.name}=left-out", other)


def in_second_item(message: Message, boundary: Boundary, minimal: MinimalMessages) -> bool:
    """Put a boundary that is about an item of a list into a second one, behind a first that is as it was.

    Returns whether it could be: it is within one list, of messages or of single values.
    """
    position = boundary.position
    if position is None:
        return boundary.kind == "missing" and _with_lacking_second(message, boundary.path)
    lists = [number for number, step in enumerate(position.steps) if step.is_repeated]
    if len(lists) == 1 and not is_map(step := position.steps[lists[0]]):
        position.find(message, minimal)  # it makes a first item where there is none
        items = getattr(replace(position, steps=position.steps[: lists[0]]).find(message, minimal), step.name)
        first = type(items[0]).FromString(items[0].SerializePartialToString())
        position.put(message, boundary.sample, minimal)
        items.insert(0, first)
        del items[2:]
        return True
    if lists or not all(violation.path == f"{boundary.path}[]" for violation in boundary.broken):
        return False
    owner = position.find(message, minimal)
    if hasattr(getattr(owner, position.name), "items"):
        return False  # keys of a map stand in no order
    before: list[Any] = list(getattr(owner, position.name))[:1]
    position.put(message, boundary.sample, minimal)
    values = getattr(owner, position.name)
    if not before or not values or isinstance(values[0], Message):
        return False
    values[:] = [*before, values[-1]]
    return True


def _with_lacking_second(message: Message, path: str) -> bool:
    """Add a second item without a field, which a path such as ``hall.seats[].row`` names."""
    way, _, name = path.partition("[].")
    if not name.isidentifier():
        return False  # it isn't within one list alone
    items: Any = message
    for step in way.split("."):
        if isinstance(items, Message):
            items = getattr(items, step)
    if isinstance(items, Message) or hasattr(items, "keys") or not items:
        return False
    del items[1:]
    items.add().CopyFrom(items[0])
    items[1].ClearField(name)
    return True


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
