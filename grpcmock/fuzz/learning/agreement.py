"""Fields that say what others come to: the size of what is sent, its digest, where a part of it begins.

A request in which they don't agree is refused by services that count, in words that name no field. That a field means
this is read out of its name, and tried; nothing is claimed by it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.resources.contents import DIGEST, contents_of, owners
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

_SIZE = re.compile(
    r"((file|total|content|blob|object|data|body|payload|upload)_)?(size|length|bytes|len)(_bytes)?|byte_count"
)
_COUNT = re.compile(
    r"(total_|num_|number_of_)?(parts|chunks|messages|items|count)(_count)?|(part|chunk|message|item)_count"
)
_OFFSET = re.compile(r"((write|file|byte|start)_)?(offset|position)")
_LAST = re.compile(r"(is_)?(last|final|eof|done|finish(ed)?|finish_write|end_of_(file|stream))")

_ALGORITHMS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    (r"sha[-_ ]?512", lambda data: hashlib.sha512(data).digest()),
    (r"sha[-_ ]?256", lambda data: hashlib.sha256(data).digest()),
    (r"sha[-_ ]?1\b|\bsha\b", lambda data: hashlib.sha1(data, usedforsecurity=False).digest()),
    (r"md5", lambda data: hashlib.md5(data, usedforsecurity=False).digest()),
    (r"crc[-_ ]?32\b|\bcrc\b", lambda data: zlib.crc32(data).to_bytes(4, "big")),
)


def agreed(messages: Sequence[Message], comments: Mapping[str, str]) -> tuple[Message, ...]:
    """Return the messages of a request, of a stream all of them, with what they say of themselves made true.

    *comments* are those of fields, by their full names: some say which digest is meant, and how it is written. A digest
    that nobody could make is left out.
    """
    made = []
    for message in messages:
        copy = type(message)()
        copy.CopyFrom(message)
        made.append(copy)
    whole = b"".join(content for message in made for content in contents_of(message))
    before = 0
    for number, message in enumerate(made):
        is_last = number == len(made) - 1
        for owner in owners(message):
            descriptor: Any = owner.DESCRIPTOR
            for field in descriptor.fields:
                if field.message_type is not None or field.is_repeated:
                    continue
                name = snake_case(field.name)
                if field.cpp_type in WHOLE and _SIZE.fullmatch(name):
                    setattr(owner, field.name, len(whole))
                elif field.cpp_type in WHOLE and _COUNT.fullmatch(name) and not number:
                    setattr(owner, field.name, len(made) - 1)
                elif field.cpp_type in WHOLE and _OFFSET.fullmatch(name):
                    setattr(owner, field.name, before)
                elif field.type == FieldDescriptor.TYPE_BOOL and _LAST.fullmatch(name) and len(made) > 1:
                    setattr(owner, field.name, is_last)
                elif DIGEST.search(name):
                    _put_digest(owner, field, whole, f"{name} {comments.get(field.full_name, '')}")
        before += sum(map(len, contents_of(message)))
    return tuple(made)


def _put_digest(owner: Message, field: FieldDescriptor, whole: bytes, words: str) -> None:
    words = words.lower()
    made = next((make for pattern, make in _ALGORITHMS if re.search(pattern, words)), None)
    value: Any = None
    if made is not None:
        digest = made(whole)
        if field.type == FieldDescriptor.TYPE_STRING:
            value = base64.b64encode(digest).decode() if "base64" in words or "base 64" in words else digest.hex()
        elif field.type == FieldDescriptor.TYPE_BYTES:
            value = digest
        elif field.cpp_type in WHOLE and len(digest) == 4:
            value = int.from_bytes(digest, "big")
    owner.ClearField(field.name)
    if value is not None:
        try:
            setattr(owner, field.name, value)
        except ValueError:  # a number that is too large for the type
            return
