"""Matchers of plain JSON values, whose type is known only when they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT, Finding, shown_json
from grpcmock.matching.matcher import Equalities, Matcher

if TYPE_CHECKING:
    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType

Types = tuple[type, ...]

NUMBER: Types = (int, float)
TEXT: Types = (str,)
LIST: Types = (list,)
OBJECT: Types = (dict,)


class Plain(Matcher):
    """Equal to a JSON value that is neither list nor object: a bool is no number, a number no string."""

    __slots__ = ("expected",)

    def __init__(self, kind: ValueType, expected: Any) -> None:
        super().__init__(kind)
        self.expected = expected

    def test(self, value: Any) -> bool:
        expected = self.expected
        if isinstance(value, bool) or isinstance(expected, bool) or expected is None:
            return value is expected
        return value is expected or bool(value == expected)

    def describe(self) -> str:
        return shown_json(self.expected)

    def equalities(self, path: Path, into: Equalities) -> bool:
        if isinstance(self.expected, bool) or self.expected is None:
            return False
        into.append((path.typed((str, int, float)), (self.expected,)))
        return isinstance(self.expected, str)  # True is found where 1 is sought


class OfType(Matcher):
    """Another matcher, for values of some types only; any other value doesn't match."""

    __slots__ = ("count", "inner", "types")

    def __init__(self, kind: ValueType, types: Types, inner: Matcher) -> None:
        super().__init__(kind)
        self.types = types
        self.inner = inner
        self.count = inner.count

    def _fits(self, value: Any) -> bool:
        return value is not ABSENT and isinstance(value, self.types) and not isinstance(value, bool)

    def test(self, value: Any) -> bool:
        return self._fits(value) and self.inner.test(value)

    def describe(self) -> str:
        return self.inner.describe()

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        if self._fits(value):
            yield from self.inner.explain(value, path)
        else:
            yield self.finding(value, path, False)

    def matched_count(self, value: Any) -> int:
        return self.inner.matched_count(value) if self._fits(value) else 0

    def equalities(self, path: Path, into: Equalities) -> bool:
        self.inner.equalities(path.typed(self.types), into)
        return False
