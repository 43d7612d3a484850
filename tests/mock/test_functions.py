"""Functions of the user answer calls and say which they hold for, of whatever sort they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from grpcmock import MockServer, StubError, VerificationError
from grpcmock.stubs.dump import to_yaml


def _plain(call: Any) -> Any:
    return {"name": f"user {call.request.id}"}


async def _coroutine(call: Any) -> Any:
    return _plain(call)


class _Callable:
    def __call__(self, call: Any) -> Any:
        return _plain(call)


def _with_more(more: int, call: Any) -> Any:
    return _plain(call)


@pytest.mark.parametrize(
    "handler", [_plain, _coroutine, _Callable(), partial(_with_more, 1), lambda call: _coroutine(call)]
)
def test_functions_of_every_sort_answer(handler: Callable[..., Any], mock: MockServer, servicer: Any, client: Any,
                                        generated: Any) -> None:  # fmt: skip
    assert mock.on(servicer.GetUser).answers(handler) is handler
    assert client.GetUser(generated.pb2.GetUserRequest(id=3)).name == "user 3"
    mock.verify()


def test_messages_are_of_the_classes_of_the_user(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    request = generated.pb2.GetUserRequest(id=1)
    seen: list[Any] = []

    @mock.on(servicer.GetUser).when(where=lambda message: seen.append(message) or message == request).answers
    def handler(call: Any) -> Any:
        seen.append(call.request)
        return generated.pb2.UserResponse(id=call.request.id)

    assert client.GetUser(request) == generated.pb2.UserResponse(id=1)
    assert {type(message) for message in seen} == {generated.pb2.GetUserRequest}
    assert mock.calls.one().request == request


def _listing(call: Any) -> Iterator[Any]:
    for number in range(call.request.page_size):
        yield {"id": number}


async def _async_listing(call: Any) -> Any:
    for number in range(call.request.page_size):
        yield {"id": number}


def _list(call: Any) -> Any:
    return list(_listing(call))


async def _generator_in_a_coroutine(call: Any) -> Any:
    return _async_listing(call)


@pytest.mark.parametrize("handler", [_listing, _async_listing, _list, _generator_in_a_coroutine])
def test_streams_are_yielded_or_returned(handler: Any, mock: MockServer, servicer: Any, client: Any,
                                         generated: Any) -> None:  # fmt: skip
    mock.on(servicer.ListUsers).answers(handler)
    assert [user.id for user in client.ListUsers(generated.pb2.ListUsersRequest(page_size=3))] == [0, 1, 2]
    assert not list(client.ListUsers(generated.pb2.ListUsersRequest()))


def _each(call: Any) -> Iterator[Any]:
    for number, request in enumerate(call):
        assert call.request.id == 10
        assert len(call.requests) == number + 1
        yield {"id": request.id}


async def _async_each(call: Any) -> Any:
    async for request in call:
        yield {"id": request.id}


@pytest.mark.parametrize("handler", [_each, _async_each])
@pytest.mark.parametrize("pattern", [{}, {"id": 10}])
def test_a_conversation_goes_back_and_forth(handler: Any, pattern: Any, mock: MockServer, servicer: Any, client: Any,
                                            generated: Any) -> None:  # fmt: skip
    mock.on(servicer.LookupUsers).when(pattern).answers(handler)
    answered = threading.Semaphore(1)

    def requests() -> Iterator[Any]:
        for number in (10, 11, 12):
            assert answered.acquire(timeout=5)  # the next is asked only when the one before was answered
            yield generated.pb2.GetUserRequest(id=number)

    ids = []
    for user in client.LookupUsers(requests()):
        ids.append(user.id)
        answered.release()
    assert ids == [10, 11, 12]
    mock.verify()


def test_a_client_stream_is_there_as_a_whole(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    @mock.on(servicer.CreateUsers).answers
    def create(call: Any) -> Any:
        assert [request.name for request in call] == [request.name for request in call.requests]
        return {"created": len(call.requests)}

    requests = [generated.pb2.CreateUserRequest(name=name) for name in "abc"]
    assert client.CreateUsers(iter(requests)).created == 3


def test_a_handler_ends_with_a_status(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    @mock.on(servicer.GetUser).answers
    def handler(call: Any) -> Any:
        assert call.metadata["x-key"] == "value"
        assert call.deadline is not None
        assert call.count == 1
        call.fail(grpc.StatusCode.NOT_FOUND, "nobody", details=[error_details_pb2.ErrorInfo(reason="WHY")],
                  trailers={"x-more": ["1", "2"]})  # fmt: skip

    with pytest.raises(grpc.RpcError) as caught:
        client.GetUser(generated.pb2.GetUserRequest(id=1), metadata=[("x-key", "value")], timeout=5)
    error: Any = caught.value
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "nobody")
    trailers = [(item.key, item.value) for item in error.trailing_metadata()]
    assert ("x-more", "2") in trailers
    status = status_pb2.Status.FromString(dict(trailers)["grpc-status-details-bin"])
    assert status.details[0].Is(error_details_pb2.ErrorInfo.DESCRIPTOR)
    mock.verify()


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (lambda call: 1 // 0, "ZeroDivisionError"),
        (lambda call: {"nmae": "x"}, "Did you mean 'name'"),
        (lambda call: 5, "expected a mapping"),
        (lambda call: call.request, "answers with mockuser.UserResponse"),
    ],
)
def test_a_handler_that_fails_fails_the_test(handler: Any, said: str, mock: MockServer, servicer: Any, client: Any,
                                             generated: Any) -> None:  # fmt: skip
    mock.on(servicer.GetUser).answers(handler)
    with pytest.raises(grpc.RpcError) as caught:
        client.GetUser(generated.pb2.GetUserRequest(id=1))
    assert caught.value.code() is grpc.StatusCode.INTERNAL  # type: ignore[attr-defined]
    assert said in caught.value.details()  # type: ignore[attr-defined]
    with pytest.raises(VerificationError, match=said) as failed:
        mock.verify()
    assert "test_functions.py" in str(failed.value)


def test_an_assertion_in_a_handler_is_the_cause_of_the_failure(mock: MockServer, servicer: Any, client: Any,
                                                               generated: Any) -> None:  # fmt: skip
    @mock.on(servicer.GetUser).answers
    async def handler(call: Any) -> Any:
        assert call.request.id == 2, "wrong user"

    with pytest.raises(grpc.RpcError):
        client.GetUser(generated.pb2.GetUserRequest(id=1))
    with pytest.raises(VerificationError, match="wrong user") as caught:
        mock.verify(unmatched=False, unused="none")
    assert isinstance(caught.value.__cause__, AssertionError)


def test_what_can_not_be_a_handler_is_refused(mock: MockServer, servicer: Any) -> None:
    with pytest.raises(StubError, match="can't be a generator"):
        mock.on(servicer.GetUser).answers(_listing)
    with pytest.raises(StubError, match="not 'Alice'"):
        mock.on(servicer.GetUser).answers("Alice")  # type: ignore[type-var]
    with pytest.raises(TypeError, match="async"):
        mock.on(servicer.GetUser).when(where=_coroutine)
    with pytest.raises(StubError, match="exclude each other"):
        mock.add(method=servicer.GetUser, handler=_plain, response={})


@pytest.mark.parametrize("is_async", [False, True])
def test_a_client_that_goes_away_ends_the_handler(is_async: bool, mock: MockServer, servicer: Any, client: Any,
                                                  generated: Any) -> None:  # fmt: skip
    ended = threading.Event()

    def blocking(call: Any) -> Iterator[Any]:
        try:
            yield {"id": 1}
            for _ in call:
                raise AssertionError("nothing is sent")
        finally:
            ended.set()

    async def waiting(call: Any) -> Any:
        try:
            yield {"id": 1}
            async for _ in call:
                raise AssertionError("nothing is sent")
        finally:
            ended.set()

    lookup = mock.on(servicer.LookupUsers)
    lookup.answers(waiting if is_async else blocking)
    going_on = threading.Event()
    calls = client.LookupUsers(iter(lambda: going_on.wait() and None, None))
    assert next(calls).id == 1
    calls.cancel()
    assert ended.wait(5)
    lookup.wait_called()
    assert lookup.calls.one().cancelled
    going_on.set()
    mock.verify()


def test_many_blocking_handlers_do_not_keep_each_other_from_their_turn(mock: MockServer, servicer: Any, client: Any,
                                                                       generated: Any) -> None:  # fmt: skip
    everybody = threading.Barrier(40)

    @mock.on(servicer.GetUser).answers
    def handler(call: Any) -> Any:
        everybody.wait(10)

    calls = [client.GetUser.future(generated.pb2.GetUserRequest(id=number)) for number in range(40)]
    assert all(call.result(10) is not None for call in calls)


# Conditions -----------------------------------------------------------------------------------------


def test_a_function_says_for_which_requests_a_stub_holds(mock: MockServer, servicer: Any, client: Any,
                                                         generated: Any) -> None:  # fmt: skip
    def is_even(request: Any) -> bool:
        return bool(request.id % 2 == 0)

    even = mock.on(servicer.GetUser).when(where=is_even)
    even.returns(name="even")
    both = even.when(where=lambda request: request.id > 10)
    both.returns(name="both")
    assert client.GetUser(generated.pb2.GetUserRequest(id=2)).name == "even"
    assert len(even.calls) == 1
    assert len(both.calls) == 0
    both.assert_not_called()
    with pytest.raises(grpc.RpcError) as caught:
        client.GetUser(generated.pb2.GetUserRequest(id=3))
    assert "where  expected is_even (test_functions.py:" in caught.value.details()  # type: ignore[attr-defined]


def test_a_function_that_raises_does_not_hold_and_shows_why(mock: MockServer, servicer: Any, client: Any,
                                                            generated: Any) -> None:  # fmt: skip
    mock.on(servicer.GetUser).when(where=lambda request: request.nope).returns()
    with pytest.raises(grpc.RpcError, match="AttributeError"):
        client.GetUser(generated.pb2.GetUserRequest())


def test_the_first_message_of_a_stream_is_asked(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    mock.on(servicer.CreateUsers).when(where=lambda request: request.name == "a").returns(created=1)
    requests = [generated.pb2.CreateUserRequest(name=name) for name in "ab"]
    assert client.CreateUsers(iter(requests)).created == 1
    with pytest.raises(grpc.RpcError):
        client.CreateUsers(reversed(requests))


def test_functions_are_equal_if_they_are_the_same(mock: MockServer, servicer: Any) -> None:
    stubs = [
        mock.add(name=str(number), method=servicer.GetUser, where=where, handler=_plain).stub
        for number, where in enumerate([_plain, _plain, _listing])
    ]
    assert stubs[0].where == stubs[1].where
    assert stubs[0].answers == stubs[1].answers
    assert stubs[0].where != stubs[2].where
    with pytest.raises(StubError, match=r"Python function \(_plain \(test_functions\.py:"):
        to_yaml([stubs[0]])
