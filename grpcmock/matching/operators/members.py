"""What plain mappings have in common, whether they are on a message, a map or a JSON object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from grpcmock.matching.findings import ABSENT, Finding
from grpcmock.matching.matcher import Equalities, Matcher

if TYPE_CHECKING:
    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType


class Member(Protocol):
    """A field of a message, or a key of a map."""

    @property
    def name(self) -> Any: ...

    @property
    def get(self) -> Callable[[Any], Any]:
        """From the whole to the value, or ABSENT."""

    def below(self, path: str) -> str:
        """Return the path of the value, in words."""

    def step(self, path: Path) -> Path:
        """Return the path of the value, for the index."""


M = TypeVar("M", bound=Member)


class Members(Matcher, Generic[M]):
    """A plain mapping: the named members fit."""

    __slots__ = ("count", "only", "parts")

    noun: ClassVar[str]
    """What a member is called."""

    def __init__(self, kind: ValueType, parts: tuple[tuple[M, Matcher], ...], *, only: bool, count: int) -> None:
        super().__init__(kind)
        self.parts = parts
        self.only = only
        """Whether there may be no other members."""
        self.count = count

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        for member, matcher in self.parts:
            if not matcher.test(member.get(value)):
                return False
        return not (self.only and self._others(value))

    def _others(self, value: Any) -> Sequence[Any]:
        """Return the members that are set, but not named."""
        raise NotImplementedError

    def describe(self) -> str:
        inside = ", ".join(f"{member.name}: {matcher.describe()}" for member, matcher in self.parts)
        return f"{{{inside}}}" + (f" and no other {self.noun}" if self.only else "")

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        # An empty mapping is one condition, or none; of what is absent, there are no parts to tell of.
        if value is ABSENT or (not self.parts and self.count):
            yield self.finding(value, path, self.test(value))
            return
        for member, matcher in self.parts:
            yield from matcher.explain(member.get(value), member.below(path))
        if self.only:
            yield from self._unwanted(value, path)

    def _unwanted(self, value: Any, path: str) -> Iterator[Finding]:
        """Yield a finding for each member that is set, but not named; the conditions are those of the named ones."""
        raise NotImplementedError

    def matched_count(self, value: Any) -> int:
        if value is ABSENT or not self.parts:
            return self.count if self.test(value) else 0
        return sum(matcher.matched_count(member.get(value)) for member, matcher in self.parts)

    def equalities(self, path: Path, into: Equalities) -> bool:
        exact = [matcher.equalities(member.step(path), into) for member, matcher in self.parts]
        return bool(exact) and all(exact) and not self.only
