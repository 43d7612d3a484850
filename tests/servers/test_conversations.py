# mypy: disable-error-code="arg-type, attr-defined"
"""Conversations that a transport may hold by itself: with the engine and without, nobody can tell the difference.

The same is said to the native transport, which answers what it knows, and to ``grpc.aio``, where each message comes to
the engine. Answers and journal have to be the same.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.engine.call_record import CallRecord
from grpcmock.engine.engine import Engine
from grpcmock.engine.exchange import Exchange
from grpcmock.engine.steps import Event, Message, Step
from grpcmock.errors import Problems
from grpcmock.servers.addresses import Address
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.transports import listen, make_server
from grpcmock.status import Code
from grpcmock.stubs import loader

pytest.importorskip("grpcmock_native", reason="the native transport isn't built")

OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
USERS = registry("user.proto")
LOOKUP = "/user.UserService/LookupUsers"
PATIENCE = 30
STUBS = """
- name: arms
  method: UserService/LookupUsers
  metadata: {x-script: arms}
  script:
    - on:
        - {request: {id: 1}, send: {name: one}}
        - {request: {id: 2}, steps: [{send: {name: two}}, {send: {name: two again}}]}
        - {request: {id: 3}, send: {name: "{{ message.id }} of {{ requests | length }}"}}
        - {request: {id: 4}, steps: [{send: {name: four}}, {wait: 1ms}, {send: {name: later}}]}
        - {request: {id: 5}, steps: []}
    - send: {name: "{{ requests | length }}: {{ requests | map(attribute='id') | join(' ') }}"}
- name: until
  method: UserService/LookupUsers
  metadata: {x-script: until}
  script:
    - send: {name: hello}
    - on: [{request: {id: {$lt: 4}}, send: {name: low}}, {request: {id: 4}, send: {name: last}}]
      until: {id: {$gte: 4}}
    - on: [{request: {id: {$lt: 3}}, send: {name: LOW}}, {send: {name: HIGH}}]
    - error: {code: DATA_LOSS, message: "after {{ requests | length }}"}
- name: late
  method: UserService/LookupUsers
  metadata: {x-script: late}
  requests: {$size: {$gte: 2}}
  script: [on: [{request: {id: 1}, send: {name: one}}, {send: {name: other}}]]
- name: struck
  method: UserService/LookupUsers
  metadata: {x-script: struck}
  fault: {extra_messages: 1}
  script: [on: [{send: {name: any}}]]
"""


class World:
    """A server, its engine, and a client."""

    def __init__(self, transport: Any) -> None:
        self.loop = LoopThread()
        self.loop.run(self._start(transport))
        self.channel = grpc.insecure_channel(str(self.server.addresses[0]), options=OPTIONS)

    async def _start(self, transport: Any) -> None:
        problems = Problems()
        stubs = loader.load_text(STUBS, "stubs.yaml", problems)
        problems.raise_errors()
        self.engine = Engine(USERS, stubs, lock=threading.RLock())
        self.server = make_server(transport, self.engine, ServerOptions(), services={}, warn=print)
        listen(self.server, Address.parse("127.0.0.1:0"))
        await self.server.start()

    def stop(self) -> None:
        self.channel.close()
        self.loop.run(self.server.stop(0))
        self.loop.close()

    def talk(self, script: str, **options: Any) -> Talk:
        return Talk(self, script, **options)

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


class Talk:
    """A conversation, from the client's side."""

    def __init__(self, world: World, script: str, timeout: float = PATIENCE) -> None:
        self.world = world
        self._says = threading.Condition()
        self._said: list[bytes | None] = []
        self.call = world.channel.stream_stream(LOOKUP)(
            iter(self._next, None), metadata=[("x-script", script)], timeout=timeout
        )

    def _next(self) -> bytes | None:
        with self._says:
            self._says.wait_for(lambda: self._said, PATIENCE)
            return self._said.pop(0) if self._said else None

    def say(self, *numbers: int | None) -> None:
        """Send messages, and at None, half-close."""
        with self._says:
            self._said += [None if number is None else bytes([8, number]) for number in numbers]
            self._says.notify()

    def hear(self, count: int) -> list[bytes]:
        return [next(self.call) for _ in range(count)]

    def rest(self) -> Any:
        """What comes to the end."""
        heard = []
        try:
            for message in self.call:
                heard.append(message)  # noqa: PERF402 - what came before an error is kept
        except grpc.RpcError:
            pass
        return heard, self.call.code(), self.call.details()


@pytest.fixture(scope="module")
def worlds() -> Iterator[list[World]]:
    made = [World("native"), World("aio")]
    yield made
    for world in made:
        world.stop()


@pytest.fixture(params=["native", "aio"])
def world(request: pytest.FixtureRequest, worlds: list[World]) -> World:
    found = worlds[request.param == "aio"]
    with found.engine.lock:
        found.engine.journal.clear()
        found.engine.faults.clear()
    return found


def told(call: CallRecord) -> Any:
    """What does not rest on how fast one side reads what the other sends."""
    sides = [[frame.data for frame in call.frames if frame.direction == side] for side in ("request", "response")]
    times = [frame.time for frame in call.frames]
    assert times == sorted(times)
    return (
        sides,
        call.stub and call.stub.name,
        call.code,
        call.message,
        call.half_closed,
        call.frames_dropped,
        call.size,
    )


ANSWERS = {"arms": {1: 1, 2: 2, 3: 1, 4: 2, 5: 0}, "until": dict.fromkeys(range(1, 6), 1)}
"""How many messages come back for each, as long as the script listens."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["arms", "until", "late", "struck"]),
    st.lists(st.lists(st.sampled_from([1, 1, 1, 2, 2, 3, 4, 5, 9]), min_size=1, max_size=20), max_size=8),
)
@example("arms", [[1] * 10, [1], [2, 1, 2], [3], [1, 3, 1], [4, 1, 4], [5, 5, 1], [9]])
@example("arms", [[1, 2] * 40] * 8)
@example("until", [[1], [2], [1, 1], [4, 1, 2, 1], [1, 9], [1]])
@example("until", [[5, 1, 2]])
@example("late", [[1, 1, 2], [1]])
@example("late", [[1]])
@example("struck", [[1], [1], [1]])
def test_nobody_can_tell_who_answered(worlds: list[World], script: str, bursts: list[list[int]]) -> None:
    found = []
    for world in worlds:
        with world.engine.lock:
            world.engine.journal.clear()
        seen = []
        for _ in range(2):  # the second time more is known
            talk = world.talk(script)
            for burst in bursts:
                talk.say(*burst)
            talk.say(None)
            seen.append(talk.rest())
        with world.engine.lock:
            found.append((seen, [told(call) for call in world.engine.journal]))
    assert found[0] == found[1]


def test_a_message_at_a_time_is_answered_and_noted_before_the_client_has_it(world: World) -> None:
    for _ in range(2):
        talk = world.talk("arms")
        asked = [1, 2, 1, 3, 1, 1, 4, 1, 2] * 3
        for place, number in enumerate(asked, 1):
            talk.say(number)
            talk.hear(ANSWERS["arms"][number])
            with world.engine.lock:
                frames = world.under_way().frames
                count = Counter(frame.direction for frame in frames)
                assert count["request"] == place
                assert count["response"] == sum(ANSWERS["arms"][number] for number in asked[:place])
        talk.say(None)
        [last], code, _ = talk.rest()
        assert code is grpc.StatusCode.OK
        assert last == b"\x12" + bytes([len(last) - 2]) + f"27: {' '.join(map(str, asked))}".encode()


def test_a_long_one_is_noted_as_far_as_a_journal_keeps_it(worlds: list[World]) -> None:
    found = []
    for world in worlds:
        talk = world.talk("arms")
        talk.say(*[1] * 1_500)
        talk.hear(1_500)
        record = world.under_way()
        talk.say(None)
        talk.rest()
        world.wait_for_the_end(record)
        found.append((told(record), record.requests_dropped))
    assert found[0] == found[1]


def test_what_is_known_is_answered_without_the_engine(worlds: list[World], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the law is about happens: the engine sees a message for the first time, and then one of hundreds."""
    came: list[bytes] = []
    original = Exchange.resume

    def resume(exchange: Exchange, event: Event | None = None) -> Step:
        if isinstance(event, Message):
            came.append(event.data)
        return original(exchange, event)

    native, _ = worlds
    monkeypatch.setattr(Exchange, "resume", resume)
    talk = native.talk("until")
    talk.hear(1)
    for _ in range(600):
        talk.say(3)
        talk.hear(1)
    talk.say(None)
    talk.rest()
    assert 1 <= came.count(b"\x08\x03") <= 4


def test_who_begins_to_follow_is_told_of_each_message(world: World) -> None:
    talk = world.talk("arms")
    for _ in range(5):
        talk.say(1)
        talk.hear(1)
    record = world.under_way()
    heard: list[int] = []
    enough = threading.Event()

    def follow(call: CallRecord) -> None:
        heard.append(len(call._frames))
        if len(heard) >= 20:
            enough.set()

    leave = world.engine.journal.follow(follow)
    for _ in range(10):
        talk.say(1)
        talk.hear(1)
    assert enough.wait(PATIENCE)
    leave()
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    for _ in range(5):
        talk.say(1)
        talk.hear(1)
    talk.call.cancel()
    world.wait_for_the_end(record)
    assert (len(record.frames), record.code) == (40, Code.CANCELLED)


def test_a_fault_and_a_deadline_break_it_off(world: World) -> None:
    with world.engine.lock:
        world.engine.faults.set("cut", {"abort_after": 7, "status": {"code": 14, "message": "down"}})
    talk = world.talk("arms")
    talk.say(*[1] * 10)
    heard, code, details = talk.rest()
    assert (len(heard), code, details) == (7, grpc.StatusCode.UNAVAILABLE, "down")
    with world.engine.lock:
        world.engine.faults.clear()
    talk = world.talk("arms", timeout=0.3)
    talk.say(1, 1, 1)
    talk.hear(3)
    record = world.under_way()
    assert talk.rest()[:2] == ([], grpc.StatusCode.DEADLINE_EXCEEDED)
    world.wait_for_the_end(record)
    assert record.code in (Code.DEADLINE_EXCEEDED, Code.CANCELLED)
    assert len(record.frames) == 6


def test_stubs_that_change_meanwhile_change_nothing_in_it(world: World) -> None:
    talk = world.talk("arms")
    for _ in range(3):
        talk.say(1)
        talk.hear(1)
    problems = Problems()
    other = "- {method: UserService/LookupUsers, priority: 9, script: [on: [{send: {name: other}}]]}"
    with world.engine.lock:
        [entry] = world.engine.add(loader.load_text(other, "other.yaml", problems))
    talk.say(1)
    assert talk.hear(1) == [b"\x12\x03one"]
    talk.call.cancel()
    changed = world.talk("arms")
    changed.say(1)
    assert changed.hear(1) == [b"\x12\x05other"]
    changed.call.cancel()
    with world.engine.lock:
        world.engine.store.remove_one(entry)
