"""Places in messages, written as in ``user.tags[1]`` and ``labels["a"].name``."""

from __future__ import annotations

import json
import re
from typing import Any

from google.protobuf.message import Message

_STEP = re.compile(r"\.?([A-Za-z_]\w*)|\[([^\]]*)\]")

ABSENT = "absent"


def at_path(message: Message, path: str) -> object:
    """Give what stands at a path, in a form that can be compared; :data:`ABSENT` if nothing does."""
    value: Any = message
    for name, subscript in _STEP.findall(path):
        if name:
            if not isinstance(value, Message) or name not in value.DESCRIPTOR.fields_by_name:
                oneofs = value.DESCRIPTOR.oneofs_by_name if isinstance(value, Message) else {}
                return (value.WhichOneof(name) or ABSENT) if name in oneofs else ABSENT
            field = value.DESCRIPTOR.fields_by_name[name]
            if field.has_presence and not value.HasField(name):
                return ABSENT
            value = getattr(value, name)
            continue
        try:
            value = value[_key(subscript)]
        except (LookupError, TypeError):
            return ABSENT
    if isinstance(value, Message):
        return value.SerializePartialToString(deterministic=True)
    if hasattr(value, "items"):
        return sorted(map(repr, value.items()))
    return list(value) if hasattr(value, "extend") else repr(value)


def without(message: Message, path: str) -> Message:
    """Return a copy of a message in which nothing is set at a path; of an item of a list, the list."""
    changed = type(message)()
    changed.CopyFrom(message)
    place: Any = changed
    *way, last = [name for name, _ in _STEP.findall(path.partition("[")[0]) if name]
    for name in way:
        if name not in place.DESCRIPTOR.fields_by_name or not place.HasField(name):
            return changed
        place = getattr(place, name)
    if isinstance(place, Message):
        place.ClearField(last)
    return changed


def with_part(message: Message, other: Message, path: str) -> Message | None:
    """Give a copy of *message* with what stands at a path of names in *other*; None if nothing leads there."""
    changed = type(message)()
    changed.CopyFrom(message)
    place: Any = changed
    *way, last = path.split(".")
    for name in way:
        if not place.HasField(name):
            return None
        place, other = getattr(place, name), getattr(other, name)
    place.ClearField(last)
    part = type(other)(**{last: getattr(other, last)})
    place.MergeFrom(part)
    return changed


def _key(subscript: str) -> Any:
    try:
        return json.loads(subscript)
    except ValueError:
        return subscript.strip("'\"") or 0
