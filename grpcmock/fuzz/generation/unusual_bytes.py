"""What is legal on the wire, but no message object says: colliding keys, undeclared numbers of closed enums."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation.message_classes import bytes_of, is_map
from grpcmock.fuzz.generation.scalars import undeclared

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.choices import Draw

_ONE_IN = 8


def suffix(message: Message, draw: Draw) -> bytes:
    """Give bytes to put behind those of *message*: in most cases none."""
    if draw(_ONE_IN) != _ONE_IN - 1:
        return b""
    sayings: list[Callable[[], bytes]] = []
    for field, value in message.ListFields():
        if is_map(field) and value:
            sayings.append(lambda field=field: _again(message, field))  # type: ignore[misc]
    sayings.extend(
        lambda field=field: _undeclared(field, draw)  # type: ignore[misc]
        for field in message.DESCRIPTOR.fields
        if field.enum_type is not None and field.enum_type.is_closed and not field.is_repeated
    )
    return sayings[draw(len(sayings))]() if sayings else b""


def _again(message: Any, field: FieldDescriptor) -> bytes:
    """Give the first entry of a map twice more, without its value and with it: the last one counts, says the wire
    format, so that the message keeps what rules it keeps."""
    empty: Any = type(message)()
    whole: Any = type(message)()
    held = getattr(message, field.name)
    key = min(held, key=repr)
    assert field.message_type is not None
    value = field.message_type.fields_by_name["value"]
    if value.message_type is not None:
        getattr(empty, field.name)[key].SetInParent()
        getattr(whole, field.name)[key].CopyFrom(held[key])
    else:
        getattr(empty, field.name)[key] = value.default_value
        getattr(whole, field.name)[key] = held[key]
    return bytes_of(empty) + bytes_of(whole)


def _undeclared(field: FieldDescriptor, draw: Draw) -> bytes:
    assert field.enum_type is not None
    numbers = undeclared(field.enum_type)
    number = numbers[draw(len(numbers))] if numbers else 0
    return varint(field.number << 3) + varint(number % (1 << 64))


def varint(number: int) -> bytes:
    """Encode a number of 64 bits, as the wire format does."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)
