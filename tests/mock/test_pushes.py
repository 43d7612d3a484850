# mypy: disable-error-code="return-value"
"""A test pushes: to calls of every kind, from any thread and loop, on both servers."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grpcmock import MockServer, StubError, VerificationError, one_of

LIST = "mockuser.UserService/ListUsers"
DETAIL = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TIRED"}


@pytest.fixture(params=["aio", "native"])
def mock(request: pytest.FixtureRequest, generated: Any) -> Iterator[MockServer]:
    if request.param == "native":
        pytest.importorskip("grpcmock_native", reason="the native transport isn't built")
    with MockServer(transport=request.param) as server:
        yield server


def ids(answers: Any) -> list[int]:
    return [user.id for user in answers]


def until_failure(answers: Any) -> Iterator[Any]:
    with suppress(grpc.RpcError):
        yield from answers


def status(answers: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        list(answers)
    return caught.value.code().name, caught.value.details()


# Saying -----------------------------------------------------------------------------------------------


def test_messages_reach_a_stream_as_they_are_sent(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    answers = client.ListUsers(generated.pb2.ListUsersRequest(page=3))
    assert stream.wait_request().page == 3
    for number in range(3):
        stream.send(id=number)
        assert next(answers).id == number
    stream.send({"id": 7}, name="Ann")
    assert next(answers).name == "Ann"
    stream.send(generated.pb2.UserResponse(id=8))
    stream.finish(trailers={"x-more": "no"})
    assert ids(answers) == [8]
    assert ("x-more", "no") in answers.trailing_metadata()
    assert stream.calls.one().status == "OK"
    mock.verify()


def test_a_stream_fails(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    answers = client.ListUsers(generated.pb2.ListUsersRequest())
    stream.wait_call()
    stream.send(id=1)
    stream.fails(grpc.StatusCode.ABORTED, "leave", details=[health_pb2.HealthCheckRequest(service="x"), DETAIL])
    assert next(answers).id == 1
    assert status(answers) == ("ABORTED", "leave")
    details = rpc_status.from_call(answers).details
    assert [detail.TypeName() for detail in details] == ["grpc.health.v1.HealthCheckRequest", "google.rpc.ErrorInfo"]


def test_what_is_sent_before_a_call_is_kept_for_it_up_to_its_end(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    stream.send(id=1)
    stream.fails("UNAVAILABLE", "come again")
    stream.send(id=2)
    stream.finish()
    answers = client.ListUsers(generated.pb2.ListUsersRequest())
    assert next(answers).id == 1
    assert status(answers) == ("UNAVAILABLE", "come again")
    assert ids(client.ListUsers(generated.pb2.ListUsersRequest())) == [2]
    mock.verify()


@given(said=st.lists(st.one_of(st.integers(1, 9), st.sampled_from(["OK", "ABORTED", "NOT_FOUND"])), max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_calls_one_after_the_other_share_what_was_said_between_its_ends(
    mock: MockServer, servicer: Any, client: Any, generated: Any, said: list[int | str]
) -> None:
    """Whether it is said before a call, or while it is under way: nothing is lost, doubled, or out of order."""
    with mock.snapshot():
        stream = mock.on(servicer.ListUsers).pushes()
        for number, one in enumerate([*said, "OK"]):
            if number == len(said) // 2:
                first = client.ListUsers(generated.pb2.ListUsersRequest())
                stream.wait_call()
            if isinstance(one, int):
                stream.send(id=one)
            elif one == "OK":
                stream.finish()
            else:
                stream.fails(one)
        came: list[int | str] = []
        answers = first
        while True:
            came += [user.id for user in until_failure(answers)]
            came.append(answers.code().name)
            if not stream.left_over:
                break
            answers = client.ListUsers(generated.pb2.ListUsersRequest())
        assert came == [*said, "OK"]
        mock.verify()


def test_several_calls_get_the_same_or_are_spoken_to_alone(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    answers = {page: client.ListUsers(generated.pb2.ListUsersRequest(page=page)) for page in (1, 2)}
    second, first = stream.wait_call(page=2), stream.wait_call(page=1)
    stream.send(id=10)
    first.send(id=11)
    second.send(id=12)
    assert [next(answers[1]).id, next(answers[1]).id] == [10, 11]
    assert [next(answers[2]).id, next(answers[2]).id] == [10, 12]
    first.finish()
    assert ids(answers[1]) == []
    assert stream.open_calls == (second,)
    stream.finish()
    assert second.wait_ended() == "OK"
    with pytest.raises(AssertionError, match=r"has ended: mockuser.UserService/ListUsers \{\"page\": 1\} → OK"):
        first.send(id=1)


def test_a_unary_call_is_answered_when_the_test_says(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    stream = mock.on(servicer.GetUser).pushes()
    asked = [client.GetUser.future(generated.pb2.GetUserRequest(id=number)) for number in (1, 2)]
    one, two = stream.wait_call(id=1), stream.wait_call(id=2)
    assert [call.status for call in (one, two)] == [None, None]
    two.send(name="Ben")
    assert asked[1].result(5).name == "Ben"
    assert not asked[0].done()
    one.fails("NOT_FOUND", "nobody")
    assert asked[0].exception(5).code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(StubError, match=r"is unary: it answers with one message, and ends with that. Write send"):
        stream.finish()


def test_a_client_stream_is_read_as_it_comes_and_answered_at_any_time(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    stream = mock.on(servicer.CreateUsers).pushes()
    more = threading.Event()

    def names() -> Iterator[Any]:
        yield generated.pb2.CreateUserRequest(name="Ann")
        assert more.wait(10)
        yield generated.pb2.CreateUserRequest(name="Ben")

    asked = client.CreateUsers.future(names())
    call = stream.wait_call()
    assert call.wait_request().name == "Ann"
    assert not call.half_closed
    more.set()
    assert call.wait_request(name=one_of("Ben", "Bea")).name == "Ben"
    call.wait_half_closed()
    call.send(created=2)
    assert asked.result(5).created == 2
    assert [request.name for request in stream.requests] == ["Ann", "Ben"]


async def test_a_conversation_in_an_event_loop(mock: MockServer, servicer: Any, generated: Any) -> None:
    stream = mock.on(servicer.LookupUsers).pushes()
    call = mock.aio_client(generated.pb2_grpc.UserServiceStub).LookupUsers()
    for number in range(1, 4):
        await call.write(generated.pb2.GetUserRequest(id=number))
        assert (await stream.await_request()).id == number
        stream.send(id=number, name="x" * number)
        assert (await call.read()).name == "x" * number
    await call.done_writing()
    live = await stream.await_call(id=1)
    await live.await_half_closed()
    live.finish()
    assert await call.read() is grpc.aio.EOF
    assert await live.await_ended() == "OK"


def test_messages_come_from_many_threads_and_none_is_lost(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    answers = client.ListUsers(generated.pb2.ListUsersRequest())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: stream.send(id=number), range(1, 201)))
    stream.finish()
    assert sorted(ids(answers)) == list(range(1, 201))


def test_a_client_that_goes_ends_its_call(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    answers = client.ListUsers(generated.pb2.ListUsersRequest())
    call = stream.wait_call()
    answers.cancel()
    assert call.wait_ended() == "CANCELLED"
    assert call.cancelled
    with pytest.raises(AssertionError, match="Nothing more can be sent"):
        call.send(id=1)


def test_what_does_not_fit_is_said_where_it_is_written(mock: MockServer, servicer: Any, generated: Any) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    with pytest.raises(StubError, match=r"test_pushes.py:\d+: response.nmae: .*Did you mean 'name'"):
        stream.send(nmae="Ann")
    with pytest.raises(StubError, match=r"expected a message mockuser.UserResponse, not mockuser.GetUserRequest"):
        stream.send(generated.pb2.GetUserRequest())
    with pytest.raises(StubError, match=r"Did you mean 'page'"):
        stream.wait_request(pgae=1)
    with pytest.raises(StubError, match=r"Did you mean 'page'"):
        stream.wait_call(pgae=1)
    with pytest.raises(ValueError, match="NOPE"):
        stream.fails("NOPE")


# Waiting ----------------------------------------------------------------------------------------------


def said(wait: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        wait()
    return str(caught.value)


def test_a_wait_says_what_was_expected_and_what_there_is(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    stream = mock.on(servicer.LookupUsers).named("talk").pushes()
    assert said(lambda: stream.wait_request(timeout=0.01)) == (
        "Waited 0.01 s. Expected a request of mockuser.UserService/LookupUsers, but none came.\nThere is no call yet."
    )
    ended = threading.Event()

    def requests() -> Iterator[Any]:
        yield from map(generated.pb2.GetUserRequest, ())
        yield generated.pb2.GetUserRequest(id=1)
        yield generated.pb2.GetUserRequest(id=2)
        ended.wait(10)

    answers = client.LookupUsers(requests())
    assert stream.wait_request(id=2).id == 2
    lines = said(lambda: stream.wait_request(id=7, timeout=0.01)).splitlines()
    assert lines[:3] == [
        "Waited 0.01 s. Expected another request of mockuser.UserService/LookupUsers with id=7, but none came.",
        "Call 1 is under way; its requests:",
        '  1. {"id": 1}',
    ]
    assert re.fullmatch(r" +request\.id +\w+ 7 +\w+ 1", lines[3])
    assert lines[4] == '  2. {"id": 2}  (was waited for before)'
    call = stream.wait_call(id=1)
    assert said(lambda: stream.wait_call(id=9, timeout=0.01)) == (
        "Waited 0.01 s. Expected another call of mockuser.UserService/LookupUsers with id=9, but none came.\n"
        f'  1. mockuser.UserService/LookupUsers {{"id": 1}} … (2 messages) → under way  [talk, {stream.stub.location}]'
        "  (was waited for before)"
    )
    assert said(lambda: call.wait_half_closed(0.01)).startswith("Waited 0.01 s. Expected the client to finish sending")
    assert said(lambda: call.wait_ended(0.01)).startswith(
        "Waited 0.01 s. Expected the call to end, but it is under way"
    )
    ended.set()
    call.wait_half_closed()
    # Nothing more can come: it isn't waited for.
    assert said(lambda: stream.wait_request(id=7, timeout=600)).splitlines()[:2] == [
        "Expected another request of mockuser.UserService/LookupUsers with id=7, but none came.",
        "Call 1 is under way, and the client has finished sending; its requests:",
    ]
    stream.finish()
    assert ids(answers) == []
    assert "Call 1 has ended: OK; its requests:" in said(lambda: call.wait_request(id=7, timeout=600))


async def test_a_blocking_wait_in_an_event_loop_is_told(mock: MockServer, servicer: Any) -> None:
    stream = mock.on(servicer.ListUsers).pushes()
    hint = "await the form that begins with 'await_'"
    assert hint in said(lambda: stream.wait_request(timeout=0.01))
    assert hint in said(lambda: stream.wait_called(timeout=0.01))
    with pytest.raises(AssertionError) as caught:
        await stream.await_request(timeout=0.01)
    assert hint not in str(caught.value)


# The end of a test ------------------------------------------------------------------------------------


def test_an_open_call_ends_with_the_snapshot(mock: MockServer, servicer: Any, generated: Any) -> None:
    with grpc.insecure_channel(mock.target) as channel:
        users = generated.pb2_grpc.UserServiceStub(channel)
        with mock.snapshot():
            stream = mock.on(servicer.ListUsers).pushes()
            answers = users.ListUsers(generated.pb2.ListUsersRequest())
            stream.wait_call()
            assert "→ under way" in str(mock.calls)
            mock.verify()
        assert status(answers) == (
            "CANCELLED",
            "The mock ended this call: the test that pushes to it is over, or its stub was removed.",
        )


def test_what_no_call_took_fails_the_verification(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    stream = mock.on(servicer.ListUsers).named("feed").pushes()
    with pytest.raises(VerificationError, match="A stub was never used"):
        mock.verify()
    answers = client.ListUsers(generated.pb2.ListUsersRequest())
    stream.wait_call()
    stream.finish()
    assert ids(answers) == []
    stream.send(id=1)
    stream.send(id=2)
    stream.finish()
    text = (
        re.escape("What was pushed, and no call took:\n  feed (") + r".*" + re.escape(f"{LIST}  2 messages and an end")
    )
    with pytest.raises(VerificationError, match=text):
        mock.verify()
    mock.verify(unused="none")
    stream.optional()
    mock.verify()


def test_modifiers_and_conditions_hold_for_pushes(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    stream = mock.on(servicer.GetUser).when(id=1).pushes().once().headers({"x-from": "push"})
    stream.send(name="Ann")
    mock.on(servicer.GetUser).returns(name="other")
    answer, call = client.GetUser.with_call(generated.pb2.GetUserRequest(id=1))
    assert answer.name == "Ann"
    assert ("x-from", "push") in call.initial_metadata()
    assert [client.GetUser(generated.pb2.GetUserRequest(id=number)).name for number in (1, 2)] == ["other", "other"]


# Protos and clients of others -------------------------------------------------------------------------


def test_a_watch_of_the_health_service(mock: MockServer) -> None:
    stream = mock.on(health_pb2_grpc.HealthServicer.Watch).pushes()
    seen = mock.client(health_pb2_grpc.HealthStub).Watch(health_pb2.HealthCheckRequest(service="shop"))
    call = stream.wait_call(service="shop")
    for word in ("SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"):
        call.send(status=word)
        assert health_pb2.HealthCheckResponse.ServingStatus.Name(next(seen).status) == word
    call.fails("UNAVAILABLE", "restarting")
    assert status(seen) == ("UNAVAILABLE", "restarting")


def test_the_client_of_grpc_reflection_talks_to_a_test(mock: MockServer) -> None:
    info = mock.on(reflection_pb2_grpc.ServerReflectionServicer.ServerReflectionInfo).pushes()
    with ThreadPoolExecutor(1) as threads:
        database = ProtoReflectionDescriptorDatabase(mock.channel())
        services = threads.submit(lambda: list(database.get_services()))
        asked = info.wait_request(list_services="")
        assert asked == reflection_pb2.ServerReflectionRequest(list_services="")
        info.send(list_services_response={"service": [{"name": "shop.Shop"}]})
        assert services.result(10) == ["shop.Shop"]
    assert info.wait_call().wait_ended() == "CANCELLED"  # this client goes when it has its answer


async def test_several_loops_push_to_one_stream(mock: MockServer, servicer: Any, generated: Any) -> None:
    stream = mock.on(servicer.ListUsers).pushes()

    async def send(number: int) -> None:
        await stream.await_called(started=True)
        stream.send(id=number)

    call = mock.aio_client(generated.pb2_grpc.UserServiceStub).ListUsers(generated.pb2.ListUsersRequest())
    await stream.await_call()
    await asyncio.gather(send(1), *(asyncio.to_thread(asyncio.run, send(number)) for number in (2, 3)))
    stream.finish()
    assert sorted([user.id async for user in call]) == [1, 2, 3]
