"""Days and times in requests, and the same ones some days later."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.fuzz.expectations.field_sizes import DATE

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

TIMESTAMP = "google.protobuf.Timestamp"

MOST_DAYS = 9_000
"""Moments are moved by no more than that: what lies in our time then lies in this century."""

_DAY = 86_400
_OLDEST = 1_000_000_000
"""In seconds: what is less is rather a length of time, or was never set."""

_WRITTEN = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)(?P<rest>$|[T ].*)", re.DOTALL)


def is_moment(value: Any) -> bool:
    """Whether a value is a day or a time, as a message or in the form of ISO 8601."""
    if isinstance(value, str):
        return _WRITTEN.fullmatch(value) is not None
    return isinstance(value, Message) and holds_moment(value.DESCRIPTOR)


def holds_moment(descriptor: Any) -> bool:
    """Whether messages of a type are days or times."""
    return descriptor is not None and descriptor.full_name in (DATE, TIMESTAMP)


def move(message: Message, days: int) -> None:
    """Make all days and times in a message later, wherever they stand; those that can't be are left as they are."""
    if message.DESCRIPTOR.full_name == TIMESTAMP:
        _move_time(message, days)
    elif message.DESCRIPTOR.full_name == DATE:
        _move_date(message, days)
    else:
        for field, value in message.ListFields():
            _move_in(message, field, value, days)


def later(value: Any, span: dt.timedelta) -> Any:
    """Return a day or a time that comes so much later, in the form of the one given: a text is moved by whole days."""
    if isinstance(value, str):
        return _moved_text(value, span.days)
    moved = type(value)()
    moved.CopyFrom(value)
    if value.DESCRIPTOR.full_name == DATE:
        _move_date(moved, span.days)
    else:
        moved.seconds += int(span.total_seconds())
    return moved


def _move_in(message: Message, field: FieldDescriptor, value: Any, days: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return
    if field.message_type is not None:
        for one in value if field.is_repeated else (value,):
            move(one, days)
    elif field.type == field.TYPE_STRING and not field.is_repeated:
        setattr(message, field.name, _moved_text(value, days))


def _moved_text(text: str, days: int) -> str:
    found = _WRITTEN.fullmatch(text)
    try:
        day = dt.date.fromisoformat(found["day"]) if found is not None else None
        return text if day is None or found is None else f"{day + dt.timedelta(days)}{found['rest']}"
    except (ValueError, OverflowError):
        return text


def _move_date(message: Any, days: int) -> None:
    try:
        moved = dt.date(message.year, message.month, message.day) + dt.timedelta(days)
    except (ValueError, OverflowError):
        return
    message.year, message.month, message.day = moved.year, moved.month, moved.day


def _move_time(message: Any, days: int) -> None:
    if message.seconds >= _OLDEST:
        message.seconds += days * _DAY
