# mypy: disable-error-code="arg-type, attr-defined"
"""Streams whose messages come at their times: whoever keeps the time, clients and journal see the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from support import registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.engine.call_record import CallRecord
from grpcmock.engine.engine import Engine
from grpcmock.errors import Problems
from grpcmock.servers.addresses import Address
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.transports import has_native, listen, make_server
from grpcmock.status import Code
from grpcmock.stubs import loader

CHANNEL = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
USERS = registry("user.proto")
LIST = "/user.UserService/ListUsers"
PATIENCE = 30
STUBS = f"""
- {{method: UserService/ListUsers, request: {{page: 1}}, interval: 1ms,
   responses: [{", ".join(f"{{id: {number}}}" for number in range(1, 61))}]}}
- {{method: UserService/ListUsers, request: {{page: 2}},
   script: [{{repeat: {{times: forever, every: 1ms, steps: [{{send: {{id: 1}}}}, {{send: {{id: 2}}}}]}}}}]}}
- {{method: UserService/ListUsers, request: {{page: 3}}, interval: 1ms, delay: 1ms,
   responses: [{", ".join(f"{{name: {'x' * 3000}{number}}}" for number in range(60))}]}}
"""


class World:
    def __init__(self, transport: Any) -> None:
        self.loop = LoopThread()
        self.ended: list[CallRecord] = []
        self._has_ended = threading.Condition()
        self.loop.run(self._start(transport))
        self.channel = grpc.insecure_channel(str(self.server.addresses[0]), options=CHANNEL)
        self.ask: Callable[..., Any] = self.channel.unary_stream(LIST)

    async def _start(self, transport: Any) -> None:
        problems = Problems()
        self.engine = Engine(USERS, loader.load_text(STUBS, "stubs.yaml", problems), lock=threading.RLock())
        self.server = make_server(transport, self.engine, ServerOptions(), services={}, warn=print)
        listen(self.server, Address.parse("127.0.0.1:0"))
        await self.server.start()

    def stop(self) -> None:
        self.channel.close()
        self.loop.run(self.server.stop(0))
        self.loop.close()

    def under_way(self) -> CallRecord:
        with self.engine.lock:
            [call] = self.engine.journal.under_way
            return call

    def wait_for_the_end(self, call: CallRecord) -> None:
        has_ended = threading.Event()
        leave = self.engine.journal.subscribe(lambda ended: has_ended.set() if ended is call else None)
        if call.under_way:
            assert has_ended.wait(PATIENCE)
        leave()


@pytest.fixture(params=["native", "aio"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "native" and not has_native():
        pytest.skip("the native transport isn't built")
    made = World(request.param)
    yield made
    made.stop()


def responses(call: CallRecord) -> list[bytes]:
    return [frame.data for frame in call.frames if frame.direction == "response"]


@pytest.mark.parametrize(("page", "count"), [(1, 60), (3, 60)], ids=["small", "in several pieces"])
def test_all_messages_come_in_their_order(world: World, page: int, count: int) -> None:
    got = list(world.ask(bytes([8, page]), timeout=PATIENCE))
    assert len(got) == count
    with world.engine.lock:
        [call] = world.engine.journal
        assert responses(call) == got
        times = [frame.time for frame in call.frames]
        assert times == sorted(times)
        assert times[-1] - times[0] >= 0.001 * (count - 2)
        assert (call.code, call.frames_dropped) == (Code.OK, 0)


def test_who_looks_sees_what_a_client_has(world: World) -> None:
    call = world.ask(b"\x08\x02", timeout=PATIENCE)
    for number in range(1, 40):
        next(call)
        with world.engine.lock:
            assert len(responses(world.under_way())) >= number
    record = world.under_way()
    call.cancel()
    world.wait_for_the_end(record)
    assert (record.code, record.cancelled) == (Code.CANCELLED, True)
    assert len(responses(record)) >= 39


def test_who_begins_to_follow_is_told_of_each_message(world: World) -> None:
    call = world.ask(b"\x08\x02", timeout=PATIENCE)
    for _ in range(5):
        next(call)
    record = world.under_way()
    heard: list[int] = []
    enough = threading.Event()

    def follow(told: CallRecord) -> None:
        heard.append(len(told._frames))
        if len(heard) > 20:
            enough.set()

    leave = world.engine.journal.follow(follow)
    for _ in range(40):
        next(call)
    assert enough.wait(PATIENCE)
    leave()
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    for _ in range(5):
        next(call)
    call.cancel()
    world.wait_for_the_end(record)


def test_a_fault_breaks_it_off(world: World) -> None:
    fault = {"abort_after": 7, "status": {"code": 14, "message": "down"}}
    with world.engine.lock:
        world.engine.faults.set("cut", fault)
    for page in (1, 2, 3):
        call, got = world.ask(bytes([8, page]), timeout=PATIENCE), []
        with pytest.raises(grpc.RpcError):
            got.extend(call)
        assert (call.code(), call.details(), len(got)) == (grpc.StatusCode.UNAVAILABLE, "down", 7)
    with world.engine.lock:
        assert [(call.faults, len(responses(call))) for call in world.engine.journal] == [(("cut",), 7)] * 3


def test_a_deadline_ends_it(world: World) -> None:
    call = world.ask(b"\x08\x02", timeout=0.1)
    got = []
    with pytest.raises(grpc.RpcError):
        got.extend(call)
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with world.engine.lock:
        known = [*world.engine.journal.under_way, *world.engine.journal]
    world.wait_for_the_end(known[0])
    assert known[0].code in (Code.DEADLINE_EXCEEDED, Code.CANCELLED)
