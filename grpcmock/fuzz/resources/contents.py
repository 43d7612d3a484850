"""What messages carry for others: bytes, or a text that is called content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.message import Message

DIGEST = re.compile(r"(^|_)(sha\d*|md5|crc\w*|checksum|digest|hash|fingerprint)($|_)")
"""The names of fields that hold a digest."""

_BODY = re.compile(r"content|data|body|text|payload|chunk|part")


def owners(message: Message, depth: int = 2) -> Iterator[Message]:
    """Yield a message and those inside it that are there, but for those in lists."""
    yield message
    for field, value in message.ListFields():
        if depth and field.message_type is not None and not field.is_repeated:
            yield from owners(value, depth - 1)


def contents_of(message: Message) -> list[bytes]:
    """Return what a message carries: its bytes, or texts that are called content where it has none."""
    found, texts = list[bytes](), list[bytes]()
    for owner in owners(message):
        for field, value in owner.ListFields():
            if field.is_repeated or DIGEST.search(snake_case(field.name)):
                continue
            if field.type == FieldDescriptor.TYPE_BYTES:
                found.append(value)
            elif field.type == FieldDescriptor.TYPE_STRING and _BODY.fullmatch(snake_case(field.name)):
                texts.append(value.encode())
    return found or texts
