from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from grpcmock.errors import RenderError
from grpcmock.responses.results import unwrap


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (datetime(2030, 1, 31, 12, 0, 0, 120_000, UTC), "2030-01-31T12:00:00.120Z"),
        (datetime(2030, 1, 31, 12), "2030-01-31T12:00:00Z"),  # noqa: DTZ001 - that is the case
        (date(2030, 1, 31), "2030-01-31"),
        (timedelta(seconds=-1.5), "-1.500000s"),
        (timedelta(days=1), "86400s"),
        (Decimal(3), 3),
        (Decimal("1.5"), 1.5),
        ((1, 2), [1, 2]),
        ({"a": (1,)}, {"a": [1]}),
        ({2, 1}, [1, 2]),
        (None, None),
    ],
)
def test_what_an_expression_gives_becomes_plain(value: Any, plain: Any) -> None:
    assert unwrap(value) == plain


def test_what_cannot_stand_in_a_message_is_refused() -> None:
    with pytest.raises(RenderError, match="a object can't stand in a message"):
        unwrap(object())
