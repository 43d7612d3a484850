"""The stubs of the project, as a newcomer reads them, answer what their comments say."""

from __future__ import annotations

from typing import Any

import pytest
from support import ROOT, registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Open, Receive, Send, Wait
from grpcmock.errors import Problems
from grpcmock.schema.codec import build, to_tree
from grpcmock.stubs import loader
from grpcmock.tree import Node

GET, LIST, CREATE, LOOKUP = (
    f"user.UserService/{name}" for name in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers")
)


@pytest.fixture
def engine() -> Engine:
    problems = Problems()
    stubs = loader.load([ROOT / "stubs"], problems)
    made = Engine(registry("user.proto"), stubs, problems=problems)
    assert [str(problem) for problem in problems] == []
    return made


def call(engine: Engine, name: str, *requests: Any, **opened: Any) -> list[Any]:
    """Make a call; gives the messages received, pauses as seconds, and at the end the name of the status code."""
    method = engine.registry.method(name)
    coming = [
        build(Node.of(r), method.request_class, engine.registry, Problems()).SerializeToString() for r in requests
    ]
    exchange = engine.open(Open(method.path, **opened))
    seen: list[Any] = []
    step = exchange.resume()
    while not isinstance(step, Finish):
        match step:
            case Receive():
                step = exchange.resume(Message(coming.pop(0)) if coming else HALF_CLOSE)
                continue
            case Send(data):
                seen.append(to_tree(method.response_class.FromString(data)))
            case Wait(seconds):
                seen.append(seconds)
            case Headers(metadata):
                seen.append(dict(metadata))
        step = exchange.resume()
    return [*seen, step.code.name]


def user(id: int, name: str) -> dict[str, Any]:  # noqa: A002
    return {"id": id, "name": name, "email": f"{name.lower()}@example.com"}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, [user(1, "Alice"), "OK"]),
        (2, [user(2, "Bob"), "OK"]),
        (3, [{}, "OK"]),
        (1001, ["NOT_FOUND"]),
        (15, [{"name": "Guest", "email": "guest@example.com"}, "OK"]),
        (21, [user(21, "Chief"), "OK"]),
        (22, [{"name": "Staff", "email": "staff@example.com"}, "OK"]),
        (25, [{"name": "Intern", "email": "intern@example.com"}, "OK"]),
        (-1, ["INVALID_ARGUMENT"]),
        (401, ["RESOURCE_EXHAUSTED"]),
        (402, ["INVALID_ARGUMENT"]),
        (51, ["UNAUTHENTICATED"]),
        (52, ["FAILED_PRECONDITION"]),
        (150, [{"id": 150, "name": "User 150", "email": "user150@example.com"}, "OK"]),
        (302, [{"id": 302, "name": "Venus", "email": "venus@planets.example"}, "OK"]),
        (313, [{"id": 313, "name": "Lovelace, Ada", "email": "lovelace@people.example"}, "OK"]),
        (71, [0.1, {"id": 71, "name": "Nils"}, "OK"]),
        (92, [{"id": 92, "name": "Val ✓"}, "OK"]),
        (96, [user(96, "Wim") | {"id": 96}, "OK"]),
        (500, ["UNIMPLEMENTED"]),
    ],
)
def test_get_user(engine: Engine, number: int, expected: list[Any]) -> None:
    assert call(engine, GET, {"id": number}) == expected


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        (61, ["UNAVAILABLE", "UNAVAILABLE", "OK", "OK"]),
        (63, ["OK", "OK", "NOT_FOUND", "NOT_FOUND"]),
        (65, ["OK", "OK", "OK", "UNIMPLEMENTED"]),
        (77, ["INTERNAL", "OK", "OK"]),
    ],
)
def test_answers_that_change(engine: Engine, number: int, codes: list[str]) -> None:
    assert [call(engine, GET, {"id": number})[-1] for _ in codes] == codes


def test_a_cycle(engine: Engine) -> None:
    assert [call(engine, GET, {"id": 62})[0]["name"] for _ in range(4)] == ["On", "Off", "On", "Off"]


def test_a_scenario(engine: Engine) -> None:
    assert call(engine, GET, {"id": 64}) == ["NOT_FOUND"]
    assert call(engine, CREATE, {"name": "Mia"}) == [{"created": 1, "ids": [64]}, "OK"]
    assert call(engine, GET, {"id": 64}) == [user(64, "Mia"), "OK"]


def test_metadata_and_deadlines(engine: Engine) -> None:
    token = ("authorization", "Bearer x")
    headers, message, code = call(engine, GET, {"id": 51}, metadata=(token, ("x-role", "owner")))
    assert (headers["x-served-by"], message["name"], code) == ("grpcmock", "Ines", "OK")
    assert call(engine, GET, {"id": 51}, metadata=(token,)) == [{"id": 51, "name": "Ines"}, "OK"]
    assert call(engine, GET, {"id": 52}, deadline=1.0) == [{"id": 52, "name": "Jo"}, "OK"]
    assert call(engine, GET, {"id": 52}, deadline=9.0) == [0.05, user(52, "Jo"), "OK"]


@pytest.mark.parametrize(
    ("request_", "ids", "code"),
    [
        ({}, [1, 2], "OK"),
        ({"page": 1}, [1, 2], "OK"),
        ({"page": 2}, [3], "OK"),
        ({"page": 2, "page_size": 5}, [], "OK"),
        ({"page": 3}, [31, 32], "DATA_LOSS"),
        ({"page": 4}, [41, 0.02, 42, 0.02, 43], "OK"),
        ({"page": 5}, [51], "OK"),
        ({"page": 7}, [71, 0.01, 72, 0.01, 73], "OK"),
        ({"page_size": 51}, [], "INVALID_ARGUMENT"),
    ],
)
def test_list_users(engine: Engine, request_: Any, ids: list[Any], code: str) -> None:
    *seen, last = call(engine, LIST, request_)
    assert ([step["id"] if isinstance(step, dict) else step for step in seen], last) == (ids, code)


def batch(*names: str, email: str = "x@example.com") -> list[Any]:
    return [{"name": name, "email": email} for name in names]


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        (batch("Alice", "Bob"), [{"created": 2, "ids": [1, 2]}, "OK"]),
        (batch("First", "b", "c", "d", "Last"), [{"created": 5}, "OK"]),
        (batch("Ben", "Ann"), [{"created": 2, "ids": [71, 72]}, "OK"]),
        (batch("a", "b", "c", email="x@batch.example"), [{"created": 3, "ids": [1, 2, 3]}, "OK"]),
        (batch("Jo", email="j.o@corp.example"), [{"created": 1, "ids": [4001]}, "OK"]),
        (batch("test-1", email="Test@Example.com"), [{}, "OK"]),
        (batch(""), ["INVALID_ARGUMENT"]),
        ([], [{}, "OK"]),
    ],
)
def test_create_users(engine: Engine, requests: list[Any], expected: list[Any]) -> None:
    assert call(engine, CREATE, *requests) == expected


@pytest.mark.parametrize(
    ("mode", "requests", "expected"),
    [
        ("", [1, 5], [user(1, "Alice"), {"id": 5, "name": "User 5"}, "OK"]),
        ("", [1, -5], [user(1, "Alice"), "INVALID_ARGUMENT"]),
        (
            "greet",
            [7, 9],
            [
                {"x-hello": "world"},
                {"name": "Welcome"},
                {"id": 7, "name": "Seven"},
                0.01,
                {"id": 9, "name": "2 messages so far"},
                "OK",
            ],
        ),
        ("heartbeat", [], [{"name": "beat"}, 0.01, {"name": "beat"}, 0.01, {"name": "beat"}, "ABORTED"]),
        ("batch", [1, 2, 3], [{"id": 3, "name": "all of them"}, "OK"]),
        ("fixed", [], [{"id": 1, "name": "Alice"}, {"id": 2, "name": "Bob"}, "OK"]),
    ],
)
def test_lookup_users(engine: Engine, mode: str, requests: list[int], expected: list[Any]) -> None:
    metadata = (("x-mode", mode),) if mode else ()
    assert call(engine, LOOKUP, *({"id": number} for number in requests), metadata=metadata) == expected
