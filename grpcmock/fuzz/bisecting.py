"""Which calls bring a server down together, where none does alone: delta debugging (Zeller and Hildebrandt, 2002)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

_T = TypeVar("_T")

_FIRST = 8
_GROWTH = 4
"""At first the last eight are tried, then four times as many each time: what brings a server down is seldom long ago.
"""


async def bisected(
    items: Sequence[_T],
    fails: Callable[[Sequence[_T]], Awaitable[bool]],
    *,
    sort: Callable[[_T], Hashable],
    slow: Callable[[_T], bool],
) -> list[_T] | None:
    """Give as few of the items as still fail, in their order; None if not even all of them do.

    The *slow* ones are only tried if it doesn't work without them, and those of one *sort* are left out together at
    first. None that is left can be left out alone, unless *fails* is tired of tries and says no to all.
    """
    kept = await _shortest_end(items, fails, slow)
    if kept is None:
        return None
    of_sort: dict[Hashable, list[_T]] = {}
    for item in kept:
        of_sort.setdefault(sort(item), []).append(item)
    kept = await _reduced(kept, list(of_sort.values()), fails)
    return await _reduced(kept, [[item] for item in kept], fails)


async def _shortest_end(
    items: Sequence[_T], fails: Callable[[Sequence[_T]], Awaitable[bool]], slow: Callable[[_T], bool]
) -> Sequence[_T] | None:
    """Give the last items, so many that they fail."""
    quick = [item for item in items if not slow(item)]
    size = _FIRST
    while quick:
        if await fails(quick[-size:]):
            return quick[-size:]
        if size >= len(quick):
            break
        size *= _GROWTH
    return items if len(quick) < len(items) and await fails(items) else None


async def _reduced(
    items: Sequence[_T], parts: Sequence[Sequence[_T]], fails: Callable[[Sequence[_T]], Awaitable[bool]]
) -> list[_T]:
    """Leave out as many parts as can be: half of them at once, then fewer, at last each alone as long as that helps."""
    kept, left = list(items), list(parts)
    chunk = len(left) // 2
    while chunk:
        shrunk, start = False, 0
        while start < len(left) > 1:
            unwanted = {id(item) for part in left[start : start + chunk] for item in part}
            without = [item for item in kept if id(item) not in unwanted]
            if without and await fails(without):
                kept, shrunk = without, True
                del left[start : start + chunk]
            else:
                start += chunk
        if chunk > 1 or not shrunk:
            chunk //= 2
    return kept
