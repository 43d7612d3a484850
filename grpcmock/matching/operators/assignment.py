"""Whether each of several patterns can have an element of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.matching.matcher import Matcher


def has_perfect_matching(patterns: Collection[Matcher], elements: list[Any]) -> bool:
    """Whether every pattern can have an element of its own: a matching in a bipartite graph, by augmenting paths."""
    fitting = [[at for at, element in enumerate(elements) if pattern.test(element)] for pattern in patterns]
    taken: dict[int, int] = {}
    """Which pattern has each element."""
    for start in range(len(fitting)):
        # Breadth first, without recursion: lists may be long.
        came_from: dict[int, int] = {}
        queue = [start]
        free = None
        for pattern in queue:
            for at in fitting[pattern]:
                if at in came_from:
                    continue
                came_from[at] = pattern
                if at not in taken:
                    free = at
                    break
                queue.append(taken[at])
            if free is not None:
                break
        if free is None:
            return False
        _augment(start, free, came_from, taken)
    return True


def _augment(start: int, free: int, came_from: dict[int, int], taken: dict[int, int]) -> None:
    """Hand the free element to the last pattern of the path, its own to the one before, and so on."""
    held = {pattern: at for at, pattern in taken.items()}
    at = free
    while True:
        pattern = came_from[at]
        taken[at] = pattern
        if pattern == start:
            return
        at = held[pattern]
