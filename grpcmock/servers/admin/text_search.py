"""A text looked for in calls: the bytes of most messages tell already that it isn't there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.codec import DecodeError, decode, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.given_answers import CompactCall
    from grpcmock.status import Metadata

_TEXT_LIMIT = 1 << 20
"""Characters of a message that are searched."""

_BETWEEN = re.compile(r'["\\{}\[\],:]|^\s|\s$')
"""What stands between the values of ProtoJSON, or in a string otherwise than in the bytes."""

_NUMBER = re.compile(r"[-+.e\d]+")
"""What may be a part of a number, by the characters in it."""

_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
_LITERALS = ("true", "false", "null", "nan", "-infinity")


class TextSearch:
    """Tells which calls hold a text, whatever its case: in the method, the messages as ProtoJSON, the metadata, the
    status message, or the name of the stub. That one begins amid an escape of JSON isn't looked for.
    """

    def __init__(self, text: str) -> None:
        self._text = sought = text.casefold()
        # Most calls have their names and metadata in common with others, and many their messages.
        self._stands_in: Callable[[str], bool] = lru_cache(4_096)(lambda text: sought in text.casefold())
        self._is_in_message: Callable[[Any, bytes], bool] = lru_cache(4_096)(self._reads_in_message)
        self._is_within_value = _BETWEEN.search(self._text) is None
        self._is_number = _NUMBER.fullmatch(self._text) is not None
        self._can_rule_out: dict[Descriptor, bool] = {}

    def in_words(self, call: CallRecord | CompactCall) -> bool:
        """Whether it stands in what is a call's own: all but what was said in it."""
        if self._stands_in(call.path) or (call.stub is not None and self._stands_in(call.stub.name)):
            return True
        return self._is_in(call.metadata)

    def in_what_was_said(self, call: CallRecord) -> bool:
        """Whether it stands in the messages of a call, or in how it ended."""
        if self._stands_in(call.message) or self._is_in(call.trailers):
            return True
        if (method := call.method) is None:
            return False
        return any(
            self._is_in_message(method.request_class if direction == "request" else method.response_class, data)
            for direction, data, _ in call.frames
        )

    def _is_in(self, metadata: Metadata) -> bool:
        return any(
            self._stands_in(key) or (isinstance(value, str) and self._stands_in(value)) for key, value in metadata
        )

    def _reads_in_message(self, message_class: type[Message], data: bytes) -> bool:
        can_rule_out = self._is_within_value and self._bytes_tell(message_class.DESCRIPTOR)
        # A number that comes before a string ends with a byte of ASCII, so that no string loses its beginning.
        if can_rule_out and not self._is_number and self._text not in data.decode("utf-8", "ignore").casefold():
            return False
        try:
            message = decode(message_class, data)
        except DecodeError:
            return False
        if can_rule_out and self._is_number and self._text not in str(message).casefold():
            return False
        return self._text in to_text(message, _TEXT_LIMIT).casefold()

    def _bytes_tell(self, descriptor: Any) -> bool:
        """Whether messages of a type have the text in their strings, or for a number in the numbers, if anywhere."""
        if descriptor not in self._can_rule_out:
            words = _Words.of(descriptor)
            self._can_rule_out[descriptor] = not (
                words.are_all_but_some
                or (self._is_number and words.has_floats)
                or any(self._text in word for word in words.known)
            )
        return self._can_rule_out[descriptor]


@dataclass(slots=True)
class _Words:
    """What ProtoJSON says in messages of a type that doesn't stand in their strings."""

    known: set[str]
    """The names of fields and values, with case folded."""
    has_floats: bool = False
    """Whether there are numbers that can be written in more than one way."""
    are_all_but_some: bool = False
    """Whether there is more: bytes in base64, times, what is packed, extensions."""

    @classmethod
    def of(cls, descriptor: Descriptor) -> _Words:
        words, seen, left = cls(set(_LITERALS)), {descriptor}, [descriptor]
        while left:
            one = left.pop()
            if one.file.package == "google.protobuf" or one.is_extendable:
                words.are_all_but_some = True
            for field in one.fields:
                words.known.add(field.name.casefold())
                if field.enum_type is not None:
                    words.known.update(value.name.casefold() for value in field.enum_type.values)
                words.has_floats |= field.cpp_type in _FLOATS
                words.are_all_but_some |= field.type == FieldDescriptor.TYPE_BYTES
                if field.message_type is not None and field.message_type not in seen:
                    seen.add(field.message_type)
                    left.append(field.message_type)
        return words
