"""The order of cases within a method: one of each sort, then the next of each, so that all sorts come early."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain, zip_longest
from typing import TypeVar

_T = TypeVar("_T")
_NOTHING = object()


def by_rounds(items: Iterable[_T], key: Callable[[_T], Hashable]) -> Iterator[Iterator[_T]]:
    """Yield the first items of all sorts, then the second ones, and so on; sorts in the order in which they came."""
    sorts: dict[Hashable, list[_T]] = {}
    for item in items:
        sorts.setdefault(key(item), []).append(item)
    for found in zip_longest(*sorts.values(), fillvalue=_NOTHING):
        yield (item for item in found if item is not _NOTHING)  # type: ignore[misc]


def in_turns(items: Iterable[_T], key: Callable[[_T], Hashable]) -> Iterator[_T]:
    """Yield the first item of each sort, then the second of each."""
    return chain.from_iterable(by_rounds(items, key))


def alternating(sources: Iterable[Iterator[_T]]) -> Iterator[_T]:
    """Yield the first item of each source, then the second of each."""
    for found in zip_longest(*sources, fillvalue=_NOTHING):
        yield from (item for item in found if item is not _NOTHING)  # type: ignore[misc]
