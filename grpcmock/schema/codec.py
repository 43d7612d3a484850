"""The codec: bytes to messages, trees of ProtoJSON to messages, and messages back to ProtoJSON."""

from __future__ import annotations

import json
from typing import TypeVar

from google.protobuf import message as protobuf_message
from google.protobuf.message import Message

from grpcmock.errors import SchemaError
from grpcmock.schema.building import build
from grpcmock.schema.fields import field_names, find_field
from grpcmock.schema.showing import to_tree

__all__ = ["DecodeError", "build", "decode", "field_names", "find_field", "to_text", "to_tree", "try_decode"]

M = TypeVar("M", bound=Message)


class DecodeError(SchemaError):
    """Bytes are not a message of the type that was expected."""


def decode(message_class: type[M], data: bytes) -> M:
    """Decode a message. Raises :class:`DecodeError`."""
    try:
        return message_class.FromString(data)
    except (protobuf_message.DecodeError, RuntimeError, UnicodeDecodeError) as error:  # the latter two by pure Python
        name = message_class.DESCRIPTOR.full_name
        size = "1 byte is" if len(data) == 1 else f"{len(data)} bytes are"
        raise DecodeError(f"{size} not a valid {name}: {str(error).rstrip('.')}.") from None


def try_decode(message_class: type[M], data: bytes) -> M | None:
    """Return the message that bytes are; None if they are none of this type."""
    try:
        return decode(message_class, data)
    except DecodeError:
        return None


def to_text(message: Message, limit: int = 2000) -> str:
    """Give a message as one line of ProtoJSON, cut at *limit* characters."""
    line = json.dumps(to_tree(message), ensure_ascii=False)
    return line if len(line) <= limit else line[: max(limit - 1, 0)] + "…"
