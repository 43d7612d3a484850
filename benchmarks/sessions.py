"""What sessions cost: ``python -m benchmarks.sessions``.

The same call is made without a session, in one that is there, and as the first of one, in turn: through the engine
alone, and over the wire. Of each the median is told, and its ratio to the call without. Then as many sessions as asked
for, each with a stub of its own, and what a call without a session costs beside them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import grpc

from benchmarks.load import Peer, grpcmock, running, table
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
REQUEST = b"\x08\x01"
STUBS = {
    "a constant": "[{method: user.UserService/GetUser, request: {id: 1}, response: {name: Alice}}]",
    "a template": "[{method: user.UserService/GetUser, request: {id: 1}, response: {name: '{{ request.id }}'}}]",
}

Call = Callable[["Metadata"], object]


def _in_session(name: str) -> Metadata:
    return ((SESSION_KEY, name),)


def _firsts() -> Iterator[Metadata]:
    return (_in_session(f"first {number}") for number in count())


def _micros(call: Call, metadata: Metadata) -> float:
    began = time.perf_counter()
    call(metadata)
    return (time.perf_counter() - began) * 1e6


def rows(name: str, call: Call, rounds: int) -> list[tuple[object, ...]]:
    """Time the three kinds of calls in turn."""
    firsts = _firsts()
    kinds: dict[str, Callable[[], Metadata]] = {
        "without a session": lambda: (),
        "in a session": lambda: _in_session("there"),
        "the first of a session": lambda: next(firsts),
    }
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, metadata in kinds.items():
            took[kind].append(_micros(call, metadata()))
    plain = median(took["without a session"])
    return [
        (name, kind, f"{median(times):.1f}", f"{median(times) - plain:+.1f}", f"{median(times) / plain:.2f}")
        for kind, times in took.items()
    ]


def engine_of(stubs: str) -> Engine:
    return Engine(sources.load([PROTO]), loader.load_text(stubs, "stubs.yaml", Problems()))


def call_of(engine: Engine) -> Call:
    """Give a call of the engine, by the short way where there is one."""

    def call(metadata: Metadata) -> None:
        if engine.answer_from_cache(PATH, metadata, None, "peer", REQUEST) is not None:
            return
        exchange = engine.open(Open(PATH, metadata))
        events: list[Any] = [Message(REQUEST), HALF_CLOSE]
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
    began = time.perf_counter()
    for number in range(sessions):
        engine.add(own, session=engine.sessions.use(f"session {number}"))
    made = (time.perf_counter() - began) * 1e6 / sessions
    inside = median(_micros(call, _in_session(f"session {number % sessions}")) for number in range(rounds))
    after = median(_micros(call, ()) for _ in range(rounds))
    return [
        (sessions, "a session with a stub, made", f"{made:.1f}", ""),
        (sessions, "a call in one of them", f"{inside:.1f}", f"{inside / before:.2f}"),
        (sessions, "a call without, beside them", f"{after:.1f}", f"{after / before:.2f}"),
    ]


def over_the_wire(rounds: int) -> Iterator[tuple[object, ...]]:
    for name, stubs in STUBS.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "stubs.yaml"
            file.write_text(stubs)
            for transport in ("native", "aio"):
                peer = Peer(transport, grpcmock(PROTO, "--stubs", file, "--transport", transport), REQUEST)
                with running([peer]), grpc.insecure_channel(f"127.0.0.1:{peer.port}") as channel:
                    made = channel.unary_unary(PATH)
                    yield from rows(
                        f"{transport}: {name}", lambda metadata, made=made: made(REQUEST, metadata=metadata), rounds
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000, help="calls of each kind (default: %(default)s)")
    parser.add_argument("--sessions", type=int, default=1_000, help="sessions at once (default: %(default)s)")
    parser.add_argument("--no-wire", action="store_true", help="leave out the servers")
    given = parser.parse_args()
    columns = ("", "call", "µs", "more µs", "ratio")
    alone = [row for name, stubs in STUBS.items() for row in rows(name, call_of(engine_of(stubs)), given.rounds)]
    table("In the engine alone", columns, alone)
    table("Many at once", ("sessions", "", "µs", "ratio"), many(given.sessions, given.rounds))
    if not given.no_wire:
        table("Over the wire, one call after the other", columns, list(over_the_wire(given.rounds)))


if __name__ == "__main__":
    main()
