# mypy: disable-error-code="arg-type"
"""Calls and their log: what a test can look at, narrow down, and assert, and what it is told if that fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from support import registry

from grpcmock.engine.dropped import Dropped, Kind
from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive
from grpcmock.errors import Problems, StubError, UnknownMethodError
from grpcmock.mock.call import public_class
from grpcmock.mock.calls import Call, CallLog
from grpcmock.schema import Registry
from grpcmock.status import Code, Metadata
from grpcmock.stubs import loader

STUBS = """
- {name: alice, method: UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}
- {name: gone, method: UserService/GetUser, request: {id: 9}, error: {code: 5, message: Gone}, trailers: {x-t: t}}
- {name: page, method: UserService/ListUsers, responses: [{id: 1}, {id: 2}]}
- {name: batch, method: UserService/CreateUsers, response: {created: 2}}
- {name: talk, method: UserService/LookupUsers, script: [{expect: {id: 5}}, {send: {id: 5}}]}
"""


class Played:
    """An engine without a network: calls are made at once."""

    def __init__(self, *, auto: bool = False) -> None:
        self.registry: Registry = registry("user.proto")
        ticks = iter(range(1_000, 2_000))
        options = EngineOptions(auto=auto, wall_clock=lambda: float(next(ticks)), monotonic=lambda: float(next(ticks)))
        self.engine = Engine(self.registry, loader.load_text(STUBS, "s.yaml", Problems()), options=options)

    def call(
        self, name: str, *requests: dict[str, Any], metadata: Metadata = (), deadline: float | None = None
    ) -> None:
        method = self.registry.method(f"UserService/{name}")
        events = [*(Message(method.request_class(**one).SerializeToString()) for one in requests), HALF_CLOSE]
        exchange = self.engine.open(Open(method.path, metadata, deadline, "ipv4:127.0.0.1:5000"))
        step = exchange.resume()
        while not isinstance(step, Finish):
            step = exchange.resume(events.pop(0) if isinstance(step, Receive) else None)

    def log(self, method: str | None = None) -> CallLog[Any, Any]:
        found = self.registry.method(f"UserService/{method}") if method else None
        return CallLog.of(self.engine.journal, self.registry, found)


@pytest.fixture
def played() -> Played:
    return Played()


def test_a_call_holds_all_that_passed(played: Played) -> None:
    played.call("GetUser", {"id": 1}, metadata=(("x-a", "1"), ("x-a", "2"), ("x-bin", b"\0")), deadline=3.0)
    call = played.log().one()
    assert call.method == "user.UserService/GetUser"
    assert call.request.id == 1
    assert [message.id for message in call.requests] == [1]
    assert call.response.name == "Alice"
    assert (call.status, call.code, call.details) == ("OK", Code.OK, "")
    assert call.stub is not None
    assert call.stub.name == "alice"
    assert call.matched
    assert not call.generated
    assert not call.cancelled
    assert (call.peer, call.deadline) == ("ipv4:127.0.0.1:5000", 3.0)
    assert call.duration > 0
    assert call.metadata["X-A"] == "1"
    assert call.metadata.all("x-a") == ["1", "2"]
    assert call.metadata["x-bin"] == b"\0"
    assert "x-a" in call.metadata
    assert "x-b" not in call.metadata
    assert len(call.metadata) == 2
    with pytest.raises(KeyError):
        call.metadata["x-b"]
    assert [frame.direction for frame in call.frames] == ["request", "response"]
    assert [frame.message for frame in call.frames] == [call.request, call.response]
    assert 0 < call.frames[0].after < call.frames[1].after
    assert call.frames[0].time == call.started + call.frames[0].after


def test_an_error_and_a_miss(played: Played) -> None:
    played.call("GetUser", {"id": 9})
    played.call("GetUser", {"id": 7})
    gone, missed = played.log()
    assert (gone.status, gone.details, gone.trailers["x-t"]) == ("NOT_FOUND", "Gone", "t")
    assert gone.matched
    assert not missed.matched
    assert missed.stub is None
    assert missed.miss.startswith("No stub matches this call of user.UserService/GetUser.")
    with pytest.raises(AssertionError, match=r"There is no response message in this call: user.UserService/GetUser"):
        gone.response  # noqa: B018


def test_a_generated_answer_matches() -> None:
    played = Played(auto=True)
    played.call("GetUser", {"id": 7})
    call = played.log().one()
    assert call.generated
    assert call.matched
    assert call.stub is None
    assert str(call).endswith("[generated]")


def test_a_script_that_was_left_does_not_match(played: Played) -> None:
    played.call("LookupUsers", {"id": 6})
    call = played.log().one()
    assert call.stub is not None
    assert not call.matched
    assert "left the script of its stub" in str(call)


def test_messages_are_of_the_generated_class_if_there_is_one(played: Played) -> None:
    own = registry("user.proto").message("user.GetUserRequest")
    assert public_class(own) is own or public_class(own).DESCRIPTOR.full_name == "user.GetUserRequest"
    timestamp = played.registry.message("google.protobuf.Timestamp")
    found = descriptor_pool.Default().FindMessageTypeByName("google.protobuf.Timestamp")
    assert public_class(timestamp) is message_factory.GetMessageClass(found)


def test_a_log_is_a_sequence_in_the_order_of_beginning(played: Played) -> None:
    method = played.registry.method("UserService/GetUser")
    first = played.engine.open(Open(method.path))
    played.call("ListUsers", {"page": 1})
    for event in (None, Message(b"\x08\x01"), HALF_CLOSE, None):
        first.resume(event)
    log = played.log()
    assert [call.method for call in log] == ["user.UserService/GetUser", "user.UserService/ListUsers"]
    assert log[0] == log[-2]
    assert log[0] in log
    assert list(log[1:]) == [log.last]
    assert log == played.log()
    assert len({log, played.log()}) == 1
    assert log != played.log("GetUser")
    assert log.statuses == ["OK", "OK"]
    assert [message.id for message in log.responses] == [1, 1, 2]
    assert len(log.requests) == 2
    assert repr(log) == "<CallLog of all methods: 2 calls>"
    assert log.of_method("user.UserService/ListUsers") == log[1:]
    with pytest.raises(UnknownMethodError, match=r"Did you mean 'user\.UserService/ListUsers'"):
        log.of_method("UserService/ListUser")


def test_the_lines_of_a_log(played: Played) -> None:
    played.call("GetUser", {"id": 1})
    played.call("GetUser", {"id": 9})
    played.call("ListUsers", {"page": 2})
    played.call("CreateUsers", {"name": "A"}, {"name": "B"})
    played.call("CreateUsers")
    played.call("GetUser", {"id": 7})
    assert str(played.log()).splitlines() == [
        '1. user.UserService/GetUser {"id": 1} → OK {"id": 1, "name": "Alice"}  [alice, s.yaml:2]',
        '2. user.UserService/GetUser {"id": 9} → NOT_FOUND: Gone  [gone, s.yaml:3]',
        '3. user.UserService/ListUsers {"page": 2} → OK {"id": 1} … (2 messages)  [page, s.yaml:4]',
        '4. user.UserService/CreateUsers {"name": "A"} … (2 messages) → OK {"created": 2}  [batch, s.yaml:5]',
        '5. user.UserService/CreateUsers (no message) → OK {"created": 2}  [batch, s.yaml:5]',
        '6. user.UserService/GetUser {"id": 7} → UNIMPLEMENTED: no stub matched',
    ]
    assert played.log().lines(1) == [
        "… 5 earlier calls",
        '6. user.UserService/GetUser {"id": 7} → UNIMPLEMENTED: no stub matched',
    ]


@pytest.mark.parametrize(
    ("given", "keywords", "ids"),
    [
        (None, {"id": 1}, [1]),
        (None, {"id": {"$gt": 1}}, [9, 7]),
        ({"id": {"$in": [1, 7]}}, {}, [1, 7]),
        (None, {"metadata": {"X-A": "b"}}, [7]),
        (None, {"status": "not_found"}, [9]),
        (None, {"status": 5}, [9]),
        (lambda call: call.request.id % 2 == 1 and not call.matched, {}, [7]),
        (None, {"where": lambda request: request.id > 1}, [9, 7]),
        (None, {"status": grpc.StatusCode.NOT_FOUND}, [9]),
        (None, {"id": 1, "status": "NOT_FOUND"}, []),
        (None, {}, [1, 9, 7]),
    ],
)
def test_where(played: Played, given: Any, keywords: dict[str, Any], ids: list[int]) -> None:
    played.call("GetUser", {"id": 1})
    played.call("GetUser", {"id": 9})
    played.call("GetUser", {"id": 7}, metadata=(("x-a", "b"),))
    assert [call.request.id for call in played.log("GetUser").where(given, **keywords)] == ids


def test_a_function_is_named_in_the_failure(played: Played) -> None:
    def is_slow(call: Call[Any, Any]) -> bool:
        return call.duration > 60

    played.call("GetUser", {"id": 1})
    said = _said(played.log().where(is_slow).one)
    assert (
        re.sub(r":\d+\)", ":#)", said[0])
        == "Expected exactly 1 call with is_slow (test_calls.py:#), but there is none."
    )
    assert said[-1].strip() == "the function does not hold"
    played.call("CreateUsers")
    assert not played.log("CreateUsers").where(where=lambda _: True)


def test_where_takes_a_message(played: Played) -> None:
    played.call("GetUser", {"id": 1})
    message = played.registry.message("user.GetUserRequest")(id=1)
    assert len(played.log("GetUser").where(message)) == 1


def test_where_over_several_methods_leaves_out_those_without_such_a_field(played: Played) -> None:
    played.call("GetUser", {"id": 1})
    played.call("ListUsers", {"page": 1})
    assert played.log().where(page=1).one().method == "user.UserService/ListUsers"
    assert not played.log().where(page_size=4)


def test_where_of_a_stream_looks_at_its_first_message(played: Played) -> None:
    played.call("CreateUsers", {"name": "A"}, {"name": "B"})
    played.call("CreateUsers")
    assert len(played.log("CreateUsers").where(name="A")) == 1
    assert not played.log("CreateUsers").where(name="B")


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"idd": 1}, r"test_calls.py:\d+: request: user.GetUserRequest has no field 'idd'. Did you mean 'id'\?"),
        ({"id": "x"}, r"test_calls.py:\d+: request.id: expected an int32"),
    ],
)
def test_where_refuses_what_the_request_does_not_have(played: Played, keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(StubError, match=said):
        played.log("GetUser").where(**keywords)
    with pytest.raises(ValueError, match="Did you mean 'NOT_FOUND'"):
        played.log("GetUser").where(status="NOTFOUND")


def _said(action: Callable[[], object]) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        action()
    return str(caught.value).splitlines()


def test_one_says_what_there_is_instead(played: Played) -> None:
    assert _said(played.log("GetUser").one) == [
        "Expected exactly 1 call of user.UserService/GetUser, but there is none."
    ]
    played.call("GetUser", {"id": 1})
    assert played.log().one() == played.log().last
    played.call("GetUser", {"id": 7})
    assert _said(played.log("GetUser").where(id=8).one) == [
        "Expected exactly 1 call of user.UserService/GetUser with id=8, but there is none.",
        "The 2 calls of user.UserService/GetUser:",
        '  1. user.UserService/GetUser {"id": 1} → OK {"id": 1, "name": "Alice"}  [alice, s.yaml:2]',
        "       request.id  expected 8  actual 1",
        '  2. user.UserService/GetUser {"id": 7} → UNIMPLEMENTED: no stub matched',
        "       request.id  expected 8  actual 7",
    ]
    with pytest.raises(IndexError, match=r"There is no call \[2\]"):
        played.log()[2]


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"times": 1}, "Expected exactly 1 call of user.UserService/GetUser, but there are 2."),
        ({"times": 0}, "Expected no call of user.UserService/GetUser, but there are 2."),
        ({"at_least": 3}, "Expected at least 3 calls of user.UserService/GetUser, but there are 2."),
        ({"at_most": 1}, "Expected at most 1 call of user.UserService/GetUser, but there are 2."),
        (
            {"at_least": 3, "at_most": 4},
            "Expected at least 3 and at most 4 calls of user.UserService/GetUser, but there are 2.",
        ),
        ({"times": 2}, ""),
        ({"at_least": 2, "at_most": 2}, ""),
        ({}, ""),
    ],
)
def test_assert_called(played: Played, keywords: dict[str, int], said: str) -> None:
    played.call("GetUser", {"id": 1})
    played.call("GetUser", {"id": 1})
    log = played.log("GetUser")
    if said:
        assert _said(lambda: log.assert_called(**keywords))[0] == said
    else:
        log.assert_called(**keywords)


def test_assert_called_without_calls(played: Played) -> None:
    assert _said(played.log("GetUser").assert_called) == [
        "Expected at least 1 call of user.UserService/GetUser, but there is none."
    ]
    assert _said(lambda: played.log().last) == ["Expected a call, but there is none."]


def test_the_bound_of_the_journal_is_told(played: Played) -> None:
    dropped = Dropped()
    dropped.add(Kind("", "/user.UserService/GetUser", "answered"), 3)
    log = CallLog(list(played.log()), played.registry, dropped=dropped)
    with pytest.raises(IndexError) as caught:
        log[5]
    assert str(caught.value).splitlines()[-1] == "3 earlier calls fell out of the journal, which is bounded."


def test_the_order_across_methods(played: Played) -> None:
    played.call("GetUser", {"id": 1})
    played.call("ListUsers", {"page": 1})
    played.call("GetUser", {"id": 9})
    log, get, users = played.log(), played.log("GetUser"), "user.UserService/ListUsers"
    log.assert_order(get, users, get)
    log.assert_order(get, users, get, only=True)
    log.assert_order(get, get)
    log.assert_order(users)
    log.assert_order(get.where(id=1), get.where(id=9))
    assert _said(lambda: log.assert_order(get.where(id=9), users)) == [
        "The calls did not come in the order that was expected:",
        "  1. user.UserService/GetUser with id=9: call 3",
        "  2. user.UserService/ListUsers: it did not come after these",
        "The calls:",
        *(f"  {line}" for line in log.lines()),
    ]
    assert _said(lambda: log.assert_order(get, get, only=True))[2] == (
        "  2. user.UserService/GetUser: another call came first"
    )
    assert _said(lambda: log.assert_order(get, users, only=True))[0] == (
        "The calls came in the order that was expected, but another call came after these:"
    )
    assert _said(lambda: log.assert_order(users, users))[2].endswith("it did not come after these")
