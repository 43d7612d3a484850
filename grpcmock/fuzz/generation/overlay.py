"""One message put over another: what it says goes before what stood there, the rest stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.generation.message_classes import clear

if TYPE_CHECKING:
    from google.protobuf.message import Message


def overlaid(message: Message, written: Message) -> None:
    """Change *message* so that it says all that *written* says: lists and maps as they are there, and no longer."""
    _make_room(message, written)
    message.MergeFrom(written)


def _make_room(message: Message, written: Message) -> None:
    for field, value in written.ListFields():
        is_value = field.is_extension or field.is_repeated or field.message_type is None
        if is_value or not message.HasField(field.name):
            clear(message, field)
        else:
            _make_room(getattr(message, field.name), value)
