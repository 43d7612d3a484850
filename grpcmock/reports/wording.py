"""Words that reports share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural but for one: ``1 call``, ``2,000 calls``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
