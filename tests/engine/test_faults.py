"""Fault profiles: which calls they strike, and what they make of these, step by step and by a clock of the test's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import Playbook, ask, engine
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.faults import UnknownFaultError
from grpcmock.engine.steps import (
    Finish,
    Forward,
    GoAway,
    HandlerReturned,
    Open,
    Receive,
    Reset,
    Send,
    Step,
    Truncate,
    Wait,
)
from grpcmock.errors import StubError
from grpcmock.responses.faults import AIO_FAULTS, FAULTS, WIRE_FAULTS
from grpcmock.status import DETAILS_KEY, Code

STUBS = """
- {name: get, method: user.UserService/GetUser, response: {name: Alice}}
- {name: list, method: user.UserService/ListUsers, responses: [{id: 1}, {id: 2}, {id: 3}]}
- {name: create, method: user.UserService/CreateUsers, response: {created: 1}}
- {name: talk, method: user.UserService/LookupUsers, script: [{on: [{send: {name: Bob}}]}]}
"""
GET, LIST = "user.UserService/GetUser", "user.UserService/ListUsers"


@pytest.fixture
def mock() -> Engine:
    return engine(registry("user.proto"), STUBS, faults=WIRE_FAULTS)


def steps_of(mock: Engine, method: str = GET, **opened: Any) -> list[Step]:
    """Make a call to its end, and return what it was but for receiving."""
    book = Playbook(mock, method, **opened)
    steps: list[Step] = []
    sent = False
    while True:
        if isinstance(book.step, Receive):
            book = book.half_closes() if sent else book.sends({})
            sent = True
            continue
        steps.append(book.step)
        if isinstance(book.step, (Finish, Reset, Truncate)):
            return steps
        book.step = book.exchange.resume()


def fails(mock: Engine, method: str = GET) -> bool:
    last = steps_of(mock, method)[-1]
    return not isinstance(last, Finish) or last.code is not Code.OK


# Effects -------------------------------------------------------------------------------------------

UNAVAILABLE = {"status": {"code": "UNAVAILABLE", "message": "down"}}
DOWN = Finish(Code.UNAVAILABLE, "down")
ALICE = Send(b"\x12\x05Alice")


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        (GET, UNAVAILABLE, [DOWN]),
        (GET, {"status": "NOT_FOUND"}, [Finish(Code.NOT_FOUND, "failed by a fault profile")]),
        (GET, {"latency": "200ms"}, [Wait(0.2), ALICE, Finish()]),
        (GET, {"latency": "1s", **UNAVAILABLE}, [Wait(1.0), DOWN]),
        (GET, {"abort_after": 1, **UNAVAILABLE}, [ALICE, DOWN]),
        (GET, {"abort_after": 0, **UNAVAILABLE}, [DOWN]),
        (LIST, {"abort_after": 2, **UNAVAILABLE}, [Send(b"\x08\x01"), Send(b"\x08\x02"), DOWN]),
        (LIST, {"abort_after": 1, "reset": "INTERNAL_ERROR"}, [Send(b"\x08\x01"), Reset(2)]),
        (GET, {"drop_status": True}, [ALICE, Finish(drop=True)]),
        (GET, {"wrong_status": "banana"}, [ALICE, Finish(wire_status="banana")]),
        (GET, {"wrong_status": 99}, [ALICE, Finish(wire_status="99")]),
        (GET, {"reset": "refused_stream"}, [Reset(7)]),
        (GET, {"reset": True}, [Reset()]),
        (GET, {"close": True}, [Reset(connection=True)]),
        (GET, {"goaway": True}, [GoAway(), ALICE, Finish()]),
        (GET, {"goaway": True, "close": False, **UNAVAILABLE}, [GoAway(), DOWN]),
    ],
)
def test_an_effect(mock: Engine, method: str, given: dict[str, Any], expected: list[Step]) -> None:
    mock.faults.set("it", given)
    assert steps_of(mock, method) == expected
    (call,) = mock.journal
    assert (call.faults, len(call.requests)) == (("it",), 1)


def test_a_call_that_breaks_off_without_a_status_says_by_what(mock: Engine) -> None:
    mock.faults.set("cut", {"abort_after": 2})
    last = steps_of(mock, LIST)[-1]
    assert isinstance(last, Finish)
    assert (last.code, "'cut'" in last.message) == (Code.UNAVAILABLE, True)
    (call,) = mock.journal
    assert (call.code, len(call.responses)) == (Code.UNAVAILABLE, 2)
    assert call.stub is not None


def test_an_answer_that_is_shorter_ends_by_itself(mock: Engine) -> None:
    mock.faults.set("cut", {"abort_after": 4})
    assert steps_of(mock, LIST)[-1] == Finish()


def test_what_a_stream_says_to_each_message_counts(mock: Engine) -> None:
    mock.faults.set("cut", {"abort_after": 2, **UNAVAILABLE})
    talk = Playbook(mock, "LookupUsers").sends({}).gets({"name": "Bob"}).sends({}).gets({"name": "Bob"})
    assert talk.finish() == DOWN


def test_a_range_of_latency_is_drawn_the_same_for_the_same_seed(mock: Engine) -> None:
    def drawn() -> list[float]:
        mock.faults.set("slow", {"latency": "50ms..300ms", "seed": 7})
        return [steps_of(mock)[0].seconds for _ in range(5)]  # type: ignore[union-attr]

    waits = drawn()
    assert drawn() == waits
    assert len(set(waits)) == 5
    assert all(0.05 <= wait <= 0.3 for wait in waits)


def test_details_go_among_the_trailers(mock: Engine) -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    mock.faults.set("busy", {"status": {"code": 14, "message": "later", "details": [detail]}})
    last = steps_of(mock)[-1]
    assert isinstance(last, Finish)
    status = Status.FromString(dict(last.trailers)[DETAILS_KEY])  # type: ignore[arg-type]
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    assert (status.message, retry.retry_delay.seconds) == ("later", 3)


@pytest.mark.parametrize(("given", "code"), [({"close": True}, Code.UNAVAILABLE), ({"reset": True}, Code.CANCELLED)])
def test_the_journal_tells_how_it_ended(mock: Engine, given: dict[str, Any], code: Code) -> None:
    mock.faults.set("it", given)
    steps_of(mock)
    (call,) = mock.journal
    assert call.code is code


def test_a_call_that_is_cancelled_ends_with_its_latency(mock: Engine) -> None:
    mock.faults.set("slow", {"latency": "1h"})
    book = Playbook(mock, GET, deadline=1.0)
    assert book.step == Wait(3600.0)
    mock.machine.time += 1  # type: ignore[attr-defined]
    book.exchange.cancel()
    (call,) = mock.journal
    assert (call.code, call.stub) == (Code.DEADLINE_EXCEEDED, None)


# Which calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, "xxxxxx"),
        ({"first": 2}, "xx...."),
        ({"after": 2}, "..xxxx"),
        ({"after": 1, "first": 3}, ".xx..."),
        ({"quota": {"count": 3}}, "xxx..."),
        ({"quota": 1, "after": 3}, "...x.."),
        ({"probability": 0}, "......"),
        ({"first": 0}, "......"),
    ],
)
def test_when_a_call_is_struck(mock: Engine, when: dict[str, Any], expected: str) -> None:
    fault = mock.faults.set("it", {**UNAVAILABLE, **when})
    assert "".join("x" if fails(mock) else "." for _ in range(6)) == expected
    assert fault.struck == expected.count("x")


def test_chance_is_the_same_for_the_same_seed_and_another_for_others(mock: Engine) -> None:
    def drawn(seed: int) -> list[bool]:
        mock.faults.set("maybe", {**UNAVAILABLE, "probability": 0.5, "seed": seed})
        return [fails(mock) for _ in range(40)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 5 < sum(drawn(1)) < 35


def test_a_quota_is_counted_anew_in_each_window(mock: Engine) -> None:
    mock.faults.set("busy", {**UNAVAILABLE, "quota": {"count": 2, "window": "10s"}})
    pattern = ""
    for _ in range(9):
        pattern += "x" if fails(mock) else "."
        mock.machine.time += 3  # type: ignore[attr-defined]
    assert pattern == "xx..xx.xx"  # at 0 3 6 9 | 12 15 18 | 21 24


def test_it_ends_by_itself_and_calls_are_answered_from_what_is_known_again(mock: Engine) -> None:
    path = f"/{GET}"
    answered = mock.answer_at_once(path, (), None, "", b"")
    assert answered is not None and answered.answer.messages == (ALICE.data,)
    mock.faults.set("it", {**UNAVAILABLE, "ttl": "1m"})
    assert mock.answer_at_once(path, (), None, "", b"") is None
    assert fails(mock)
    mock.machine.time += 60  # type: ignore[attr-defined]
    assert not fails(mock)
    assert mock.answer_at_once(path, (), None, "", b"") == answered
    assert [note.text for note in mock.journal.notes] == [
        "The fault profile 'it' was set.",
        "The fault profile 'it' has ended by itself. It struck once.",
    ]


def test_a_frozen_clock_keeps_it(mock: Engine) -> None:
    mock.faults.set("it", {**UNAVAILABLE, "ttl": "1m"})
    mock.clock.freeze()
    mock.machine.time += 600  # type: ignore[attr-defined]
    assert fails(mock)
    mock.clock.advance(60)
    assert list(mock.faults) == []


def test_one_that_can_strike_no_more_lets_go_of_its_methods_and_is_still_told(mock: Engine) -> None:
    mock.faults.set("it", {**UNAVAILABLE, "first": 1})
    assert fails(mock)
    assert mock.answer_at_once(f"/{GET}", (), None, "", b"") is not None
    (fault,) = mock.faults
    assert fault.struck == 1


@pytest.mark.parametrize(
    ("methods", "struck"),
    [
        ("*", "GetUser ListUsers"),
        ("user.UserService/*", "GetUser ListUsers"),
        ("UserService/*", "GetUser ListUsers"),
        ("user.*", "GetUser ListUsers"),
        (["GetUser"], "GetUser"),
        ("user.UserService.GetUser", "GetUser"),
        ("Get*", "GetUser"),
        (["/user.UserService/List*", "CreateUsers"], "ListUsers"),
        ([], "GetUser ListUsers"),
    ],
)
def test_which_methods(mock: Engine, methods: Any, struck: str) -> None:
    mock.faults.set("it", {**UNAVAILABLE, "methods": methods})
    assert " ".join(method for method in ("GetUser", "ListUsers") if fails(mock, method)) == struck


def test_several_strike_the_same_call_in_the_order_in_which_they_were_set(mock: Engine) -> None:
    mock.faults.set("slow", {"latency": "1s"})
    down = mock.faults.set("down", {**UNAVAILABLE, "first": 1})
    last = mock.faults.set("last", {"latency": "2s"})
    assert steps_of(mock) == [Wait(1.0), DOWN]
    assert steps_of(mock) == [Wait(1.0), Wait(2.0), ALICE, Finish()]
    assert [call.faults for call in mock.journal] == [("slow", "down"), ("slow", "last")]
    assert (down.struck, last.struck) == (1, 1)


def test_one_of_a_session_strikes_no_other_calls(mock: Engine) -> None:
    mock.faults.set("it", UNAVAILABLE, "suite")
    assert not fails(mock)
    assert mock.faults.striking(f"/{GET}", "other") == []
    assert [fault.name for fault in mock.faults.striking(f"/{GET}", "suite")] == ["it"]
    with pytest.raises(UnknownFaultError):
        mock.faults.get("it")
    mock.faults.clear("suite")
    assert list(mock.faults) == []


def test_one_of_a_session_strikes_its_calls_and_ends_with_it(mock: Engine) -> None:
    metadata = (("x-grpcmock-session", "suite"),)
    mock.faults.set("it", {**UNAVAILABLE, "first": 1}, "suite")
    assert not fails(mock)
    assert steps_of(mock, metadata=metadata) == [DOWN]
    assert mock.sessions.end("suite")
    assert list(mock.faults) == []
    assert mock.journal.notes[-1].text.startswith("The fault profile 'it' of the session 'suite' has ended with its")


def test_one_that_is_set_anew_counts_anew(mock: Engine) -> None:
    mock.faults.set("it", {**UNAVAILABLE, "first": 1})
    assert [fails(mock), fails(mock)] == [True, False]
    mock.faults.set("it", {**UNAVAILABLE, "first": 1})
    assert [fails(mock), fails(mock)] == [True, False]
    mock.faults.remove("it")
    assert [note.text for note in mock.journal.notes][1:] == [
        "The fault profile 'it' was set anew.",
        "The fault profile 'it' was removed. It struck once.",
    ]


def test_it_holds_for_methods_that_come_later(mock: Engine) -> None:
    mock.faults.set("it", UNAVAILABLE)
    mock.include(registry("library.proto"))
    assert mock.faults.striking(next(iter(registry("library.proto").methods)))
    mock.install(mock.prepare(mock.registry, []))
    assert fails(mock)


def test_a_miss_is_struck_too_and_a_path_that_no_proto_declares_is_not(mock: Engine) -> None:
    mock.install(mock.prepare(mock.registry, []))
    mock.faults.set("it", UNAVAILABLE)
    assert steps_of(mock) == [DOWN]
    step = mock.open(Open("/user.UserService/Nope")).resume()
    assert isinstance(step, Finish)
    assert step.code is Code.UNIMPLEMENTED


# Calls that are passed on --------------------------------------------------------------------------


def test_a_call_that_is_passed_on_breaks_off_too() -> None:
    class Client:
        def __init__(self) -> None:
            self.got: list[bytes] = []

        async def read(self) -> bytes | None:
            return None

        async def write(self, data: bytes) -> None:
            self.got.append(data)

        async def send_headers(self, metadata: Any) -> None: ...

        def time_left(self) -> float | None:
            return None

    async def elsewhere(path: str, metadata: Any, client: Any) -> Finish:
        for data in (b"1", b"2", b"3"):
            await client.write(data)
        return Finish()

    mock = engine(registry("user.proto"))
    mock.forwarder = elsewhere
    mock.faults.set("cut", {"abort_after": 2, **UNAVAILABLE})
    book = ask(mock, LIST, {})
    assert isinstance(book.step, Forward)
    client = Client()
    finish = asyncio.run(book.step.forwarder("", (), client))
    assert client.got == [b"1", b"2"]
    assert book.exchange.resume(HandlerReturned(finish)) == DOWN


# What is wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "it needs an effect"),
        ({"close": False}, "it needs an effect"),
        ({"latancy": "1s"}, "Did you mean 'latency'?"),
        ({"latency": "1"}, "latency: expected a duration such as 200ms"),
        ({"latency": "3s..1s"}, "min (3s) is longer than max (1s)"),
        ({"status": "NOT_FUND"}, "Did you mean 'NOT_FOUND'?"),
        ({"status": {"code": "OK"}}, "needs a code other than OK"),
        ({"status": {"message": "x"}}, "needs a code other than OK"),
        ({"status": {"code": 5, "mesage": "x"}}, "Did you mean 'message'?"),
        ({"status": {"code": 5, "details": {}}}, "expected a list of messages with '@type'"),
        ({"reset": "INTERNAL_EROR"}, "Did you mean 'INTERNAL_ERROR'?"),
        ({"reset": True, "close": True}, "a call ends in one way, not by reset and close"),
        ({"wrong_status": "é"}, "expected what the trailer grpc-status shall hold"),
        ({"wrong_status": True}, "expected what the trailer grpc-status shall hold"),
        ({"abort_after": -1}, "expected a number from 0, not -1"),
        ({"latency": "1s", "probability": 1.5}, "expected a number from 0 to 1, not 1.5"),
        ({"latency": "1s", "first": "2"}, "expected a number from 0, not '2'"),
        ({"latency": "1s", "quota": {"windw": "1s"}}, "Did you mean 'window'?"),
        ({"latency": "1s", "quota": {"window": "1s"}}, "quota.count: expected a number from 0"),
        ({"latency": "1s", "ttl": 0}, "expected a time longer than nothing"),
        ({"latency": "1s", "methods": "user.UserServise/*"}, "Did you mean 'user.UserService'?"),
        ({"latency": "1s", "methods": "GetUsr"}, "Did you mean 'user.UserService/GetUser'?"),
        ({"latency": "1s", "methods": [1]}, "expected patterns of methods"),
    ],
)
def test_what_is_wrong_is_refused(mock: Engine, given: dict[str, Any], said: str) -> None:
    with pytest.raises(StubError) as refused:
        mock.faults.set("it", given)
    assert said in str(refused.value)
    assert list(mock.faults) == []


@pytest.mark.parametrize(
    ("can", "given"),
    [
        *((AIO_FAULTS, {name: value}) for name, value in [("drop_status", True), ("reset", True)]),
        *((FAULTS, {name: value}) for name, value in [("goaway", True), ("close", True), ("wrong_status", "7")]),
    ],
)
def test_what_a_transport_cant_send_is_refused_with_a_way_out(can: frozenset[str], given: dict[str, Any]) -> None:
    mock = engine(registry("user.proto"), STUBS, faults=can)
    with pytest.raises(StubError, match=r"can't put '\w+' on the wire\. .*grpcmock\[native\]") as refused:
        mock.faults.set("it", given)
    assert next(iter(given)) in str(refused.value)


def test_what_a_protocol_cant_send_ends_the_call_with_the_reason(mock: Engine) -> None:
    mock.faults.set("it", {"goaway": True})
    (last,) = steps_of(mock, faults=FAULTS, protocol="connect")
    assert isinstance(last, Finish)
    assert (last.code, "'goaway' can't be put on the wire in Connect" in last.message) == (Code.INTERNAL, True)
    assert [note.level for note in mock.journal.notes] == ["info", "warning"]


def test_a_name_that_is_none_gets_the_nearest(mock: Engine) -> None:
    mock.faults.set("slow", {"latency": "1s"})
    with pytest.raises(UnknownFaultError, match="Did you mean 'slow'"):
        mock.faults.remove("slwo")
    with pytest.raises(StubError, match="has a name"):
        mock.faults.set("", {"latency": "1s"})


# Laws ----------------------------------------------------------------------------------------------

WHEN = st.fixed_dictionaries(
    {},
    optional={
        "first": st.just(0),
        "after": st.integers(100, 200),
        "quota": st.just({"count": 0}),
        "probability": st.just(0),
        "methods": st.just("CreateUsers"),
    },
).filter(bool)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([{"close": True}, {"latency": "1s"}, {"abort_after": 1}, UNAVAILABLE]), WHEN)
def test_one_that_doesnt_strike_changes_nothing(effect: dict[str, Any], when: dict[str, Any]) -> None:
    plain = engine(registry("user.proto"), STUBS)
    mock = engine(registry("user.proto"), STUBS, faults=WIRE_FAULTS)
    mock.faults.set("it", {**effect, **when})
    for method in (GET, LIST, "LookupUsers", GET):
        assert steps_of(mock, method) == steps_of(plain, method)
    assert not any(call.faults for call in mock.journal)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=30),
    st.integers(0, 4),
    st.sampled_from([None, 2.0, 5.0]),
    st.floats(0, 1),
)
def test_a_quota_is_never_exceeded(pauses: list[float], count: int, window: float | None, probability: float) -> None:
    mock = engine(registry("user.proto"), STUBS)
    quota = {"count": count} if window is None else {"count": count, "window": f"{window}s"}
    fault = mock.faults.set("it", {**UNAVAILABLE, "quota": quota, "probability": probability})
    began = mock.clock()
    struck: list[float] = []
    for pause in pauses:
        if fails(mock):
            struck.append(mock.clock() - began)
        mock.machine.time += pause  # type: ignore[attr-defined]
    windows = [0 if window is None else int(at // window) for at in struck]
    assert all(windows.count(one) <= count for one in windows)
    assert fault.struck == len(struck)
