"""Precedence: priorities that make stubs win in the order in which they won in the other tool."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from grpcmock.importers.patterns import condition_count, disjoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grpcmock.importers.draft import Draft

MANY = 1500
"""From so many stubs of one method on, pairs of them aren't looked at: levels of priority do it as well."""


def in_order(drafts: Iterable[Draft]) -> list[Draft]:
    """Sort drafts by method and by their rank, the winner first, and give those a priority that need one.

    The order of files and of numbers of conditions does for most; a priority is written where it would decide
    otherwise between two stubs that one call may fit.
    """
    by_method: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_method[draft.method].append(draft)
    found: list[Draft] = []
    for of_method in by_method.values():
        # Of those that are alike to the other tool, the one with more conditions comes first, as it wins here anyway.
        ranked = sorted(of_method, key=lambda draft: (draft.rank or (), -_conditions(draft.keys)))
        _set_priorities(ranked)
        found += ranked
    return found


def _set_priorities(ranked: Sequence[Draft]) -> None:
    """Give each the lowest priority with which it beats all that come after it and may hold for the same call."""
    counts = [_conditions(draft.keys) for draft in ranked]
    priorities = _levels(counts) if len(ranked) >= MANY else _lowest(ranked, counts)
    for draft, priority in zip(ranked, priorities, strict=True):
        if priority:
            draft.keys["priority"] = priority


def _lowest(ranked: Sequence[Draft], counts: Sequence[int]) -> list[int]:
    priorities = [0] * len(ranked)
    for index in range(len(ranked) - 1, -1, -1):
        for other in range(index + 1, len(ranked)):
            needed = priorities[other] + (counts[index] < counts[other])
            if needed > priorities[index] and not _apart(ranked[index].keys, ranked[other].keys):
                priorities[index] = needed
    return priorities


def _levels(counts: Sequence[int]) -> list[int]:
    """Begin a higher level wherever a stub has fewer conditions than one that comes after it."""
    priorities = [0] * len(counts)
    level = most = 0
    for index in range(len(counts) - 1, -1, -1):
        level += counts[index] < most
        most = counts[index] if counts[index] < most else max(most, counts[index])
        priorities[index] = level
    return priorities


def _conditions(keys: dict[str, Any]) -> int:
    count = sum(condition_count(keys[key]) for key in ("requests", "metadata", "state") if key in keys)
    request = keys.get("request")
    return count + (condition_count(request) if request else 0) + ("when" in keys) + ("deadline" in keys)


def _apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    keys = ("request", "requests", "metadata", "state")
    return any(disjoint(one[key], other[key]) for key in keys if key in one and key in other)
