from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.errors import Problems, StubError
from grpcmock.responses.delays import LONGEST, Delay, parse_delay, parse_move
from grpcmock.tree import Node


def parse(value: object) -> tuple[Delay | None, list[str]]:
    problems = Problems()
    return parse_delay(Node.of(value), problems, "delay"), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("written", "delay"),
    [
        ("200ms", Delay(0.2)),
        ("1.5s", Delay(1.5)),
        (".5s", Delay(0.5)),
        ("2m", Delay(120.0)),
        ("1h", Delay(3600.0)),
        ("250us", Delay(0.00025)),
        (0, Delay(0.0)),
        ({"min": "10ms", "max": "50ms"}, Delay(0.01, 0.05)),
        ({"median": "30ms", "sigma": 0.4}, Delay(0.03, sigma=0.4)),
    ],
)
def test_every_shape_is_read(written: object, delay: Delay) -> None:
    assert parse(written) == (delay, [])


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("soon", "delay: expected a duration such as 200ms or 1.5s, {min, max} or {median, sigma}, not 'soon'."),
        ("-1s", "not '-1s'."),
        (5, "not 5. Write the unit: 5ms or 5s."),
        (True, "not True."),
        (None, "not null."),
        ([], "not a list."),
        ("25h", "delay: 25h is longer than a day, the longest delay."),
        ("9" * 400 + "s", "longer than a day"),
        ({"min": "1s"}, "not {min}."),
        ({"min": "2s", "max": "1s"}, "delay: min (2s) is longer than max (1s)."),
        ({"min": "x", "max": "1s"}, "delay.min: expected a duration"),
        ({"median": "1s", "sigma": "x"}, "delay.sigma: expected a number from 0 to 10, not 'x'."),
        ({"mean": "1s", "sigma": 1}, "delay: unknown key 'mean'. Did you mean 'median'?"),
        ({}, "not {}."),
    ],
)
def test_what_is_wrong_is_said_once(written: object, error: str) -> None:
    delay, errors = parse(written)
    assert delay is None
    assert len(errors) == 1
    assert error in errors[0]


@given(st.integers(), st.floats(0, 100), st.floats(0, 100), st.floats(0, 10))
def test_samples_stay_in_bounds_and_repeat_with_the_seed(seed: int, a: float, b: float, sigma: float) -> None:
    low, high = sorted((a, b))
    for delay in (Delay(low, high), Delay(low, sigma=sigma)):
        sample = delay.sample(Random(seed))
        assert sample == delay.sample(Random(seed))
        assert 0 <= sample <= LONGEST
    assert low <= Delay(low, high).sample(Random(seed)) <= high


def test_a_lognormal_delay_has_its_median() -> None:
    random = Random(1)
    delay = Delay(0.03, sigma=0.4)
    samples = sorted(delay.sample(random) for _ in range(2001))
    assert 0.028 < samples[1000] < 0.032


def test_a_fixed_delay_leaves_the_random_source_alone() -> None:
    random = Random(1)
    before = random.getstate()
    assert Delay(1.0).sample(random) == 1.0
    assert random.getstate() == before


@pytest.mark.parametrize(("text", "seconds"), [("1h", 3600), (" -30s ", -30), ("240h", 864_000), ("-240h", -864_000)])
def test_a_clock_moves_by_any_time_in_either_direction(text: str, seconds: float) -> None:
    assert parse_move(text, "advance") == seconds


@pytest.mark.parametrize("text", ["", "1", "--1h", "1h 30m"])
def test_a_move_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(StubError, match="advance: expected a duration"):
        parse_move(text, "advance")
