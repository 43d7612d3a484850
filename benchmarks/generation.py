"""Messages a second: the seeded driver, Hypothesis, and ``st.builds``: ``python -m benchmarks.generation``."""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from google.protobuf import descriptor_pb2
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.load import table
from grpcmock.fuzz import messages
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.schema import Registry

_T = descriptor_pb2.FieldDescriptorProto
_FIELDS: dict[str, tuple[int, st.SearchStrategy[Any]]] = {
    "id": (_T.TYPE_INT64, st.integers(-(2**63), 2**63 - 1)),
    "count": (_T.TYPE_INT32, st.integers(-(2**31), 2**31 - 1)),
    "size": (_T.TYPE_UINT32, st.integers(0, 2**32 - 1)),
    "total": (_T.TYPE_UINT64, st.integers(0, 2**64 - 1)),
    "name": (_T.TYPE_STRING, st.text(max_size=20)),
    "email": (_T.TYPE_STRING, st.text(max_size=20)),
    "title": (_T.TYPE_STRING, st.text(max_size=20)),
    "city": (_T.TYPE_STRING, st.text(max_size=20)),
    "note": (_T.TYPE_STRING, st.text(max_size=20)),
    "token": (_T.TYPE_BYTES, st.binary(max_size=20)),
    "price": (_T.TYPE_DOUBLE, st.floats()),
    "ratio": (_T.TYPE_FLOAT, st.floats(width=32)),
    "active": (_T.TYPE_BOOL, st.booleans()),
    "deleted": (_T.TYPE_BOOL, st.booleans()),
}
"""Fourteen fields, with the strategy that one would write for each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000, help="messages by the seeded driver in one round")
    parser.add_argument("--examples", type=int, default=500, help="examples by Hypothesis in one round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each of all drivers in shuffled order")
    options = parser.parse_args()
    message_class = _message_class()
    generator = Generators(_REGISTRY).of(message_class)
    drivers: dict[str, Callable[[], float]] = {
        "seeded, one source": lambda: _seeded(generator, options.messages),
        "seeded, a source for each message": lambda: _keyed(generator, options.messages),
        "the same, and encoded": lambda: _encoded(generator, options.messages),
        "Hypothesis, messages(…)": lambda: _hypothesis(messages(message_class), options.examples),
        "Hypothesis, st.builds(…)": lambda: _hypothesis(
            st.builds(message_class, **{name: strategy for name, (_, strategy) in _FIELDS.items()}), options.examples
        ),
    }
    speeds: dict[str, list[float]] = {name: [] for name in drivers}
    for _ in range(options.rounds):
        for name in random.sample(list(drivers), len(drivers)):
            speeds[name].append(drivers[name]())
    rows = [[name, f"{statistics.median(found):,.0f}", f"{max(found):,.0f}"] for name, found in speeds.items()]
    table("A message of 14 fields", ["driver", "messages a second of CPU", "best round"], rows)


def _message_class() -> Any:
    return _REGISTRY.message("bench.Wide")


def _registry() -> Registry:
    file = descriptor_pb2.FileDescriptorProto(name="bench.proto", package="bench", syntax="proto3")
    message = file.message_type.add(name="Wide")
    for number, (name, (kind, _)) in enumerate(_FIELDS.items(), 1):
        message.field.add(name=name, number=number, type=kind, label=_T.LABEL_OPTIONAL)
    return Registry(descriptor_pb2.FileDescriptorSet(file=[file]))


_REGISTRY = _registry()


def _seeded(generator: Any, count: int) -> float:
    source = RandomSource("benchmark")
    start = time.process_time()
    for _ in range(count):
        generator.generate(source)
        source.take()
    return count / (time.process_time() - start)


def _keyed(generator: Any, count: int) -> float:
    start = time.process_time()
    for number in range(count):
        generator.generate(RandomSource("benchmark", number))
    return count / (time.process_time() - start)


def _encoded(generator: Any, count: int) -> float:
    start = time.process_time()
    for number in range(count):
        generator.encode(RandomSource("benchmark", number))
    return count / (time.process_time() - start)


def _hypothesis(strategy: st.SearchStrategy[Any], count: int) -> float:
    made = 0

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(_: Any) -> None:
        nonlocal made
        made += 1

    start = time.process_time()
    run()
    return made / (time.process_time() - start)


if __name__ == "__main__":
    main()
