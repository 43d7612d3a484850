"""Delta debugging: what is left fails, and nothing in it can be left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from grpcmock.fuzz.shrinking.bisection import count_that_fails, items_that_fail, sorts_that_fail

NUMBERS = st.lists(st.integers(0, 5), max_size=80)


def reduced(items: Sequence[int], wanted: Sequence[int], *, slow: int = -1, tries: int = 10_000) -> list[int] | None:
    """Bisect to a subsequence that holds *wanted*, in this order. Items are their positions and their sort."""
    left = tries

    async def fails(some: Sequence[tuple[int, int]]) -> bool:
        nonlocal left
        left -= 1
        assert [place for place, _ in some] == sorted(place for place, _ in some), "in their order"
        return left >= 0 and holds([sort for _, sort in some], wanted)

    async def bisect() -> list[tuple[int, int]] | None:
        ends = await sorts_that_fail(
            list(enumerate(items)), fails, sort=lambda item: item[1], slow=lambda item: item[1] == slow
        )
        return None if ends is None else await items_that_fail(ends, fails)

    found = asyncio.run(bisect())
    return None if found is None else [sort for _, sort in found]


def holds(items: Sequence[int], wanted: Sequence[int]) -> bool:
    left = iter(items)
    return all(any(item == one for item in left) for one in wanted)


@given(NUMBERS, st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(-1, 5))
def test_what_is_left_is_what_is_needed(items: list[int], wanted: list[int], slow: int) -> None:
    assert reduced(items, wanted, slow=slow) == (wanted if holds(items, wanted) else None)


@given(NUMBERS, st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 30))
def test_when_the_tries_are_over_what_is_left_still_fails(items: list[int], wanted: list[int], tries: int) -> None:
    found = reduced(items, wanted, tries=tries)
    assert found is None or holds(found, wanted)


@given(st.integers(1, 200), st.integers(0, 250))
def test_the_least_count_is_found_in_few_tries(least: int, most: int) -> None:
    tries = 0

    async def fails(some: Sequence[str]) -> bool:
        nonlocal tries
        tries += 1
        return len(some) >= least

    assert asyncio.run(count_that_fails("x", most, fails)) == (least if most >= least else None)
    assert tries <= 1 + most.bit_length()
