"""What constraints on a list ask of its length and of each of its elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, product, zip_longest
from typing import TYPE_CHECKING

from grpcmock.matching.matcher import Exists
from grpcmock.matching.operators.collections import All, At, Each, Elements, Some, Unordered
from grpcmock.matching.operators.scalars import Size
from grpcmock.verify.requests.constraints import must, must_not
from grpcmock.verify.requests.scalars import sizes

if TYPE_CHECKING:
    from grpcmock.matching.matcher import Matcher
    from grpcmock.verify.requests.constraints import Constraints

_MAX_PLANS = 64
_MAX_LENGTHS = 6
_MAX_ELEMENTS = 10_000
_MAX_GATHERED = 3
"""Elements tried as the one that satisfies everything that some element must."""


@dataclass(frozen=True, slots=True)
class ListPlan:
    """One way to satisfy all constraints on a list."""

    each: Constraints = ()
    """For every element."""

    first: Constraints = ()
    last: Constraints = ()
    some: tuple[Constraints, ...] = ()
    """Each for some element."""

    fixed: tuple[Constraints, ...] = ()
    """For the elements by their place; the list is at least as long."""

    sizes: Constraints = ()
    """``$size`` matchers."""

    length: int | None = None
    """None if it is open."""

    longer_than: int | None = None

    def layouts(self) -> Iterator[list[Constraints]]:
        """Yield, for each length that may do, the constraints of each element."""
        for length in self._lengths():
            if length or not (self.first or self.last or self.some):
                yield from self._layouts(length)

    def _lengths(self) -> list[int]:
        """Return the lengths to try, the likeliest first."""
        if self.length is not None:
            allowed = sizes(self.sizes, self.length)
            return [self.length] if self.length in allowed or not self.sizes else []
        needed = max(1 if self.first or self.last else 0, len(self.fixed), 1 if self.some else 0)
        if self.longer_than is not None:
            needed = max(needed, self.longer_than + 1)
        preferred = max(needed, len(self.some), 1)
        found = [size for size in sizes(self.sizes, preferred) if needed <= size <= _MAX_ELEMENTS]
        return found[:_MAX_LENGTHS]

    def _layouts(self, length: int) -> Iterator[list[Constraints]]:
        own = self._own(length)
        if not self.some:
            yield own
            return
        # Each to an element of its own, as long as there are enough: those first that nothing else is asked of, so that
        # what one must and another must not satisfy don't meet.
        start = min(max(len(self.fixed), 1 if self.first else 0), length)
        order = [*range(start, length), *range(start)]
        spread = list(own)
        for number, constraints in enumerate(self.some):
            spread[order[number % length]] += constraints
        yield spread
        # One element may satisfy them all, where the others can't take any.
        everything = tuple(chain.from_iterable(self.some))
        for number in range(min(length, _MAX_GATHERED)):
            yield [*own[:number], own[number] + everything, *own[number + 1 :]]

    def _own(self, length: int) -> list[Constraints]:
        """Return what is asked of each element for its own sake: as one of all, by its place, as the first or last."""
        own = [self.each] * length
        for number, constraints in enumerate(self.fixed[:length]):
            own[number] += constraints
        if length:
            own[0] += self.first
            own[-1] += self.last
        return own


def list_plans(atoms: Constraints) -> Iterator[ListPlan]:
    """Yield the ways in which the constraints on a list can be satisfied."""
    options = [list(_satisfying(matcher) if wanted else _violating(matcher)) for matcher, wanted in atoms]
    for chosen in islice(product(*options), _MAX_PLANS):
        if (plan := _combined(chosen)) is not None:
            yield plan


def _satisfying(matcher: Matcher) -> Iterator[ListPlan]:
    """Yield the ways to make one matcher of lists hold."""
    match matcher:
        case Elements(items=inners) | Unordered(inners=inners):
            yield ListPlan(fixed=tuple(map(must, inners)), length=len(inners))
        case At():
            yield ListPlan(last=must(matcher.inner)) if matcher.index else ListPlan(first=must(matcher.inner))
        case Each():
            yield ListPlan(each=must(matcher.inner))
        case Some():
            yield ListPlan(some=(must(matcher.inner),))
        case All():
            yield ListPlan(some=tuple(map(must, matcher.inners)))
        case Size():
            yield ListPlan(sizes=must(matcher))
        case Exists():
            yield ListPlan(longer_than=0) if matcher.expected else ListPlan(length=0)


def _violating(matcher: Matcher) -> Iterator[ListPlan]:
    """Yield the ways to make one matcher of lists not hold."""
    match matcher:
        case Elements(items=inners) | Unordered(inners=inners):
            count = len(inners)
            yield ListPlan(longer_than=count)
            for number, inner in enumerate(inners):  # of the same length, with one element that doesn't fit its place
                fixed = (*[()] * number, must_not(inner), *[()] * (count - number - 1))
                yield ListPlan(fixed=fixed, length=count)
        case At():
            yield ListPlan(last=must_not(matcher.inner)) if matcher.index else ListPlan(first=must_not(matcher.inner))
            yield ListPlan(length=0)
        case Each():
            yield ListPlan(some=(must_not(matcher.inner),))
        case Some():
            yield ListPlan(each=must_not(matcher.inner))
        case All():
            yield from (ListPlan(each=must_not(inner)) for inner in matcher.inners)
        case Size():
            yield ListPlan(sizes=must_not(matcher))
        case Exists():
            yield ListPlan(length=0) if matcher.expected else ListPlan(longer_than=0)


def _combined(parts: tuple[ListPlan, ...]) -> ListPlan | None:
    """Return the plan that is all of these at once; None if they contradict each other."""
    whole = ListPlan()
    for part in parts:
        lengths = {length for length in (whole.length, part.length) if length is not None}
        if len(lengths) > 1:
            return None
        longer = [bound for bound in (whole.longer_than, part.longer_than) if bound is not None]
        whole = replace(
            whole,
            each=whole.each + part.each,
            first=whole.first + part.first,
            last=whole.last + part.last,
            some=whole.some + part.some,
            fixed=tuple(one + other for one, other in zip_longest(whole.fixed, part.fixed, fillvalue=())),
            sizes=whole.sizes + part.sizes,
            length=lengths.pop() if lengths else None,
            longer_than=max(longer, default=None),
        )
    if whole.length is not None and whole.longer_than is not None and whole.length <= whole.longer_than:
        return None
    return whole
