"""Templates reckon with times: those of the request, of the clock, and lengths of time between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.errors import RenderError
from grpcmock.responses.context import RenderContext
from grpcmock.responses.times import Quantity, quantity
from grpcmock.stubs.template_cache import parse_template

EVERYTHING: Any = registry().message("kitchen.Everything")
AT, TTL = {"seconds": 1893456000, "nanos": 5}, {"seconds": 90, "nanos": 500_000_000}
NOW = datetime(2030, 1, 1, 0, 1, tzinfo=UTC)


def rendered(text: str) -> str:
    request = EVERYTHING(w_timestamp=AT, w_duration=TTL)
    return str(parse_template(f"{{{{ {text} }}}}").render(RenderContext(request=request, now=lambda: NOW)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("request.w_timestamp + duration(hours=1)", "2030-01-01T01:00:00.000000005Z"),
        ("duration(hours=1) + request.w_timestamp", "2030-01-01T01:00:00.000000005Z"),
        ("request.w_timestamp - duration(days=1)", "2029-12-31T00:00:00.000000005Z"),
        ("request.w_timestamp + request.w_duration", "2030-01-01T00:01:30.500000005Z"),
        ("now() + request.w_duration", "2030-01-01T00:02:30.500Z"),
        ("now() - request.w_duration", "2029-12-31T23:59:29.500Z"),
        ("now() - request.w_timestamp", "59.999999995s"),
        ("request.w_timestamp - now()", "-59.999999995s"),
        ("request.w_timestamp - request.w_timestamp", "0s"),
        ("request.w_duration + duration(milliseconds=500)", "91s"),
        ("duration(minutes=1) - request.w_duration", "-30.500s"),
        ("request.w_duration - request.w_duration - request.w_duration", "-90.500s"),
        ("(request.w_timestamp + duration(hours=1)).seconds", "1893459600"),
        ("request.w_timestamp + duration(hours=1) > request.w_timestamp", "True"),
        ("now() + duration(hours=1)", "2030-01-01T01:01:00Z"),
    ],
)
def test_times_and_durations_add_up(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("request.w_timestamp + request.w_timestamp", "two times can't be added"),
        ("request.w_duration - request.w_timestamp", "a time can't be taken from a duration"),
        ("request.w_timestamp + 5", "unsupported operand"),
        ("request.w_timestamp + duration(days=99999999)", "outside of the years 1 to 9999"),
        ("duration(hour=1)", "duration() takes no 'hour'. Did you mean 'hours'?"),
        ("request.w_null + duration(hours=1)", "w_null"),
    ],
)
def test_what_does_not_add_up_is_told(text: str, error: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered(text)
    assert error in str(caught.value)


moments = st.datetimes(datetime(1000, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
spans = st.timedeltas(timedelta(days=-9999), timedelta(days=9999))


@given(moments, spans)
def test_it_agrees_with_python(moment: datetime, span: timedelta) -> None:
    at, by = quantity(moment), quantity(span)
    assert at is not None
    assert by is not None
    assert at + by == by + at == quantity(moment + span)
    assert at - by == quantity(moment - span)
    assert (at + by) - at == by


@given(st.integers(-(10**18), 10**18), st.booleans())
def test_messages_hold_it_to_the_nanosecond(nanoseconds: int, is_span: bool) -> None:
    amount = Quantity(nanoseconds, is_span)
    assert quantity(amount.message()) == amount


def test_the_result_fits_a_field(compiler: Any) -> None:
    compiled = compiler('response: {w_timestamp: "{{ request.w_timestamp + duration(hours=1) }}", '
                        'w_duration: "{{ now() - request.w_timestamp }}"}')  # fmt: skip
    tree = compiled.tree(request=compiler.request(w_timestamp={"seconds": 1893456000}), now=lambda: NOW)
    assert tree == {"w_timestamp": "2030-01-01T01:00:00Z", "w_duration": "60s"}
