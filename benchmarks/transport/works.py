"""What servers are asked to do: stubs for grpcmock and for GripMock, of the same sense, and the load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc

from benchmarks.peers import PROTO, STREAM_LENGTH, user_registry
from benchmarks.transport.loads import H2Load, Load, NewRequests, PingPong
from grpcmock.schema import sources

SERVICE = "user.UserService"
GET, LIST, CREATE, LOOKUP = (f"/{SERVICE}/{name}" for name in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers"))
ALICE = {"id": 1, "name": "Alice", "email": "alice@example.com"}
USERS = user_registry()
ONE = USERS.message("user.GetUserRequest")(id=1).SerializeToString()
SCALE_PROTO = Path(__file__).parent.parent / "scale.proto"
SCALE = sources.load([SCALE_PROTO])
UNARY = "scale.Scale/Unary"

SENT = 100
"""Messages that the client of a client stream sends, and pings of a conversation."""

TICK = 0.02
"""Seconds between two messages of a slow stream."""

TICKS = 200


@dataclass(frozen=True)
class Work:
    """Something that servers are asked to do."""

    name: str
    stubs: Sequence[dict[str, Any]]
    gripmock: Sequence[dict[str, Any]]
    load: Load
    path: str = GET
    probe: Sequence[bytes] = (ONE,)
    """The requests of one call, made before the load: what a server is to answer."""

    answers: int = 1
    """How many messages come back for it."""

    metadata: tuple[tuple[str, str], ...] = ()
    code: grpc.StatusCode = grpc.StatusCode.OK
    proto: Path = PROTO
    has_raw: bool = True
    """Whether the raw handler stands beside the others, which answers whatever it is asked."""

    over_grpc: H2Load | None = None
    """Where the load is Connect's JSON: the same calls over gRPC, from as many clients, measured beside it."""


CONSTANT = Work(
    "constant",
    [{"method": f"{SERVICE}/GetUser", "request": {"id": 1}, "response": ALICE}],
    [{"service": SERVICE, "method": "GetUser", "input": {"equals": {"id": 1}}, "output": {"data": ALICE}}],
    H2Load(GET, [ONE]),
)
TEMPLATES = Work(
    "two templates",
    [
        {
            "method": f"{SERVICE}/GetUser",
            "response": {"id": 1, "name": "user {{ request.id }}", "email": "{{ request.id }}@example.com"},
        }
    ],
    [
        {
            "service": SERVICE,
            "method": "GetUser",
            "input": {"contains": {}},
            "output": {"data": {"id": 1, "name": "user {{.Request.id}}", "email": "{{.Request.id}}@example.com"}},
        }
    ],
    H2Load(GET, [ONE]),
)


def _ticking(every: str, responses: Sequence[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    ours = [{"method": f"{SERVICE}/ListUsers", "responses": responses, "interval": every}]
    output = {"stream": responses, "delay": every}
    return ours, [{"service": SERVICE, "method": "ListUsers", "input": {"contains": {}}, "output": output}]


TICKING = Work(
    "1,000 slow streams",
    *_ticking(f"{TICK * 1000:.0f}ms", [ALICE] * TICKS),
    H2Load(LIST, [b""]),
    LIST,
    probe=(b"",),
    answers=TICKS,
    has_raw=False,
)


def works(keys: Sequence[int], *, scale: float) -> Iterator[Work]:
    """Yield what is measured; *keys* says among how many stubs, *scale* how many calls a round has."""

    def calls(usual: int) -> int:
        return max(8, round(usual * scale))

    usual = calls(3_000)
    yield _with(CONSTANT, H2Load(GET, [ONE], usual))
    yield _with(CONSTANT, H2Load(GET, [ONE], calls(1_000), clients=1), "constant, 1 connection")
    yield _with(CONSTANT, H2Load(GET, [ONE], usual, clients=64), "constant, 64 connections")
    for kind, key in (("string", _text), ("int", _number)):
        for count in keys:
            yield _keyed(f"{kind} key, {count:,} stubs", count, key, usual)
    if max(keys) > 1:  # with a single stub no key stays new
        yield _keyed(f"new keys, {max(keys):,} stubs", max(keys), _text, usual, new=True)
    yield _with(TEMPLATES, H2Load(GET, [ONE], usual))
    yield _by_metadata(usual)
    missed = USERS.message("user.GetUserRequest")(id=77).SerializeToString()
    yield _miss("miss, 1 stub", CONSTANT.stubs, CONSTANT.gripmock, H2Load(GET, [missed], usual), missed)
    among = [
        {"method": f"{SERVICE}/GetUser", "request": {"id": n}, "response": {"id": n}} for n in range(20_000, 0, -1)
    ]
    theirs = [
        {"service": SERVICE, "method": "GetUser", "input": {"equals": {"id": n}}, "output": {"data": {"id": n}}}
        for n in range(1, 20_001)
    ]
    others = [USERS.message("user.GetUserRequest")(id=n).SerializeToString() for n in range(30_000, 130_000)]
    yield _miss("miss, 20,000 stubs", among, theirs, H2Load(GET, others[:1], calls(500)), others[0])
    yield _miss("new misses, 20,000 stubs", among, theirs, NewRequests(GET, others, calls(500)), others[0])
    yield from _streams(calls)
    yield _connect("Connect JSON, HTTP/2", H2Load(GET, [ONE], usual))
    # Over HTTP/1.1 a client has one call under way at a time, and each is read and written by itself.
    yield _connect("Connect JSON, HTTP/1.1", H2Load(GET, [ONE], usual, clients=128, streams=1), is_http1=True)


def _with(work: Work, load: Load, name: str = "") -> Work:
    return replace(work, load=load, name=name or work.name)


def _text(number: int) -> dict[str, Any]:
    return {"text": f"key {number}"}


def _number(number: int) -> dict[str, Any]:
    return {"number": number}


def _keyed(name: str, count: int, key: Callable[[int], dict[str, Any]], calls: int, *, new: bool = False) -> Work:
    """Make work of so many stubs: one is asked for over and over, or each once."""
    numbers = range(1, count + 1)
    ours = [{"method": UNARY, "request": key(n), "response": {"text": f"answer {n}"}} for n in numbers]
    theirs = [
        {"service": "scale.Scale", "method": "Unary", "input": {"equals": key(n)}, "output": {"data": {"text": "a"}}}
        for n in numbers
    ]
    asked = numbers if new else [count // 2 + 1]
    bodies = [SCALE.message("scale.Query")(**key(n)).SerializeToString() for n in asked]
    path = f"/{UNARY}"
    load = NewRequests(path, bodies, calls) if new else H2Load(path, bodies, calls)
    return Work(name, ours, theirs, load, path, bodies[:1], proto=SCALE_PROTO)


def _connect(name: str, over_grpc: H2Load, *, is_http1: bool = False) -> Work:
    headers = (("content-type", "application/json"),)
    load = replace(over_grpc, requests=[b'{"id":1}'], headers=headers, is_http1=is_http1)
    return replace(CONSTANT, name=name, load=load, has_raw=False, over_grpc=over_grpc)


def _by_metadata(calls: int) -> Work:
    key = ("x-tenant", "blue")
    ours = [{**stub, "metadata": dict([key])} for stub in CONSTANT.stubs]
    theirs = [{**stub, "headers": {"equals": dict([key])}} for stub in CONSTANT.gripmock]
    return Work("metadata", ours, theirs, H2Load(GET, [ONE], calls, headers=(key,)), metadata=(key,))


def _miss(
    name: str, ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]], load: Load, request: bytes
) -> Work:
    return Work(name, ours, theirs, load, probe=(request,), code=grpc.StatusCode.UNIMPLEMENTED)


def _streams(calls: Callable[[int], int]) -> Iterator[Work]:
    many = [ALICE] * STREAM_LENGTH
    yield Work(
        "server stream of 1,000",
        [{"method": f"{SERVICE}/ListUsers", "responses": many}],
        [{"service": SERVICE, "method": "ListUsers", "input": {"contains": {}}, "output": {"stream": many}}],
        H2Load(LIST, [b""], calls(40), messages=STREAM_LENGTH),
        LIST,
        (b"",),
        STREAM_LENGTH,
    )
    user = USERS.message("user.CreateUserRequest")(name="Alice").SerializeToString()
    yield Work(
        f"client stream of {SENT}",
        [{"method": f"{SERVICE}/CreateUsers", "response": {"created": SENT}}],
        [
            {
                "service": SERVICE,
                "method": "CreateUsers",
                "inputs": [{"contains": {"name": "Alice"}}] * SENT,
                "output": {"data": {"created": SENT}},
            }
        ],
        H2Load(CREATE, [user] * SENT, calls(200), messages=SENT),
        CREATE,
        [user] * SENT,
    )
    yield Work(
        "ping-pong",
        [{"method": f"{SERVICE}/LookupUsers", "script": [{"on": [{"send": ALICE}]}]}],
        [
            {
                "service": SERVICE,
                "method": "LookupUsers",
                "inputs": [{"equals": {"id": 1}}] * SENT,
                "output": {"stream": [ALICE] * SENT},
            }
        ],
        PingPong(LOOKUP, ONE, calls(16)),
        LOOKUP,
        [ONE] * SENT,
        SENT,
    )
