"""The order of trials within a method: one of each sort, then the next of each, so that all sorts come early."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain, zip_longest
from typing import TypeVar

_T = TypeVar("_T")
_NOTHING = object()


def in_turns(items: Iterable[_T], key: Callable[[_T], Hashable]) -> Iterator[_T]:
    """Yield the first item of each sort, then the second of each, and so on; sorts in the order in which they came."""
    sorts: dict[Hashable, list[_T]] = {}
    for item in items:
        sorts.setdefault(key(item), []).append(item)
    rounds = chain.from_iterable(zip_longest(*sorts.values(), fillvalue=_NOTHING))
    return (item for item in rounds if item is not _NOTHING)  # type: ignore[misc]
