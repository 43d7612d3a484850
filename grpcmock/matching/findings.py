"""What came of holding one condition against a value, in words; and how values are shown in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final


class _Absent:
    """The type of :data:`ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()
"""The value of a field that is not set, a map's key that isn't there, metadata that was not sent."""

LONGEST = 160
"""The characters that a value may take in a finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition: what it expects, the actual value, and whether they match."""

    path: str
    """Such as ``request.user.tags[1]``."""

    expected: str
    actual: str
    matched: bool
    count: int = 1
    """For how many conditions this finding speaks."""


def cut(text: str, limit: int = LONGEST) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown_json(value: Any) -> str:
    """Write a plain value as one line of JSON."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


def below(path: str, name: str) -> str:
    """Give the path of a field; the name of an extension brings its own brackets."""
    return path + name if name.startswith("[") else f"{path}.{name}"


def entry(path: str, key: Any) -> str:
    """Give the path of a map's value."""
    return f"{path}[{shown_json(key)}]"
