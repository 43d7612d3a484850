"""How a verification is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.verify.hooks import Hook

CONCURRENCY = 16
"""Interactions under way at once, unless said otherwise."""

TIMEOUT = 10.0
"""Seconds that one call may take, unless said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How interactions are run."""

    timeout: float = TIMEOUT
    """Seconds for one call, where the stub says nothing of its deadline."""

    concurrency: int = CONCURRENCY
    """How many interactions that need no state of the server are under way at once; 1 keeps the order of the files."""

    hook: Hook | None = None
    """Sets up each ``given``."""

    pending: frozenset[str] = frozenset()
    """Interactions that are known to fail."""
