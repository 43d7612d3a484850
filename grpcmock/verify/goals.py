"""Goals: what a value should please, taken apart into alternatives of single conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.matching.matcher import And, Never, Not, One, Or

if TYPE_CHECKING:
    from grpcmock.matching.matcher import Matcher

Goal = tuple["Matcher", bool]
"""A matcher, and whether it should hold."""

Goals = tuple[Goal, ...]


def alternatives(goals: Iterable[Goal]) -> Iterator[Goals]:
    """Yield sets of single conditions, each of which, if all of it holds, makes all *goals* hold.

    ``$and``, ``$or`` and ``$not`` are gone from them; between the sets there may be overlaps.
    """
    yield from _walk(tuple(goals), ())


def _walk(pending: Goals, atoms: Goals) -> Iterator[Goals]:
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


def hold(goals: Iterable[Goal], value: Any) -> bool:
    """Whether a value, as matchers see it, pleases all goals."""
    return all(matcher.test(value) is wanted for matcher, wanted in goals)


def words(goals: Iterable[Goal]) -> str:
    """Say what is wanted."""
    return " and ".join(matcher.describe() if wanted else f"not {matcher.describe()}" for matcher, wanted in goals)
