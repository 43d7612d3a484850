"""Links between methods that somebody wrote down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Links:
    """What was written."""
