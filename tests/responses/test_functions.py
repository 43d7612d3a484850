from __future__ import annotations

import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.errors import RenderError
from grpcmock.responses.context import RenderContext
from grpcmock.responses.functions import RANDOM_FUNCTIONS, rfc3339
from grpcmock.stubs.template_cache import parse_template

TEXT = (
    "{{ uuid() }} {{ random.int(1, 1000) }} {{ random.float() }} {{ random.choice('abc') }} {{ random.string(8) }} "
    "{{ random.hex(4) }} {{ random.bool() }} {{ random.shuffle([1, 2, 3]) }} {{ random.sample([1, 2, 3], 2) }} "
    "{{ random.bytes(3) }} {{ fake.email() }} {{ fake.name() }}"
)


def render(text: str, seed: Any = 0, **context: Any) -> Any:
    return parse_template(text).render(RenderContext(random=Random(seed), **context))


@given(st.integers())
def test_the_same_seed_gives_the_same_text(seed: int) -> None:
    assert render(TEXT, seed) == render(TEXT, seed)


def test_another_seed_gives_another_text() -> None:
    assert len({render(TEXT, seed) for seed in range(20)}) == 20


def test_the_same_seed_gives_the_same_text_in_every_process() -> None:
    text = "{{ uuid() }} {{ random.int(1, 1000) }} {{ random.choice('abc') }} {{ fake.email() }}"
    code = f"""if True:
        from random import Random
        from grpcmock.responses.context import RenderContext
        from grpcmock.stubs.template_cache import parse_template
        print(parse_template({text!r}).render(RenderContext(random=Random("7/1"))))"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == render(text, "7/1")


def test_two_calls_under_way_do_not_disturb_each_other() -> None:
    a, b = RenderContext(random=Random(1)), RenderContext(random=Random(2))
    fake = parse_template("{{ fake.email() }}")
    mixed = [fake.render(a), fake.render(b), fake.render(a)]
    a = RenderContext(random=Random(1))
    assert mixed[0::2] == [fake.render(a), fake.render(a)]


def test_random_values_have_their_types_and_bounds() -> None:
    assert render("{{ random.int(5, 5) }}") == 5
    assert 2 <= render("{{ random.float(2, 3) }}") <= 3
    assert render("{{ random.bool(1) }}") is True
    assert render("{{ random.choice([4]) }}") == 4
    assert len(render("{{ random.bytes(9) }}")) == 9
    assert set(render("{{ random.string(50, 'xy') }}")) == {"x", "y"}
    assert sorted(render("{{ random.shuffle([3, 1, 2]) }}")) == [1, 2, 3]
    assert uuid.UUID(render("{{ uuid() }}")).version == 4


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{ random.int(2, 1) }}", "empty range"),
        ("{{ random.int(2) }}", "random.int() missing 1 required positional argument: 'high'"),
        ("{{ random.choice([]) }}", "there is nothing to choose from"),
        ("{{ random.string(10 ** 9) }}", "a length goes from 0 to 1000000"),
        ("{{ random.bytes(-1) }}", "a length goes from 0"),
        ("{{ now(hour=1) }}", "now() takes no 'hour'. Did you mean 'hours'?"),
        ("{{ now(days=10 ** 12) }}", "can't be rendered"),
        ("{{ fake['emial']() }}", "fake has no function 'emial'. Did you mean 'email'?"),
        ("{{ fake['seed_instance'](1) }}", "fake has no function 'seed_instance'."),
        ("{{ fake['add_provider'](1) }}", "fake has no function 'add_provider'."),
        ("{{ fake['__class__'] }}", "can't be rendered"),
    ],
)
def test_mistakes_are_told(text: str, error: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(text)
    assert error in str(caught.value)


def test_now_is_the_injected_clock() -> None:
    clock = datetime(2030, 1, 31, 12, tzinfo=UTC)
    assert render("{{ now() }}!", now=lambda: clock) == "2030-01-31T12:00:00Z!"
    assert render("{{ now(days=-1, milliseconds=5) }}!", now=lambda: clock) == "2030-01-30T12:00:00.005Z!"
    assert render("{{ now().year }}", now=lambda: clock) == 2030
    assert render("{{ now().strftime('%d.%m.') }}", now=lambda: clock) == "31.01."


def test_rfc3339_is_in_utc() -> None:
    assert rfc3339(datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2029-12-31T23:00:00Z"


def test_every_random_function_is_known_at_load() -> None:
    assert set(RANDOM_FUNCTIONS) == set(RenderContext()["random"])


def test_nothing_slow_is_imported_until_a_template_needs_it() -> None:
    code = (
        "import sys, grpcmock.responses.context, grpcmock.responses.compile\n"
        "print([name for name in ('jinja2', 'faker', 'grpc') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
