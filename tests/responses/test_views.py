from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support import registry

from grpcmock.errors import RenderError
from grpcmock.responses.context import RenderContext
from grpcmock.responses.results import unwrap
from grpcmock.stubs.template_cache import parse_template


def everything(**fields: Any) -> Any:
    return registry().message("kitchen.Everything")(**fields)


def render(text: str, **context: Any) -> Any:
    return parse_template(text).render(RenderContext(**context))


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        # scalars, presence
        ("{{ request.f_int32 }}", 7),
        ("{{ request.f_bool }}", False),
        ("[{{ request.o_string }}]", "[]"),
        ("{{ request.o_string | default('x') }}", "x"),
        ("{{ request.o_int32 is defined }}", False),
        ("{{ request.f_float }}", 0.1),
        # messages
        ("{{ request.f_message.name }}", "n"),
        ("{{ 'set' if request.f_message else 'unset' }}", "set"),
        ("{{ 'set' if request.f_self else 'unset' }}", "unset"),
        ("[{{ request.f_self }}]", "[]"),
        ("[{{ request.f_self.f_string }}{{ request.f_self.f_int32 }}]", "[0]"),
        ("[{{ request.f_self.f_self.f_self.f_message.name }}]", "[]"),
        ("{{ request.f_self.r_string | length }}", 0),
        ("{{ request.f_self | default('none') }}", "none"),
        ("{{ request.f_message }}!", '{"name": "n", "tags": ["t"]}!'),
        ("{{ request.f_message == request.c_message }}", True),
        ("{{ request.f_message | tojson }}", '{"name":"n","tags":["t"]}'),
        ("{{ request.f_self | tojson }}", "null"),
        ("{{ 'name' in request.f_message }}", True),
        ("{{ request.f_message | list | join(' ') }}", "name tags"),
        # lists and maps
        ("{{ request.r_string[1] }}", "b"),
        ("{{ request.r_string | join('+') }}", "a+b"),
        ("{% for m in request.r_message %}{{ m.number }};{% endfor %}", "1;2;"),
        ("{{ request.r_message | map(attribute='number') | sum }}", 3),
        ("{{ request.r_message }}", None),
        ("got {{ request.r_message }}", 'got [{"number":1},{"number":2}]'),
        ("{{ request.m_string_int32.a }}", 1),
        ("{{ request.m_int32_string[5] }}", "five"),
        ("{{ request.m_string_int32.items() | list | length }}", 1),
        # enums
        ("{{ request.f_enum }}", "COLOR_RED"),
        ("{{ request.f_enum.number }}", 1),
        ("{{ request.f_enum == 'COLOR_RED' }}", True),
        ("{{ 'red' if request.f_enum.number == 1 else 'other' }}", "red"),
        ("{{ [request.f_message, request.c_message] | unique | list | length }}", 1),
        ("{{ request.r_enum | join(',') }}", "COLOR_BLUE,77"),
        # well-known types
        ("{{ request.w_int64 }}", 5),
        ("{{ request.w_string | default('x') }}", "x"),
        ("at {{ request.w_timestamp }}", "at 2030-01-01T00:00:00Z"),
        ("{{ request.w_timestamp.seconds }}", 1893456000),
        ("{{ request.w_timestamp > now() }}", True),
        ("{{ request.w_timestamp >= request.w_timestamp }}", True),
        ("{{ request.w_timestamp <= now() or request.w_timestamp < now() }}", False),
        ("{{ request.w_timestamp != request.w_timestamp }}", False),
        ("{{ [request.w_timestamp] | unique | list | length }}", 1),
        ("{{ request.w_timestamp == '2030-01-01T00:00:00Z' }}", True),
        ("{{ request.w_duration }}s", "1.500ss"),
        ("{{ request.w_struct.a.b[0] }}", 1),
        ("{{ request.w_any.name }}", "packed"),
        ("{{ request.w_any['@type'] }}", "type.googleapis.com/kitchen.Nested"),
        ("{{ request.w_field_mask }}!", "a,b.c!"),
        # names that try the rules
        ("{{ request.class }}", "c"),
        ("{{ request['_leading'] }}", "l"),
        ("{{ request._leading }}", "l"),
        ("{{ request.camelCase }}", "cc"),
    ],
)
def test_a_request_as_templates_see_it(text: str, rendered: Any) -> None:
    request = everything(
        f_int32=7,
        f_float=0.1,
        f_message={"name": "n", "tags": ["t"]},
        c_message={"name": "n", "tags": ["t"]},
        r_string=["a", "b"],
        r_message=[{"number": 1}, {"number": 2}],
        m_string_int32={"a": 1},
        m_int32_string={5: "five"},
        f_enum=1,
        r_enum=[5, 77],
        w_int64={"value": 5},
        w_timestamp={"seconds": 1893456000},
        w_duration={"seconds": 1, "nanos": 500_000_000},
        w_field_mask={"paths": ["a", "b.c"]},
        **{"class": "c"},
        _leading="l",
        camelCase="cc",
    )
    request.w_struct.update({"a": {"b": [1]}})
    request.w_any.Pack(registry().message("kitchen.Nested")(name="packed"))
    clock = datetime(2029, 1, 1, tzinfo=UTC)
    found = render(text, request=request, now=lambda: clock)
    if rendered is None:
        assert unwrap(found) == list(request.r_message)
    else:
        assert found == rendered


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ metadata['x-id'] }}", "1"),
        ("{{ metadata['X-Id'] }}", "1"),
        ("{{ metadata.all('x-id') }}", ["1", "2"]),
        ("{{ metadata.all('none') }}", []),
        ("{{ metadata['none'] | default('d') }}", "d"),
        ("{{ 'x-id' in metadata }}", True),
        ("{{ metadata['k-bin'] }}", b"\xff"),
        ("{{ metadata['k-bin'] }}!", "/w==!"),
        ("{{ metadata | list | join(',') }} {{ metadata | length }}", "x-id,k-bin 2"),
        ("{{ state | tojson }}", '{"login":"done"}'),
        ("{{ metadata | tojson }}", '{"x-id":["1","2"],"k-bin":["/w=="]}'),
        ("{{ state.login }}", "done"),
        ("{{ state.other }}", "started"),
        ("{{ call.count }}", 3),
        ("{{ row.items }} {{ row['name'] }}", "5 Bob"),
        ("{{ requests | length }}", 2),
        ("{{ requests[1].f_int32 }}", 2),
        ("{{ requests | sum(attribute='f_int32') }}", 3),
        ("{{ message.f_int32 }}", 2),
    ],
)
def test_the_other_variables(text: str, rendered: Any) -> None:
    requests = [everything(f_int32=1), everything(f_int32=2)]
    assert (
        render(
            text,
            request=requests[0],
            requests=requests,
            message=requests[1],
            metadata={"x-id": ["1", "2"], "k-bin": [b"\xff"]},
            row={"items": 5, "name": "Bob"},
            count=3,
            state={"login": "done"},
        )
        == rendered
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{ request['nmae'] }}", "kitchen.Everything has no field 'nmae'."),
        ("{{ request['fInt32'] }}", "has no field 'fInt32'. Write 'f_int32'."),
        ("{{ request.f_self['nmae'] }}", "kitchen.Everything has no field 'nmae'."),
        ("{{ request.o_int32 + 1 }}", "o_int32 is not set"),
        ("{{ metadata['k'] }}", "the request has no metadata 'k'"),
        ("{{ request.w_timestamp < 'soon' }}", "expected a Timestamp"),
        ("{{ request.f_string.__class__ }}", "unsafe"),
        ("{{ request._message }}", "can't be rendered"),
        ("{{ request.r_string.append(1) }}", "can't be rendered"),
        ("{{ message.f_int32 }}", "no request message has come"),
        ("{{ message }}", "no request message has come"),
        ("x{{ message }}", "no request message has come"),
    ],
)
def test_what_there_is_not_is_an_error_with_its_reason(text: str, error: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(text, request=everything(w_timestamp={"seconds": 1}))
    assert error in str(caught.value)


def test_no_message_is_false() -> None:
    assert render("{{ 'some' if message else 'none' }}") == "none"
