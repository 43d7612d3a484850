"""When, and for how long, by the words of an error."""

from __future__ import annotations

import datetime as dt

import pytest

from grpcmock.fuzz.learning import demands
from grpcmock.fuzz.learning.asked_moments import asked_days, asked_spans

TODAY = dt.datetime.now(dt.UTC).date()


def _is_adult(day: dt.date) -> bool:
    return day < TODAY - dt.timedelta(365 * 18 + 5)


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("birth_day must be 18 years ago or more", _is_adult),
        ("the driver must be an adult", _is_adult),
        ("minimum age is 18", _is_adult),
        ("must be in the future", lambda day: day > TODAY),
        ("must not be in the past", lambda day: day > TODAY),
        ("has expired", lambda day: day > TODAY),
        ("incident_day must not be after today", lambda day: day < TODAY),
        ("cannot be in the future", lambda day: day < TODAY),
        ("at most 60 days ahead", lambda day: dt.timedelta() < day - TODAY <= dt.timedelta(60)),
        ("must be from 2000-01-01 to 2099-12-31", lambda day: day == dt.date(2000, 1, 1)),
        ("only today is possible", lambda day: day == TODAY),
    ],
)
def test_days_are_read_out_of_words(words: str, fits: object) -> None:
    assert callable(fits)
    assert any(map(fits, asked_days(words)))
    assert any(str(day) in demands.texts(words) for day in asked_days(words))


@pytest.mark.parametrize("words", ["the title is too long", "at least 3 characters", "", "1990-99-99 is no day"])
def test_where_nothing_is_said_of_when_no_day_is_tried(words: str) -> None:
    assert not list(asked_days(words))


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("must be from one minute to 30 days after it", [360 + 1 / 120, 1 / 60, 720]),
        ("at most 2 weeks", [168, 336]),
        ("a stay has 1 to 3 nights", [48, 24, 72]),
        ("at most 3 items", []),
    ],
)
def test_spans_are_read_out_of_words(words: str, hours: list[float]) -> None:
    assert [span.total_seconds() / 3600 for span in asked_spans(words)] == pytest.approx(hours)
