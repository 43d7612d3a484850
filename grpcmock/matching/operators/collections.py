"""Matchers of lists and maps: plain patterns, and the operators on elements, keys and values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar

from grpcmock.matching.findings import ABSENT, Finding, entry
from grpcmock.matching.leaves import JSON, STRING
from grpcmock.matching.matcher import Equalities, Equals, Matcher
from grpcmock.matching.operators.assignment import has_perfect_matching
from grpcmock.matching.operators.members import Members
from grpcmock.matching.operators.spec import Operand, OperatorSpec
from grpcmock.matching.value_types import ListType, MapType, Place
from grpcmock.stubs import arguments
from grpcmock.stubs.operators import Family

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


class Quantified(Matcher):
    """A pattern that all parts of a list or map fit, or one at least."""

    __slots__ = ("inner",)

    words: ClassVar[str]
    _quantified = staticmethod(all)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self._quantified(map(self.inner.test, value))

    def describe(self) -> str:
        return f"{self.words} {self.inner.describe()}"


class Each(Quantified):
    """``$each``: every element fits a pattern."""

    __slots__ = ("count",)

    words = "each element"

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind, inner)
        self.count = inner.count


class Some(Quantified):
    """``$some``: one element at least fits a pattern."""

    __slots__ = ("count",)

    words = "some element"
    _quantified = staticmethod(any)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind, inner)
        self.count = inner.count

    def equalities(self, path: Path, into: Equalities) -> bool:
        return add_some(self.inner, path, into)


class Keys(Quantified):
    """``$keys``: every key of a map fits a pattern; a single condition."""

    __slots__ = ()

    words = "each key"


class Values(Quantified):
    """``$values``: every value of a map fits a pattern; a single condition."""

    __slots__ = ()

    words = "each value"

    def test(self, value: Any) -> bool:
        return value is not ABSENT and super().test(value.values())


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
        return has_perfect_matching(self.inners, elements)

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


class Key:
    """A key of a map, or of a JSON object."""

    __slots__ = ("get", "name")

    def __init__(self, name: Any) -> None:
        self.name = name
        self.get: Callable[[Any], Any] = methodcaller("get", name, ABSENT)
        """From a map to the value, or ABSENT."""

    def below(self, path: str) -> str:
        """Return the path of the value, in words."""
        return entry(path, self.name)

    def step(self, path: Path) -> Path:
        """Return the path of the value, for the index."""
        return path.key(self.name)


class Entries(Members[Key]):
    """A plain mapping on a map field, or on a JSON object: the values of the named keys fit."""

    __slots__ = ()

    noun = "key"

    def _others(self, value: Any) -> list[Any]:
        named = {key.name for key, _ in self.parts}
        return [key for key in value if key not in named]

    def _unwanted(self, value: Any, path: str) -> Iterator[Finding]:
        for key in self._others(value):
            yield Finding(entry(path, key), "absent", "set", False, 0)


def add_some(inner: Matcher, path: Path, into: Equalities) -> bool:
    """Add one equality that some element of a list must meet; say whether that is all there is to *inner*."""
    found: Equalities = []
    exact = inner.equalities(path.some(), found)
    into.extend(found[:1])
    return exact and len(found) == 1


def _element(operand: Operand) -> Matcher:
    return operand.pattern(_element_kind(operand.kind), Place.ELEMENT)


def _elements(operand: Operand) -> tuple[Matcher, ...]:
    return operand.patterns(_element_kind(operand.kind), Place.ELEMENT)


def _element_kind(kind: ValueType) -> ValueType:
    return kind.element if isinstance(kind, ListType) else JSON


def _keys(operand: Operand) -> Matcher:
    kind = operand.kind
    return Keys(kind, operand.pattern(kind.key if isinstance(kind, MapType) else STRING, Place.ELEMENT))


def _values(operand: Operand) -> Matcher:
    kind = operand.kind
    return Values(kind, operand.pattern(kind.value if isinstance(kind, MapType) else JSON, Place.ELEMENT))


SPECS = (
    OperatorSpec(
        name="$first",
        families=Family.LIST,
        argument=arguments.element,
        build=lambda operand: At(operand.kind, 0, _element(operand)),
        doc="A pattern for the first item.",
    ),
    OperatorSpec(
        name="$last",
        families=Family.LIST,
        argument=arguments.element,
        build=lambda operand: At(operand.kind, -1, _element(operand)),
        doc="A pattern for the last item.",
    ),
    OperatorSpec(
        name="$each",
        families=Family.LIST,
        argument=arguments.element,
        build=lambda operand: Each(operand.kind, _element(operand)),
        doc="A pattern for every item.",
    ),
    OperatorSpec(
        name="$some",
        families=Family.LIST,
        argument=arguments.element,
        build=lambda operand: Some(operand.kind, _element(operand)),
        doc="A pattern for at least one item.",
    ),
    OperatorSpec(
        name="$all",
        families=Family.LIST,
        argument=arguments.elements,
        build=lambda operand: All(operand.kind, _elements(operand)),
        doc="Each of these patterns holds for some item.",
    ),
    OperatorSpec(
        name="$unordered",
        families=Family.LIST,
        argument=arguments.elements,
        build=lambda operand: Unordered(operand.kind, _elements(operand)),
        doc="The items fit these patterns, one each, in any order.",
    ),
    OperatorSpec(
        name="$keys",
        families=Family.MAP,
        argument=arguments.key,
        build=_keys,
        doc="A pattern for every key.",
    ),
    OperatorSpec(
        name="$values",
        families=Family.MAP,
        argument=arguments.entry,
        build=_values,
        doc="A pattern for every value.",
    ),
)
