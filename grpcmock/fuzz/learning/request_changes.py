"""Changes of a request, of a stream of all its messages: one field otherwise, a message more, two names at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.learning.agreement import agreed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.learning.known_things import KnownKey
    from grpcmock.fuzz.model.cases import Path


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do otherwise."""

    fields: Fields
    """Empty to make what the messages say of themselves true."""

    value: Any = None
    """What the field gets; None to leave it out."""

    key: KnownKey | None = None
    at: int = 0
    """In which message of a stream; behind the last one, it is a new message."""

    also: Change | None = None
    """What is done at the same time."""


def changed_by(
    messages: tuple[Message, ...], change: Change, comments: Mapping[str, str]
) -> tuple[tuple[Message, ...], dict[Path, KnownKey | None]] | None:
    """Return messages with a change made, and the places in the first one with the keys there; None if it can't be."""
    if not change.fields:
        return agreed(messages, comments), {}
    made, is_new = list(messages), change.at == len(messages)
    owner = type(messages[0])()
    if is_new:
        made.append(owner)
    else:
        owner.CopyFrom(messages[change.at])
        made[change.at] = owner
    path = _cleared(owner, change.fields) if change.value is None else set_at(owner, change.fields, change.value)
    if path is None:
        return None
    changed = {path: change.key} if change.at == 0 else {}
    if change.also is not None:
        others = changed_by(tuple(made), change.also, comments)
        return (others[0], changed | others[1]) if others is not None else None
    return (agreed(made, comments) if is_new else tuple(made)), changed


def _cleared(message: Message, way: Fields) -> Path | None:
    current = message
    for field in way[:-1]:
        if field.is_repeated or not current.HasField(field.name):
            return None
        current = getattr(current, field.name)
    current.ClearField(way[-1].name)
    return path_of(way)


def depth_of(message: Message, way: Fields) -> int:
    """Count the steps of a way that can be gone now: to fields of messages that are there, or could be in a list."""
    depth, current = 1, message
    for field in way[:-1]:
        if field.is_repeated:
            items = getattr(current, field.name)
            if not items or hasattr(items, "items"):
                return depth
            current = items[0]
        elif not current.HasField(field.name):
            return depth
        else:
            current = getattr(current, field.name)
        depth += 1
    return depth
