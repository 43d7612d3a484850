"""Fault profiles and the clock of a mock: over real sockets, with unmodified clients, on every transport."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from grpcmock import ConfigError, MockServer, StubError


@pytest.fixture(params=["aio", "native"])
def transport(request: pytest.FixtureRequest) -> Any:
    if request.param == "native":
        pytest.importorskip("grpcmock_native", reason="the native transport isn't built")
    return request.param


@pytest.fixture
def mock(transport: Any, generated: Any) -> Iterator[MockServer]:
    with MockServer(generated.proto, transport=transport) as server:
        server.on("GetUser").returns(name="Alice")
        server.on("ListUsers").optional().streams({"id": 1}, {"id": 2}, {"id": 3})
        yield server


@pytest.fixture
def users(mock: MockServer, generated: Any) -> Any:
    return mock.client(generated.pb2_grpc.UserServiceStub)


@pytest.fixture
def get(users: Any, generated: Any) -> Any:
    """Asks for a user, and returns its name, or the code of the error."""

    def ask(**options: Any) -> Any:
        try:
            return users.GetUser(generated.pb2.GetUserRequest(id=1), **options).name
        except grpc.RpcError as error:
            return error.code()  # type: ignore[attr-defined]

    return ask


def only(transport: str, *transports: str) -> None:
    if transport not in transports:
        pytest.skip("this transport can't")


UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def test_calls_fail_while_it_is_set_and_not_before_or_afterwards(mock: MockServer, get: Any) -> None:
    assert [get(), get()] == ["Alice", "Alice"]
    with mock.fault("down", methods="UserService/*", status="UNAVAILABLE") as fault:
        assert [get(), get()] == [UNAVAILABLE, UNAVAILABLE]
        assert (fault.struck, list(mock.faults)) == (2, ["down"])
    assert [get(), get(), get()] == ["Alice"] * 3
    assert not mock.faults
    assert fault.struck == 2
    assert not fault.is_set
    assert [call.code.name for call in mock.calls] == ["OK"] * 2 + ["UNAVAILABLE"] * 2 + ["OK"] * 3
    mock.verify()


async def test_asyncio_clients_are_struck_too(mock: MockServer, generated: Any) -> None:
    users = mock.aio_client(generated.pb2_grpc.UserServiceStub)
    request = generated.pb2.GetUserRequest(id=1)
    with mock.fault("down", first=2, status={"code": "RESOURCE_EXHAUSTED", "message": "later"}):
        for _ in range(2):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await users.GetUser(request)
            assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "later")
        assert (await users.GetUser(request)).name == "Alice"


def test_details_arrive(mock: MockServer, users: Any, generated: Any) -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    mock.fault("busy", status={"code": "UNAVAILABLE", "message": "later", "details": [detail]})
    with pytest.raises(grpc.RpcError) as caught:
        users.GetUser(generated.pb2.GetUserRequest())
    retry = error_details_pb2.RetryInfo()
    assert rpc_status.from_call(cast("grpc.Call", caught.value)).details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 3


def test_it_waits_no_longer_than_the_deadline(mock: MockServer, get: Any) -> None:
    with mock.fault("slow", latency="1h"):
        assert get(timeout=0.2) is grpc.StatusCode.DEADLINE_EXCEEDED
    with mock.fault("slow", latency={"min": "1ms", "max": "2ms"}):
        assert get() == "Alice"


def test_a_stream_breaks_off(mock: MockServer, users: Any, generated: Any) -> None:
    mock.fault("cut", methods="ListUsers", abort_after=2, status="ABORTED")
    stream = users.ListUsers(generated.pb2.ListUsersRequest())
    assert [next(stream).id, next(stream).id] == [1, 2]
    with pytest.raises(grpc.RpcError) as caught:
        next(stream)
    assert caught.value.code() is grpc.StatusCode.ABORTED  # type: ignore[attr-defined]
    assert mock.calls[0].matched


def test_a_single_answer_breaks_off_behind_its_message(mock: MockServer, get: Any) -> None:
    mock.fault("cut", abort_after=1, status="DATA_LOSS")
    assert get() is grpc.StatusCode.DATA_LOSS


def test_a_call_without_its_status(mock: MockServer, get: Any, transport: str) -> None:
    only(transport, "native")
    with mock.fault("odd", drop_status=True):
        assert get() is grpc.StatusCode.UNKNOWN
    assert get() == "Alice"


@pytest.mark.parametrize(
    ("error", "code"),
    [("CANCEL", grpc.StatusCode.CANCELLED), ("ENHANCE_YOUR_CALM", grpc.StatusCode.RESOURCE_EXHAUSTED)],
)
def test_a_stream_is_reset_with_an_error_of_http2(
    mock: MockServer, get: Any, transport: str, error: str, code: grpc.StatusCode
) -> None:
    only(transport, "native")
    with mock.fault("odd", reset=error):
        assert get() is code
    assert get() == "Alice"


@pytest.mark.parametrize(("status", "code"), [("99", grpc.StatusCode.UNKNOWN), ("banana", grpc.StatusCode.INTERNAL)])
def test_a_wrong_status(mock: MockServer, get: Any, transport: str, status: str, code: grpc.StatusCode) -> None:
    only(transport, "native")
    mock.fault("odd", wrong_status=status)
    assert get() is code


def test_a_connection_is_closed_and_the_client_comes_back(mock: MockServer, get: Any, transport: str) -> None:
    only(transport, "native")
    assert get() == "Alice"
    peer = mock.calls.last.peer
    with mock.fault("gone", close=True):
        assert get() is UNAVAILABLE
    assert get(wait_for_ready=True) == "Alice"
    assert mock.calls.last.peer != peer
    assert mock.calls[1].code.name == "UNAVAILABLE"


def test_a_client_is_sent_away_and_its_call_goes_on(mock: MockServer, get: Any, transport: str) -> None:
    only(transport, "native")
    assert get() == "Alice"
    with mock.fault("away", goaway=True):
        assert get() == "Alice"
    assert get(wait_for_ready=True) == "Alice"
    assert mock.calls[0].peer == mock.calls[1].peer != mock.calls[2].peer


@pytest.mark.parametrize("effect", ["drop_status", "reset", "goaway", "close"])
def test_what_grpc_aio_cant_do_is_refused(mock: MockServer, transport: str, effect: str) -> None:
    only(transport, "aio")
    with pytest.raises(StubError, match=rf"can't put '{effect}' on the wire.*'grpcmock\[native\]'"):
        mock.fault("odd", **{effect: True})


# The mapping ---------------------------------------------------------------------------------------


@pytest.fixture
def aio(generated: Any) -> Iterator[MockServer]:
    with MockServer(generated.proto, transport="aio") as server:
        yield server


def test_profiles_by_name(aio: MockServer) -> None:
    slow = aio.faults.set("slow", latency="1s", ttl="1m")
    aio.faults.set("down", status="UNAVAILABLE")
    assert list(aio.faults) == ["slow", "down"]
    assert repr(aio.faults) == "Faults([<Fault slow, struck 0>, <Fault down, struck 0>])"
    assert aio.faults["slow"].expires == slow.expires
    assert aio.faults["down"].expires is None
    aio.faults.remove("down")
    with pytest.raises(ConfigError, match="Did you mean 'slow'"):
        aio.faults.remove("slwo")
    with pytest.raises(KeyError, match="Did you mean 'slow'"):
        aio.faults["slwo"]
    aio.faults.clear()
    assert not slow.is_set
    slow.remove()


def test_one_that_was_set_anew_isnt_removed_by_the_block_of_the_old(aio: MockServer) -> None:
    with aio.fault("it", latency="1s"):
        aio.fault("it", latency="2s")
    assert list(aio.faults) == ["it"]


def test_a_typing_error_is_told(aio: MockServer) -> None:
    with pytest.raises(StubError, match="Did you mean 'latency'"):
        aio.fault("it", latancy="1s")


def test_a_snapshot_ends_what_was_set_within(aio: MockServer) -> None:
    aio.fault("around", latency="1s")
    with aio.snapshot():
        aio.fault("within", latency="1s")
        aio.faults.remove("around")
        aio.clock.freeze()
    assert list(aio.faults) == ["around"]
    assert not aio.clock.is_frozen
    aio.reset()
    assert not aio.faults


def test_it_ends_by_the_clock_of_the_mock(aio: MockServer) -> None:
    aio.fault("short", latency="1s", ttl="1m")
    aio.clock.advance("59s")
    assert list(aio.faults) == ["short"]
    aio.clock.advance(timedelta(seconds=1.5))
    assert not aio.faults


# The clock -----------------------------------------------------------------------------------------


def test_templates_tell_the_clock(mock: MockServer, get: Any) -> None:
    mock.add(method="GetUser", priority=1, response={"name": "{{ now().strftime('%Y-%m-%d %H:%M') }}"})
    with mock.clock.frozen(datetime(2031, 5, 6, 7, 8, tzinfo=UTC)) as clock:
        assert get() == "2031-05-06 07:08"
        clock.advance("2h")
        assert get() == "2031-05-06 09:08"
        clock.advance(-3600)
        assert get() == "2031-05-06 08:08"
        assert repr(clock) == "<Clock 2031-05-06T08:08:00+00:00, frozen>"
        clock.resume()
        assert not clock.is_frozen
        assert clock.now >= datetime(2031, 5, 6, 8, 8, tzinfo=UTC)
    assert abs(mock.clock.now - datetime.now(UTC)) < timedelta(hours=1)


def test_a_time_that_is_none_is_refused(aio: MockServer) -> None:
    with pytest.raises(ConfigError, match="time zone"):
        aio.clock.set(datetime(2031, 5, 6))  # noqa: DTZ001
    with pytest.raises(StubError, match="200ms"):
        aio.clock.advance("soon")
