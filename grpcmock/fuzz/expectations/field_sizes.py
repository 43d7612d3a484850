"""How much is in a field, as limits speak of it: the length of a text or list, a number, a year, a span of time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.number_types import NUMBERS, WHOLE

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.expectations.field_paths import Fields

DATE, SPAN = "google.type.Date", "google.protobuf.Duration"

_LATEST_YEAR = 9999
_SHORTEST_MONTH = 28


def has_size(field: FieldDescriptor) -> bool:
    """Whether there can be a limit of a field."""
    if field.is_repeated:
        return field.message_type is None or not field.message_type.GetOptions().map_entry
    if field.message_type is not None:
        return field.message_type.full_name in (DATE, SPAN)
    return is_text(field) or is_number(field)


def is_text(field: FieldDescriptor) -> bool:
    """Whether a field holds one text, or bytes."""
    return not field.is_repeated and field.cpp_type == field.CPPTYPE_STRING


def is_whole(field: FieldDescriptor) -> bool:
    """Whether a field holds one whole number."""
    return not field.is_repeated and field.cpp_type in WHOLE


def is_number(field: FieldDescriptor) -> bool:
    """Whether a field holds one number, be it with a fraction."""
    return not field.is_repeated and field.cpp_type in NUMBERS


def has_texts(field: FieldDescriptor) -> bool:
    """Whether a field holds a list of texts, or of bytes."""
    return field.is_repeated and field.message_type is None and field.cpp_type == field.CPPTYPE_STRING


def is_of(field: FieldDescriptor, type_name: str) -> bool:
    """Whether a field holds one message of a type."""
    return not field.is_repeated and field.message_type is not None and field.message_type.full_name == type_name


def size_at(message: Any, way: Fields) -> float | None:
    """Return what a limit of a field is about: the length of a text or list, a number itself, the year of a date, the
    seconds of a span. None if there is none."""
    for field in way[:-1]:
        if field.is_repeated or not message.HasField(field.name):
            return None
        message = getattr(message, field.name)
    field, value = way[-1], getattr(message, way[-1].name)
    if field.message_type is not None and not field.is_repeated:
        if not has_size(field) or not message.HasField(field.name):
            return None
        return int(value.year if is_of(field, DATE) else value.seconds)
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else len(value)


def longest_at(message: Any, way: Fields) -> int | None:
    """Return the length of the longest text in a list; None if there is none."""
    for field in way[:-1]:
        if field.is_repeated or not message.HasField(field.name):
            return None
        message = getattr(message, field.name)
    return max(map(len, getattr(message, way[-1].name)), default=None)


def text_of(letters: Any, size: int) -> Any:
    """Return a text of so many letters, or bytes, made of others."""
    letters = letters or ("a" if isinstance(letters, str) else b"a")
    return (letters * (size // len(letters) + 1))[:size]


def with_size(field: FieldDescriptor, there: Any, size: float) -> Any:
    """Return a value of so much, made of what is *there*; None if it can't be."""
    if is_number(field) and not is_whole(field):
        return float(size)
    size = int(size)
    if is_whole(field):
        return size
    if is_text(field):
        return text_of(there, size) if size >= 0 else None
    if field.is_repeated:
        items = list(there)
        return (items * (size // len(items) + 1))[:size] if items and size >= 0 else None
    made = type(there)()
    made.CopyFrom(there)
    if is_of(field, SPAN):
        made.seconds, made.nanos = size, 0
        return made
    if not 1 <= size <= _LATEST_YEAR:
        return None
    made.year, made.month, made.day = size, made.month or 1, min(made.day or 1, _SHORTEST_MONTH)
    return made
