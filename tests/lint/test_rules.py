from __future__ import annotations

import pytest
from support import registry

from grpcmock.engine.compile import compile_stubs
from grpcmock.errors import Problem, Problems
from grpcmock.lint.rules import lint
from grpcmock.responses.faults import AIO_FAULTS
from grpcmock.stubs import loader

USERS = registry("user.proto")
MANY = "method: user.UserService/CreateUsers"


def found(text: str) -> list[Problem]:
    """Lint stubs of ``user.UserService/GetUser``, one a line, unless they say otherwise."""
    lines = [line.strip() for line in text.strip().splitlines()]
    file = "\n".join(
        f"- {{name: {chr(ord('a') + number)}, method: user.UserService/GetUser, {line}}}"
        if "method:" not in line
        else f"- {{name: {chr(ord('a') + number)}, {line}}}"
        for number, line in enumerate(lines)
    )
    problems = Problems()
    stubs = loader.load_text(file, "s.yaml", problems)
    entries = compile_stubs(stubs, USERS, problems, faults=AIO_FAULTS)
    assert not problems.errors, list(problems)
    return lint(entries, USERS)


def rules(text: str) -> list[tuple[str, str]]:
    return [(problem.stub, problem.rule) for problem in found(text)]


@pytest.mark.parametrize(
    ("stubs", "hidden"),
    [
        ("request: {id: 1}\nrequest: {id: 1}", "b"),
        ("request: {id: 1}\nrequest: {id: '1'}", "b"),
        ("request: {id: 1}\nrequest: {id: 2}", ""),
        ("response: {}\nresponse: {}", "b"),
        ("response: {}\nrequest: {id: 1}", ""),
        ("priority: 1\nrequest: {id: 1}", "b"),
        ("request: {id: 1}\npriority: 1", "a"),
        ("request: {id: 1}, priority: 1\nrequest: {id: 1}, metadata: {k: v}", "b"),
        ("request: {id: 1}\nrequest: {id: 1}, metadata: {k: v}", ""),
        ("request: {id: {$gt: 0}}\nrequest: {id: 5}", "b"),
        ("request: {id: 5}\nrequest: {id: {$gt: 0}}", ""),
        ("request: {id: {$gt: 9}}\nrequest: {id: 5}", ""),
        ("request: {id: {$in: [1, 2]}}\nrequest: {id: 2}\nrequest: {id: 3}", "b"),
        ("request: {id: {$gt: 0}}\nrequest: {id: {$gt: 0}}", "b"),
        ("request: {id: {$gt: 0}}, priority: 1\nrequest: {id: {$gt: 0, $lt: 9}}", "b"),
        ("request: {id: {$gt: 0}}, metadata: {k: v}, priority: 1\nrequest: {id: 5}", ""),
        ("metadata: {K: v}\nmetadata: {k: v}", "b"),
        ("state: {s: started}\nstate: {s: started}", "b"),
        ("times: 1\nresponse: {}", ""),
        ("times: 1\ntimes: 1", ""),
        ("answers: [{}, {}], then: miss\nresponse: {}", ""),
        ("answers: [{}, {}]\nresponse: {}", "b"),
        (f"{MANY}, request: {{name: {{$prefix: a}}}}\n{MANY}, request: {{name: ab}}", "b"),
        (f"{MANY}, requests: [{{name: a}}]\n{MANY}, requests: [{{name: a}}]", "b"),
    ],
)
def test_a_stub_that_can_never_win_is_shadowed(stubs: str, hidden: str) -> None:
    assert [name for name, rule in rules(stubs) if rule == "shadowed-stub"] == list(hidden)


def test_says_which_stub_hides_it_and_why() -> None:
    (problem,) = found("request: {id: {$gt: 0}}\nrequest: {id: 5}")
    assert str(problem) == (
        "s.yaml:2: warning: this stub can never answer: a (s.yaml:1) holds whenever it does, and comes first, "
        "being declared earlier. Give this one priority: 1, or the other one `times`, or remove it."
    )


def test_a_hidden_stub_is_told_once_of_many() -> None:
    same = "\n".join(["request: {id: 1}"] * 5)
    assert [name for name, _ in rules(same)] == ["b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("stubs", "expected"),
    [
        ("response: {}\nrequest: {id: 1}\nrequest: {id: 2}", [("a", "catch-all")]),
        ("request: {id: 1}\nresponse: {}", []),
        ("response: {}\nrequest: {id: 1}, priority: 1", []),
    ],
)
def test_a_catch_all_before_specific_stubs_is_worth_a_word(stubs: str, expected: list[tuple[str, str]]) -> None:
    assert rules(stubs) == expected
    assert all(problem.severity == "info" for problem in found(stubs))


@pytest.mark.parametrize(
    ("stub", "said"),
    [
        ("request: {id: {$in: []}}", "request.id: $in of nothing never holds."),
        ("request: {id: {$gt: 5, $lt: 3}}", "request.id: nothing is both above 5 and below 3."),
        ("request: {id: {$gte: 5, $lt: 5}}", "request.id: nothing is both at least 5 and below 5."),
        ("deadline: {$gt: 5, $lte: 4.5}", "deadline: nothing is both above 5 and at most 4.5."),
    ],
)
def test_conditions_that_nothing_meets(stub: str, said: str) -> None:
    (problem,) = found(stub)
    assert problem.rule == "unreachable-stub"
    assert said in str(problem)


@pytest.mark.parametrize("stub", ["request: {id: {$gte: 5, $lte: 5}}", "request: {id: {$gt: 3, $lt: 5}}"])
def test_conditions_that_something_meets(stub: str) -> None:
    assert found(stub) == []


@pytest.mark.parametrize(
    ("stub", "said"),
    [
        ("times: 1, answers: [{}, {}]", "with times: 1, only 1 of the 2 answers can be given."),
        ("times: 3, answers: [{}, {}], then: miss", "times: 3 has no effect"),
        ("times: 2, answers: [{}, {}]", ""),
        ("times: 3, answers: [{}, {}], then: cycle", ""),
    ],
)
def test_times_that_have_no_effect(stub: str, said: str) -> None:
    problems = found(stub)
    assert [problem.rule for problem in problems] == ["ineffective-times"] * bool(said)
    assert all(said in str(problem) for problem in problems)


@pytest.mark.parametrize(
    ("stubs", "expected", "said"),
    [
        ("set: {login: inside}, request: {id: 9}\nstate: {login: inside}", [], ""),
        ("set: {login: inside}, request: {id: 9}\nstate: {login: started}", [], ""),
        ("set: {login: inside}, request: {id: 9}\nstate: {login: in}", [("b", "unreachable-state")], "inside"),
        ("response: {}\nstate: {login: inside}", [("a", "catch-all"), ("b", "unreachable-state")], "no stub sets"),
        ("set: {login: inside}", [("a", "unused-state")], "no stub asks for its state"),
        ("set: {login: inside}\nrequest: {id: 1}, response: {name: '{{ state.login }}'}", [("a", "catch-all")], ""),
        ("set: {lgin: x}, request: {id: 1}\nstate: {login: started}", [("a", "unused-state")], "Did you mean 'login'?"),
    ],
)
def test_states(stubs: str, expected: list[tuple[str, str]], said: str) -> None:
    assert rules(stubs) == expected
    assert any(said in str(problem) for problem in found(stubs)) or not said


def test_many_stubs_of_one_shape_cost_little() -> None:
    """Each is looked up, not compared with all the others; a quadratic search would take minutes here."""
    text = "\n".join(f"- {{method: user.UserService/GetUser, request: {{id: {number}}}}}" for number in range(5_000))
    problems = Problems()
    entries = compile_stubs(loader.load_text(text, "s.yaml", problems), USERS, problems, faults=AIO_FAULTS)
    assert lint(entries, USERS) == []
