"""The messages inside a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message


def messages_in(message: Message) -> Iterator[Message]:
    """Yield a message and all that are set inside it, at any depth: in fields, in lists, and under the keys of maps."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        parts: Any = value if field.is_repeated else (value,)
        if field.message_type.GetOptions().map_entry:
            parts = value.values()
        for part in parts:
            if isinstance(part, Message):
                yield from messages_in(part)
