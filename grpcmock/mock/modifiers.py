"""What may be said of a stub before its answer or after: how often, in which state, how late."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self


class Modifiers(ABC):
    """The words that both the mock of a method and the handle of a stub have."""

    @abstractmethod
    def _with(self, **keys: Any) -> Self:
        """Say more: keys of the stub format."""

    @abstractmethod
    def optional(self) -> Self:
        """Say that the stub may well go unused."""

    def named(self, name: str) -> Self:
        """Name the stub; without, its name is the place where it is declared, ``test_x.py:41``."""
        return self._with(name=name)

    def times(self, number: int) -> Self:
        """Answer at most so many times, then step aside for the next stub that holds."""
        return self._with(times=number)

    def once(self) -> Self:
        """Answer once, then step aside for the next stub that holds."""
        return self._with(times=1)

    def priority(self, number: int) -> Self:
        """Come before stubs of lower priority, whatever they say; 0 is the default."""
        return self._with(priority=number)

    def delay(self, delay: Any = None, /, **shape: Any) -> Self:
        """Answer late: by seconds, a ``timedelta``, ``"200ms"``, or ``min=, max=`` or ``median=, sigma=`` of these."""
        return self._with(delay=shape if delay is None else delay)

    def fault(self, fault: Mapping[str, Any] | None = None, /, **keys: Any) -> Self:
        """Answer with a fault: ``abort="UNAVAILABLE"``, ``hang=True``, …; *rate* (0 to 1) says how often."""
        return self._with(fault={**(fault or {}), **keys})

    def headers(self, headers: Mapping[str, Any], /) -> Self:
        """Send initial metadata with the answer; a list repeats a key; a ``-bin`` key may hold a message."""
        return self._with(headers=headers)

    def trailers(self, trailers: Mapping[str, Any], /) -> Self:
        """Send trailing metadata with the answer; a list repeats a key; a ``-bin`` key may hold a message."""
        return self._with(trailers=trailers)

    def in_state(self, states: Mapping[str, str] | None = None, /, **more: str) -> Self:
        """Hold only while each scenario named is in that state; all begin in ``started``."""
        return self._with(state={**(states or {}), **more})

    def to_state(self, states: Mapping[str, str] | None = None, /, **more: str) -> Self:
        """Enter these states of scenarios when the stub is chosen."""
        return self._with(set={**(states or {}), **more})
