"""Names of imported stubs: the method, and what sets the stub apart."""

from __future__ import annotations

from typing import Any

_MOST = 2
_LONGEST = 32
_UNTELLING = ("$exists", "$size", "$gte", "$gt", "$lte", "$lt", "$not", "$ne", "$nin")


def title(method: str, keys: dict[str, Any]) -> str:
    """Give a name such as ``GetUser id=42``: the method with the first plain values that a stub asks for."""
    parts: list[str] = []
    for key in ("request", "requests", "metadata"):
        for name, value in _plain(keys.get(key), ""):
            if len(parts) < _MOST:
                parts.append(f"{name}={value}" if name else str(value))
    if not parts and "error" in keys and not keys.get("request"):
        parts = [str(keys["error"].get("code", "error"))]
    return " ".join([method.rpartition("/")[2], *parts])


def _plain(pattern: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(pattern, dict):
        found = []
        for key, value in pattern.items():
            if key not in _UNTELLING:
                found += _plain(value, name if str(key).startswith("$") else str(key))
        return found
    if isinstance(pattern, list):
        return [one for item in pattern for one in _plain(item, name)]
    if pattern is None or pattern == "":
        return []
    text = str(pattern).lower() if isinstance(pattern, bool) else str(pattern)
    short = " ".join(text.split())
    return [(name, short if len(short) <= _LONGEST else short[:_LONGEST] + "…")]
