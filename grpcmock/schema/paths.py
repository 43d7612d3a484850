"""Paths inside messages, as problems and findings write them: ``user.tags[1]``, ``labels["env"]``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grpcmock.schema import values


def member(path: str, name: str) -> str:
    """Give the path of a field: ``user.name``."""
    return f"{path}.{name}" if path else name


def item(path: str, key: Any) -> str:
    """Give the path of a list's element or of a map's entry: ``tags[1]``, ``labels["env"]``."""
    return f"{path}[{_key(key)}]"


def items(keys: Iterable[Any]) -> str:
    """Give the end of a path that leads through several lists and maps: ``["a"][1]``."""
    return "".join(item("", key) for key in keys)


def _key(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else values.text(key)
