"""Where the words of a message's ProtoJSON come from: its bytes, its text format, or neither of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor

_NUMBER = re.compile(r"[-+.e\d]+")
"""What may be a part of a number, by the characters in it."""

_FLOAT = re.compile(r"[-+.e\d]+|[-infatyn]+")
_BASE64 = re.compile(r"[a-z\d+/=]+")
_ANYTHING = re.compile(r".*", re.DOTALL)

_OF_THEIR_OWN = {
    "google.protobuf.Timestamp": re.compile(r"[-.:\dtz]+"),
    "google.protobuf.Duration": re.compile(r"[-.\ds]+"),
    "google.protobuf.FieldMask": _ANYTHING,
    "google.protobuf.Any": _ANYTHING,
}
"""What may be a part of the ProtoJSON of types whose text is made of what they hold, with case folded."""


@dataclass(slots=True)
class ProtoJsonWords:
    """Of the messages of a type: which words ProtoJSON may write that don't stand so in what they are made from."""

    names: set[str] = field(default_factory=lambda: {"true", "false"})
    """What both ProtoJSON and the text format write where the bytes have a number: fields, values of enums."""
    unlike: set[str] = field(default_factory=set)
    """Names that the text format may write otherwise."""
    written: set[re.Pattern[str]] = field(default_factory=set)
    """What fits parts of values that the text format writes otherwise."""

    @classmethod
    def of(cls, descriptor: Descriptor) -> ProtoJsonWords:
        """Return those of a type, and of all types that it holds."""
        words, seen, left = cls(), {descriptor}, [descriptor]
        while left:
            for inner in words._add(left.pop()):
                if inner not in seen:
                    seen.add(inner)
                    left.append(inner)
        return words

    def _add(self, descriptor: Any) -> list[Descriptor]:
        if (own := _OF_THEIR_OWN.get(descriptor.full_name)) is not None:
            self.written.add(own)
        if descriptor.is_extendable:
            self.written.add(_ANYTHING)
        inner = []
        for one in descriptor.fields:
            self.names.add(one.name.casefold())
            if one.type == FieldDescriptor.TYPE_GROUP:
                self.unlike.add(one.name.casefold())
            elif one.type == FieldDescriptor.TYPE_BYTES:
                self.written.add(_BASE64)
            elif one.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
                self.written.add(_FLOAT)
            if one.enum_type is not None:
                self._add_enum(one.enum_type)
            if one.message_type is not None:
                inner.append(one.message_type)
        return inner

    def _add_enum(self, enum: EnumDescriptor) -> None:
        names = {value.name.casefold() for value in enum.values}
        self.names |= names
        if len(enum.values_by_number) < len(names):  # which of two names for one number is written isn't settled
            self.unlike |= names

    def may_write_otherwise(self, piece: str) -> bool:
        """Whether a piece of a name or value, with case folded, may stand in ProtoJSON and in neither of the others."""
        return any(piece in name for name in self.unlike) or any(one.fullmatch(piece) for one in self.written)

    def may_not_be_in_bytes(self, piece: str) -> bool:
        """Whether it may stand in ProtoJSON and not in the bytes."""
        return _NUMBER.fullmatch(piece) is not None or any(piece in name for name in self.names)
