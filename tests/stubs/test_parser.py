"""A stub's keys are checked for shape and fit, every problem is noted, and what is right is kept."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.errors import Problems
from grpcmock.stubs import Stub, Verify
from grpcmock.stubs.dump import to_plain
from grpcmock.stubs.parser import check_defaults, parse_stub, with_defaults
from grpcmock.stubs.yaml import parse
from grpcmock.tree import Node


def read(text: str) -> Node:
    (node,) = parse(text, "a.yaml", problems := Problems())
    assert not len(problems)
    return node


def stub_of(text: str) -> Stub:
    stub = parse_stub(read(text), problems := Problems())
    assert [str(problem) for problem in problems] == []
    assert stub is not None
    return stub


def plain(value: Any) -> Any:
    return value.plain() if isinstance(value, Node) else value


def test_the_least_stub() -> None:
    stub = stub_of("method: a.B/C")
    assert (stub.method, stub.name, str(stub.location), str(stub.method_location)) == (
        "a.B/C",
        "a.yaml:1",
        "a.yaml:1",
        "a.yaml:1:9",
    )
    assert stub == Stub(method="a.B/C", name="a.yaml:1")


def test_every_key() -> None:
    stub = stub_of(
        """
name: n
method: a.B/C
priority: -3
request: {a: 1}
requests: [{a: 1}]
metadata: {k: v}
deadline: {$gt: 1}
when: request.a == 1
state: {s: started}
times: 2
given: words
responses: [{a: 1}, {a: 2}]
error: {code: 5}
interval: 1s
headers: {h: v}
trailers: {t: v}
delay: 5ms
set: {s: done}
fault: {hang: true}
verify: {ignore: [a.b], compare: exact}
"""
    )
    (answer,) = stub.answers
    assert (stub.name, stub.priority, stub.times, stub.given, stub.then) == ("n", -3, 2, "words", "last")
    assert (plain(stub.request), plain(stub.requests), plain(stub.metadata)) == ({"a": 1}, [{"a": 1}], {"k": "v"})
    assert (plain(stub.deadline), plain(stub.when), stub.state) == ({"$gt": 1}, "request.a == 1", {"s": "started"})
    assert [plain(response) for response in answer.responses or ()] == [{"a": 1}, {"a": 2}]
    assert (plain(answer.error), plain(answer.interval), plain(answer.delay)) == ({"code": 5}, "1s", "5ms")
    assert (plain(answer.headers), plain(answer.trailers), answer.set) == ({"h": "v"}, {"t": "v"}, {"s": "done"})
    assert plain(answer.fault) == {"hang": True}
    assert stub.verify == Verify(ignore=("a.b",), compare="exact")


def test_response_is_a_stream_of_one_and_nothing_is_nothing() -> None:
    assert [plain(r) for r in stub_of("{method: a, response: {x: 1}}").answers[0].responses or ()] == [{"x": 1}]
    assert stub_of("{method: a}").answers[0].responses is None
    assert stub_of("{method: a, responses: []}").answers[0].responses == ()


def test_answers_share_what_the_stub_says_for_all() -> None:
    stub = stub_of(
        """
method: a
headers: {x: "1", y: "1"}
delay: 1s
set: {s: a}
answers:
  - response: {v: 1}
  - error: {code: 1}
    headers: {y: "2"}
    delay: {min: 1s, max: 2s}
    set: {t: b}
then: miss
"""
    )
    first, second = stub.answers
    assert stub.then == "miss"
    assert (plain(first.headers), plain(first.delay), first.set) == ({"x": "1", "y": "1"}, "1s", {"s": "a"})
    assert (plain(second.headers), second.set) == ({"x": "1", "y": "2"}, {"s": "a", "t": "b"})
    assert plain(second.delay) == {"min": "1s", "max": "2s"}
    assert str(second.location) == "a.yaml:8"


def test_verify_can_be_switched_off() -> None:
    assert stub_of("{method: a, verify: false}").verify == Verify(enabled=False)
    assert stub_of("{method: a, verify: true}").verify == Verify()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "a.yaml:1:1: A stub must be a mapping with a 'method', not a list."),
        ("{}", "a.yaml:1:1: method: A stub needs a 'method'. Write method: package.Service/Method."),
        ("{method: 1}", "a.yaml:1:10: method: expected a string, not a number 1."),
        ("{method: ''}", "method: expected a string, not an empty one."),
        ("{method: ~}", "method: expected a string, not null."),
        ("{method: a, nmae: b}", "a.yaml:1:13: nmae: A stub has no key 'nmae'. Did you mean 'name'?"),
        ("{method: a, code: 5}", "code: A stub has no key 'code'. It belongs into 'error'."),
        ("{method: a, name: 5}", 'name: expected a string, not a number 5. Quote it: "5".'),
        ("{method: a, priority: high}", "priority: expected a whole number, not a string 'high'."),
        ("{method: a, priority: true}", "priority: expected a whole number, not a boolean True."),
        ("{method: a, times: 0}", "times: expected a whole number from 1, not a number 0."),
        ("{method: a, requests: 3}", "requests: expected a list of patterns"),
        ("{method: a, requests: {a: 1}}", "For all messages alike write {$each: {…}}."),
        ("{method: a, metadata: [a]}", "metadata: expected a mapping, not a list."),
        ("{method: a, when: true}", "when: expected a string, not a boolean True."),
        ("{method: a, state: {s: 1}}", "a.yaml:1:24: state.s: expected a string, not a number 1."),
        ("{method: a, given: []}", "given: expected a string, not a list."),
        ("{method: a, responses: {}}", "responses: expected a list, not a mapping."),
        ("{method: a, error: NOT_FOUND}", "error: expected a mapping, not a string 'NOT_FOUND'."),
        ("{method: a, script: {}}", "script: expected a list, not a mapping."),
        ("{method: a, headers: 1}", "headers: expected a mapping"),
        ("{method: a, trailers: 1}", "trailers: expected a mapping"),
        ("{method: a, fault: hang}", "fault: expected a mapping"),
        ("{method: a, set: done}", "set: expected a mapping"),
        ("{method: a, verify: 1}", "verify: expected false or {ignore, compare, response}"),
        ("{method: a, verify: {ignored: []}}", "verify.ignored: 'verify' has no key 'ignored'. Did you mean 'ignore'?"),
        ("{method: a, verify: {compare: equal}}", "verify.compare: expected exact or subset"),
        ("{method: a, verify: {ignore: [1]}}", "verify.ignore[0]: expected a string"),
        ("{method: a, answers: []}", "answers: expected at least one answer."),
        ("{method: a, answers: {}}", "answers: expected a list, not a mapping."),
        ("{method: a, answers: [1]}", "answers[0]: expected a mapping"),
        (
            "{method: a, answers: [{times: 1}]}",
            "answers[0].times: An answer has no key 'times'. It belongs on the stub",
        ),
        (
            "{method: a, answers: [{}, {respons: 1}]}",
            "answers[1].respons: An answer has no key 'respons'. Did you mean",
        ),
        ("{method: a, then: cycle}", "then: 'then' says what follows the last of several 'answers'."),
        ("{method: a, answers: [{}], then: stop}", "then: expected last, cycle or miss, not a string 'stop'."),
        ("{method: a, response: {}, responses: []}", "'response' and 'responses' can't stand together"),
        ("{method: a, script: [], response: {}}", "'response' and 'script' can't stand together"),
        ("{method: a, script: [], error: {}}", "Write the error as the last step"),
        ("{method: a, answers: [{}], error: {}}", "'error' and 'answers' can't stand together"),
        ("{method: a, response: {}, interval: 1s}", "interval: 'interval' is the pause between 'responses'"),
        ("{method: a, each: []}", "each: 'each' makes several stubs of one, and can't stand here."),
    ],
)
def test_what_is_wrong_is_said_once_with_place_and_path(text: str, problem: str) -> None:
    parse_stub(read(text), problems := Problems())
    (found,) = map(str, problems)
    assert problem in found


def test_everything_wrong_is_said_and_the_rest_is_kept() -> None:
    stub = parse_stub(read("{method: a, times: x, priority: y, request: {a: 1}, error: 5}"), problems := Problems())
    assert [problem.path for problem in problems] == ["error", "priority", "times"]
    assert {problem.stub for problem in problems} == {"a.yaml:1"}
    assert stub is not None
    assert plain(stub.request) == {"a": 1}


def merged(stub: str, defaults: str) -> Any:
    return with_defaults(read(stub), read(defaults)).plain()


@pytest.mark.parametrize(
    ("stub", "defaults", "expected"),
    [
        ("{method: a}", "{method: b, priority: 1}", {"method": "a", "priority": 1}),
        ("{metadata: {a: '1'}}", "{metadata: {a: '2', b: '3'}}", {"metadata": {"a": "1", "b": "3"}}),
        ("{request: {u: {a: 1}}}", "{request: {u: {b: 2}}}", {"request": {"u": {"a": 1, "b": 2}}}),
        ("{request: {a: 1}}", "{request: {a: {$gt: 1}}}", {"request": {"a": 1}}),
        ("{error: {code: 1}}", "{response: {a: 1}}", {"error": {"code": 1}}),
        ("{response: {b: 1}}", "{response: {a: 1}}", {"response": {"b": 1}}),
        ("{response: {}}", "{answers: [{}], then: cycle}", {"response": {}}),
        ("{response: {}}", "{responses: [], interval: 1s}", {"response": {}}),
        ("{responses: []}", "{interval: 1s}", {"responses": [], "interval": "1s"}),
        ("{delay: {min: 1s, max: 2s}}", "{delay: {median: 1s, sigma: 1}}", {"delay": {"min": "1s", "max": "2s"}}),
        ("{fault: {hang: true}}", "{fault: {reset: true}}", {"fault": {"hang": True}}),
        ("{}", "{response: {a: 1}, trailers: {x: y}}", {"response": {"a": 1}, "trailers": {"x": "y"}}),
    ],
)
def test_defaults_lie_under_a_stub(stub: str, defaults: str, expected: Any) -> None:
    assert merged(stub, defaults) == expected


def test_defaults_are_checked_once() -> None:
    node = read("{name: a, each: [], bogus: 1, priority: x, method: a, then: cycle, interval: 1s}")
    kept = check_defaults(node, problems := Problems())
    assert [problem.path for problem in problems] == ["defaults", "defaults", "bogus", "priority"]
    assert kept is not None
    assert kept.plain() == {"method": "a", "then": "cycle", "interval": "1s"}


def test_a_problem_in_defaults_has_its_own_place() -> None:
    defaults = read("\n\nmetadata: {a: 1}\n")
    stub = with_defaults(read("{method: a}"), defaults)
    assert str(stub.key_location("metadata")) == "a.yaml:3:1"


def test_what_a_real_answer_must_look_like_is_a_pattern_that_is_kept() -> None:
    stub = stub_of("{method: a, verify: {response: {name: {$regex: x}}}}")
    assert stub.verify.response is not None
    assert stub.verify.response.plain() == {"name": {"$regex": "x"}}
    assert to_plain(stub)["verify"] == {"response": {"name": {"$regex": "x"}}}
