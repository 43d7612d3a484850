from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grpcmock.errors import RenderError
from grpcmock.responses.context import RenderContext
from grpcmock.responses.plan import SendStep
from grpcmock.schema.codec import to_tree


def reply_error(compiled: Any, **context: Any) -> str:
    step = next(step for step in compiled.plan.steps if isinstance(step, SendStep))
    assert step.reply.constant is None
    with pytest.raises(RenderError) as caught:
        step.reply.render(RenderContext(**context))
    return str(caught.value)


def test_a_constant_unary_answer_is_bytes(compiler: Any) -> None:
    plan = compiler("response: {f_int32: 7, f_string: hi}").plan
    assert plan.constant == compiler.request(f_int32=7, f_string="hi").SerializeToString()


@pytest.mark.parametrize(
    ("written", "tree"),
    [
        ('{f_string: "a {{ request.f_int32 }} b"}', {"f_string": "a 7 b"}),
        ('{f_int32: "{{ request.f_int32 + 1 }}"}', {"f_int32": 8}),
        ('{f_string: "{{ request.f_int32 }}"}', {"f_string": "7"}),
        ('{f_string: "{{ true }}"}', {"f_string": "true"}),
        ('{f_int64: "{{ request.f_int64 }}"}', {"f_int64": "9007199254740993"}),
        ('{f_string: "{{ none }}", f_int32: 1}', {"f_int32": 1}),
        ('{f_message: "{{ request.f_message }}"}', {"f_message": {"name": "n", "color": "COLOR_RED"}}),
        ('{f_message: "{{ request.c_message }}"}', {}),
        ('{o_int32: "{{ request.o_int32 }}"}', {}),
        ('{f_bytes: "{{ request.f_bytes }}"}', {"f_bytes": "AP8="}),
        ('{f_enum: "{{ request.f_message.color }}"}', {"f_enum": "COLOR_RED"}),
        ('{f_int32: "{{ request.f_message.color.number }}"}', {"f_int32": 1}),
        ('{r_string: "{{ request.r_string }}"}', {"r_string": ["x", "y"]}),
        ('{r_string: ["{{ request.f_int32 }}", z]}', {"r_string": ["7", "z"]}),
        ('{r_message: [{name: "{{ request.f_int32 }}"}, {name: b}]}', {"r_message": [{"name": "7"}, {"name": "b"}]}),
        ('{m_string_int32: "{{ request.m_string_int32 }}"}', {"m_string_int32": {"a": 1}}),
        ('{m_string_int32: {"{{ request.r_string[0] }}": 5, k: 6}}', {"m_string_int32": {"x": 5, "k": 6}}),
        ('{w_timestamp: "{{ request.w_timestamp }}"}', {"w_timestamp": "2030-01-01T00:00:00.000000001Z"}),
        ('{w_duration: "{{ request.w_duration }}"}', {"w_duration": "1.500s"}),
        ('{w_struct: "{{ request.w_struct }}"}', {"w_struct": {"a": [1, "b", None]}}),
        ('{w_struct: {x: "{{ request.f_int32 }}"}}', {"w_struct": {"x": 7}}),
        ('{w_any: "{{ request.f_message }}"}', {"w_any": {"@type": "type.googleapis.com/kitchen.Nested", "name": "n",
                                                         "color": "COLOR_RED"}}),
        ('{w_any: {"@type": kitchen.Nested, name: "{{ request.f_int32 }}"}}',
         {"w_any": {"@type": "type.googleapis.com/kitchen.Nested", "name": "7"}}),
        ('{w_int64: "{{ request.w_int64 }}"}', {"w_int64": "5"}),
        ('{fInt32: "{{ request.f_int32 }}"}', {"f_int32": 7}),
        ('"{{ request }}"', ...),
        ('"{{ request.f_self }}"', {"f_string": "self"}),
        ('{c_string: "{{ request.f_int32 }}"}', {"c_string": "7"}),
        ('{f_string: "{{ request.r_string }}"}', None),
    ],
)  # fmt: skip
def test_templates_fit_their_fields(compiler: Any, written: str, tree: Any) -> None:
    request = compiler.request(
        f_int32=7,
        f_int64=9007199254740993,
        f_bytes=b"\0\xff",
        r_string=["x", "y"],
        m_string_int32={"a": 1},
        f_message={"name": "n", "color": 1},
        f_self={"f_string": "self"},
        w_timestamp={"seconds": 1893456000, "nanos": 1},
        w_duration={"seconds": 1, "nanos": 500_000_000},
        w_int64={"value": 5},
    )
    request.w_struct.update({"a": [1, "b", None]})
    compiled = compiler(f"response: {written}")
    if tree is None:
        assert "expected a string, not a list" in reply_error(compiled, request=request)
        return
    assert compiled.tree(request=request) == (to_tree(request) if tree is ... else tree)


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ('{f_int32: "{{ request.f_string }}"}', "stub n: response.f_int32: expected an int32"),
        ('{f_int32: "{{ 1 // request.f_int32 }}"}', "stub n: response.f_int32: the template"),
        ('{f_message: "{{ request.f_int32 }}"}', "stub n: response.f_message: expected a mapping"),
        ('{f_string: "{{ request.o_int32 + 1 }}"}', "o_int32 is not set"),
        ('{f_string: "{{ metadata.nope }}"}', "the request has no metadata 'nope'"),
        ('{r_message: [{}, {number: "{{ request.f_string }}"}]}', "response.r_message[1].number"),
        ('{f_string: "{{ request[request.f_string] }}"}', "kitchen.Everything has no field 'abc'"),
        ('{f_timestamp: 1, w_timestamp: "{{ request.f_string }}"}', None),
    ],
)
def test_what_does_not_fit_fails_the_call_naming_stub_field_and_reason(
    compiler: Any, written: str, error: str | None
) -> None:
    compiled = compiler(f"name: n\nresponse: {written}")
    if error is None:
        assert "no field 'f_timestamp'" in compiled.errors[0]
        return
    assert error in reply_error(compiled, request=compiler.request(f_string="abc"))


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("{nmae: 1}", "2:14: response.nmae: "),
        ('{nmae: "{{ request.f_int32 }}"}', "response.nmae: "),
        ('{f_string: 5, f_int32: "{{ 1 }}"}', "response.f_string: expected a string"),
        (
            '{f_string: "{{ request.nmae }}"}',
            "response.f_string: 'request' is a kitchen.Everything; it has no",
        ),
        ('{f_string: "{{ 1 + }}"}', "response.f_string: The template has a syntax error"),
        ('"x {{ request.f_string }}"', "response: expected a message kitchen.Everything, not a text with templates"),
        ('{f_string: "{{ 1 // 0 }}"}', "response.f_string: the template '{{ 1 // 0 }}' can't be rendered"),
        ("{f_int32: \"{{ 'x' }}\"}", "response.f_int32: expected an int32"),
    ],
)
def test_what_can_be_known_at_load_is_an_error_at_load(compiler: Any, written: str, error: str) -> None:
    (found,) = compiler(f"response: {written}").errors
    assert error in found


def test_templates_of_the_row_alone_are_folded(compiler: Any) -> None:
    compiled = compiler(
        """each: [{id: "7", n: 5, tags: [a, b]}]
response: {f_int32: "{{ row.id }}", f_string: "{{ row.n }}", r_string: "{{ row.tags }}"}"""
    )
    assert compiled.plan.constant == compiler.request(f_int32=7, f_string="5", r_string=["a", "b"]).SerializeToString()


def test_row_and_request_go_together(compiler: Any) -> None:
    compiled = compiler("""each: [{n: Bob}]\nresponse: {f_string: "{{ row.n }} {{ request.f_int32 }}"}""")
    assert compiled.tree(request=compiler.request(f_int32=3), row={"n": "Bob"}) == {"f_string": "Bob 3"}


_TREES = st.fixed_dictionaries(
    {},
    optional={
        "f_double": st.floats(allow_nan=False, allow_infinity=False),
        "f_int32": st.integers(-(2**31), 2**31 - 1),
        "f_uint64": st.integers(0, 2**64 - 1).map(str),
        "f_bool": st.just(True),
        "o_string": st.text('aé"\n 世🦊', max_size=10),
        "f_bytes": st.binary(min_size=1, max_size=5).map(lambda data: base64.b64encode(data).decode()),
        "r_int32": st.lists(st.integers(-5, 5), min_size=1, max_size=3),
        "m_string_int32": st.dictionaries(st.text("abc", max_size=2), st.integers(1, 5), min_size=1, max_size=3),
        "f_message": st.fixed_dictionaries({"number": st.integers(1, 5)}),
        "w_int64": st.integers(1, 5).map(str),
        "w_timestamp": st.just("2030-01-31T12:00:00Z"),
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TREES)
def test_what_is_written_is_what_is_sent(compiler: Any, tree: dict[str, Any]) -> None:
    import json

    tree = {key: value for key, value in tree.items() if value not in (0, "0")}
    sent = compiler(f"response: {json.dumps(tree, ensure_ascii=False)}").messages()
    assert to_tree(sent[0]) == tree
    # and the request passed whole gives the same message again
    echoed = compiler('response: "{{ request }}"').messages(request=sent[0])
    assert echoed == sent
    by_field = compiler("response: {{{}}}".format(", ".join(f'{key}: "{{{{ request.{key} }}}}"' for key in tree)))
    assert by_field.messages(request=sent[0]) == sent


@pytest.mark.parametrize(
    ("method", "written", "tree"),
    [
        ("Text", '"Hello {{ request }}"', "Hello Ada"),
        ("Json", '"{{ 1 + 1 }} of {{ request | length }}"', "2 of 0"),
        ("When", '"{{ 2020 + 7 }}-01-01T{{ 10 }}:00:00Z"', "2027-01-01T10:00:00Z"),
        ("HowLong", '"{{ request | length }}5s"', "5s"),
        ("Which", '"a,{{ call.count }}"', "a,1"),
        ("Data", '''"aGk{{ '=' }}"''', "aGk="),
    ],
)
def test_a_text_with_a_template_may_be_the_whole_message_of_a_type_that_is_a_text(
    compiler: Any, method: str, written: str, tree: str
) -> None:
    compiled = compiler(f"response: {written}", f"answers.v1.Whole/{method}", protos=("answers.proto",))
    request = compiled.method.request_class(**({"value": "Ada"} if method == "Text" else {}))
    assert compiled.tree(request=request, count=1) == tree


@pytest.mark.parametrize("method", ["Is", "Object", "Array", "Make"])
def test_a_text_with_a_template_is_refused_where_the_type_is_never_a_text(compiler: Any, method: str) -> None:
    (error,) = compiler(
        'response: "Hello {{ request }}"', f"answers.v1.Whole/{method}", protos=("answers.proto",)
    ).errors
    assert "not a text with templates in it" in error
