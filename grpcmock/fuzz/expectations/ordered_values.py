"""Which values have an order by themselves: days and times, in messages and in texts."""

from __future__ import annotations

import re
from typing import Any

TIMES = {
    "google.type.Date": ("year", "month", "day"),
    "google.protobuf.Timestamp": ("seconds", "nanos"),
}
"""Types whose values have an order, with the fields that decide on it, the first before the others."""

_IN_ORDER = re.compile(
    r"(?:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?|\d\d:\d\d(?::\d\d)?)(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
"""Texts that are ordered as the days and times are that they tell."""


def tells_time(text: str) -> bool:
    """Whether a text tells a day or a time in a form that may be compared with others of the same form.

    >>> tells_time("2024-03-01T10:00:00Z"), tells_time("09:30"), tells_time("1.3.24")
    (True, True, False)
    """
    return _IN_ORDER.fullmatch(text) is not None


def comparable(value: Any) -> Any:
    """Return what decides on the order of a value: of a day or a time in a message its parts, else the value itself."""
    parts = TIMES.get(value.DESCRIPTOR.full_name) if hasattr(value, "DESCRIPTOR") else None
    return value if parts is None else tuple(getattr(value, part) for part in parts)


def are_comparable(one: Any, other: Any) -> bool:
    """Whether the order of two values is known: of texts only where they tell days or times in one form and zone.

    >>> are_comparable(1, 2), are_comparable("2024-03-01", "2024-02-01")
    (True, True)
    >>> are_comparable("2024-03-01T10:00:00Z", "2024-03-01T10:00:00.5Z")
    False
    """
    if not isinstance(one, str):
        return True
    found = [_IN_ORDER.fullmatch(text) for text in (one, other)]
    zones = {match["zone"] or "" for match in found if match is not None}
    return len(one) == len(other) and all(found) and len(zones) == 1
