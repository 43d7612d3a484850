# mypy: disable-error-code="index"
"""The tables of the page on testing, and the calls within its text, are as the code is.

- A table of words: each call in its first column is made, on a method of a kind that it is for.
- A table of names (arguments, fixtures, keys): it has all of them, and their defaults.
- Whatever else is written as code and looks like a call, `wait_called(2)`, is one that some object of the page takes.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import grpcmock
from grpcmock import HandlerCall, MethodMock, MockServer, StubHandle, failure, replies, reply
from grpcmock.mock.calls import Call, CallLog
from grpcmock.mock.pushed_call import PushedCall
from grpcmock.mock.pushes import Pushes
from grpcmock.mock.recording import Recorder
from grpcmock.pytest_plugin import Config, MockFactory, Serve, fixtures, marker
from grpcmock.pytest_plugin import config as settings
from grpcmock.pytest_plugin import examining as examining_fixtures
from grpcmock.pytest_plugin import serving as serving_fixtures

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
TEXT = re.sub(r"^```.*?^```$", "", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)


def tables() -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Give each table: the section that it stands in, its head, and its rows."""
    section, rows = "", []
    for line in [*TEXT.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
            continue
        if rows:
            yield section, rows[0], rows[2:]
            rows = []
        if line.startswith("## "):
            section = line[3:]


TABLES = {(section, head[0]): rows for section, head, rows in tables()}


def spans(text: str) -> list[str]:
    """Give what is written as code."""
    return re.findall(r"`([^`]+)`", text)


def plain(code: str) -> str:
    """Give the code without what is left out in it."""
    return code.replace("…", "")


def test_every_table_of_the_page_is_held_to_something() -> None:
    assert set(TABLES) == {
        ("Saying what is answered", "word"),
        ("Pushing from the test", "word"),
        ("Pushing from the test", "word of a call"),
        ("Saying which calls are meant", "in Python"),  # checked in tests/mock/test_spellings.py
        ("Event loops and threads", "the function"),  # its rows are tests in tests/mock/test_loops.py
        ("What fails a test", "key of the marker"),
        ("Settings", "fixture"),
        ("A server that runs already", "option"),
        ("Without pytest", "argument"),
    }


# Words that are called ------------------------------------------------------------------------------


def words(*table: str) -> list[str]:
    return [code for row in TABLES[table] for code in spans(row[0]) if "(" in code]


@pytest.fixture
def names(generated: Any) -> dict[str, Any]:
    """What the examples may name."""
    return {
        "UserResponse": generated.pb2.UserResponse,
        "failure": failure,
        "function": lambda call: {"id": call.request.id},
    }


@pytest.mark.parametrize("code", words("Saying what is answered", "word"))
def test_an_answer_is_one(code: str, mock: MockServer, servicer: Any, names: dict[str, Any]) -> None:
    refused = []
    for method in (servicer.GetUser, servicer.ListUsers, servicer.LookupUsers):
        try:
            eval(f"method.{plain(code)}", names, {"method": mock.on(method)})
        except grpcmock.StubError as error:
            refused.append(str(error))
        else:
            with pytest.raises(grpcmock.VerificationError, match="A stub was never used"):
                mock.verify()
            return
    pytest.fail("\n".join(refused))


def test_the_words_of_pushes_say_what_they_do(
    mock: MockServer, servicer: Any, client: Any, generated: Any, names: dict[str, Any]
) -> None:
    codes = words("Pushing from the test", "word")
    said = [code for code in codes if not code.startswith("wait")]
    waits = [code for code in codes if code.startswith("wait")]
    assert (len(said), len(waits)) == (5, 4)
    for code in said:
        stream = mock.on(servicer.ListUsers).once().pushes()
        eval(f"stream.{plain(code)}", names, {"stream": stream})
        if code.startswith("send"):
            stream.finish()
        answers = client.ListUsers(generated.pb2.ListUsersRequest(page=3))
        expected = 1 if code.startswith("send") else 0
        if code.startswith("fails"):
            assert answers.code().name == "UNAVAILABLE"
        else:
            assert len(list(answers)) == expected
    for code in waits:
        stream = mock.on(servicer.ListUsers).once().pushes()
        answers = client.ListUsers(generated.pb2.ListUsersRequest(page=3))
        found = eval(f"stream.{plain(code)}", names, {"stream": stream})
        assert (found.request if isinstance(found, PushedCall) else found).page == 3
        stream.finish()
        list(answers)
    for name in [code for row in TABLES["Pushing from the test", "word"] for code in spans(row[0]) if "(" not in code]:
        assert hasattr(Pushes, name)


def test_the_words_of_a_pushed_call(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    stream = mock.on(servicer.CreateUsers).pushes()
    asked = client.CreateUsers.future(iter([generated.pb2.CreateUserRequest(name="Ann")]))
    call = stream.wait_call()
    half_closed, ended = words("Pushing from the test", "word of a call")
    eval(f"call.{half_closed}", {}, {"call": call})
    assert call.half_closed
    call.send(created=1)
    assert eval(f"call.{ended}", {}, {"call": call}) == "OK"
    assert asked.result().created == 1


# Names ------------------------------------------------------------------------------------------------


def test_the_arguments_are_those_of_the_server() -> None:
    shown = {}
    for names, defaults, _ in TABLES["Without pytest", "argument"]:
        values = [ast.literal_eval(code) if "<<" not in code else eval(code) for code in spans(defaults)]
        listed = spans(names)
        shown.update(zip(listed, values * (len(listed) if len(values) == 1 else 1), strict=True))
    parameters = inspect.signature(MockServer).parameters.values()
    own = {one.name: one.default for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
    assert shown == own


def test_the_options_for_a_server_that_runs_already_are_all_there_are() -> None:
    shown = [(spans(option), spans(variable)) for option, variable, _ in TABLES["A server that runs already", "option"]]
    assert shown == [
        ([f"--grpcmock-{name.replace('_', '-')}"], [f"GRPCMOCK_PYTEST_{name.upper()}"]) for name in settings.ELSEWHERE
    ]


def test_the_keys_are_those_of_the_marker() -> None:
    assert [spans(row[0]) for row in TABLES["What fails a test", "key of the marker"]] == [
        [key] for key in marker._KEYS
    ]


def test_the_fixtures_are_those_of_the_plugin() -> None:
    shown = {}
    for names, scopes, _ in TABLES["Settings", "fixture"]:
        listed, given = spans(names), scopes.split(", ")
        shown.update(zip(listed, given, strict=True))
    own = {
        value._fixture_function_marker.name: value._fixture_function_marker.scope
        for module in (fixtures, serving_fixtures, examining_fixtures)
        for value in vars(module).values()
        if hasattr(value, "_fixture_function_marker")
    }
    assert shown == own


def test_the_settings_named_in_the_text_are_all_there_are() -> None:
    (sentence,) = re.findall(r"The settings are\s([^.]*?), which are", TEXT)
    assert spans(sentence) == list(Config._fields)


# Calls within the text --------------------------------------------------------------------------------


OWNERS = (MockServer, MethodMock, Pushes, PushedCall, StubHandle, Call, CallLog, HandlerCall, Config, Recorder)
"""Objects that the page talks of."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "MockServer": MockServer,
    "failure": failure,
    "reply": reply,
    "replies": replies,
    "grpcmock_factory": MockFactory.__call__,
    "grpcmock_serve": Serve.__call__,
}
OTHERS = {
    "async with MockServer()",
    "await anyio.to_thread.run_sync(greeter.greeting, 42)",
    "await asyncio.to_thread()",
    "queue.put_nowait()",
}
"""Code that isn't a call of one of these, each for a reason that can be seen."""


def _calls() -> list[str]:
    found = {plain(code) for code in spans(TEXT.replace("\n", " ")) if re.fullmatch(r"[\w. ]+\(.*\)", code)}
    return sorted(found - OTHERS)


def _takes(function: Callable[..., Any], call: ast.Call, *, bound: bool) -> bool:
    """Whether a function takes as many arguments as are given, and those keywords."""
    arguments = [*([None] if bound else []), *call.args]
    try:
        inspect.signature(function).bind(*arguments, **{one.arg: one for one in call.keywords if one.arg})
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("code", _calls())
def test_what_looks_like_a_call_is_one(code: str) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr  # type: ignore[attr-defined]
    if name in FUNCTIONS:
        assert _takes(FUNCTIONS[name], call, bound=name.startswith("grpcmock_"))
        return
    found = [getattr(owner, name) for owner in OWNERS if hasattr(owner, name)]
    assert found, f"nothing that the page talks of has {name}()"
    if call.args or call.keywords:  # without any, it is a name of the function itself
        assert any(_takes(function, call, bound=True) for function in found)
