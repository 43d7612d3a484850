# mypy: disable-error-code="arg-type, attr-defined"
"""The law of known answers: with the table in front of the engine and without, nobody can tell the difference.

The same sequences of calls and changes are made on the native transport, whose table answers what it knows, and on
``grpc.aio`` with a port for HTTP beside it, where each call comes to the engine. Answers, counts and journal have to be
the same, in each protocol.
"""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import struct
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.engine import Engine
from grpcmock.engine.journal import Journal
from grpcmock.engine.tally import DURATION_BOUNDS, CallTally
from grpcmock.errors import Problems
from grpcmock.protocols.face import HttpFace
from grpcmock.servers.addresses import Address
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.listeners import Listeners
from grpcmock.status import SESSION_KEY
from grpcmock.stubs import loader

pytest.importorskip("grpcmock_native", reason="the native transport isn't built")

CHANNEL = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
USERS = registry("user.proto")
GET, LIST = "/user.UserService/GetUser", "/user.UserService/ListUsers"
METADATA = ("x-header", "x-trailer", "grpcmock-miss")
JOURNAL_CALLS = 12

STUBS = """
- {name: alice, method: UserService/GetUser, request: {id: 1}, response: {name: Alice}}
- {name: headers, method: UserService/GetUser, request: {id: 2}, response: {name: Bob}, headers: {x-header: a},
   trailers: {x-trailer: [b, c]}}
- {name: gone, method: UserService/GetUser, request: {id: 3}, error: {code: NOT_FOUND, message: "50 % ä",
   details: [{"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: GONE}], trailers: {x-trailer: t}}}
- {name: first, method: UserService/GetUser, priority: 5, response: {name: first}, request: {id: {$lt: 3}}}
- {name: twice, method: UserService/GetUser, priority: 9, request: {id: 1}, times: 2, response: {name: twice}}
- {name: template, method: UserService/GetUser, priority: 1, request: {id: 2},
   response: {name: "{{ call.count }} {{ request.id }}"}}
- {name: chance, method: UserService/GetUser, request: {id: 3}, response: {name: "{{ random.int(0, 99999) }}"}}
- {name: sequence, method: UserService/GetUser, request: {id: 4}, then: cycle,
   answers: [{response: {name: a}}, {response: {name: b}}]}
- {name: started, method: UserService/GetUser, priority: 3, request: {id: 1}, state: {door: started},
   response: {name: closed}, set: {door: open}}
- {name: opened, method: UserService/GetUser, priority: 3, request: {id: 1}, state: {door: open},
   response: {name: open}}
- {name: tagged, method: UserService/GetUser, priority: 4, metadata: {x-tag: b}, response: {name: tagged}}
- {name: untagged, method: UserService/GetUser, priority: 6, metadata: {x-tag: {$nin: [a, b]}}, response: {name: none}}
- {name: told, method: UserService/GetUser, priority: 4, request: {id: 1}, metadata: {x-tag: a, x-absent: null},
   response: {name: "{{ metadata['x-tag'] }}"}}
- {name: tags, method: UserService/ListUsers, metadata: {x-tag: [a, a]}, responses: [{id: 5}]}
- {name: page, method: UserService/ListUsers, request: {page: 1}, responses: [{id: 1}, {id: 2}, {id: 3}]}
- {name: repeat, method: UserService/ListUsers, request: {page: 2},
   script: [{headers: {x-header: r}}, {repeat: {times: 5, steps: [{send: {id: 1}}, {send: {id: 2}}]}}, finish]}
- {name: lost, method: UserService/ListUsers, request: {page: 3}, responses: [{id: 1}],
   error: {code: DATA_LOSS, message: lost}}
- {name: empty, method: UserService/ListUsers, request: {page: 4}, responses: []}
- {name: opens, method: UserService/ListUsers, priority: 2, request: {page: 1}, responses: [{id: 9}], set: {door: open}}
"""
PROBLEMS = Problems()
POOL = {stub.name: stub for stub in loader.load_text(STUBS, "stubs.yaml", PROBLEMS)}
PROBLEMS.raise_errors()


@dataclass
class World:
    """A server, its engine, and a client."""

    transport: Any
    loop: LoopThread
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.loop.run(self._start())
        self.channel = grpc.insecure_channel(str(self.server.addresses[0]), options=CHANNEL)
        self.over_http = http.client.HTTPConnection(str(self.server.http_addresses[0]), timeout=20)

    async def _start(self) -> None:
        self.engine = Engine(USERS, journal=Journal(JOURNAL_CALLS, tally=CallTally()), lock=threading.RLock())
        self.server = Listeners(
            self.transport,
            self.engine,
            ServerOptions(),
            lambda: HttpFace(self.engine),
            services={},
            warn=print,
            has_http=True,
        )
        for listen in (self.server.listen, self.server.listen_http):
            listen(Address.parse("127.0.0.1:0"))
        await self.server.start()

    def stop(self) -> None:
        self.channel.close()
        self.over_http.close()
        self.loop.run(self.server.stop(0))

    def begin(self) -> None:
        """Be as new, but for the numbers of calls."""
        self.over_http.close()  # it connects anew: a server gives up what has been idle for long
        self.snapshots: list[Any] = []
        self.heard: list[Any] = []
        self.unsubscribe: Any = None
        with self.engine.lock:
            self.engine.store.remove(lambda entry: entry.layer is not Layer.FILE)
            self.engine.install(self.engine.prepare(USERS, []))
            self.engine.store.states.clear()
            self.engine.sessions.end("s")
            self.engine.journal.clear()

    def end(self) -> None:
        with self.engine.lock:
            while self.snapshots:
                self.engine.store.restore(self.snapshots.pop())
            if self.unsubscribe is not None:
                self.unsubscribe()

    # Actions --------------------------------------------------------------------------------------

    def call(self, path: str, number: int, tag: str) -> Any:
        data = bytes([8, number]) if number else b""
        call = self.channel.unary_stream(path)(data, metadata=_metadata(tag), timeout=20)
        messages = []
        try:
            for message in call:
                messages.append(message)  # noqa: PERF402 - what came before an error is kept
        except grpc.RpcError:
            pass
        said = [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]
        return call.code(), call.details(), messages, [pair for pair in said if pair[0] in METADATA]

    def http(self, form: str, path: str, number: int, tag: str, times: int) -> Any:
        """Call over HTTP, in one of the ``FORMS``."""
        method, target, headers, body = FORMS[form](path, number)
        found = []
        for _ in range(times):
            self.over_http.request(method, target, body, {**headers, **dict(_metadata(tag))})
            response = self.over_http.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            found.append((response.status, {name: told.get(name) for name in sorted(TOLD)}, response.read()))
        return found

    def calls(self, path: str, number: int, tag: str, times: int) -> Any:
        return [self.call(path, number, tag) for _ in range(times)]

    def burst(self, path: str, number: int, tag: str, times: int) -> Any:
        with ThreadPoolExecutor(times) as pool:
            return sorted(map(repr, pool.map(lambda _: self.call(path, number, tag), range(times))))

    def add(self, names: list[str]) -> None:
        self.engine.add((POOL[name] for name in names), Layer.TEST)

    def add_own(self, names: list[str]) -> None:
        """Add stubs for the session alone."""
        with self.engine.lock:
            self.engine.add((POOL[name] for name in names), session=self.engine.sessions.use("s"))

    def remove_own(self) -> None:
        with self.engine.lock:
            self.engine.sessions.use("s").remove(lambda _: True)

    def remove(self, which: int) -> Any:
        entries = [entry for entry in self.engine.store if entry.layer is Layer.TEST]
        if entries:
            self.engine.store.remove_one(entries[which % len(entries)])

    def reload(self, names: list[str]) -> None:
        # A snapshot is of one set of files.
        if not self.snapshots:
            self.engine.install(self.engine.prepare(USERS, [POOL[name] for name in names]))

    def set_state(self, value: str) -> None:
        self.engine.store.states["door"] = value

    def reset_counts(self) -> None:
        self.engine.store.reset_counts()

    def clear(self) -> None:
        self.engine.journal.clear()

    def snapshot(self) -> None:
        self.snapshots.append(self.engine.store.snapshot())

    def restore(self) -> None:
        if self.snapshots:
            self.engine.store.restore(self.snapshots.pop())

    def listen(self) -> None:
        if self.unsubscribe is None:
            self.unsubscribe = self.engine.journal.subscribe(lambda call: self.heard.append(_told(call)))
        else:
            self.unsubscribe()
            self.unsubscribe = None

    def count(self) -> Any:
        """What can be told without a look at the calls, which stay in the table meanwhile; and which ones are there."""
        with self.engine.lock:
            journal = self.engine.journal
            counts = sorted((entry.name, entry.count) for entry in self.engine.store), _counted(journal)
            sizes = len(journal), journal.dropped, journal.size
            waiting, latest = journal.waiting(3)
            assert len(latest) == min(waiting, 3)
            assert waiting <= len(journal)
            return counts, sizes

    def glance(self) -> None:
        """What waits in the table is what then enters the journal."""
        with self.engine.lock:
            journal = self.engine.journal
            waiting, latest = journal.waiting(3)
            calls = list(journal)
            assert waiting <= len(calls)
            told = [(call.id, _told(journal.read(call))) for call in latest]
            assert told == [(call.id, _told(call)) for call in calls[len(calls) - len(latest) :]]

    def look(self) -> Any:
        """All that can be seen."""
        with self.engine.lock:
            journal = self.engine.journal
            calls = list(journal)
            numbers = [call.id for call in calls]
            assert numbers == list(range(numbers[0], numbers[0] + len(calls))) if calls else True
            counts = sorted((entry.name, int(entry.layer), entry.count) for entry in self.engine.store)
            lost = [
                journal.lost.count(path, session=session, outcome=outcome)
                for path in (GET, LIST)
                for session in ("", "s")
                for outcome in ("answered", "unmatched", "failed")
            ]
            sizes = len(journal), journal.dropped, journal.size, lost
            states = [dict(self.engine.store.states)]
            if (own := self.engine.sessions.get("s")) is not None:
                counts += sorted((entry.name, -1, own.counted(entry)) for entry in [*own, *self.engine.store])
                states.append(dict(own.states))
            return counts, sizes, [_told(call) for call in calls], states, list(self.heard), _counted(journal)


def _metadata(tag: str) -> tuple[tuple[str, str], ...]:
    """Give the metadata of a call; those of the tag "s" are made in a session."""
    return *(("x-tag", one) for one in tag), *(((SESSION_KEY, "s"),) if tag == "s" else ())


def _told(call: Any) -> Any:
    frames = [(frame.direction, frame.data) for frame in call.frames]
    metadata = sorted(pair for pair in call.metadata if pair[0].startswith("x-"))
    status = call.code, call.message, call.trailers, call.cancelled
    deadline = call.deadline if call.protocol != "grpc" else 0  # gRPC's own client says what is left of it
    said = call.path, call.protocol, metadata, call.stub and call.stub.name, deadline
    return said, frames, status, call.headers, call.half_closed, call.peer[:5], call.miss and call.miss.text


# Over HTTP -----------------------------------------------------------------------------------------

Request = tuple[str, str, Mapping[str, str], bytes]

TOLD = (
    *("content-type", "accept-encoding", "grpc-accept-encoding", "access-control-allow-origin"),
    *("access-control-expose-headers", "x-header", "trailer-x-trailer", "grpc-trailer-x-trailer", "vary", "allow"),
)
"""The headers of a response that are compared; how long the body is, each server says in its own way."""


def _tree(path: str, number: int) -> bytes:
    return json.dumps({"id" if path == GET else "page": number}).encode()


def _message(number: int) -> bytes:
    return bytes([8, number]) if number else b""


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def _unary(path: str, number: int, codec: str = "json", **headers: str) -> Request:
    """Connect, with envelopes where the method streams."""
    message = _tree(path, number) if codec == "json" else _message(number)
    streams = path != GET
    kind = f"application/{'connect+' if streams else ''}{codec}"
    said = {"content-type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
    return "POST", path, said, _framed(message) if streams else message


def _web(path: str, number: int, suffix: str = "", **headers: str) -> Request:
    body = _framed(_tree(path, number) if suffix == "+json" else _message(number))
    said = {"content-type": f"application/grpc-web{suffix}"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    return "POST", path, said, b64encode(body) if suffix == "-text" else body


FORMS = {
    "connect json": _unary,
    "connect proto": lambda path, number: _unary(path, number, "proto"),
    "connect version": lambda path, number: _unary(path, number, connect_protocol_version="1"),
    "connect wrong version": lambda path, number: _unary(path, number, connect_protocol_version="2"),
    "connect deadline": lambda path, number: _unary(path, number, connect_timeout_ms="20000"),
    "connect other deadline": lambda path, number: _unary(path, number, grpc_timeout="20S"),
    "connect both deadlines": lambda path, number: _unary(path, number, grpc_timeout="20S", connect_timeout_ms="9999"),
    "connect wrong deadline": lambda path, number: _unary(path, number, connect_timeout_ms="soon"),
    "connect page": lambda path, number: _unary(path, number, origin="http://localhost:3000"),
    "connect other page": lambda path, number: _unary(path, number, origin="http://example.com"),
    "connect wrong encoding": lambda path, number: _unary(path, number, content_encoding="snappy"),
    "connect wrong metadata": lambda path, number: _unary(path, number, x_bytes_bin="*"),
    "connect wrong body": lambda path, number: ("POST", path, {"content-type": "application/json"}, b"{"),
    "connect text": lambda path, number: ("POST", path, {"content-type": "text/plain"}, _tree(path, number)),
    "grpc-web": _web,
    "grpc-web json": lambda path, number: _web(path, number, "+json"),
    "grpc-web text": lambda path, number: _web(path, number, "-text"),
    "grpc-web deadline": lambda path, number: _web(path, number, grpc_timeout="20S"),
    "grpc-web other deadline": lambda path, number: _web(path, number, connect_timeout_ms="20000"),
    "grpc-web page": lambda path, number: _web(path, number, "+proto", origin="http://[::1]:80"),
    "get": lambda path, number: ("GET", path, {}, b""),
}
"""Requests over HTTP, whose answers may be known or not."""


def _counted(journal: Journal) -> Any:
    """What was counted since the start, whatever was dropped or cleared."""
    tally = journal.tally
    assert tally is not None
    for durations in tally.durations.values():
        # Bursts take as long as they do; what takes longer than the last bound, on a busy machine, is in no bucket.
        assert sum(durations.buckets) == durations.calls or durations.seconds > DURATION_BOUNDS[-1]
        assert 0 < durations.seconds < 10 * durations.calls
    timed = {method: durations.calls for method, durations in tally.durations.items()}
    return dict(tally.calls), dict(tally.misses), timed, journal.dropped_ever, journal.open_calls


@pytest.fixture(scope="module")
def worlds() -> Iterator[list[World]]:
    loop = LoopThread()
    made = [World("native", loop), World("aio", loop)]
    yield made
    for world in made:
        world.stop()
    loop.close()


@pytest.fixture
def asked(worlds: list[World]) -> Iterator[list[str]]:
    """The paths of the calls that come to the engine of the native transport."""
    engine, found = worlds[0].engine, []
    original = engine.answer_at_once

    def counted(path: str, *args: Any) -> Any:
        found.append(path)
        return original(path, *args)

    engine.answer_at_once = counted  # type: ignore[method-assign, assignment]
    yield found
    del engine.answer_at_once


STEADY = [
    *("alice", "empty", "first", "gone", "headers", "lost", "opens", "page", "repeat", "tagged", "tags", "template"),
    *("told", "untagged"),
]
"""Beside these alone, answers of their methods may be known."""

NAMES = st.sampled_from([STEADY, STEADY, sorted(POOL)]).flatmap(
    lambda names: st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)
)
CALL = st.tuples(
    st.sampled_from([GET, LIST]), st.sampled_from([1, 1, 1, 2, 3, 4]), st.sampled_from([*"aaaabbs", "aa", ""])
)
CALLS = st.tuples(CALL, st.integers(1, 3)).map(lambda args: ("calls", *args[0], args[1]))
HTTP = st.tuples(st.sampled_from(sorted(FORMS)), CALL, st.integers(1, 3)).map(
    lambda args: ("http", args[0], *args[1], args[2])
)
ACTIONS = st.one_of(
    CALLS,
    CALLS,
    CALLS,
    HTTP,
    HTTP,
    HTTP,
    st.tuples(CALL, st.integers(2, 4)).map(lambda args: ("burst", *args[0], args[1])),
    st.tuples(st.sampled_from(["add", "add_own", "reload"]), NAMES),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("set_state"), st.sampled_from(["started", "open"])),
    st.sampled_from(
        [
            *(("reset_counts",), ("clear",), ("snapshot",), ("restore",), ("listen",), ("look",), ("remove_own",)),
            *(("count",), ("glance",)),
        ]
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAMES, st.lists(ACTIONS, min_size=10, max_size=30))
@example(["alice"], [("calls", GET, 1, "a", 3), ("snapshot",), ("call", GET, 3, "a"), ("restore",)])
@example(["alice"], [("calls", GET, 1, "a", 3), ("reset_counts",), ("calls", GET, 1, "a", 2), ("clear",)])
@example(["alice"], [("calls", GET, 1, "a", 2), ("listen",), ("calls", GET, 1, "a", 2), ("listen",)])
@example(["page", "chance"], [("calls", LIST, 1, "a", 3), ("call", GET, 3, "a")])
@example(["page"], [("reload", ["page"]), ("calls", LIST, 1, "a", 2), ("reload", ["opens"]), ("call", LIST, 1, "a")])
@example(["alice"], [("calls", GET, 1, "a", 2), ("add_own", ["first"]), ("call", GET, 1, "s"), ("call", GET, 1, "a")])
@example(["alice"], [("calls", GET, 1, "s", 3), ("calls", GET, 1, "a", 3), ("calls", GET, 1, "s", 3)])
@example(STEADY, [("calls", path, number, tag, 2) for path in (GET, LIST) for number in (2, 4) for tag in "asa"])
@example(["alice"], [("calls", GET, 4, "s", JOURNAL_CALLS), ("calls", GET, 4, "a", 5), ("calls", GET, 1, "a", 9)])
@example(["alice"], [("add_own", ["page"]), ("calls", GET, 4, "s", 2), ("calls", LIST, 4, "s", 2)])
@example(["twice", "sequence", "started"], [("calls", GET, number, tag, 3) for tag in "asa" for number in (1, 4)])
@example(["page"], [("calls", LIST, 1, "a", JOURNAL_CALLS + 5), ("call", GET, 1, "a")])
@example(["alice"], [*(("calls", GET, 1, "a", 9), ("count",)) * 3, ("call", GET, 4, "a"), ("count",)])
@example(["alice"], [("calls", GET, 1, "a", 9), ("glance",), ("calls", GET, 1, "a", 2), ("count",), ("glance",)])
@example(STEADY, [("http", form, GET, 1, tag, 2) for form in FORMS for tag in "asa"])
@example(STEADY, [("http", form, path, 1, "a", 3) for form in FORMS for path in (GET, LIST)])
@example(
    ["alice"],
    [
        *(("http", form, GET, 1, "a", 2) for form in FORMS),
        ("add_own", ["first"]),
        *(("http", form, GET, 1, tag, 2) for form in FORMS for tag in "sa"),
    ],
)
@example(STEADY, [("http", form, GET, number, "b", 2) for form in FORMS for number in (2, 3)])
@example(STEADY, [("calls", path, 1, tag, 3) for tag in ("a", "b", "aa", "", "s", "a") for path in (GET, LIST)])
@example(["tagged"], [("calls", GET, 1, tag, 3) for tag in "aba"] + [("add", ["untagged"]), ("calls", GET, 1, "c", 2)])
@example(
    ["alice"], [("http", "connect json", GET, 1, "a", 3), ("add", ["twice"]), ("http", "connect json", GET, 1, "a", 4)]
)
def test_nobody_can_tell_whether_an_answer_was_known(
    worlds: list[World], names: list[str], actions: list[tuple[Any, ...]]
) -> None:
    for world in worlds:
        world.begin()
        world.add(names)
    try:
        for action, *args in [*actions, ("look",)]:
            native, aio = (getattr(world, action)(*args) for world in worlds)
            assert native == aio, (action, args)
    finally:
        for world in worlds:
            world.end()


def test_the_table_knows_answers_by_metadata(worlds: list[World], asked: list[str]) -> None:
    native, _ = worlds
    native.begin()
    native.add(["tagged", "untagged", "alice"])
    for _ in range(10):
        for tag, name in (("a", b"Alice"), ("b", b"tagged"), ("c", b"none"), ("", b"none"), ("ab", b"tagged")):
            assert native.call(GET, 1, tag)[2] == [b"\x12" + bytes([len(name)]) + name]
            native.http("connect proto", GET, 1, tag[:1], 2)
    # Each kind once for each protocol; the first answer of a stub in gRPC isn't remembered, so that makes three more.
    assert len(asked) == 5 + 4 + 3


def test_the_table_does_answer(worlds: list[World], asked: list[str]) -> None:
    """What the law is about happens: the engine is asked once, in gRPC twice, and the table from then on."""
    native, _ = worlds
    native.begin()
    native.add(["alice", "page"])
    forms = ["connect json", "connect proto", "connect deadline", "connect page", "grpc-web", "grpc-web text"]

    for _ in range(20):
        assert native.call(GET, 1, "a")[2] == [b"\x12\x05Alice"]
        assert len(native.call(LIST, 1, "b")[2]) == 3
    for form in forms:
        native.http(form, GET, 1, "a", 5)
        native.http(form, GET, 1, "b", 5)  # other metadata make no difference
        native.http(form, LIST, 1, "a", 5)
    assert asked == [GET, LIST, GET, LIST, *[GET, LIST] * len(forms)]
    assert sorted(entry.count for entry in native.engine.store) == [20 + 5 * len(forms), 20 + 10 * len(forms)]
    calls = 40 + 15 * len(forms)
    assert (len(native.engine.journal), native.engine.journal.dropped) == (JOURNAL_CALLS, calls - JOURNAL_CALLS)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name: str, value: str) -> bytes:
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


@contextmanager
def connected(world: World) -> Iterator[socket.socket]:
    """Connect a client that writes HTTP/2 itself."""
    address = str(world.server.addresses[0]).rpartition(":")
    with socket.create_connection((address[0], int(address[2])), timeout=20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
        yield client


def head(stream: int) -> bytes:
    pairs = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": GET}
    pairs |= {"content-type": "application/grpc", "te": "trailers"}
    return frame(1, 4, stream, b"".join(header(*pair) for pair in pairs.items()))


@pytest.mark.parametrize("calls", [20, 300])
def test_answers_to_requests_that_came_together_go_out_together(worlds: list[World], calls: int) -> None:
    native, _ = worlds
    native.begin()
    native.add(["alice"])
    with connected(native) as client:
        streams = itertools.count(1, 2)

        def ask(count: int) -> bytes:
            """Send requests in one piece; return what is received first of their answers."""
            asked = [head(stream) + frame(0, 1, stream, b"\0\0\0\0\x02\x08\x01") for stream in islice(streams, count)]
            client.sendall(b"".join(asked))
            first = received = client.recv(1 << 16)
            while received.count(b"\x12\x05Alice") < count:
                received += client.recv(1 << 16)
            return first

        for _ in range(3):
            ask(1)
        first = ask(calls)
    # More of them are sent in several pieces, so that none waits for too many others.
    assert first.count(b"\x12\x05Alice") == 20 or calls > 20
    assert len(native.engine.journal) + native.engine.journal.dropped == 3 + calls


def test_requests_that_come_in_pieces_are_known_too(worlds: list[World], asked: list[str]) -> None:
    """As of clients that write the head by itself, or the end."""
    native, _ = worlds
    native.begin()
    native.add(["alice"])
    with connected(native) as client:
        for stream in range(1, 40, 2):
            body = frame(0, 0, stream, b"\0\0\0\0\x02") + frame(0, 0, stream, b"\x08\x01"), frame(0, 1, stream, b"")
            answered = b""
            for number, piece in enumerate((head(stream), *body)):
                client.sendall(piece + frame(6, 0, 0, struct.pack(">Q", 3 * stream + number)))
                while struct.pack(">Q", 3 * stream + number) not in answered:  # the server has seen the piece
                    answered += client.recv(1 << 16)
            while b"\x12\x05Alice" not in answered:
                answered += client.recv(1 << 16)
    assert len(native.engine.journal) + native.engine.journal.dropped == 20
    assert len(asked) == 1  # the first call of all went the general way, then the table knew


@pytest.mark.parametrize("size", [10, (1 << 16) - 20, (1 << 16) + 20, 1 << 18, 3 << 20])
def test_requests_of_any_size_are_answered(worlds: list[World], size: int) -> None:
    """Also those that a table can't be asked for before Python has taken some of them."""
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    request = b"\x08\x01" + b"\xaa\x06" + length + bytes(size)  # an unknown field
    for world in worlds:
        world.begin()
        world.add(["alice", "page"])
        for _ in range(2):
            assert list(world.channel.unary_stream(GET)(request, timeout=20)) == [b"\x12\x05Alice"]
            assert len(list(world.channel.unary_stream(LIST)(request, timeout=20))) == 3


def test_a_call_is_in_the_journal_before_its_client_has_the_answer(worlds: list[World]) -> None:
    native, _ = worlds
    native.begin()
    native.add(["alice"])
    for number in range(1, 30):
        native.call(GET, 1, "a")
        assert native.engine.journal.dropped + len(native.engine.journal) == number


@pytest.mark.parametrize("name", sorted(POOL))
def test_only_answers_that_are_the_same_each_time_are_known(name: str) -> None:
    problems = Problems()
    [entry] = Engine(USERS, [POOL[name]], problems=problems).store
    is_known = name in {
        "alice", "headers", "gone", "first", "twice", "opened", "tagged", "untagged", "tags", "page", "repeat", "lost",
        "empty",
    }  # fmt: skip
    assert (entry.constant_answer is not None) is is_known
