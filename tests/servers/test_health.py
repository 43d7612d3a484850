from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grpcmock.servers.health import RELOAD_SERVICE, Health

Response = health_pb2.HealthCheckResponse
SERVING, NOT_SERVING, UNKNOWN = Response.SERVING, Response.NOT_SERVING, Response.SERVICE_UNKNOWN


@pytest.fixture
def services() -> set[str]:
    """The services there are; a test may change them."""
    return {"user.UserService", "shop.Orders"}


@pytest.fixture
def health(services: set[str]) -> Health:
    return Health(lambda: services)


@pytest.fixture
async def stub(
    health: Health, serve: Callable[..., Awaitable[str]], connect: Callable[[str], grpc.aio.Channel]
) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(connect(await serve(health.handlers())))


async def check(stub: Any, service: str) -> int:
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


async def read(call: Any) -> int:
    return (await call.read()).status


@pytest.mark.parametrize("service", ["", "user.UserService", "shop.Orders", RELOAD_SERVICE])
async def test_everything_serves_at_the_start(stub: Any, service: str) -> None:
    assert await check(stub, service) == SERVING


async def test_an_unknown_service_is_not_found(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await check(stub, "user.Nobody")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "'user.Nobody'" in (caught.value.details() or "")


async def test_a_service_is_set_by_itself(stub: Any, health: Health) -> None:
    health.set("user.UserService", False)
    assert await check(stub, "user.UserService") == NOT_SERVING
    assert await check(stub, "shop.Orders") == SERVING
    assert await check(stub, "") == SERVING
    health.set("user.UserService", None)
    assert await check(stub, "user.UserService") == SERVING


async def test_the_whole_server_can_be_set(stub: Any, health: Health) -> None:
    health.set("", False)
    assert await check(stub, "") == NOT_SERVING
    assert await check(stub, "shop.Orders") == SERVING
    health.reset()
    assert await check(stub, "") == SERVING


async def test_a_service_that_no_proto_declares_is_known_once_set(stub: Any, health: Health) -> None:
    health.set("legacy.Service", True)
    assert await check(stub, "legacy.Service") == SERVING


async def test_watch_streams_each_change_and_only_changes(stub: Any, health: Health) -> None:
    call = stub.Watch(health_pb2.HealthCheckRequest(service="user.UserService"))
    assert await read(call) == SERVING
    health.changed()  # nothing to tell
    health.set("shop.Orders", False)  # another's business
    health.set("user.UserService", False)
    assert await read(call) == NOT_SERVING
    health.set("user.UserService", True)
    assert await read(call) == SERVING


async def test_watch_waits_for_a_service_that_comes_with_a_reload(
    stub: Any, health: Health, services: set[str]
) -> None:
    call = stub.Watch(health_pb2.HealthCheckRequest(service="late.Comer"))
    assert await read(call) == UNKNOWN
    services.add("late.Comer")
    health.reload_succeeded()
    assert await read(call) == SERVING
    services.remove("late.Comer")
    health.reload_succeeded()
    assert await read(call) == UNKNOWN


async def test_a_failed_reload_shows_under_its_own_name_alone(stub: Any, health: Health) -> None:
    call = stub.Watch(health_pb2.HealthCheckRequest(service=RELOAD_SERVICE))
    assert await read(call) == SERVING
    health.reload_failed("stubs/a.yaml:3:1: no such field")
    assert await read(call) == NOT_SERVING
    assert health.reload_error == "stubs/a.yaml:3:1: no such field"
    assert await check(stub, "") == SERVING
    assert await check(stub, "user.UserService") == SERVING
    health.reload_succeeded()
    assert await read(call) == SERVING
    assert health.reload_error is None


async def test_nothing_serves_while_draining_and_watches_end(stub: Any, health: Health) -> None:
    call = stub.Watch(health_pb2.HealthCheckRequest(service="shop.Orders"))
    responses = aiter(call)  # read() gives nothing more of a call that has ended
    assert (await anext(responses)).status == SERVING
    health.drain()
    assert (await anext(responses)).status == NOT_SERVING
    assert await call.code() is grpc.StatusCode.UNAVAILABLE
    health.set("shop.Orders", True)
    for service in ("", "shop.Orders", RELOAD_SERVICE):
        assert await check(stub, service) == NOT_SERVING


async def test_a_watch_tells_of_a_drain_that_began_while_it_wrote(health: Health) -> None:
    watch: Any = health.handlers()["/grpc.health.v1.Health/Watch"].unary_stream
    context = mock.AsyncMock(abort=mock.AsyncMock(side_effect=ConnectionAbortedError))
    responses = watch(health_pb2.HealthCheckRequest(service="shop.Orders"), context)
    assert (await anext(responses)).status == SERVING
    health.drain()  # before the watch goes on after what it wrote
    assert (await anext(responses)).status == NOT_SERVING
    with pytest.raises(ConnectionAbortedError):
        await anext(responses)


async def test_a_watch_that_is_cancelled_leaves_nothing_behind(stub: Any, health: Health) -> None:
    calls = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(3)]
    for call in calls:
        await read(call)
    for call in calls:
        call.cancel()
    # A later call on the same connection is handled after the cancellations, whose tasks then end in order.
    while health._watchers:
        await check(stub, "")


LISTS = pytest.mark.skipif(not hasattr(health_pb2, "HealthListRequest"), reason="grpcio-health-checking knows no List")


@LISTS
async def test_list_names_all_with_their_status(stub: Any, health: Health) -> None:
    health.set("shop.Orders", False)
    listed = await stub.List(health_pb2.HealthListRequest())
    assert {name: response.status for name, response in listed.statuses.items()} == {
        "": SERVING,
        "user.UserService": SERVING,
        "shop.Orders": NOT_SERVING,
        RELOAD_SERVICE: SERVING,
    }


@LISTS
async def test_list_refuses_more_than_the_hundred_it_may_name(stub: Any, services: set[str]) -> None:
    services.update(f"many.Service{n}" for n in range(200))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.List(health_pb2.HealthListRequest())
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
