from __future__ import annotations

import base64
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import DebugInfo, RetryInfo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grpcmock.errors import RenderError
from grpcmock.responses.context import RenderContext
from grpcmock.responses.plan import HeadersStep, RenderableMetadata


def headers(compiled: Any) -> RenderableMetadata:
    step = compiled.plan.steps[0]
    assert isinstance(step, HeadersStep)
    return step.metadata


@pytest.mark.parametrize(
    ("written", "pairs"),
    [
        ("{x-id: abc}", (("x-id", "abc"),)),
        ("{x-id: 7, y: true, z: 1.5}", (("x-id", "7"), ("y", "true"), ("z", "1.5"))),
        ("{x: [a, b], y: c}", (("x", "a"), ("x", "b"), ("y", "c"))),
        ("{k-bin: AAH/, l-bin: AAH_, m-bin: YQ}", (("k-bin", b"\0\1\xff"), ("l-bin", b"\0\1\xff"), ("m-bin", b"a"))),
        ('{x: ""}', (("x", ""),)),
        ("{grpc-retry-pushback-ms: 10}", (("grpc-retry-pushback-ms", "10"),)),
        ('{x: "{{ 1 + 1 }}"}', (("x", "2"),)),
    ],
)
def test_constants_are_made_ready_at_load(compiler: Any, written: str, pairs: Any) -> None:
    assert headers(compiler(f"headers: {written}")).constant == pairs


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (
            "{X-Id: a}",
            "headers: the metadata key 'X-Id' has upper-case letters; gRPC sends lower case",
        ),
        ('{":path": a}', "':path' is a pseudo-header"),
        ("{grpc-timeout: 1S}", "headers: the metadata key 'grpc-timeout' is reserved for gRPC itself."),
        ("{grpc-status: 5}", "Write it under 'error'."),
        ("{content-type: x}", "'content-type' is a header of HTTP itself"),
        ("{a b: x}", "'a b' is not a metadata key. Keys are made of a-z"),
        ("{é: x}", "'é' is not a metadata key."),
        ("{x: é}", "headers.x: expected printable ASCII, not 'é'. Other bytes need a key that ends in '-bin'"),
        ('{x: "a\\nb"}', "expected printable ASCII"),
        ("{x: [a, é]}", "headers.x[1]: expected printable ASCII"),
        ("{x: null}", "headers.x: expected a string, not null."),
        ("{x: {a: 1}}", "expected a string, not a mapping."),
        ("{x-bin: é}", "headers['x-bin']: expected bytes in base64"),
        ("{x-bin: a}", "expected bytes in base64"),
        ('{x: "{{ nope }}"}', "headers.x: there is no variable 'nope'."),
    ],
)
def test_what_grpc_cannot_send_is_refused_at_load(compiler: Any, written: str, error: str) -> None:
    (found,) = compiler(f"headers: {written}").errors
    assert error in found


def test_templates_are_rendered_for_each_call(compiler: Any) -> None:
    found = headers(
        compiler(
            """headers:
  a: "{{ request.f_string }}!"
  b: [x, "{{ metadata.all('k') }}"]
  c-bin: "{{ request.f_bytes }}\""""
        )
    )
    context = RenderContext(request=compiler.request(f_string="hi", f_bytes=b"\xff"), metadata={"k": ["1", "2"]})
    assert found.render(context) == (("a", "hi!"), ("b", "x"), ("b", "1"), ("b", "2"), ("c-bin", b"\xff"))


def test_a_rendered_value_that_cannot_be_sent_fails_the_call(compiler: Any) -> None:
    found = headers(compiler('name: n\nheaders: {a: "{{ request.f_string }}"}'))
    with pytest.raises(RenderError, match=r"stub n: headers\.a: expected printable ASCII, not 'é'"):
        found.render(RenderContext(request=compiler.request(f_string="é")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40))
def test_binary_values_go_out_as_they_came_in(compiler: Any, data: bytes) -> None:
    written = base64.b64encode(data).decode()
    assert headers(compiler(f'headers: {{k-bin: "{written}"}}')).constant == (("k-bin", data),)


DELAY = '{"@type": google.rpc.RetryInfo, retry_delay: 0.5s}'


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (f"trailers: {{k-bin: {DELAY}}}", [RetryInfo(retry_delay={"nanos": 500_000_000})]),  # type: ignore[dict-item]
        ('trailers: {k-bin: {"@type": x/google.protobuf.Duration, value: 1s}}', [Duration(seconds=1)]),
        (f"trailers: {{k-bin: [AAE=, {DELAY}]}}", [b"\0\1", RetryInfo(retry_delay={"nanos": 500_000_000})]),  # type: ignore[dict-item]
        ('trailers: {k-bin: {"@type": google.rpc.DebugInfo, detail: "{{ request.f_int32 + 1 }}"}}',
         [DebugInfo(detail="8")]),
    ],
)  # fmt: skip
def test_a_message_may_be_the_value_of_a_binary_key(compiler: Any, written: str, values: list[Any]) -> None:
    compiled = compiler(written)
    outcome = compiled.outcome(request=compiler.request(f_int32=7))
    expected = [value if isinstance(value, bytes) else value.SerializeToString() for value in values]
    assert [value for key, value in outcome.trailers if key == "k-bin"] == expected


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("trailers: {k-bin: {a: 1}}", "an Any needs the type of what it holds"),
        ('trailers: {k-bin: {"@type": google.rpc.RetryInfo, retry: 1s}}', "has no field 'retry'"),
        ('trailers: {k: {"@type": google.rpc.RetryInfo}}', "A message needs a key that ends in '-bin'."),
    ],
)
def test_a_message_that_does_not_fit_its_key_is_an_error(compiler: Any, written: str, error: str) -> None:
    [found] = compiler(written).errors
    assert error in found
