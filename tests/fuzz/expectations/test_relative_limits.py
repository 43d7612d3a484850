"""Which limits in words are beside another value, and so none of the field itself."""

from __future__ import annotations

import pytest

from grpcmock.fuzz.expectations.relative_limits import is_relative
from grpcmock.fuzz.expectations.stated_limits import limit_in


@pytest.mark.parametrize(
    "words",
    [
        "odometer_km is more than 5000 above the last one, typo?",
        "Must not be lower than the last value, nor more than 5,000 km above it",
        "must not be lower than the last value",
        "may be at most 10 higher than it was",
        "no more than 500 since the previous reading",
        "at most 30 more than before",
        "must be within 30 days of the start",
        "must be within 14 days from today",
        "at most 3 per day",
        "at most 3 books per customer",
        "no more than 5 at a time",
        "at most 10 in total",
        "at most 4 are left",
        "at most 4 remaining",
        "only 3 left, so at most 3",
        "up to 5 a week",
        "at most a year after the first day",
        "at most 365 days after the first day",
        "at most 2 hours before the session",
        "must be at least 2 days in advance",
        "must be at least 15 minutes later",
        "must be at least 5 minutes apart",
        "must not exceed the balance of 50",
        "not more than fits into the tank",
        "must not exceed the number of seats, 20",
        "at most 20 percent above the current price",
        "may change by at most 10",
        "must not differ by more than 10 from the last",
        "at most 30 days from now",
        "at most 90 days ago",
        "the jump from the last value is more than 100",
        "at most 5 in the last 30 days",
        "at most 100 in stock",
        "at most 3 seats are still free",
        "must be at least 10 above min_price",
        "at most 50 km away",
        "must be at least 1 more than the current version",
        "5 bookings at the same time at most",
        "at most 8 hours each day",
        "no more than 7 days behind",
        "must be at least 100 below the list price",
        "cannot be more than 5000 kilometers ahead of the previous reading",
        "must be greater than start",
        "must be less than max_price, 30",
        "combined with the others at most 100",
        "at most 40 hours weekly",
    ],
)
def test_a_limit_beside_another_value_is_none_of_the_field(words: str) -> None:
    assert is_relative(words)
    assert limit_in(words) is None


@pytest.mark.parametrize(
    "words",
    [
        "must be 1 to 80 characters",
        "must be at most 30",
        "no more than 5 tags are allowed",
        "at most 5 tags",
        "must be at least 18, and at most 99",
        "must be at least 18 years old",
        "must be less than 10",
        "must be less than or equal to 9 and greater than or equal to 2",
        "must be greater than 0",
        "must have no more than one of them, at most 30",
        "exceeds the maximum of 30",
        "exceeds maximum length of 30",
        "must not exceed 200 characters",
        "is longer than the allowed 30 characters",
        "is longer than the limit of 30 characters",
        "is above the maximum (30)",
        "there can be 50 shares",
        "at most 100 characters after trimming",
        "3 or more",
        "up to 5 items per request",
        "From 1 to 10, both included",
        "title is too long, at most 60 characters are allowed",
        "page_size must not be negative",
        "Between 1 and 1,000,000 cents, rounded",
        "must be more than 0 and at most 10",
        "must not be more than twenty, at least 3",
        "from 10 minutes to 31 days",
        "must have 3 to 10 characters, other than that anything goes",
        "must be greater than the minimum 5",
        "No more than 5, each of them 1-20 lowercase letters",
        "must be 5 to 20 letters and digits",
        "1 to 200 items. The order of the items is kept.",
        "value must be greater than or equal to 1 and less than or equal to 300",
        "must not be over 300",
        "must be under 300 and above 5",
        "may hold at most 10 MB",
        "too many names: 300, at most 100",
        "must be from 1900 to 2100",
        "At most 30 characters. Shown on the label.",
        "At most 30 characters. Left out if empty.",
        "From 1 to 9. What is available is shown.",
    ],
)
def test_other_limits_are_those_of_the_field(words: str) -> None:
    assert not is_relative(words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("is more than 5000 above the last one", None),
        ("is more than 5000", (None, 5000)),
        ("0 to 2,000,000. Must not be lower than the last value, nor more than 5,000 km above it", None),
        ("0 to 2,000,000. Shown beside the last value.", (0, 2_000_000)),
        ("at most 5 per day", None),
        ("at most 5 at a time", None),
        ("no more than 3 are left", None),
        ("at most 100 characters, spaces included", (None, 100)),
    ],
)
def test_limits_are_read_out_of_what_is_absolute(words: str, expected: tuple[int | None, int | None] | None) -> None:
    assert limit_in(words) == expected
