from __future__ import annotations

from typing import Any

import pytest

from grpcmock.responses.delays import Delay
from grpcmock.responses.faults import Fault, FaultKind
from grpcmock.responses.plan import PauseStep
from grpcmock.status import Code

ERROR = "error: {code: ABORTED}"


@pytest.mark.parametrize(
    ("method", "text", "names"),
    [
        ("Unary", "response: {}", "Send Finish"),
        ("Unary", "", "Send Finish"),
        ("Unary", ERROR, "Finish"),
        ("Unary", "response: {}\nheaders: {a: 1}\ndelay: 1s", "Headers Pause Send Finish"),
        ("Unary", f"{ERROR}\nheaders: {{a: 1}}\ndelay: 1s", "Headers Pause Finish"),
        ("Unary", "headers: {}\ndelay: 0s", "Send Finish"),
        ("ServerStream", "", "Finish"),
        ("ServerStream", "responses: []", "Finish"),
        ("ServerStream", "response: {}", "Send Finish"),
        ("ServerStream", "responses: [{}, {}, {}]\ninterval: 1s", "Send Pause Send Pause Send Finish"),
        ("ServerStream", f"responses: [{{}}, {{}}]\n{ERROR}", "Send Send Finish"),
        ("ServerStream", "responses: [{}]\nheaders: {a: 1}\ndelay: 1s", "Headers Pause Send Finish"),
        ("ClientStream", "", "HalfClose Send Finish"),
        ("ClientStream", "response: {}\nheaders: {a: 1}\ndelay: 1s", "HalfClose Headers Pause Send Finish"),
        ("ClientStream", ERROR, "HalfClose Finish"),
        ("Bidi", "", "HalfClose Finish"),
        ("Bidi", "responses: [{}, {}]\ninterval: 1s", "Send Pause Send HalfClose Finish"),
        ("Bidi", f"responses: [{{}}]\n{ERROR}", "Send Finish"),
        ("Bidi", ERROR, "Finish"),
        ("Bidi", "headers: {a: 1}\ndelay: 1s", "Headers Pause HalfClose Finish"),
    ],
)
def test_plain_answers_become_steps(compiler: Any, method: str, text: str, names: str) -> None:
    assert compiler(text, method).names() == names.split()


@pytest.mark.parametrize(
    ("method", "text", "constant"),
    [
        ("Unary", "response: {f_int32: 1}", b"\x18\x01"),
        ("Unary", "", b""),
        ("Unary", 'response: {f_int32: "{{ 1 }}"}', b"\x18\x01"),
        ("Unary", "response: {f_int32: 1}\ndelay: 0s\nheaders: {}", b"\x18\x01"),
        ("Unary", "response: {}\ntrailers: {a: 1}", None),
        ("Unary", "response: {}\nheaders: {a: 1}", None),
        ("Unary", "response: {}\ndelay: 1ms", None),
        ("Unary", "response: {}\nset: {a: b}", None),
        ("Unary", "response: {}\nfault: {hang: true}", None),
        ("Unary", 'response: {f_string: "{{ uuid() }}"}', None),
        ("Unary", ERROR, None),
        ("ServerStream", "response: {}", None),
        ("ClientStream", "response: {}", None),
        ("Nothing", "response: {}", b""),
    ],
)
def test_one_constant_message_and_nothing_else_is_the_fast_path(
    compiler: Any, method: str, text: str, constant: bytes | None
) -> None:
    assert compiler(text, method).plan.constant == constant


@pytest.mark.parametrize(
    ("method", "text", "error"),
    [
        ("Unary", "responses: [{}, {}]", "is unary: it answers with one message, not 2. Write 'response'."),
        ("Unary", "responses: []", "it answers with one message, not 0."),
        ("ClientStream", "responses: [{}, {}]", "is client streaming: it answers with one message, not 2."),
        ("Unary", f"response: {{}}\n{ERROR}", "is unary: it answers with a message or an error, not both."),
        ("Unary", "responses: [{}]\ninterval: 1s", "it sends one message, so there is no 'interval'. Write 'delay'."),
        ("Unary", "response: {}\ndelay: soon", "delay: expected a duration"),
        ("Unary", "response: {}\nfault: {hnag: true}", "fault: unknown fault 'hnag'."),
        ("Unary", 'set: {a: "{{ request.f_string }}"}', "set.a: a template can't stand here"),
        ("Unary", 'delay: "{{ request.f_string }}"', "delay: a template can't stand here"),
        ("Unary", "answers: [{response: {}}, {response: {nope: 1}}]", "answers[1].response.nope: "),
        ("ServerStream", "responses: [{}, {nope: 1}]", "responses[1].nope: "),
        ("ServerStream", "response: {nope: 1}", "response.nope: "),
    ],
)  # fmt: skip
def test_answers_that_the_method_cannot_give_are_refused(compiler: Any, method: str, text: str, error: str) -> None:
    (found,) = compiler(text, method).errors
    assert error in found


def test_every_mistake_of_an_answer_is_reported(compiler: Any) -> None:
    errors = compiler(
        "response: {nope: 1, f_int32: x}\nheaders: {A: 1}\ntrailers: {B: 1}\ndelay: x\nfault: {y: 1}"
    ).errors
    assert len(errors) == 6


def test_the_pauses_are_where_they_belong(compiler: Any) -> None:
    steps = compiler("responses: [{}, {}]\ndelay: 2s\ninterval: 1s", "ServerStream").plan.steps
    assert [step.delay for step in steps if isinstance(step, PauseStep)] == [Delay(2.0), Delay(1.0)]


def test_states_and_faults_go_into_the_plan(compiler: Any) -> None:
    plan = compiler("set: {login: done}\nfault: {abort: 14, rate: 0.5}").plan
    assert plan.set == {"login": "done"}
    assert plan.fault == Fault(FaultKind.ABORT, Code.UNAVAILABLE, 0.5)


def test_rows_reach_every_part(compiler: Any) -> None:
    plan = compiler("""each: [{d: 1s, s: done, v: x, k: UNAVAILABLE}]
delay: "{{ row.d }}"
set: {login: "{{ row.s }}"}
trailers: {a: "{{ row.v }}"}
fault: {abort: "{{ row.k }}"}""").plan
    assert plan.steps[0] == PauseStep(Delay(1.0))
    assert plan.set == {"login": "done"}
    assert plan.steps[-1].constant.trailers == (("a", "x"),)  # type: ignore[union-attr]
    assert plan.fault == Fault(FaultKind.ABORT, Code.UNAVAILABLE)


def test_a_drip_on_a_single_message_is_warned_of(compiler: Any) -> None:
    compiled = compiler("response: {}\nfault: {drip: 10ms}")
    assert compiled.errors == []
    assert "so 'drip' changes nothing" in str(compiled.problems.warnings[0])


def test_faults_of_other_engines_are_refused(compiler: Any) -> None:
    (found,) = compiler("fault: {reset: true}", faults=frozenset({"abort"})).errors
    assert "the transport aio can't put 'reset' on the wire." in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "response: {}",
        "response: {name: x}",
        "delay: 1s",
        'response: {name: "{{ 1 }}"}',
        'response: {name: "{{ request.name }}"}',
        'response: {id: 1, inner: {name: "{{ request.name }}"}}',
        "script: [{send: {}}]",
    ],
)
def test_a_required_field_is_missed_at_load(compiler: Any, text: str) -> None:
    (found,) = compiler(text, "required.RequiredService/Get", protos=("required.proto",)).errors
    assert "the required field id of required.Badge is missing." in found


def test_a_required_field_may_be_a_template(compiler: Any) -> None:
    compiled = compiler(
        'response: {id: "{{ request.id }}"}', "required.RequiredService/Get", protos=("required.proto",)
    )
    request = compiled.method.request_class(id=7)
    assert compiled.messages(request=request) == [request]
