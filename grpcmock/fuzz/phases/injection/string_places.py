"""The places of a message in which a text can stand: fields, however deep, items of lists, keys and values of maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation.message_classes import is_map, join
from grpcmock.fuzz.generation.positions import Position

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages

_DEEPEST = 5
"""Messages inside messages that are looked into."""

_WRAPPER = "google.protobuf.StringValue"

Part = Literal["field", "item", "key", "value"]

_MARKS: dict[Part, str] = {"field": "", "item": "[]", "key": "{key}", "value": "{}"}


@dataclass(frozen=True, slots=True)
class StringPlace:
    """One of them."""

    path: str
    """``item.tags[]``, ``labels{key}``, ``labels{}``."""

    position: Position
    """The field that the text stands in."""

    part: Part

    def text(self, message: Any) -> str:
        """Return the text that stands there; empty if there is none."""
        place = message
        for field in self.position.steps:
            value = getattr(place, field.name)
            if field.is_repeated:
                if not value:
                    return ""
                place = value[min(value, key=repr)] if is_map(field) else value[0]
            else:
                place = value
        value = getattr(place, self.position.name)
        match self.part:
            case "field":
                return str(value)
            case "item":
                return str(value[0]) if value else ""
            case "key":
                return str(min(value, default=""))
            case _:
                return str(value[min(value, key=repr)]) if value else ""

    def put(self, message: Any, text: str, minimal: MinimalMessages) -> None:
        """Put a text there. What leads there is made where it isn't, as small as its rules allow."""
        place = self.position.find(message, minimal)
        name = self.position.name
        value = getattr(place, name)
        match self.part:
            case "field":
                setattr(place, name, text)
            case "item":
                value[:] = [text, *value[1:]]
            case "key":
                self._put_key(value, text)
            case _:
                value[min(value, key=repr, default=_a_key(place.DESCRIPTOR.fields_by_name[name]))] = text

    def _put_key(self, entries: Any, text: str) -> None:
        old = min(entries, default=None)
        is_message = hasattr(entries, "get_or_create")
        if old is None or old == text:
            if is_message:
                entries.get_or_create(text)
            elif text not in entries:
                entries[text] = type(entries[text])()
            return
        if is_message:
            entries[text].CopyFrom(entries[old])
        else:
            entries[text] = entries[old]
        del entries[old]


def string_places(descriptor: Descriptor) -> Iterator[StringPlace]:
    """Yield the places in messages of a type, those of its own fields first."""
    pending: list[tuple[Descriptor, str, tuple[FieldDescriptor, ...], frozenset[str]]] = [
        (descriptor, "", (), frozenset())
    ]
    while pending:
        current, path, steps, above = pending.pop(0)
        for field in current.fields:
            own = join(path, field.name)
            yield from _own(field, own, steps)
            inner = _inside(field)
            if inner is None or inner.full_name in above | {current.full_name} or len(steps) >= _DEEPEST:
                continue
            mark = "{}" if is_map(field) else "[]" if field.is_repeated else ""
            pending.append((inner, own + mark, (*steps, field), above | {current.full_name}))


def _own(field: FieldDescriptor, path: str, steps: tuple[FieldDescriptor, ...]) -> Iterator[StringPlace]:
    position = Position(steps, field.name)
    parts: list[Part] = []
    if is_map(field):
        assert field.message_type is not None
        entry = field.message_type.fields_by_name
        names: tuple[Part, Part] = ("key", "value")
        parts = [name for name in names if entry[name].type == FieldDescriptor.TYPE_STRING]
    elif field.type == FieldDescriptor.TYPE_STRING:
        parts = ["item" if field.is_repeated else "field"]
    for part in parts:
        yield StringPlace(path + _MARKS[part], position, part)


def _inside(field: FieldDescriptor) -> Descriptor | None:
    """Return the type of the messages in a field; None where there are none in which texts mean what they say."""
    inner = field.message_type
    if inner is not None and is_map(field):
        inner = inner.fields_by_name["value"].message_type
    if inner is None or (inner.full_name.startswith("google.protobuf.") and inner.full_name != _WRAPPER):
        return None
    return inner


def _a_key(field: FieldDescriptor) -> Any:
    assert field.message_type is not None
    kind = field.message_type.fields_by_name["key"].type
    return {FieldDescriptor.TYPE_STRING: "a", FieldDescriptor.TYPE_BOOL: True}.get(kind, 1)
