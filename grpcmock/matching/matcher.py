"""Matchers: what a pattern is compiled to. Each holds a value to some conditions, and can say what it wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT, Finding, cut

if TYPE_CHECKING:
    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType

Equalities = list[tuple["Path", tuple[Any, ...]]]
"""Conditions that the index can look up: the value found at the path must be one of these."""


class Matcher:
    """Holds values of one kind to some conditions. Not changed once built.

    A value is as its kind has it (see :mod:`grpcmock.matching.value_types`), or ABSENT.
    """

    __slots__ = ("kind",)

    count = 1
    """How many conditions this is, for precedence."""

    def __init__(self, kind: ValueType) -> None:
        self.kind = kind

    def test(self, value: Any) -> bool:
        """Whether all conditions hold."""
        raise NotImplementedError

    def describe(self) -> str:
        """What is wanted, in words."""
        raise NotImplementedError

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        """Tell of each condition whether it holds; the counts of the findings add up to ``count``."""
        yield self.finding(value, path, self.test(value))

    def matched_count(self, value: Any) -> int:
        """How many of the conditions hold: the cheap sum of :meth:`explain`."""
        return self.count if self.test(value) else 0

    def equalities(self, path: Path, into: Equalities) -> bool:  # noqa: ARG002
        """Add what the index can look up for a value at *path*; say whether that is all there is to it."""
        return False

    def finding(self, value: Any, path: str, matched: bool) -> Finding:
        return Finding(path, cut(self.describe()), cut(self.kind.show(value)), matched, self.count)


class Equals(Matcher):
    """A scalar: equal to one value."""

    __slots__ = ("expected",)

    def __init__(self, kind: ValueType, expected: Any) -> None:
        self.kind = kind
        self.expected = expected

    def test(self, value: Any) -> bool:
        # NaN equals NaN: kinds have one object for all of them.
        return value is self.expected or bool(value == self.expected)

    def describe(self) -> str:
        return self.kind.show(self.expected)

    def equalities(self, path: Path, into: Equalities) -> bool:
        into.append((path, (self.expected,)))
        return True


class In(Matcher):
    """A scalar: one of several values, ABSENT perhaps among them."""

    __slots__ = ("values",)

    def __init__(self, kind: ValueType, values: tuple[Any, ...]) -> None:
        super().__init__(kind)
        self.values = dict.fromkeys(values)

    def test(self, value: Any) -> bool:
        return value in self.values

    def describe(self) -> str:
        return "one of " + ", ".join(map(self.kind.show, self.values)) if self.values else "one of no values"

    def equalities(self, path: Path, into: Equalities) -> bool:
        if ABSENT in self.values:
            return False
        into.append((path, tuple(self.values)))
        return True


class Exists(Matcher):
    """Set, or not: of a field without presence, not at its default; of a list or map, not empty."""

    __slots__ = ("expected", "tracked")

    def __init__(self, kind: ValueType, expected: bool, tracked: bool) -> None:
        super().__init__(kind)
        self.expected = expected
        self.tracked = tracked

    def test(self, value: Any) -> bool:
        exists = value is not ABSENT
        if exists and not self.tracked:
            exists = not self.kind.is_default(value)
        return exists is self.expected

    def describe(self) -> str:
        if self.expected:
            return "set" if self.tracked else self.kind.set_words
        return "absent" if self.tracked else self.kind.unset_words


class Not(Matcher):
    """The plain negation of another matcher."""

    __slots__ = ("count", "inner")

    def __init__(self, inner: Matcher, count: int) -> None:
        super().__init__(inner.kind)
        self.inner = inner
        self.count = count

    def test(self, value: Any) -> bool:
        return not self.inner.test(value)

    def describe(self) -> str:
        return f"not {self.inner.describe()}"


class And(Matcher):
    """Several matchers, all of which must hold."""

    __slots__ = ("count", "inners")

    def __init__(self, kind: ValueType, inners: tuple[Matcher, ...]) -> None:
        super().__init__(kind)
        self.inners = inners
        self.count = sum(inner.count for inner in inners)

    def test(self, value: Any) -> bool:
        return all(inner.test(value) for inner in self.inners)

    def describe(self) -> str:
        return " and ".join(inner.describe() for inner in self.inners)

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        for inner in self.inners:
            yield from inner.explain(value, path)

    def matched_count(self, value: Any) -> int:
        return sum(inner.matched_count(value) for inner in self.inners)

    def equalities(self, path: Path, into: Equalities) -> bool:
        exact = [inner.equalities(path, into) for inner in self.inners]
        return all(exact)


class Or(Matcher):
    """Several matchers, one of which must hold; a single condition."""

    __slots__ = ("inners",)

    def __init__(self, kind: ValueType, inners: tuple[Matcher, ...]) -> None:
        super().__init__(kind)
        self.inners = inners

    def test(self, value: Any) -> bool:
        return any(inner.test(value) for inner in self.inners)

    def describe(self) -> str:
        return " or ".join(inner.describe() for inner in self.inners) or "one of no values"


class One(Matcher):
    """Another matcher, counted as a single condition."""

    __slots__ = ("inner",)

    def __init__(self, inner: Matcher) -> None:
        super().__init__(inner.kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        return self.inner.test(value)

    def describe(self) -> str:
        return f"exactly {self.inner.describe()}"

    def equalities(self, path: Path, into: Equalities) -> bool:
        return self.inner.equalities(path, into)


class Never(Matcher):
    """What stands for a pattern that doesn't compile, so that the rest can be checked."""

    __slots__ = ()

    def test(self, value: Any) -> bool:  # noqa: ARG002
        return False

    def describe(self) -> str:
        return "what can't be"
