"""From the values that Python code gives to the plain trees of the stub format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import Message

from grpcmock.schema.codec import to_tree
from grpcmock.schema.registry import find_message
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool


def tree(value: Any, *, messages: bool = False) -> Any:
    """Copy a value deeply into mappings, lists and scalars of ProtoJSON, so that nothing can change it afterwards.

    A message becomes the mapping of its fields that are set; with *messages*, a copy of itself. Bytes stay as they are,
    so that they are taken for bytes fields alone. What is none of all this is left as it is, to be refused where it is
    compiled.
    """
    if isinstance(value, Message):
        if not messages:
            return to_tree(value)
        copy = type(value)()
        copy.CopyFrom(value)
        return copy
    if isinstance(value, Mapping):
        return {key: tree(item, messages=messages) for key, item in value.items()}
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, timedelta):
        return seconds(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [tree(item, messages=messages) for item in value]
    return value


def timestamp(value: datetime) -> str:
    """Write a time as ProtoJSON has a Timestamp; one without a zone is taken as UTC, as protobuf takes it."""
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def seconds(value: timedelta) -> str:
    """Write a duration as ProtoJSON has it: ``1.5s``."""
    micros = value // timedelta(microseconds=1)
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}{f'.{rest:06d}' if rest else ''}s"


def delay(value: Any) -> Any:
    """Take a number or a ``timedelta`` for seconds; the words of stub files, and mappings of either, as they are."""
    if isinstance(value, timedelta):
        return seconds(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return f"{value:.9f}".rstrip("0").rstrip(".") + "s"
    return value


def code(value: Any) -> Any:
    """Take a ``grpc.StatusCode`` for the name of its code, and what stub files take as it is."""
    if isinstance(value, Code):
        return value.name
    number = getattr(value, "value", None)
    if isinstance(number, tuple) and number and isinstance(number[0], int):
        return value.name
    return value


def detail(message: Any) -> Any:
    """Write a message as ProtoJSON writes it in an ``Any``; a mapping with ``@type`` is that already."""
    if not isinstance(message, Message) or message.DESCRIPTOR.full_name == "google.protobuf.Any":
        return tree(message)
    any_class = find_message(cast("DescriptorPool", message.DESCRIPTOR.file.pool), "google.protobuf.Any")
    assert any_class is not None  # it is one of those that are always there
    packed: Any = any_class()
    packed.Pack(message)
    return to_tree(packed)


def metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the values of metadata, or patterns for them, by key; a message is written as it is in an ``Any``."""
    return {key: _value(value) for key, value in values.items()}


def _value(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    return detail(value) if isinstance(value, Message) else tree(value)
