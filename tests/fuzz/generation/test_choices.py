"""Sources of decisions: seeded ones are the same everywhere, replays are faithful."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.fuzz.generation.choices import RandomSource, ReplaySource

BOUNDS = st.lists(st.integers(-1, 2**70), max_size=80)


def test_a_key_gives_these_decisions_on_every_machine() -> None:
    source = RandomSource("golden", 7, b"\x00")
    drawn = [source.below(bound) for bound in (2, 10, 1000, 2**32, 2**33, 2**64, 2**64, 7)]
    assert drawn == GOLDEN


GOLDEN = [0, 4, 713, 1780718803, 6223524330, 6723936882202780465, 187861186072574892, 0]


@given(st.integers(), BOUNDS)
def test_what_is_drawn_lies_below_the_bound_and_is_the_same_again(key: int, bounds: list[int]) -> None:
    source = RandomSource(key)
    drawn = [source.below(bound) for bound in bounds]
    assert all(0 <= value < max(bound, 1) for value, bound in zip(drawn, bounds, strict=True))
    again = RandomSource(key)
    assert drawn == [again.below(bound) for bound in bounds]
    replay = ReplaySource(source.choices)
    assert drawn == [replay.below(bound) for bound in bounds]
    assert replay.choices == source.choices


def test_what_is_no_decision_is_not_recorded() -> None:
    source = RandomSource(1)
    assert [source.below(1), source.below(0)] == [0, 0]
    assert source.choices == []


@pytest.mark.parametrize(("one", "other"), [(("a", "b"), ("ab",)), (("1",), (1,)), ((b"x",), ("x",)), ((1, 2), (12,))])
def test_keys_of_different_parts_differ(
    one: tuple[str | bytes | int, ...], other: tuple[str | bytes | int, ...]
) -> None:
    assert RandomSource(*one).key != RandomSource(*other).key


def test_a_replay_takes_zero_for_what_does_not_fit_and_beyond_the_end() -> None:
    source = ReplaySource([5, 9, -1])
    assert [source.below(10), source.below(3), source.below(4), source.below(8)] == [5, 0, 0, 0]
    assert source.take() == (5, 0, 0, 0)
    assert source.take() == ()


def test_decisions_are_spread_evenly() -> None:
    source = RandomSource("spread")
    counts = [0] * 10
    for _ in range(10_000):
        counts[source.below(10)] += 1
    assert min(counts) > 850
    assert max(counts) < 1150


def test_a_source_offers_common_questions() -> None:
    source = ReplaySource([3, 1, 2])
    assert source.integer(10, 20) == 13
    assert source.boolean() is True
    assert source.choice("abc") == "c"
