"""Calls that are under way are there, and can be waited for."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock import MockServer
from grpcmock.engine.call_record import CallRecord
from grpcmock.engine.journal import Journal

FOREVER = {"repeat": {"times": "forever", "every": "1h", "steps": [{"send": {"id": 1}}]}}


def test_a_call_is_there_from_its_beginning(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    list_users = mock.on(servicer.ListUsers)
    list_users.script(FOREVER)
    answers = client.ListUsers(generated.pb2.ListUsersRequest(page=3), metadata=[("x-who", "me")])
    assert next(answers).id == 1
    call = mock.calls.one()
    assert (call.status, call.code, call.under_way, call.matched) == (None, None, True, True)
    assert call.request == generated.pb2.ListUsersRequest(page=3)
    assert [response.id for response in call.responses] == [1]
    assert call.metadata["x-who"] == "me"
    assert call.duration > 0
    assert mock.calls.statuses == [None]
    assert re.search(r'ListUsers \{"page": 3\} → under way \{"id": 1\}  \[', str(call))
    list_users.assert_called_once(page=3)
    assert list_users.calls.where(status="CANCELLED") == list_users.calls[:0]

    answers.cancel()
    ended = list_users.wait_called()
    assert ended.one() == call
    assert (call.status, call.under_way) == ("CANCELLED", False)


def test_a_wait_returns_the_calls_and_counts_begun_ones_where_asked(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    list_users = mock.on(servicer.ListUsers)
    list_users.script([FOREVER])
    answers = [client.ListUsers(generated.pb2.ListUsersRequest(page=page)) for page in (1, 2)]
    both = list_users.wait_called(2, started=True)
    assert sorted(call.request.page for call in both) == [1, 2]
    assert list_users.wait_called(page=2, started=True).one().request.page == 2
    answers[0].cancel()
    assert list_users.wait_called(page=1).statuses == ["CANCELLED"]
    assert (len(list_users.calls.ended), len(list_users.calls.under_way)) == (1, 1)
    with pytest.raises(AssertionError) as caught:
        list_users.wait_called(2, timeout=0.01)
    assert str(caught.value).splitlines()[0] == (
        "Waited 0.01 s. Expected at least 2 calls of mockuser.UserService/ListUsers, "
        "but 1 has ended, and 1 is under way."
    )
    assert str(caught.value).splitlines()[-1] == "To wait for calls to begin, write started=True."
    with pytest.raises(AssertionError, match=r"at least 3 calls of .*, but there are 2\."):
        list_users.wait_called(3, timeout=0.01, started=True)


async def test_the_requests_so_far_can_be_waited_for(mock: MockServer, servicer: Any, generated: Any) -> None:
    lookup = mock.on(servicer.LookupUsers)
    lookup.script({"on": [{"request": {}, "send": {"id": 9}}]})
    call = mock.aio_client(generated.pb2_grpc.UserServiceStub).LookupUsers()
    seen = lookup.calls
    for number in (1, 2):
        await call.write(generated.pb2.GetUserRequest(id=number))
        seen = await lookup.await_called(1, started=True)
        await mock.await_called(id=1, started=True)
        assert (await call.read()).id == 9
    assert [request.id for request in seen.one().requests] == [1, 2]  # it tells what has happened since
    assert [response.id for response in seen.one().responses] == [9, 9]
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert (await lookup.await_called()).statuses == ["OK"]


def test_calls_from_before_a_snapshot_are_not_in_it(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    mock.on(servicer.ListUsers).script(FOREVER)
    answers = client.ListUsers(generated.pb2.ListUsersRequest())
    next(answers)
    with mock.snapshot():
        assert not len(mock.calls)
        mock.on(servicer.GetUser).returns()
        client.GetUser(generated.pb2.GetUserRequest())
        assert mock.calls.one().method.endswith("GetUser")
    answers.cancel()


def test_a_call_that_no_stub_holds_for_keeps_its_messages(mock: MockServer, client: Any, generated: Any) -> None:
    mock.on("mockuser.UserService/ListUsers")
    with pytest.raises(grpc.RpcError):
        client.GetUser(generated.pb2.GetUserRequest(id=4))
    assert mock.calls.one().request == generated.pb2.GetUserRequest(id=4)


def test_a_method_is_known_from_imported_code_whatever_was_said_before(generated: Any) -> None:
    said = []
    for named_before in (False, True):
        with MockServer() as mock:
            if named_before:
                mock.on("mockuser.UserService/ListUsers")
            with pytest.raises(grpc.RpcError) as caught:
                mock.client(generated.pb2_grpc.UserServiceStub).GetUser(generated.pb2.GetUserRequest(id=4))
            said.append((caught.value.details(), str(mock.calls)))
    assert said[0] == said[1]
    assert said[0][0].startswith("There are no stubs at all, so none for mockuser.UserService/GetUser.")


def test_imported_code_that_contradicts_the_protos_gives_way_to_them(generated: Any, tmp_path: Path) -> None:
    other = tmp_path / "mock_user.proto"
    message = "message UserResponse { bytes other = 1; }"
    service = "service S { rpc Do(UserResponse) returns (UserResponse); }"
    other.write_text(f'syntax = "proto3";\npackage mockuser;\n{message}\n{service}\n')
    with MockServer(other) as mock:
        users = mock.client(generated.pb2_grpc.UserServiceStub)
        with pytest.raises(grpc.RpcError, match=r"No method /mockuser.UserService/GetUser is declared by the protos"):
            users.GetUser(generated.pb2.GetUserRequest())
        assert list(mock.registry.services) == ["mockuser.S"]


@given(st.lists(st.integers(0, 5)))
def test_what_is_under_way_is_what_was_opened_and_not_closed(numbers: list[int]) -> None:
    """Each number opens a call of that name, or closes it."""
    journal = Journal()
    open_: dict[int, CallRecord] = {}
    heard: list[CallRecord] = []
    end = journal.follow(heard.append)
    for number in numbers:
        if (call := open_.pop(number, None)) is None:
            open_[number] = journal.open(f"/a.B/{number}", None, (), None, "", 0.0)
        else:
            call.duration = 1.0
            journal.close(call)
    assert journal.under_way == tuple(sorted(open_.values(), key=lambda call: call.id))
    assert len(heard) == len(numbers)
    end()
    for call in open_.values():
        call.add_frame("request", b"", 0.0)
    assert len(heard) == len(numbers)
    journal.clear()
    assert journal.under_way == ()


def test_a_follower_hears_of_each_message(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    mock.on(servicer.LookupUsers).script({"on": [{"request": {}, "send": {"id": 9}}]})
    more = threading.Event()

    def requests() -> Any:
        yield generated.pb2.GetUserRequest(id=1)
        more.wait(10)
        yield generated.pb2.GetUserRequest(id=2)

    answers = client.LookupUsers(requests())
    next(answers)
    threading.Timer(0, more.set).start()
    mock.calls.one()
    found = mock.wait_called(started=True).one()
    assert [response.id for response in answers] == [9]
    assert [request.id for request in found.requests] == [1, 2]
