"""Times in messages, however they are written: as timestamps, as numbers since 1970, as texts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from grpcmock.fuzz.resources.fields import type_name

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.resources.resource import Resource

SECOND = 10**9
DAY = 86_400 * SECOND

_UNITS = (SECOND, 10**6, 10**3, 1)
_FROM, _TO = 946_684_800 * SECOND, 4_102_444_800 * SECOND
"""The years from 2000 to 2100: in which unit a number counts is told by what is among them."""


def instant(message: Message, name: str) -> int | None:
    """Return a time that a message has, in nanoseconds since 1970; None if it has none of this name."""
    descriptor: Any = message.DESCRIPTOR
    field = descriptor.fields_by_name.get(name)
    if field is None or field.is_repeated:
        return None
    value = getattr(message, name)
    if type_name(field) == "google.protobuf.Timestamp":
        return int(value.seconds * SECOND + value.nanos) if value.seconds > 0 else None  # or it stands for never
    if field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64):
        return next((value * unit for unit in _UNITS if _FROM <= value * unit < _TO), None)
    return _read(value) if field.type == FieldDescriptor.TYPE_STRING else None


def _read(text: str) -> int | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    if read.tzinfo is None:
        return None  # where it is so late isn't said
    return int(read.timestamp()) * SECOND + read.microsecond * 1000


def is_servers(resource: Resource, name: str) -> bool:
    """Whether only the server sets a field: as annotations say, or by its name, where there are none."""
    own = resource.descriptor.fields_by_name.get(name)
    if own is None:
        return False
    return own.full_name in (resource.servers_own if resource.is_marked else resource.fixed)


def grain(time: int) -> int:
    """Return how coarse a time may be, going by the zeros at its end."""
    size = 1
    while size < SECOND and time % (size * 10) == 0:
        size *= 10
    return size


def told(time: int) -> str:
    """Write a time for people."""
    return Timestamp(seconds=time // SECOND, nanos=time % SECOND).ToJsonString()
