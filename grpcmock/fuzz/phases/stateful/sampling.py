"""Some of many, from all parts of them."""

from __future__ import annotations

from typing import Any


def spread(options: list[Any], count: int) -> list[Any]:
    """Take so many of a list, from all parts of it."""
    step = max(len(options) / count, 1)
    return [options[int(index * step)] for index in range(min(count, len(options)))]
