"""Whether a request keeps the rules of the protos: protovalidate's, required fields, and those of well-known types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import protovalidate

from benchmarks.mutants.schema import Message, is_required
from benchmarks.mutants.steps import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

_SECONDS = {
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000),
}
_LONGEST_KEY = 40
_LARGE = 16_384
"""Bytes of a request of which only the first fault is told: to find thousands of them takes time."""


@cache
def _validator() -> protovalidate.Validator:
    return protovalidate.Validator()


def violations(request: Message) -> list[Violation]:
    """List what is wrong, whatever method the request is for."""
    found = [Violation(path, "is not a time that there is") for path in _impossible_times(request, "")]
    if found:  # the rules can't be checked on them
        return found
    for violation in _validator().collect_violations(request, fail_fast=request.ByteSize() > _LARGE):
        proto = violation.proto
        found.append(Violation(_path(proto), proto.message, proto.rule_id))
    return found


def unset(message: Message, prefix: str) -> list[Violation]:
    """List the required fields that are not set, here and in the messages below."""
    found = [
        Violation(prefix + field.name, "is required")
        for field in message.DESCRIPTOR.fields
        if is_required(field) and not _is_set(message, field)
    ]
    for path, below in _below(message, prefix):
        found += unset(below, f"{path}.")
    return found


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    if field.is_repeated:
        return bool(getattr(message, field.name))
    return bool(message.HasField(field.name) if field.has_presence else getattr(message, field.name))


def _below(message: Message, prefix: str) -> Iterator[tuple[str, Message]]:
    for field, value in message.ListFields():
        if field.message_type is None or not _matters(field.message_type):
            continue
        if field.is_repeated:
            for index, item in enumerate(value):
                yield f"{prefix}{field.name}[{index}]", item
        else:
            yield f"{prefix}{field.name}", value


@cache
def _matters(declared: Descriptor) -> bool:
    """Whether there can be a time or a required field in a message of this type, or below it."""
    seen, pending = set(), [declared]
    while pending:
        one = pending.pop()
        if one.full_name in seen or one.GetOptions().map_entry:
            continue
        seen.add(one.full_name)
        if one.full_name in _SECONDS or any(map(is_required, one.fields)):
            return True
        pending += [field.message_type for field in one.fields if field.message_type is not None]
    return False


def _impossible_times(message: Message, prefix: str) -> Iterator[str]:
    for path, below in _below(message, prefix):
        limits = _SECONDS.get(below.DESCRIPTOR.full_name)
        if limits is None:
            yield from _impossible_times(below, f"{path}.")
            continue
        sign_differs = below.DESCRIPTOR.name == "Duration" and below.seconds * below.nanos < 0
        least = 0 if below.DESCRIPTOR.name == "Timestamp" else -999_999_999
        if not limits[0] <= below.seconds <= limits[1] or not least <= below.nanos <= 999_999_999 or sign_differs:
            yield path


def _path(proto: Any) -> str:
    """Write a path as in ``user.labels["key"]`` or ``user.tags[3]``; a long key of a map is left out."""
    path = ""
    for element in proto.field.elements if proto.field is not None else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is None:
            continue
        value = element.subscript.value
        if not isinstance(value, str):
            path += f"[{value}]"
        elif len(value) <= _LONGEST_KEY and value.isidentifier():
            path += f'["{value}"]'
    return path
