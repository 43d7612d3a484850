"""Handlers, and the event loops and threads that they share with the test."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

import grpc
import grpc.aio
import pytest

from grpcmock import MockServer, VerificationError
from grpcmock.mock import loops


async def test_an_async_handler_shares_queues_with_the_test_that_declares_it(
    mock: MockServer, servicer: Any, generated: Any
) -> None:
    asked: asyncio.Queue[int] = asyncio.Queue()
    answers: asyncio.Queue[int] = asyncio.Queue(1)
    done = asyncio.Event()

    @mock.on(servicer.LookupUsers).answers
    async def lookup(call: Any) -> Any:
        async for request in call:
            await asked.put(request.id)
            yield {"id": await answers.get()}
        done.set()

    call = mock.aio_client(generated.pb2_grpc.UserServiceStub).LookupUsers()
    for number in range(1, 6):
        await call.write(generated.pb2.GetUserRequest(id=number))
        assert await asked.get() == number
        await answers.put(number * 10)
        assert (await call.read()).id == number * 10
    await call.done_writing()
    await done.wait()
    assert await call.read() is grpc.aio.EOF
    mock.verify()


async def test_such_a_handler_is_cancelled_with_its_call(mock: MockServer, servicer: Any, generated: Any) -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    @mock.on(servicer.GetUser).answers
    async def get_user(_: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    call = mock.aio_client(generated.pb2_grpc.UserServiceStub).GetUser(generated.pb2.GetUserRequest())
    await begun.wait()
    call.cancel()
    await left.wait()
    assert (await mock.await_called()).one().status == "CANCELLED"


async def test_it_fails_and_raises_as_elsewhere(mock: MockServer, servicer: Any, generated: Any) -> None:
    @mock.on(servicer.GetUser).answers
    async def get_user(call: Any) -> Any:
        if call.request.id:
            raise KeyError("b")
        call.fail("NOT_FOUND", "nobody")

    users = mock.aio_client(generated.pb2_grpc.UserServiceStub)
    with pytest.raises(grpc.RpcError, match="nobody"):
        await users.GetUser(generated.pb2.GetUserRequest())
    mock.verify()
    with pytest.raises(grpc.RpcError, match="KeyError: 'b'"):
        await users.GetUser(generated.pb2.GetUserRequest(id=1))
    with pytest.raises(VerificationError, match="raised KeyError"):
        mock.verify()


async def test_a_loop_that_is_held_up_is_told(
    mock: MockServer, servicer: Any, client: Any, generated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "PATIENCE", 0.05)

    @mock.on(servicer.GetUser).answers
    async def get_user(_: Any) -> Any:
        return {"id": 1}

    request = generated.pb2.GetUserRequest()
    with pytest.raises(
        grpc.RpcError, match=r"get_user \(test_loops.py:\d+\) runs in the event loop of the test.*to_thread"
    ):
        client.GetUser(request)  # it blocks the very loop
    assert (await asyncio.to_thread(client.GetUser, request)).id == 1


def test_without_a_loop_it_runs_in_that_of_the_mock(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    ready: asyncio.Queue[int] = asyncio.Queue()

    @mock.on(servicer.GetUser).answers
    async def get_user(call: Any) -> Any:
        assert asyncio.get_running_loop() is call.loop
        return {"id": await ready.get()}

    @mock.on(servicer.ListUsers).answers
    async def list_users(_: Any) -> Any:
        await ready.put(7)
        yield {"id": 1}

    asked = client.GetUser.future(generated.pb2.GetUserRequest())
    mock.wait_called(started=True)
    list(client.ListUsers(generated.pb2.ListUsersRequest()))
    assert asked.result(5).id == 7


def test_a_handler_declared_in_a_loop_that_has_ended_runs_in_that_of_the_mock(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    async def declare() -> None:
        @mock.on(servicer.GetUser).answers
        async def get_user(_: Any) -> Any:
            return {"id": 1}

    asyncio.run(declare())
    assert client.GetUser(generated.pb2.GetUserRequest()).id == 1


def test_to_wake_it_from_another_thread_is_told_where_it_is_done(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    asked: queue.Queue[asyncio.Future[int]] = queue.Queue()

    @mock.on(servicer.GetUser).answers
    async def get_user(_: Any) -> Any:
        asked.put(future := asyncio.get_running_loop().create_future())
        return {"id": await future}

    answer = client.GetUser.future(generated.pb2.GetUserRequest())
    with pytest.raises(RuntimeError, match=r"another event loop and thread.*pushes\(\)"):
        asked.get(timeout=5).set_result(3)
    assert answer.result(5).id == 3  # and none the less it goes on


def test_a_plain_function_waits_for_what_the_test_puts(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    values: queue.Queue[int] = queue.Queue()
    mock.on(servicer.ListUsers).answers(lambda _: ({"id": value} for value in iter(values.get, 0)))
    answers = client.ListUsers(generated.pb2.ListUsersRequest())
    for number in (1, 2):
        values.put(number)
        assert next(answers).id == number
    values.put(0)
    assert list(answers) == []
