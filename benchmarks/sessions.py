"""What sessions cost: ``python -m benchmarks.sessions``.

The same call is made without a session, in one that is there, and as the first of one, in turn, beside one without
a session whose request was not asked before, which no table of known answers can take: through the engine
alone, and over the wire. Of each the median is told, its ratio to the call without, and the processor time of what
answers. Then as many sessions as asked
for, each with a stub of its own, and what a call without a session costs beside them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import grpc

from benchmarks.load import Peer, cpu_seconds, grpcmock, running, table
from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive
from grpcmock.errors import Problems
from grpcmock.schema import sources
from grpcmock.status import SESSION_KEY
from grpcmock.stubs import loader

if TYPE_CHECKING:
    from grpcmock.status import Metadata

PROTO = Path(__file__).parents[1] / "protos" / "user.proto"
PATH = "/user.UserService/GetUser"
STUBS = {
    "a constant": "[{method: user.UserService/GetUser, response: {name: Alice}}]",
    "a template": "[{method: user.UserService/GetUser, response: {name: '{{ request.id }}'}}]",
}

_BLOCK = 100
"""Calls of one kind in a row, between which processor time is taken."""

Call = Callable[["Metadata", bytes], object]


def _in_session(name: str) -> Metadata:
    return ((SESSION_KEY, name),)


def _firsts() -> Iterator[Metadata]:
    return (_in_session(f"first {number}") for number in count())


def _micros(call: Call, metadata: Metadata, request: bytes = b"\x08\x01") -> float:
    began = time.perf_counter()
    call(metadata, request)
    return (time.perf_counter() - began) * 1e6


def _news() -> Iterator[bytes]:
    """Give requests that were not asked before: their ids in four bytes."""
    for number in count(1 << 21):
        yield b"\x08" + bytes((number >> shift & 127) | (128 if shift < 21 else 0) for shift in (0, 7, 14, 21))


def rows(name: str, call: Call, rounds: int, cpu: Callable[[], float] = time.process_time) -> list[tuple[object, ...]]:
    """Time each kind of calls in turn, a block of each; *cpu* gives the processor time of what answers, in seconds."""
    firsts, news = _firsts(), _news()
    kinds: dict[str, Callable[[], float]] = {
        "without a session": lambda: _micros(call, ()),
        "… a request not asked before": lambda: _micros(call, (), next(news)),
        "in a session": lambda: _micros(call, _in_session("there")),
        "the first of a session": lambda: _micros(call, next(firsts)),
    }
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    used = dict.fromkeys(kinds, 0.0)
    for _ in range(rounds // _BLOCK):
        for kind, timed in kinds.items():
            began = cpu()
            took[kind] += [timed() for _ in range(_BLOCK)]
            used[kind] += cpu() - began
    plain = median(took["without a session"])
    return [
        (
            name,
            kind,
            f"{median(times):.1f}",
            f"{median(times) - plain:+.1f}",
            f"{median(times) / plain:.2f}",
            f"{used[kind] / len(times) * 1e6:.0f}",
        )
        for kind, times in took.items()
    ]


def engine_of(stubs: str) -> Engine:
    return Engine(sources.load([PROTO]), loader.load_text(stubs, "stubs.yaml", Problems()))


def call_of(engine: Engine) -> Call:
    """Give a call of the engine, by the short way where there is one."""

    def call(metadata: Metadata, request: bytes) -> None:
        if engine.answer_at_once(PATH, metadata, None, "peer", request) is not None:
            return
        exchange = engine.open(Open(PATH, metadata))
        events: list[Any] = [Message(request), HALF_CLOSE]
        step = exchange.resume()
        while not isinstance(step, Finish):
            step = exchange.resume(events.pop(0) if isinstance(step, Receive) else None)

    return call


def many(sessions: int, rounds: int) -> list[tuple[object, ...]]:
    """Give each of many sessions a stub of its own, and time calls of some of them, and of none."""
    engine = engine_of(STUBS["a constant"])
    call = call_of(engine)
    own = loader.load_text(STUBS["a constant"].replace("Alice", "Own"), "own.yaml", Problems())
    before = median(_micros(call, ()) for _ in range(rounds))
    made = median(
        _micros(
            lambda metadata, _: engine.add(own, session=engine.sessions.of(metadata)), _in_session(f"session {number}")
        )
        for number in range(sessions)
    )
    inside = median(_micros(call, _in_session(f"session {number % sessions}")) for number in range(rounds))
    after = median(_micros(call, ()) for _ in range(rounds))
    return [
        (sessions, "a session with a stub, made", f"{made:.1f}", ""),
        (sessions, "a call in one of them", f"{inside:.1f}", f"{inside / before:.2f}"),
        (sessions, "a call without, beside them", f"{after:.1f}", f"{after / before:.2f}"),
    ]


def _made(channel: grpc.Channel) -> Call:
    made = channel.unary_unary(PATH)
    return lambda metadata, request: made(request, metadata=metadata)


def over_the_wire(rounds: int) -> Iterator[tuple[object, ...]]:
    for name, stubs in STUBS.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "stubs.yaml"
            file.write_text(stubs)
            for transport in ("native", "aio"):
                peer = Peer(transport, grpcmock(PROTO, "--stubs", file, "--transport", transport))
                with running([peer]), grpc.insecure_channel(f"127.0.0.1:{peer.port}") as channel:
                    yield from rows(f"{transport}: {name}", _made(channel), rounds, partial(cpu_seconds, peer.pid))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000, help="calls of each kind (default: %(default)s)")
    parser.add_argument("--sessions", type=int, default=1_000, help="sessions at once (default: %(default)s)")
    parser.add_argument("--no-wire", action="store_true", help="leave out the servers")
    given = parser.parse_args()
    columns = ("", "call", "µs", "more µs", "ratio", "CPU µs")
    alone = [row for name, stubs in STUBS.items() for row in rows(name, call_of(engine_of(stubs)), given.rounds)]
    table("In the engine alone", columns, alone)
    table("Many at once", ("sessions", "", "µs", "ratio"), many(given.sessions, given.rounds))
    if not given.no_wire:
        table("Over the wire, one call after the other", columns, list(over_the_wire(given.rounds)))


if __name__ == "__main__":
    main()
