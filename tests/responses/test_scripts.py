from __future__ import annotations

from typing import Any

import pytest

from grpcmock.responses.delays import Delay
from grpcmock.responses.plan import ExpectStep, FinishStep, OnStep, PauseStep, RepeatStep
from grpcmock.status import Code


def script(text: str, rest: str = "") -> str:
    return f"{rest}\nscript:\n{text}".strip()


@pytest.mark.parametrize(
    ("method", "text", "names"),
    [
        ("Bidi", "- send: {f_int32: 1}", "['Send', 'Finish']"),
        ("Bidi", "- expect: {f_int32: 1}\n- send: {}\n- wait: 1s\n- half_close\n- finish",
         "['Expect', 'Send', 'Pause', 'HalfClose', 'Finish']"),
        ("Bidi", "- headers: {a: 1}\n- error: {code: 5}", "['Headers', 'Finish']"),
        ("Bidi", "- half_close:\n- finish: {trailers: {a: 1}}", "['HalfClose', 'Finish']"),
        ("Bidi", "- repeat: {times: 3, every: 1s, steps: [{send: {}}]}", "['Repeat', ['Send'], 'Finish']"),
        ("Bidi", "- repeat: {times: forever, every: 1s, steps: [{send: {}}]}", "['Repeat', ['Send']]"),
        ("Bidi", "- on: [{request: {f_int32: 1}, send: {}}, {send: [{}, {}], error: {code: 5}}]\n  until: half_close",
         "['On', ['Arm', ['Send'], 'Arm', ['Send', 'Send', 'Finish']], 'Finish']"),
        ("Bidi", "- on: [{request: {f_int32: 1}, steps: [{expect: {}}, {send: {}}]}, {wait: 1s, finish: true}]",
         "['On', ['Arm', ['Expect', 'Send'], 'Arm', ['Pause', 'Finish']], 'Finish']"),
        ("Unary", "- wait: 1s\n- send: {}", "['Pause', 'Send', 'Finish']"),
        ("Unary", "- error: {code: 5}", "['Finish']"),
        ("Unary", "- wait: forever", "['Pause', 'Finish']"),
        ("Bidi", "- on: [{request: {f_int32: 1}, send: {}}, {wait: forever}]",
         "['On', ['Arm', ['Send'], 'Arm', ['Pause']], 'Finish']"),
        ("ServerStream", "- repeat: {times: forever, steps: [{send: {}}]}", "['Repeat', ['Send']]"),
        ("ClientStream", "- expect: {}\n- half_close\n- send: {}", "['Expect', 'HalfClose', 'Send', 'Finish']"),
        ("ClientStream", "- repeat: {times: 2, steps: [{expect: {}}]}\n- send: {}",
         "['Repeat', ['Expect'], 'Send', 'Finish']"),
        ("ClientStream", "- on: [{request: {f_int32: 1}, error: {code: 5}}, {}]\n- send: {}",
         "['On', ['Arm', ['Finish'], 'Arm', []], 'Send', 'Finish']"),
    ],
)  # fmt: skip
def test_every_step_is_read(compiler: Any, method: str, text: str, names: str) -> None:
    assert str(compiler(script(text), method).names()) == names


@pytest.mark.parametrize(
    ("method", "text", "error"),
    [
        ("Bidi", "- sned: {}", "script[0]: unknown step 'sned'. Did you mean 'send'?"),
        ("Bidi", "- halfclose", "script[0]: unknown step 'halfclose'. Did you mean 'half_close'?"),
        ("Bidi", "- send", "script[0]: the step 'send' needs a value. Write 'send: …'."),
        ("Bidi", "- 5", "script[0]: expected a step such as {send: …}, not a number."),
        ("Bidi", "- {}", "script[0]: expected a step, not an empty mapping."),
        ("Bidi", "- {send: {}, wait: 1s}", "script[0]: a step has one key, not 2 (send, wait)."),
        ("Bidi", "- {send: {}, until: half_close}", "script[0]: unknown step 'until'."),
        ("Bidi", "- send: {nope: 1}", "script[0].send.nope: "),
        ("Bidi", "- send: [{}]", "script[0].send: expected a mapping"),
        ("Bidi", "- expect: {nope: 1}", "script[0].expect"),
        ("Bidi", "- wait: soon", "script[0].wait: expected a duration"),
        ("Bidi", "- headers: {A: 1}", "script[0].headers: the metadata key 'A'"),
        ("Bidi", "- error: {}", "script[0].error: an error needs a code."),
        ("Bidi", "- error: NOT_FOUND", "expected a mapping such as {code: NOT_FOUND, message: …}, not a string."),
        ("Bidi", "- headers: 5", "script[0].headers: expected a mapping from keys to values, not a number."),
        ("Bidi", "- repeat: {times: '{{ request.f_int32 }}', steps: [{send: {}}]}", "a template can't stand here"),
        ("Bidi", "- on: [{steps: 5}]", "script[0].on[0].steps: expected a list of steps, not a number."),
        ("Bidi", "- half_close: 5", "half_close: expected nothing, not a number."),
        ("Bidi", "- finish: {code: 5}", "script[0].finish: unknown key 'code'."),
        ("Bidi", "- finish: 5", "script[0].finish: expected nothing, or {trailers: …}, not a number."),
        ("Bidi", "- finish\n- send: {}", "this step is never reached"),
        ("Bidi", "- error: {code: 5}\n- send: {}", "this step is never reached"),
        ("Bidi", "- repeat: {times: forever, steps: [{wait: 1s}]}\n- finish", "this step is never reached"),
        ("Bidi", "- repeat: 3", "script[0].repeat: expected {times: …, steps: […]}, not a number."),
        ("Bidi", "- repeat: {steps: [{send: {}}]}", "a repeat needs 'times'. Write a number, or forever."),
        ("Bidi", "- repeat: {times: 3}", "script[0].repeat: a repeat needs 'steps'."),
        ("Bidi", "- repeat: {times: 3, steps: []}", "script[0].repeat.steps: there is nothing to repeat."),
        ("Bidi", "- repeat: {times: 0, steps: [{send: {}}]}", "script[0].repeat.times: expected a number from 1"),
        ("Bidi", "- repeat: {times: often, steps: [{send: {}}]}", "script[0].repeat.times: expected a number from 1"),
        ("Bidi", "- repeat: {tims: 3, times: 3, steps: [{send: {}}]}", "unknown key 'tims'. Did you mean 'times'?"),
        ("Bidi", "- repeat: {times: 3, steps: [{sned: {}}]}", "script[0].repeat.steps[0]: unknown step 'sned'."),
        ("Bidi", "- on: {}", "expected a list of arms, each {request: …, send: …}, not a mapping."),
        ("Bidi", "- on: []", "not an empty one."),
        ("Bidi", "- on: [5]", "script[0].on[0]: expected {request: …, send: …}, not a number."),
        ("Bidi", "- on: [{reqest: {}}]", "script[0].on[0]: unknown key 'reqest'. Did you mean 'request'?"),
        ("Bidi", "- on: [{request: {nope: 1}}]", "script[0].on[0].request"),
        ("Bidi", "- on: [{send: {nope: 1}}]", "script[0].on[0].send.nope: "),
        ("Bidi", "- on: [{send: [{}, {nope: 1}]}]", "script[0].on[0].send[1].nope: "),
        ("Bidi", "- on: [{send: {}}, {request: {f_int32: 1}}]", "script[0].on[1]: this arm is never reached"),
        ("Bidi", "- on: [{error: {code: 5}, finish: true}]", "'error' and 'finish' exclude each other."),
        ("Bidi", "- on: [{steps: [], send: {}}]", "'steps' says all that is done; 'send' can't stand beside it."),
        ("Bidi", "- on: [{}]\n  until: never", "script[0].until: expected half_close or a pattern, not a string."),
        ("Bidi", "- send: {}\n- headers: {a: 1}", "script[1].headers: headers can be sent once only"),
        ("Bidi", "- repeat: {times: 2, steps: [{headers: {a: 1}}]}", "steps[0].headers: headers can be sent once"),
        ("Bidi", "- on: [{steps: [{headers: {a: 1}}]}]", "headers can be sent once"),
        ("Unary", "- wait: 1s", "script: the call would end without a message; the method is unary"),
        ("Unary", "- send: {}\n- send: {}", "script[1].send: this would send a second message"),
        ("Unary", "- repeat: {times: 2, steps: [{send: {}}]}", "would send a second message"),
        ("ClientStream", "- on: [{send: {}}]", None),
        ("ClientStream", "- on: [{request: {f_int32: 1}, finish: true}]\n- send: {}", "would end without a message"),
        ("ClientStream", "- on: [{request: {f_int32: 1}, send: {}}]", None),
        ("Bidi", '- send: {f_string: "{{ message.nope }}"}', "it has no field 'nope'."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(compiler: Any, method: str, text: str, error: str | None) -> None:
    errors = compiler(script(text), method).errors
    if error is None:
        assert errors
        return
    (found,) = errors
    assert error in found


def test_an_empty_script_ends_at_once(compiler: Any) -> None:
    assert compiler("script: []", "Bidi").names() == ["Finish"]


def test_all_mistakes_are_reported(compiler: Any) -> None:
    assert len(compiler(script("- sned: {}\n- wait: x\n- send: {nope: 1}"), "Bidi").errors) == 3


def test_expectations_know_their_place(compiler: Any) -> None:
    step = compiler(script("- send: {}\n- expect: {f_int32: 1}"), "Bidi").plan.steps[1]
    assert isinstance(step, ExpectStep)
    assert (step.number, step.path, step.location.line) == (2, "script[1].expect", 4)  # type: ignore[union-attr]
    assert step.pattern is not None
    assert step.pattern.holds(compiler.request(f_int32=1))
    assert not step.pattern.holds(compiler.request(f_int32=2))


@pytest.mark.parametrize("written", ["{}", "null", ""])
def test_an_empty_expectation_takes_any_message(compiler: Any, written: str) -> None:
    step = compiler(script(f"- expect: {written}"), "Bidi").plan.steps[0]
    assert isinstance(step, ExpectStep)
    assert step.pattern is None


def test_loops(compiler: Any) -> None:
    steps = compiler(script("- repeat: {times: 3, every: 1s, steps: [{send: {}}]}"), "Bidi").plan.steps
    assert isinstance(steps[0], RepeatStep)
    assert (steps[0].times, steps[0].every) == (3, Delay(1.0))
    steps = compiler(script("- repeat: {times: forever, steps: [{send: {}}]}"), "Bidi").plan.steps
    assert isinstance(steps[0], RepeatStep)
    assert (steps[0].times, steps[0].every, len(steps)) == (None, None, 1)


def test_an_on_may_end_at_a_message(compiler: Any) -> None:
    (step, _) = compiler(script("- on: [{send: {}}]\n  until: {f_string: bye}"), "Bidi").plan.steps
    assert isinstance(step, OnStep)
    assert step.until is not None
    assert step.until.holds(compiler.request(f_string="bye"))
    (step, _) = compiler(script("- on: [{send: {}}]\n  until: half_close"), "Bidi").plan.steps
    assert isinstance(step, OnStep)
    assert step.until is None


def test_what_stands_beside_a_script_frames_it(compiler: Any) -> None:
    compiled = compiler(
        script("- send: {}\n- finish: {trailers: {b: 2}}", "headers: {a: 1}\ndelay: 2s\ntrailers: {a: 1}"), "Bidi"
    )
    assert compiled.names() == ["Headers", "Pause", "Send", "Finish"]
    assert compiled.plan.steps[1] == PauseStep(Delay(2.0))
    assert compiled.outcome() == (Code.OK, "", (("a", "1"), ("b", "2")))
    compiled = compiler(script("- send: {}", "trailers: {a: 1}"), "Bidi")
    assert compiled.outcome().trailers == (("a", "1"),)


def test_headers_beside_a_script_exclude_headers_in_it(compiler: Any) -> None:
    (found,) = compiler(script("- headers: {b: 1}", "headers: {a: 1}"), "Bidi").errors
    assert "script[0].headers: headers can be sent once" in found


def test_scripts_see_the_last_message(compiler: Any) -> None:
    compiled = compiler(
        script('- send: {f_string: "{{ message.f_int32 }} of {{ requests | length }}, {{ request.f_int32 }}"}'), "Bidi"
    )
    requests = [compiler.request(f_int32=1), compiler.request(f_int32=2)]
    tree = compiled.tree(request=requests[0], requests=requests, message=requests[1])
    assert tree == {"f_string": "2 of 2, 1"}


def test_rows_reach_into_scripts(compiler: Any) -> None:
    steps = compiler(
        script(
            """- expect: {f_int32: "{{ row.id }}"}
- repeat: {times: "{{ row.n }}", every: "{{ row.d }}", steps: [{send: {f_string: "{{ row.id }}"}}]}""",
            "each: [{id: 7, n: '2', d: 1s}]",
        ),
        "Bidi",
    ).plan.steps
    assert isinstance(steps[0], ExpectStep)
    assert steps[0].pattern is not None
    assert steps[0].pattern.holds(compiler.request(f_int32=7))
    assert isinstance(steps[1], RepeatStep)
    assert (steps[1].times, steps[1].every) == (2, Delay(1.0))


def test_steps_nest_only_so_deep(compiler: Any) -> None:
    text = "{send: {}}"
    for _ in range(25):
        text = f"{{repeat: {{times: 1, steps: [{text}]}}}}"
    (found,) = compiler(script(f"- {text}"), "Bidi").errors
    assert "steps are nested more than 20 deep" in found


def test_an_end_inside_a_script_is_the_last_step(compiler: Any) -> None:
    steps = compiler(script("- error: {code: 5}"), "Bidi").plan.steps
    assert len(steps) == 1
    assert isinstance(steps[0], FinishStep)
