"""A message as a person reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from google.protobuf.unknown_fields import UnknownFieldSet

from grpcmock.schema.codec import DecodeError, decode, to_tree

if TYPE_CHECKING:
    from grpcmock.schema import Method

WIDEST = 400
"""Characters of a message that are shown."""


def message_text(data: bytes, method: Method | None, *, response: bool = False) -> str:
    """Return a message in ProtoJSON on one line; in hex if it is none, or holds what JSON can't say."""
    if method is None:
        return hex_text(data)
    message_class = method.response_class if response else method.request_class
    try:
        message = decode(message_class, data)
        text = json.dumps(to_tree(message), ensure_ascii=False)
    except (DecodeError, ValueError, RecursionError):
        return f"hex {hex_text(data)}"
    if message.SerializePartialToString(deterministic=True) != data or len(UnknownFieldSet(message)):
        text += f"  (hex {hex_text(data)})"
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}… ({len(data)} bytes)"


def hex_text(data: bytes) -> str:
    """Return bytes in hex, cut where they are many."""
    return data[:96].hex() + (f"… ({len(data)} bytes)" if len(data) > 96 else "")
