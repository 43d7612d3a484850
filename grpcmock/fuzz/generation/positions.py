"""Places inside messages, and how to put something there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation.message_classes import is_map, message_class_of, message_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a message."""

    steps: tuple[FieldDescriptor, ...] = ()
    """The fields that lead to the message where the place is."""

    name: str = ""
    """The field that is meant; empty for the whole message."""

    def put(self, message: Any, sample: bytes, minimal: MinimalMessages) -> None:
        """Put a *sample* there: the bytes of a message that holds the field alone, or of the whole message.

        What leads there is made where it isn't, as small as its rules allow.
        """
        target = self.find(message, minimal)
        if self.name:
            target.ClearField(self.name)
        else:
            target.Clear()
            target.SetInParent()
        target.MergeFromString(sample)

    def find(self, message: Any, minimal: MinimalMessages) -> Any:
        """Give the message where the place is, made if it isn't there."""
        for field in self.steps:
            message = _step(message, field, minimal)
        return message

    def owner(self, message_class: type[Message]) -> type[Message]:
        """Give the type of the message where the place is."""
        if not self.steps:
            return message_class
        last: Any = self.steps[-1]
        inner = last.message_type.fields_by_name["value"] if is_map(last) else last
        owner: type[Message] = message_class_of(inner.message_type)
        return owner

    def on_minimal(self, message_class: type[Message], sample: bytes, minimal: MinimalMessages) -> Message:
        """Give the least message of a type with *sample* in its place."""
        message = message_of(message_class, minimal.least(message_class))
        self.put(message, sample, minimal)
        return message


def _step(message: Any, field: FieldDescriptor, minimal: MinimalMessages) -> Any:
    value = getattr(message, field.name)
    if not field.is_repeated:
        if not message.HasField(field.name):
            value.SetInParent()
            value.MergeFromString(minimal.least(type(value)))
        return value
    if value and not is_map(field):
        return value[0]
    if value:
        return value[min(value, key=repr)]
    part = value[_a_key(field)] if is_map(field) else value.add()
    part.MergeFromString(minimal.least(type(part)))
    return part


def _a_key(field: FieldDescriptor) -> Any:
    assert field.message_type is not None
    kind = field.message_type.fields_by_name["key"].type
    return {FieldDescriptor.TYPE_STRING: "a", FieldDescriptor.TYPE_BOOL: True}.get(kind, 1)
