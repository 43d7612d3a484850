"""Constraints: what a value should satisfy, taken apart into alternatives of single conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.matching.matcher import And, Never, Not, One, Or

if TYPE_CHECKING:
    from grpcmock.matching.matcher import Matcher

Constraint = tuple["Matcher", bool]
"""A matcher, and whether it should hold."""

Constraints = tuple[Constraint, ...]


def must(matcher: Matcher) -> Constraints:
    """Return the constraint that a matcher holds, alone."""
    return ((matcher, True),)


def must_not(matcher: Matcher) -> Constraints:
    """Return the constraint that a matcher doesn't hold, alone."""
    return ((matcher, False),)


def alternatives(constraints: Iterable[Constraint]) -> Iterator[Constraints]:
    """Yield sets of single conditions, each of which, if all of it holds, satisfies all *constraints*.

    ``$and``, ``$or`` and ``$not`` are gone from them; between the sets there may be overlaps.
    """
    yield from _walk(tuple(constraints), ())


def _walk(pending: Constraints, atoms: Constraints) -> Iterator[Constraints]:
    if not pending:
        yield atoms
        return
    (matcher, wanted), rest = pending[0], pending[1:]
    match matcher:
        case One():
            yield from _walk(((matcher.inner, wanted), *rest), atoms)
        case Not():
            yield from _walk(((matcher.inner, not wanted), *rest), atoms)
        case And() | Or() if isinstance(matcher, And) is wanted:
            yield from _walk((*((inner, wanted) for inner in matcher.inners), *rest), atoms)
        case And() | Or():
            for inner in matcher.inners:
                yield from _walk(((inner, wanted), *rest), atoms)
        case Never():
            if not wanted:
                yield from _walk(rest, atoms)
        case _:
            yield from _walk(rest, (*atoms, (matcher, wanted)))


def satisfied(constraints: Iterable[Constraint], value: Any) -> bool:
    """Whether a value, as matchers see it, satisfies all constraints."""
    return all(matcher.test(value) is wanted for matcher, wanted in constraints)


def described(constraints: Iterable[Constraint]) -> str:
    """Return what is expected, in words."""
    return " and ".join(
        matcher.describe() if wanted else f"not {matcher.describe()}" for matcher, wanted in constraints
    )
