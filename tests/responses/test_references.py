# mypy: disable-error-code="arg-type"
from __future__ import annotations

from typing import Any

import pytest
from support import registry

from grpcmock.responses.references import check, is_constant
from grpcmock.stubs.template_cache import parse_template


def mistakes(text: str, row: Any = None, *, script: bool = False) -> list[str]:
    request = registry().message("kitchen.Everything").DESCRIPTOR
    return [f"{text} {hint}".rstrip() for text, hint in check(parse_template(text), request, row, script=script)]


@pytest.mark.parametrize(
    "text",
    [
        "{{ request }}",
        "{{ request.f_message.deeper.back.name }}",
        "{{ request.r_message[0].tags[1] }}",
        "{{ request['f_string'][0] }}",
        "{{ request.f_string.upper() }}",
        "{{ request.f_enum.number }}",
        "{{ request.r_enum[0].number }}",
        "{{ request.m_string_message.any_key.name }}",
        "{{ request.m_int32_string[5] }}",
        "{{ request.m_string_int32.items() | list }}",
        "{{ request.w_struct.a.b.c }}",
        "{{ request.w_value.a }}",
        "{{ request.w_any.whatever }}",
        "{{ request.w_timestamp.seconds }}",
        "{{ request.w_int64 }}",
        "{{ requests[0].f_int32 }}",
        "{{ requests | map(attribute='x') | list }}",
        "{% for m in requests %}{{ m.anything }}{% endfor %}",
        "{{ metadata['x'] }} {{ metadata.all('x') }} {{ state.any }} {{ call.count }}",
        "{{ now() }} {{ now().year }} {{ uuid() }} {{ random.int(1, 2) }} {{ fake.email() }}",
    ],
)
def test_what_there_is_is_right(text: str) -> None:
    assert mistakes(text) == []


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{{ reqest.id }}", "there is no variable 'reqest'. Did you mean 'request'?"),
        ("{{ request.f_in32 }}", "'request' is a kitchen.Everything; it has no field 'f_in32'. Did you mean"),
        ("{{ request.fInt32 }}", "it has no field 'fInt32'. Write 'f_int32': templates use the names of the proto."),
        (
            "{{ request.f_message.nme }}",
            "'request.f_message' is a kitchen.Nested; it has no field 'nme'. Did you mean",
        ),
        ("{{ request['f_message']['nme'] }}", "'request.f_message' is a kitchen.Nested; it has no field 'nme'."),
        ("{{ requests[1].nme }}", "'requests[1]' is a kitchen.Everything; it has no field 'nme'."),
        ("{{ requests.id }}", "'requests' is a list; it has no 'id'. Write requests[0], or loop over it."),
        ("{{ request.r_message.name }}", "'request.r_message' is a list; it has no 'name'. Write request.r_message[0]"),
        ("{{ request.r_message[0].nme }}", "'request.r_message[0]' is a kitchen.Nested; it has no field 'nme'."),
        ("{{ request.m_string_message.k.nme }}", "is a kitchen.Nested; it has no field 'nme'."),
        ("{{ request.f_string.length }}", "'request.f_string' is a scalar; it has no 'length'."),
        ("{{ request.f_enum.name }}", "'request.f_enum' is an enum; it has no 'name'. Write '.number' for its number."),
        ("{{ request.w_int64.value }}", "'request.w_int64' is a scalar; it has no 'value'."),
        ("{{ request[0] }}", "it has no field 0."),
        ("{{ message.f_int32 }}", "'message' is known in scripts alone. Write 'request'."),
        ("{{ row.x }}", "'row' is known only to stubs with 'each'."),
        ("{{ call.cuont }}", "'call' has no 'cuont'. Did you mean 'count'?"),
        ("id-{{ uuid }}", "'uuid' is a function. Call it: uuid()."),
        ("{{ random.int }}", "'random.int' is a function. Call it: random.int()."),
        ("{{ random.itn(1, 2) }}", "'random' has no function 'itn'. Did you mean 'int'?"),
        ("{{ fake.emial() }}", "fake has no function 'emial'. Did you mean 'email'?"),
    ],
)
def test_what_there_is_not_is_told_with_the_nearest_name(text: str, mistake: str) -> None:
    (found,) = mistakes(text)
    assert mistake in found


def test_scripts_know_the_last_message_with_its_fields() -> None:
    assert mistakes("{{ message.f_int32 }}", script=True) == []
    assert "it has no field 'x'" in mistakes("{{ message.x }}", script=True)[0]


def test_rows_are_checked_for_their_columns() -> None:
    assert mistakes("{{ row.name }}", {"name": 1}) == []
    assert mistakes("{{ row.nmae }}", {"name": 1}) == ["the row has no column 'nmae'. Did you mean 'name'?"]
    assert mistakes("{{ row.nmae | default('') }}", {"name": 1}) == []


def test_without_faker_fake_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from grpcmock.responses import functions, references

    monkeypatch.setitem(__import__("sys").modules, "faker", None)
    for cache in (functions._faker, functions.fake_names, references._mistakes):
        cache.cache_clear()
    try:
        (found,) = mistakes("{{ fake.email() }}")
        assert "pip install '.[faker]'" in found
    finally:
        for cache in (functions._faker, functions.fake_names, references._mistakes):
            cache.cache_clear()


@pytest.mark.parametrize(
    ("text", "row", "constant"),
    [
        ("{{ 1 + 1 }}", None, True),
        ("{{ row.x }}", {"x": 1}, True),
        ("{{ row.x }} {{ request.f_int32 }}", {"x": 1}, False),
        ("{{ uuid() }}", None, False),
        ("{{ call.count }}", {"x": 1}, False),
    ],
)
def test_what_is_the_same_for_every_call_can_be_folded(text: str, row: Any, constant: bool) -> None:
    assert is_constant(parse_template(text), row) is constant
