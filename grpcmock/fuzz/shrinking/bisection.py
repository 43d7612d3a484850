"""Which calls bring a server down together, where none does alone: delta debugging (Zeller and Hildebrandt, 2002)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

_T = TypeVar("_T")

_FIRST = 8
_GROWTH = 4
"""At first the last eight are tried, then four times as many each time: what brings a server down is seldom long ago.
"""


async def sorts_that_fail(
    items: Sequence[_T],
    fails: Callable[[Sequence[_T]], Awaitable[bool]],
    *,
    sort: Callable[[_T], Hashable],
    slow: Callable[[_T], bool],
) -> list[_T] | None:
    """Give the last items of as few sorts as still fail, in their order; None if not even all items do.

    The *slow* ones are only tried if it doesn't work without them.
    """
    kept = await _shortest_end(items, fails, slow)
    if kept is None:
        return None
    of_sort: dict[Hashable, list[_T]] = {}
    for item in kept:
        of_sort.setdefault(sort(item), []).append(item)
    return await _reduced(kept, list(of_sort.values()), fails)


async def items_that_fail(items: Sequence[_T], fails: Callable[[Sequence[_T]], Awaitable[bool]]) -> list[_T]:
    """Give as few of the items as still fail, in their order.

    None that is left can be left out alone, unless *fails* is tired of tries and says no to all.
    """
    return await _reduced(items, [[item] for item in items], fails)


async def count_that_fails(item: _T, most: int, fails: Callable[[Sequence[_T]], Awaitable[bool]]) -> int | None:
    """Give the least count of an item, in a row, that fails; None if *most* of them don't."""
    if not await fails([item] * most):
        return None
    enough, too_few = most, 0
    while too_few + 1 < enough:
        middle = (too_few + enough) // 2
        if await fails([item] * middle):
            enough = middle
        else:
            too_few = middle
    return enough


async def _shortest_end(
    items: Sequence[_T], fails: Callable[[Sequence[_T]], Awaitable[bool]], slow: Callable[[_T], bool]
) -> Sequence[_T] | None:
    """Give the last items, so many that they fail: of the quick ones, or else of all."""
    quick = [item for item in items if not slow(item)]
    for some in (quick, items) if len(quick) < len(items) else (items,):
        size = _FIRST
        while some:
            if await fails(some[-size:]):
                return some[-size:]
            if size >= len(some):
                break
            size *= _GROWTH
    return None


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
