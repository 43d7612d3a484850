"""A handler is run by the server and answers through the exchange: each thing it does is an event, without any I/O."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import support
from playbook import engine

from grpcmock.engine.engine import Engine
from grpcmock.engine.exchange import Exchange
from grpcmock.engine.steps import (
    HALF_CLOSE,
    RECEIVE,
    Finish,
    HandlerRaised,
    HandlerReturned,
    HandlerSent,
    Invoke,
    Message,
    NextRequest,
    Open,
    Resume,
    Send,
)
from grpcmock.errors import SchemaError, StubError
from grpcmock.schema import Registry
from grpcmock.status import Code
from grpcmock.stubs.model import Answer, Stub

USER = support.registry("user.proto")
GET = USER.method("user.UserService/GetUser")
LOOKUP = USER.method("user.UserService/LookupUsers")


async def _handler(*_: Any) -> None:
    """Never run here: what it does is given as events."""


def _answering(method: str, **answer: Any) -> Engine:
    made = engine(USER)
    made.add([Stub(method=method, name="handled", answers=(Answer(handler=_handler, **answer),))])
    return made


def _unary(made: Engine) -> Exchange:
    exchange = made.open(Open(GET.path))
    assert exchange.resume() == RECEIVE
    assert exchange.resume(Message(b"\x08\x07")) == RECEIVE
    step = exchange.resume(HALF_CLOSE)
    assert isinstance(step, Invoke)
    assert step.handler is _handler
    assert step.context.request.id == 7
    return exchange


def test_what_a_handler_yields_is_encoded_and_sent() -> None:
    made = _answering(GET.full_name)
    exchange = _unary(made)
    assert exchange.resume(HandlerSent({"id": 7})) == Send(b"\x08\x07")
    assert exchange.resume() == Resume()
    assert exchange.resume(HandlerReturned(Finish())) == Finish()
    (call,) = made.journal
    assert [frame.data for frame in call.frames] == [b"\x08\x07", b"\x08\x07"]


def test_a_handler_is_given_the_messages_it_wants() -> None:
    exchange = _answering(LOOKUP.full_name).open(Open(LOOKUP.path))
    assert isinstance(exchange.resume(), Invoke)
    assert exchange.resume(NextRequest()) == RECEIVE
    step = exchange.resume(Message(b"\x08\x01"))
    assert isinstance(step, Resume)
    assert step.message == LOOKUP.request_class(id=1)  # type: ignore[call-arg]
    assert exchange.resume(NextRequest()) == RECEIVE
    assert exchange.resume(HALF_CLOSE) == Resume(None)
    assert exchange.resume(NextRequest()) == Resume(None)
    finish = Finish(Code.ABORTED, "enough", (("x", "y"),))
    assert exchange.resume(HandlerReturned(finish)) == finish


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (HandlerRaised(KeyError("x")), "KeyError"),
        (HandlerSent({"nmae": ""}), "Did you mean 'name'"),
        (HandlerSent(3), "a mapping"),
    ],
)
def test_what_goes_wrong_in_a_handler_ends_the_call_and_is_kept(event: Any, said: str) -> None:
    made = _answering(GET.full_name)
    step = _unary(made).resume(event)
    assert isinstance(step, Finish)
    assert step.code is Code.INTERNAL
    assert said in step.message
    assert "handled" in step.message
    (call,) = made.journal
    assert said in str(type(call.error)) + str(call.error)


def test_a_handler_says_all_that_is_sent() -> None:
    with pytest.raises(StubError, match="exclude each other"):
        _answering(GET.full_name, responses=())


def test_a_stub_is_replaced_in_its_place() -> None:
    made = engine(USER)
    first, _ = made.add([Stub(method=GET.full_name, name=name) for name in "ab"])
    first.count = 3
    put = made.replace(first, replace(first.stub, times=9))
    assert (put.count, put.rank) == (3, first.rank)
    assert [entry.name for entry in made.store] == ["a", "b"]
    with pytest.raises(StubError):
        made.replace(put, replace(put.stub, method="user.UserService/Nope"))
    assert [entry.stub.times for entry in made.store] == [9, None]


def test_a_registry_included_leaves_what_is_there() -> None:
    made = engine(USER)
    (entry,) = made.add([Stub(method=GET.full_name, name="a")])
    snapshot = made.store.snapshot()
    made.include(support.registry())
    assert "/kitchen.KitchenService/Unary" in made.store.tables
    made.add([Stub(method="kitchen.KitchenService/Unary", name="k")])
    made.store.restore(snapshot)
    assert list(made.store) == [entry]
    assert made.registry.method(GET.full_name) is GET
    assert made.registry.including(USER) is made.registry


def test_two_files_of_one_name_are_refused() -> None:
    other = support.registry("kitchen_sink.proto").files.__class__()
    other.CopyFrom(USER.files)
    other.file[0].message_type[0].name = "Other"
    del other.file[0].service[:]
    for message in other.file:
        del message.service[:]
    with pytest.raises(
        SchemaError, match=r"^user.proto is there twice, and its two versions differ: both define user\."
    ):
        USER.including(Registry(other))


def test_a_well_known_file_that_was_looked_up_may_be_included() -> None:
    base = Registry(USER.files)
    base.message("google.protobuf.Any")  # now in the pool, as protobuf ships it
    both = base.including(support.registry())
    assert "/kitchen.KitchenService/Unary" in both.methods
    assert base.including(support.registry()).methods.keys() == both.methods.keys()
