"""From types to messages: their classes, and messages of bytes that may lack what is required."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message


def message_class_of(descriptor: Descriptor) -> Any:
    """Give the class of a message type."""
    return message_factory.GetMessageClass(descriptor)


def message_of(message_class: type[Message], data: bytes) -> Message:
    """Parse a message that may lack required fields."""
    message = message_class()
    message.MergeFromString(data)
    return message


def bytes_of(message: Message) -> bytes:
    """Encode a message that may lack required fields; the same message always gives the same bytes."""
    return bytes(message.SerializePartialToString(deterministic=True))


def clear(message: Any, field: FieldDescriptor) -> None:
    """Unset a field of a message, be it an extension."""
    if field.is_extension:
        message.ClearExtension(field)
    else:
        message.ClearField(field.name)


def message_inside(field: FieldDescriptor) -> Descriptor | None:
    """Give the type of the messages that a field, list or map holds; None for scalars and well-known types."""
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        inner = inner.fields_by_name["value"].message_type
    return None if inner is None or inner.full_name.startswith("google.protobuf.") else inner


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def join(path: str, below: str) -> str:
    """Put two paths together, of which either may be empty."""
    return f"{path}.{below}" if path and below else path or below
