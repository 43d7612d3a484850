"""Lengths of time as other tools write them."""

from __future__ import annotations

import re

_GO = re.compile(r"([\d.]+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_HERE = re.compile(r"\d+(\.\d+)?(us|ms|s|m|h)")


def of_go(text: str) -> str | None:
    """Write a duration of Go, such as ``1m30s``, as the stub format does; None for nothing.

    Raises ValueError for what is no duration.
    """
    written = text.strip().removeprefix("+")
    if written in ("", "0"):
        return None
    if _HERE.fullmatch(written):
        return written if float(re.sub(r"[a-z]+$", "", written)) else None
    if written.startswith("-") or not re.fullmatch(f"({_GO.pattern})+", written):
        raise ValueError(f"{text!r} is no duration")
    return of_seconds(sum(float(number) * _SECONDS[unit] for number, unit in _GO.findall(written)))


def of_milliseconds(value: float) -> str | None:
    """Write so many milliseconds; None for none."""
    return of_seconds(value / 1000)


def of_seconds(value: float) -> str | None:
    """Write so many seconds in the unit that reads best; None for none."""
    if value <= 0:
        return None
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{round(value / size, 6):g}{unit}"
    return f"{round(value * 1e6, 3):g}us"
