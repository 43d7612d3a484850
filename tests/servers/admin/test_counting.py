from __future__ import annotations

import pytest

from grpcmock.servers.admin.counting import Expectation


@pytest.mark.parametrize(
    ("expected", "words", "holds"),
    [
        (Expectation(), "at least 0 calls", [0, 1, 2, 3, 9]),
        (Expectation(1), "at least 1 call", [1, 2, 3, 9]),
        (Expectation(2, 2), "exactly 2 calls", [2]),
        (Expectation(0, 0), "no call", [0]),
        (Expectation(0, 1), "at most 1 call", [0, 1]),
        (Expectation(1, 3), "1 to 3 calls", [1, 2, 3]),
    ],
)
def test_an_expectation_holds_for_its_numbers_and_says_so(expected: Expectation, words: str, holds: list[int]) -> None:
    assert str(expected) == words
    assert [number for number in (0, 1, 2, 3, 9) if expected.holds(number)] == holds
