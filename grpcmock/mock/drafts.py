"""Methods that a test has narrowed down, and given no answer yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.errors import Location
    from grpcmock.schema import Method

_WHOLE = frozenset(("abort", "hang", "reset"))
"""The faults that take the place of an answer."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Something that was said of a method, and needs an answer."""

    method: Method
    location: Location

    def __str__(self) -> str:
        return f"{self.location}  {self.method}"


class Drafts:
    """The drafts that nothing has come of so far."""

    def __init__(self) -> None:
        self._open: dict[int, Draft] = {}

    def add(self, draft: Draft) -> Draft:
        self._open[id(draft)] = draft
        return draft

    def settle(self, draft: Draft) -> None:
        """Something has come of it: an answer, another draft, or a look at its calls."""
        self._open.pop(id(draft), None)

    def __iter__(self) -> Iterator[Draft]:
        return iter(tuple(self._open.values()))


def is_whole_answer(fault: Mapping[str, Any] | None) -> bool:
    """Whether a fault always takes the place of an answer, so that a stub needs no other."""
    return fault is not None and "rate" not in fault and not _WHOLE.isdisjoint(fault)
