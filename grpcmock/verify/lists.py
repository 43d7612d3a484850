"""What goals on a list ask of its length and of each of its elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING

from grpcmock.matching.matcher import Exists
from grpcmock.matching.operators.collections import All, At, Each, Elements, Some, Unordered
from grpcmock.matching.operators.scalars import Size
from grpcmock.verify.scalars import sizes

if TYPE_CHECKING:
    from grpcmock.matching.matcher import Matcher
    from grpcmock.verify.goals import Goal, Goals

_MOST_LENGTHS = 6
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """One way to please all goals on a list."""

    each: Goals = ()
    """For every element."""

    first: Goals = ()
    last: Goals = ()
    some: tuple[Goals, ...] = ()
    """Each for some element."""

    fixed: tuple[Goals, ...] = ()
    """For the elements by their place; the list is at least as long."""

    sizes: Goals = ()
    """``$size`` matchers."""

    length: int | None = None
    """None if it is open."""

    longer_than: int | None = None

    def lengths(self) -> list[int]:
        """Give the lengths to try, the likeliest first."""
        if self.length is not None:
            allowed = sizes(self.sizes, self.length)
            return [self.length] if self.length in allowed or not self.sizes else []
        needed = max(1 if self.first or self.last else 0, len(self.fixed), 1 if self.some else 0)
        if self.longer_than is not None:
            needed = max(needed, self.longer_than + 1)
        wished = max(needed, len(self.some), 1)
        found = [size for size in sizes(self.sizes, wished) if needed <= size <= _MOST]
        return found[:_MOST_LENGTHS]

    def goals(self) -> Iterator[list[Goals]]:
        """Yield, for each length that may do, the goals of each element."""
        for length in self.lengths():
            yield from self._of(length)

    def _of(self, length: int) -> Iterator[list[Goals]]:
        own: list[list[Goal]] = [[*self.each] for _ in range(length)]
        for number, goals in enumerate(self.fixed[:length]):
            own[number] += goals
        if length:
            own[0] += self.first
            own[-1] += self.last
        elif self.first or self.last or self.some:
            return
        if not self.some:
            yield [tuple(goals) for goals in own]
            return
        # Each to an element of its own, from the middle on; else all to one.
        free = [number for number in range(length) if not (number == 0 and self.first) and not self.fixed[number:]]
        orders = [[*free, *(number for number in range(length) if number not in free)]]
        for order in orders:
            spread = [list(goals) for goals in own]
            for number, goals in enumerate(self.some):
                spread[order[number % length]] += goals
            yield [tuple(goals) for goals in spread]
        for number in range(min(length, 3)):
            gathered = [list(goals) for goals in own]
            gathered[number] += [goal for goals in self.some for goal in goals]
            yield [tuple(goals) for goals in gathered]


def wishes(atoms: Goals) -> Iterator[Wish]:
    """Yield the ways in which the goals on a list can be pleased."""
    options = [list(_ways(matcher, wanted)) for matcher, wanted in atoms]
    for chosen in islice(product(*options), 64):
        if (wish := _together(chosen)) is not None:
            yield wish


def _ways(matcher: Matcher, wanted: bool) -> Iterator[Wish]:
    match matcher:
        case Elements() | Unordered():
            inners = matcher.items if isinstance(matcher, Elements) else matcher.inners
            if wanted:
                yield Wish(fixed=tuple(((inner, True),) for inner in inners), length=len(inners))
                return
            yield Wish(longer_than=len(inners))
            for number, inner in enumerate(inners):
                fixed = tuple(((inner, False),) if at == number else () for at in range(len(inners)))
                yield Wish(fixed=fixed, length=len(inners))
        case At():
            goals = ((matcher.inner, wanted),)
            yield Wish(last=goals) if matcher.index else Wish(first=goals)
            if not wanted:
                yield Wish(length=0)
        case Each():
            yield Wish(each=((matcher.inner, True),)) if wanted else Wish(some=(((matcher.inner, False),),))
        case Some():
            yield Wish(some=(((matcher.inner, True),),)) if wanted else Wish(each=((matcher.inner, False),))
        case All():
            if wanted:
                yield Wish(some=tuple(((inner, True),) for inner in matcher.inners))
            else:
                yield from (Wish(each=((inner, False),)) for inner in matcher.inners)
        case Size():
            yield Wish(sizes=((matcher, wanted),))
        case Exists():
            yield Wish(longer_than=0) if matcher.expected is wanted else Wish(length=0)


def _together(parts: tuple[Wish, ...]) -> Wish | None:
    """Put wishes together; None if they contradict each other."""
    whole = Wish()
    for part in parts:
        lengths = {length for length in (whole.length, part.length) if length is not None}
        if len(lengths) > 1:
            return None
        longer = [bound for bound in (whole.longer_than, part.longer_than) if bound is not None]
        count = max(len(whole.fixed), len(part.fixed))
        fixed = tuple(
            (*(whole.fixed[at] if at < len(whole.fixed) else ()), *(part.fixed[at] if at < len(part.fixed) else ()))
            for at in range(count)
        )
        whole = replace(
            whole,
            each=whole.each + part.each,
            first=whole.first + part.first,
            last=whole.last + part.last,
            some=whole.some + part.some,
            fixed=fixed,
            sizes=whole.sizes + part.sizes,
            length=lengths.pop() if lengths else None,
            longer_than=max(longer, default=None),
        )
    if whole.length is not None and whole.longer_than is not None and whole.length <= whole.longer_than:
        return None
    return whole
