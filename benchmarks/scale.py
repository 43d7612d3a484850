"""The cost of a call among 1, 1,000 and 100,000 stubs of one method: ``python -m benchmarks.scale``."""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from benchmarks.load import Peer, grpcmock, measure, running, table
from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive
from grpcmock.errors import Problems
from grpcmock.schema import sources
from grpcmock.schema.codec import build
from grpcmock.status import Code
from grpcmock.stubs import loader
from grpcmock.tree import Node

PROTO = Path(__file__).parent / "scale.proto"
REGISTRY = sources.load([PROTO])
SIZES = (1, 1_000, 100_000)


@dataclass(frozen=True)
class Shape:
    """One way to key stubs by a number."""

    pattern: str
    """The lines of a stub that match, with ``@`` in the place of the number."""

    request: Callable[[int], object]
    """Gives the request that the stub with this number answers."""

    metadata: Callable[[int], Mapping[str, str]] = field(default=lambda _: {})
    method: str = "Unary"

    @property
    def path(self) -> str:
        return f"/scale.Scale/{self.method}"

    def stubs(self, size: int) -> Iterator[str]:
        for number in range(1, size + 1):
            yield (
                f"- method: scale.Scale/{self.method}\n"
                f"  {self.pattern.replace('@', str(number))}\n"
                f"  response: {{text: answer {number}}}\n"
            )

    def body(self, number: int) -> bytes:
        node = Node.of(self.request(number))
        return build(node, REGISTRY.message("scale.Query"), REGISTRY, Problems()).SerializeToString()


SHAPES = {
    "string": Shape("request: {text: key @}", lambda n: {"text": f"key {n}"}),
    "int64": Shape("request: {number: @}", lambda n: {"number": n}),
    "enum": Shape("request: {color: @}", lambda n: {"color": n}),
    "nested field": Shape(
        "request: {nested: {deeper: {text: key @}}}", lambda n: {"nested": {"deeper": {"text": f"key {n}"}}}
    ),
    "list element": Shape("request: {list: {$some: key @}}", lambda n: {"list": ["a", "b", f"key {n}"]}),
    "metadata": Shape("metadata: {x-key: key-@}", lambda _: {}, lambda n: {"x-key": f"key-{n}"}),
    "first of a stream": Shape("request: {text: key @}", lambda n: {"text": f"key {n}"}, method="Stream"),
}


# In process ---------------------------------------------------------------------------------------


def engine_rows(shape: Shape, name: str, rounds: int) -> list[tuple[object, ...]]:
    """Time the whole engine without a network: choice, answer and journal, for keys drawn at random."""
    engines = {}
    for size in SIZES:
        problems = Problems()
        engines[size] = Engine(REGISTRY, loader.load_text("".join(shape.stubs(size)), "stubs.yaml", problems))
    draw = random.Random(0)
    costs: dict[tuple[int, bool], list[float]] = {(size, hit): [] for size in SIZES for hit in (True, False)}
    for _ in range(rounds):
        for (size, hit), found in costs.items():
            numbers = [draw.randint(1, size) if hit else size + draw.randint(1, size) for _ in range(200)]
            calls = [(shape.body(n), tuple(shape.metadata(n).items())) for n in numbers]
            before = time.process_time_ns()
            for body, metadata in calls:
                _call(engines[size], shape, body, metadata, Code.OK if hit else Code.UNIMPLEMENTED)
            found.append((time.process_time_ns() - before) / len(calls) / 1_000)
    cost = {key: statistics.median(found) for key, found in costs.items()}
    hits = [cost[size, True] for size in SIZES]
    miss = cost[SIZES[-1], False]
    return [(name, *hits, hits[-1] / hits[0], miss, miss / hits[-1])]


def _call(engine: Engine, shape: Shape, body: bytes, metadata: tuple[tuple[str, str], ...], code: Code) -> None:
    exchange = engine.open(Open(shape.path, metadata, None, "peer"))
    events = iter((Message(body), HALF_CLOSE))
    step = exchange.resume()
    while not isinstance(step, Finish):
        step = exchange.resume(next(events) if isinstance(step, Receive) else None)
    assert step.code is code, step


# Over the wire ------------------------------------------------------------------------------------


def wire_row(shape: Shape, name: str, calls: int, rounds: int) -> tuple[object, ...]:
    with tempfile.TemporaryDirectory() as folder:
        peers = []
        for size in SIZES:
            stubs = Path(folder, f"{size}.yaml")
            stubs.write_text("".join(shape.stubs(size)))
            number = size // 2 + 1
            peers.append(
                Peer(
                    f"{size:,}",
                    grpcmock(PROTO, "--stubs", stubs),
                    shape.body(number),
                    shape.path,
                    headers=shape.metadata(number),
                )
            )
        none = SIZES[-1] + 7
        unanswered = Peer("miss", (), shape.body(none), shape.path, peers[-1], shape.metadata(none))
        unanswered.code = grpc.StatusCode.UNIMPLEMENTED
        with running([*peers, unanswered]):
            measure([*peers, unanswered], calls=calls, rounds=rounds)
    one, *_, most = peers
    return (
        name,
        *(peer.rate for peer in peers),
        most.rate_ratio(one),
        most.cost_ratio(one),
        unanswered.rate,
        1 / unanswered.rate_ratio(most),
        1 / unanswered.cost_ratio(most),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--calls", type=int, default=500, help="in one round over the wire")
    parser.add_argument("--rounds", type=int, default=20)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--no-wire", action="store_true", help="time the engine only")
    only.add_argument("--no-engine", action="store_true", help="measure over the wire only")
    options = parser.parse_args()
    chosen: Sequence[str] = options.shapes
    sizes = [f"{size:,}" for size in SIZES]
    if not options.no_engine:
        table(
            "The engine alone: CPU µs/call for keys at random, by the number of stubs",
            ("stubs keyed by", *sizes, "of 1", "miss", "of a hit"),
            [row for name in chosen for row in engine_rows(SHAPES[name], name, options.rounds)],
        )
    if not options.no_wire:
        table(
            "Over the wire: calls/s, by the number of stubs",
            ("stubs keyed by", *sizes, "of 1", "by CPU", "miss", "costs, of a hit", "by CPU"),
            [wire_row(SHAPES[name], name, options.calls, options.rounds) for name in chosen],
        )


if __name__ == "__main__":
    main()
