# mypy: disable-error-code="attr-defined"
"""Loading, adding and replacing stubs: all or nothing, with every problem told, and counts and states kept."""

from __future__ import annotations

import sys

import pytest
from playbook import ask, engine
from support import registry

from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import Send
from grpcmock.errors import Problems, StubError
from grpcmock.stubs import loader

GET = "user.UserService/GetUser"


def users(text: str = "[]", **options: object) -> Engine:
    return engine(registry("user.proto"), text, **options)


def stubs(text: str) -> list:
    problems = Problems()
    loaded = loader.load_text(text, "more.yaml", problems)
    problems.raise_errors()
    return loaded


def answer(mock: Engine, user: int = 0) -> int:
    """The id that GetUser answers with; -1 on a miss."""
    call = ask(mock, GET, {"id": user})
    if not isinstance(call.step, Send):
        return -1
    return mock.registry.message("user.UserResponse").FromString(call.step.data).id


def test_all_problems_of_all_stubs_are_told_together():
    with pytest.raises(StubError) as caught:
        users("""
- {method: user.UserService/GetUsr}
- {method: user.UserService/GetUser, request: {idd: 1}, response: {nmae: x}}
- {method: user.UserService/GetUser, error: {code: NOT_FUND}}
""")
    text = str(caught.value)
    assert [problem.location.line for problem in caught.value.problems] == [2, 3, 3, 4]
    for hint in ("GetUser", "'id'", "'name'", "NOT_FOUND"):
        assert hint in text


@pytest.mark.parametrize("layer", [Layer.RUNTIME, Layer.TEST])
def test_a_layer_goes_before_the_files_whatever_their_priority(layer: Layer):
    mock = users("[{method: user.UserService/GetUser, priority: 100, request: {id: 1}, response: {id: 1}}]")
    mock.add(stubs("[{method: user.UserService/GetUser, response: {id: 2}}]"), layer)
    assert answer(mock, 1) == 2
    mock.store.remove(lambda entry: entry.layer is layer)
    assert answer(mock, 1) == 1


def test_adding_is_all_or_nothing():
    mock = users()
    with pytest.raises(StubError):
        mock.add(stubs("[{method: user.UserService/GetUser}, {method: user.UserService/GetUser, request: {x: 1}}]"))
    assert len(mock.store) == 0


def test_replacing_keeps_added_stubs_counts_of_unchanged_ones_and_states():
    text = """
- {name: once, method: user.UserService/GetUser, request: {id: 1}, times: 1, set: {seen: "yes"}, response: {id: 1}}
- {name: other, method: user.UserService/GetUser, request: {id: 2}, times: 1, response: {id: 2}}
"""
    mock = users(text)
    mock.add(stubs("[{name: added, method: user.UserService/GetUser, request: {id: 3}, response: {id: 3}}]"))
    assert (answer(mock, 1), answer(mock, 2)) == (1, 2)
    changed = text.replace("response: {id: 2}", "response: {id: 22}")
    mock.install(mock.prepare(registry("user.proto"), stubs(changed)))
    assert answer(mock, 1) == -1, "an unchanged stub keeps its count"
    assert answer(mock, 2) == 22, "a changed stub begins anew"
    assert answer(mock, 3) == 3
    assert mock.store.states["seen"] == "yes"


def test_a_stub_that_was_removed_begins_anew_with_the_next_replacement():
    text = "[{name: once, method: user.UserService/GetUser, times: 1, response: {id: 1}}]"
    mock = users(text)
    assert [answer(mock), answer(mock)] == [1, -1]
    mock.store.remove(lambda entry: entry.name == "once")
    mock.install(mock.prepare(registry("user.proto"), stubs(text)))
    assert answer(mock) == 1


def test_a_replacement_costs_its_loop_no_more_where_there_are_many_stubs():
    def calls(number: int) -> int:
        lines = (f"- {{name: s{n}, method: user.UserService/GetUser, request: {{id: {n + 1}}}}}" for n in range(number))
        text = "\n".join([*lines, "- {name: once, method: user.UserService/GetUser, times: 1, response: {id: 9}}"])
        mock = users(text)
        mock.add(stubs("[{name: added, method: user.UserService/ListUsers, response: {}}]"))
        assert answer(mock, 5_000) == 9
        prepared = mock.prepare(registry("user.proto"), stubs(text))
        counted = 0

        def count(frame: object, event: str, _: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            rest = mock.install(prepared)
        finally:
            sys.setprofile(None)
        assert len(rest) == number + 2, "the stubs, and what held them"
        assert answer(mock, 5_000) == -1
        return counted

    assert calls(500) < calls(10) + 100, "no call for each stub"


def test_a_replacement_that_is_wrong_changes_nothing():
    mock = users("[{method: user.UserService/GetUser, response: {id: 1}}]")
    with pytest.raises(StubError):
        mock.prepare(registry("user.proto"), stubs("[{method: user.UserService/GetUser, response: {idd: 1}}]"))
    assert answer(mock) == 1


def test_an_added_stub_that_does_not_fit_the_new_protos_keeps_the_old_set():
    mock = users()
    mock.add(stubs("[{method: user.UserService/GetUser, response: {id: 1}}]"))
    with pytest.raises(StubError):
        mock.install(mock.prepare(registry(), []))
    assert answer(mock) == 1


def test_a_snapshot_brings_back_stubs_counts_and_states():
    mock = users("[{name: f, method: user.UserService/GetUser, times: 2, set: {s: turned}, response: {id: 1}}]")
    answer(mock)
    mock.store.states["s"] = "before"
    snapshot = mock.store.snapshot()
    mock.add(stubs("[{name: t, method: user.UserService/GetUser, response: {id: 9}}]"), Layer.TEST)
    assert answer(mock) == 9
    mock.store.remove(lambda entry: entry.name == "f")
    mock.store.restore(snapshot)
    assert mock.store.states["s"] == "before"
    assert [answer(mock), answer(mock)] == [1, -1]


def test_what_is_wrong_with_a_pattern_for_real_answers_is_told_by_all_who_load_it() -> None:
    text = "[{method: user.UserService/GetUser, verify: {response: {nmae: {$regex: x}}}}]"
    with pytest.raises(StubError, match=r"verify\.response: .* no field 'nmae'. Did you mean 'name'\?"):
        engine(registry("user.proto"), text)
