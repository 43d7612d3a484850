"""Matchers of lists and maps: plain patterns, and the operators on elements, keys and values."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT, Finding, entry
from grpcmock.matching.matcher import Equalities, Equals, Matcher

if TYPE_CHECKING:
    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType


class Elements(Matcher):
    """A plain list: element by element, of the same length."""

    __slots__ = ("count", "items")

    def __init__(self, kind: ValueType, items: tuple[Matcher, ...]) -> None:
        super().__init__(kind)
        self.items = items
        self.count = sum(item.count for item in items) if items else 1

    def test(self, value: Any) -> bool:
        items = self.items
        return (
            value is not ABSENT
            and len(value) == len(items)
            and all(item.test(element) for item, element in zip(items, value, strict=True))
        )

    def describe(self) -> str:
        return f"[{', '.join(item.describe() for item in self.items)}]"

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        if value is ABSENT or len(value) != len(self.items) or not self.items:
            yield self.finding(value, path, self.test(value))
            return
        for number, (item, element) in enumerate(zip(self.items, value, strict=True)):
            yield from item.explain(element, f"{path}[{number}]")

    def matched_count(self, value: Any) -> int:
        if value is ABSENT or len(value) != len(self.items) or not self.items:
            return self.count if self.test(value) else 0
        return sum(item.matched_count(element) for item, element in zip(self.items, value, strict=True))

    def equalities(self, path: Path, into: Equalities) -> bool:
        if self.items and all(type(item) is Equals for item in self.items):
            into.append((path.whole(), (tuple(item.expected for item in self.items),)))  # type: ignore[attr-defined]
            return True
        into.append((path.size(), (len(self.items),)))
        exact = [item.equalities(path.at(number), into) for number, item in enumerate(self.items)]
        return all(exact)


class At(Matcher):
    """``$first`` and ``$last``: there is such an element, and it fits a pattern."""

    __slots__ = ("count", "index", "inner")

    def __init__(self, kind: ValueType, index: int, inner: Matcher) -> None:
        super().__init__(kind)
        self.index = index
        self.inner = inner
        self.count = inner.count

    def test(self, value: Any) -> bool:
        return value is not ABSENT and len(value) > 0 and self.inner.test(value[self.index])

    def describe(self) -> str:
        return f"{'last' if self.index else 'first'} element {self.inner.describe()}"

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        if value is ABSENT or not len(value):
            yield self.finding(value, path, False)
            return
        number = len(value) - 1 if self.index else 0
        yield from self.inner.explain(value[number], f"{path}[{number}]")

    def matched_count(self, value: Any) -> int:
        return 0 if value is ABSENT or not len(value) else self.inner.matched_count(value[self.index])

    def equalities(self, path: Path, into: Equalities) -> bool:
        return self.inner.equalities(path.at(self.index), into)


class Each(Matcher):
    """``$each``: every element fits a pattern."""

    __slots__ = ("count", "inner")

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner
        self.count = inner.count

    def test(self, value: Any) -> bool:
        return value is not ABSENT and all(self.inner.test(element) for element in value)

    def describe(self) -> str:
        return f"each element {self.inner.describe()}"


class Some(Matcher):
    """``$some``: one element at least fits a pattern."""

    __slots__ = ("count", "inner")

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner
        self.count = inner.count

    def test(self, value: Any) -> bool:
        return value is not ABSENT and any(self.inner.test(element) for element in value)

    def describe(self) -> str:
        return f"some element {self.inner.describe()}"

    def equalities(self, path: Path, into: Equalities) -> bool:
        return add_some(self.inner, path, into)


class All(Matcher):
    """``$all``: each pattern fits some element."""

    __slots__ = ("count", "inners")

    def __init__(self, kind: ValueType, inners: tuple[Matcher, ...]) -> None:
        super().__init__(kind)
        self.inners = inners
        self.count = sum(inner.count for inner in inners)

    def test(self, value: Any) -> bool:
        return value is not ABSENT and all(any(map(inner.test, value)) for inner in self.inners)

    def describe(self) -> str:
        return f"elements that fit each of [{', '.join(inner.describe() for inner in self.inners)}]"

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        for inner in self.inners:
            yield from Some(self.kind, inner).explain(value, path)

    def matched_count(self, value: Any) -> int:
        return 0 if value is ABSENT else sum(inner.count for inner in self.inners if any(map(inner.test, value)))

    def equalities(self, path: Path, into: Equalities) -> bool:
        exact = [add_some(inner, path, into) for inner in self.inners[:1]]
        return len(self.inners) == 1 and exact[0]


class Unordered(Matcher):
    """``$unordered``: the elements are a permutation of what fits the patterns, one each."""

    __slots__ = ("count", "inners")

    def __init__(self, kind: ValueType, inners: tuple[Matcher, ...]) -> None:
        super().__init__(kind)
        self.inners = inners
        self.count = sum(inner.count for inner in inners) if inners else 1

    def test(self, value: Any) -> bool:
        if value is ABSENT or len(value) != len(self.inners):
            return False
        elements = list(value)
        if all(type(inner) is Equals for inner in self.inners):
            return _same_values(elements, [inner.expected for inner in self.inners])  # type: ignore[attr-defined]
        return _has_perfect_matching(self.inners, elements)

    def describe(self) -> str:
        return f"in any order [{', '.join(inner.describe() for inner in self.inners)}]"

    def equalities(self, path: Path, into: Equalities) -> bool:
        into.append((path.size(), (len(self.inners),)))
        return not self.inners


def _same_values(elements: list[Any], expected: list[Any]) -> bool:
    counts: dict[Any, int] = {}
    for value in expected:
        counts[value] = counts.get(value, 0) + 1
    for value in elements:
        left = counts.get(value, 0)
        if not left:
            return False
        counts[value] = left - 1
    return True


def _has_perfect_matching(patterns: Collection[Matcher], elements: list[Any]) -> bool:
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


class Entries(Matcher):
    """A plain mapping on a map field, or on a JSON object: the values of the named keys fit."""

    __slots__ = ("count", "only", "parts")

    def __init__(self, kind: ValueType, parts: tuple[tuple[Any, Matcher], ...], *, only: bool, count: int) -> None:
        super().__init__(kind)
        self.parts = parts
        self.only = only
        """Whether there may be no other keys."""
        self.count = count

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        for key, matcher in self.parts:
            if not matcher.test(value.get(key, ABSENT)):
                return False
        return not (self.only and self._others(value))

    def _others(self, value: Any) -> list[Any]:
        named = {key for key, _ in self.parts}
        return [key for key in value if key not in named]

    def describe(self) -> str:
        inside = ", ".join(f"{key}: {matcher.describe()}" for key, matcher in self.parts)
        return f"{{{inside}}}" + (" and no other key" if self.only else "")

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        if value is ABSENT or not self.parts:
            yield self.finding(value, path, self.test(value))
            return
        for key, matcher in self.parts:
            yield from matcher.explain(value.get(key, ABSENT), entry(path, key))
        if self.only:
            for key in self._others(value):
                yield Finding(entry(path, key), "absent", "set", False, 0)

    def matched_count(self, value: Any) -> int:
        if value is ABSENT or not self.parts:
            return self.count if self.test(value) else 0
        return sum(matcher.matched_count(value.get(key, ABSENT)) for key, matcher in self.parts)

    def equalities(self, path: Path, into: Equalities) -> bool:
        exact = [matcher.equalities(path.key(key), into) for key, matcher in self.parts]
        return bool(exact) and all(exact) and not self.only


class Keys(Matcher):
    """``$keys``: every key of a map fits a pattern."""

    __slots__ = ("inner",)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        return value is not ABSENT and all(self.inner.test(key) for key in value)

    def describe(self) -> str:
        return f"each key {self.inner.describe()}"


class Values(Matcher):
    """``$values``: every value of a map fits a pattern."""

    __slots__ = ("inner",)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        return value is not ABSENT and all(self.inner.test(item) for item in value.values())

    def describe(self) -> str:
        return f"each value {self.inner.describe()}"


def add_some(inner: Matcher, path: Path, into: Equalities) -> bool:
    """Add one equality that some element of a list must meet; say whether that is all there is to *inner*."""
    found: Equalities = []
    exact = inner.equalities(path.some(), found)
    into.extend(found[:1])
    return exact and len(found) == 1
