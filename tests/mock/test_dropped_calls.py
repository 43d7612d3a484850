"""No assertion is green for want of memory: where calls that are gone could change a verdict, it is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from support import ROOT

from grpcmock import DroppedCallsError, MockServer, VerificationError
from grpcmock.mock.calls import CallLog

GET = "user.UserService/GetUser"
LIST = "user.UserService/ListUsers"
PROTOS = ROOT / "protos"


@pytest.fixture
def mock() -> Iterator[MockServer]:
    """A mock whose journal holds three calls."""
    with MockServer(PROTOS / "user.proto", journal_calls=3) as server:
        server.on(GET).returns(name="Alice")
        server.on(LIST).streams({"name": "Bob"})
        yield server


def call(mock: MockServer, method: str, *requests: dict[str, Any]) -> None:
    found = mock.registry.method(method)
    with mock.channel() as channel:
        ask = channel.unary_stream if found.kind.server_streams else channel.unary_unary
        made = ask(found.path)
        for request in requests:
            answer = made(found.request_class(**request).SerializeToString())
            if found.kind.server_streams:
                list(answer)


CERTAIN: dict[str, Callable[[CallLog[Any, Any]], object]] = {
    "at least as many as are there": lambda log: log.assert_called(at_least=3),
    "any at all": lambda log: log.assert_called(),
    "at most all that can have been": lambda log: log.assert_called(at_most=5),
    "a method of which none was dropped": lambda log: log.of_method(LIST).assert_called(0),
    "its length, too": lambda log: len(log.of_method(LIST)),
    "whether there is any": bool,
    "what is there": lambda log: [one.request for one in log],
    "the last one": lambda log: log.last,
    "their order": lambda log: log.assert_order(GET, GET, GET),
    "none under way": lambda log: log.under_way.assert_called(0),
}

REFUSED: dict[str, Callable[[CallLog[Any, Any]], object]] = {
    "exactly": lambda log: log.assert_called(3),
    "none of a kind": lambda log: log.where(id=99).assert_called(0),
    "at most": lambda log: log.assert_called(at_most=4),
    "more than are there": lambda log: log.assert_called(at_least=4),
    "one of a kind": lambda log: log.where(id=5).one(),
    "the number": len,
    "whether there is one of a kind": lambda log: bool(log.where(id=99)),
    "the last of a kind": lambda log: log.where(id=99).last,
    "an order that isn't there": lambda log: log.assert_order(GET, GET, GET, GET),
    "an order without others": lambda log: log.assert_order(GET, GET, GET, only=True),
    "none with a status": lambda log: log.where(status="NOT_FOUND").assert_called(0),
}


@pytest.mark.parametrize("look", CERTAIN.values(), ids=CERTAIN)
def test_what_is_certain_is_answered(mock: MockServer, look: Callable[[CallLog[Any, Any]], object]) -> None:
    call(mock, GET, *({"id": number} for number in range(1, 6)))
    look(mock.calls)


@pytest.mark.parametrize("look", REFUSED.values(), ids=REFUSED)
def test_what_is_not_is_refused(mock: MockServer, look: Callable[[CallLog[Any, Any]], object]) -> None:
    call(mock, GET, *({"id": number} for number in range(1, 6)))
    with pytest.raises(DroppedCallsError, match="2 calls that could be of them were dropped") as caught:
        look(mock.calls)
    assert caught.value.dropped == 2
    assert "journal_calls" in str(caught.value)


def test_what_fails_for_certain_fails(mock: MockServer) -> None:
    call(mock, GET, *({"id": number} for number in range(1, 6)))
    for wrong in ({"times": 2}, {"at_least": 6}, {"times": 0}):
        with pytest.raises(AssertionError, match="Expected"):
            mock.calls.assert_called(**wrong)


def test_to_clear_begins_anew(mock: MockServer) -> None:
    call(mock, GET, *({"id": number} for number in range(1, 6)))
    with mock.snapshot():
        call(mock, GET, {"id": 7})
        mock.assert_not_called(id=99)
        assert len(mock.calls) == 1
    with pytest.raises(DroppedCallsError):  # as before the snapshot
        mock.assert_not_called(id=99)
    mock.reset()
    mock.assert_not_called(id=99)


def test_waiting_in_vain_is_no_proof(mock: MockServer) -> None:
    call(mock, GET, *({"id": number} for number in range(1, 6)))
    mock.wait_called(3)
    with pytest.raises(DroppedCallsError):
        mock.wait_called(4, timeout=0.01)
    with pytest.raises(AssertionError):
        mock.wait_called(6, timeout=0.01)


def test_a_request_that_was_not_kept_whole_may_be_the_one(mock: MockServer) -> None:
    create = mock.on("user.UserService/CreateUsers")
    create.returns(created=1)
    request = mock.registry.message("user.CreateUserRequest")(name="x" * (2 << 20))
    with mock.channel() as opened:
        channel: Any = opened
        channel.stream_unary("/user.UserService/CreateUsers")(iter([request.SerializeToString()]))
    with pytest.raises(DroppedCallsError, match="1 call that could be of them"):
        create.assert_not_called(name="Carol")
    create.calls.where(status="NOT_FOUND").assert_called(0)
    mock.calls.assert_called(1)


def test_a_miss_is_not_forgotten() -> None:
    with MockServer(PROTOS / "user.proto", journal_calls=1) as mock:
        mock.on(GET).when(id=2).returns(name="Bob")
        with pytest.raises(grpc.RpcError):
            call(mock, GET, {"id": 1})
        call(mock, GET, {"id": 2}, {"id": 2})
        with pytest.raises(VerificationError, match="No stub answered 1 call that was dropped from the journal"):
            mock.verify()
        mock.verify(unmatched=False)
        with mock.snapshot():
            mock.verify(unused="none")


def test_a_handler_that_raised_is_not_forgotten(mock: MockServer) -> None:
    @mock.on(GET).when(id=0).priority(1).answers
    def broken(_: Any) -> None:
        raise ValueError

    with pytest.raises(grpc.RpcError):
        call(mock, GET, {"id": 0})
    call(mock, GET, {"id": 2}, {"id": 2}, {"id": 2})
    call(mock, LIST, {})
    with pytest.raises(VerificationError, match="Handlers raised in 1 call that was dropped"):
        mock.verify()
