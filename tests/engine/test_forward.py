"""Calls that no stub answers, with an engine that passes them on."""

from __future__ import annotations

from typing import Any

import pytest
from playbook import Playbook, ask, engine
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import Finish, Forward, HandlerReturned, Open
from grpcmock.status import Code

STUBS = """
- {name: one, method: user.UserService/GetUser, request: {id: 1}, response: {name: One}}
- {name: talk, method: user.UserService/LookupUsers, request: {id: 1}, script: [{expect: {id: 1}}, {expect: {id: 2}}]}
"""


async def elsewhere(*_: Any) -> Finish:
    raise AssertionError("a server carries this out")


@pytest.fixture
def passing() -> Engine:
    made = engine(registry("user.proto"), STUBS)
    made.forwarder = elsewhere
    return made


def passed_on(book: Playbook) -> Forward:
    assert isinstance(book.step, Forward), book.step
    assert book.step.forwarder is elsewhere
    assert book.exchange.call.forwarded
    return book.step


def test_a_stub_that_holds_answers(passing: Engine) -> None:
    book = ask(passing, "UserService/GetUser", {"id": 1}).gets({"name": "One"})
    assert book.finish().code is Code.OK
    assert not book.exchange.call.forwarded


def test_a_miss_is_passed_on_with_what_was_read_and_ends_as_it_ends_there(passing: Engine) -> None:
    book = ask(passing, "UserService/GetUser", {"id": 2})
    step = passed_on(book)
    assert (step.received, step.half_closed) == ((b"\x08\x02",), True)
    end = Finish(Code.NOT_FOUND, "there", (("t", "v"),))
    book.step = book.exchange.resume(HandlerReturned(end))
    assert book.finish() == end
    (call,) = passing.journal
    assert (call.code, call.message, call.miss, call.stub) == (Code.NOT_FOUND, "there", None, None)


def test_what_cant_be_read_is_passed_on_too(passing: Engine) -> None:
    step = passed_on(Playbook(passing, "UserService/GetUser").sends(b"\xff"))
    assert (step.received, step.half_closed) == ((b"\xff",), False)


def test_a_method_that_no_proto_declares_is_passed_on_at_once(passing: Engine) -> None:
    step = passing.open(Open("/other.Service/Method")).resume()
    assert isinstance(step, Forward)
    assert step.received == ()


def test_a_stream_is_passed_on_as_soon_as_no_stub_can_hold(passing: Engine) -> None:
    assert passed_on(Playbook(passing, "UserService/CreateUsers")).received == ()
    book = Playbook(passing, "UserService/LookupUsers").sends({"id": 7})
    assert passed_on(book).received == (b"\x08\x07",)


def test_a_script_that_was_begun_is_not_left(passing: Engine) -> None:
    book = Playbook(passing, "UserService/LookupUsers").sends({"id": 1}).sends({"id": 3})
    assert book.finish().code is Code.UNIMPLEMENTED
    assert book.exchange.call.miss is not None


def test_a_call_that_is_cancelled_there_is_cancelled(passing: Engine) -> None:
    book = ask(passing, "UserService/GetUser", {"id": 2})
    passed_on(book)
    book.exchange.cancel()
    (call,) = passing.journal
    assert call.cancelled
    assert call.forwarded


def test_what_passes_by_is_noted_at_the_time_of_the_engine(passing: Engine) -> None:
    made = engine(registry("user.proto"), STUBS, wall_clock=lambda: 42.0)
    made.forwarder = elsewhere
    book = ask(made, "UserService/GetUser", {"id": 2})
    passed_on(book)
    book.exchange.note("response", b"\x08\x02")
    assert [(frame.direction, frame.time) for frame in book.exchange.call.frames] == [("request", 42), ("response", 42)]
