"""What isn't told by calls a second: latency at half load, slow streams held open, memory, the time to begin."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio

from benchmarks.load import cpu_seconds, resident_bytes
from benchmarks.startup import first_answer, free_port
from benchmarks.transport.loads import OPTIONS, H2Load
from benchmarks.transport.servers import GRIPMOCK, RAW, Server, serving, starts
from benchmarks.transport.works import CONSTANT, GET, ONE, TEMPLATES, TICK, TICKING, TICKS, Work

MIB = 1 << 20
PROBES = 20
"""Streams among the slow ones whose messages are timed; h2load holds the rest open, and is no slower for them."""

Row = tuple[object, ...]


def latencies(gripmock: Path | None, seconds: float) -> Iterator[Row]:
    """Yield the latencies of calls at half of the rate that each server reaches: median and 99th hundredth, in ms."""
    for work in (CONSTANT, TEMPLATES):
        with tempfile.TemporaryDirectory() as name, serving(work, Path(name), gripmock) as servers:
            load = H2Load(GET, [ONE])
            for server in servers:
                load.run(server.port, 0)
                half = [done.messages / done.seconds / 2 for done in (load.run(server.port, 1) for _ in range(3))]
                rate = statistics.median(half)
                yield work.name, server.name, rate, *load.latencies(server.port, rate, seconds)


def slow_streams(gripmock: Path | None, streams: int) -> Iterator[Row]:
    """Yield how late messages come that are due every 20 ms in so many streams at once, in ms, and the cores taken."""
    with tempfile.TemporaryDirectory() as name, serving(TICKING, Path(name), gripmock) as servers:
        for server in servers:
            late, cores = _lateness(server, streams)
            hundredths = statistics.quantiles(late, n=100)
            yield server.name, hundredths[49] * 1000, hundredths[98] * 1000, max(late) * 1000, cores


def _lateness(server: Server, streams: int) -> tuple[list[float], float]:
    clients = 10
    with tempfile.TemporaryDirectory() as folder:
        held = max(clients, streams - PROBES)
        load = H2Load(TICKING.path, [b""], held, clients)
        command = load.command(server.port, Path(folder, "body"), f"-m{-(-held // clients)}")
        before = cpu_seconds(server.pid)
        began = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as others:
            late = asyncio.run(_probe(server.port))
            others.wait(timeout=120)
        return late, (cpu_seconds(server.pid) - before) / (time.monotonic() - began)


async def _probe(port: int) -> list[float]:
    """Return how late each message of some streams came after its first, in seconds; none is early."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
        method = channel.unary_stream(TICKING.path)

        async def listen() -> list[float]:
            times = [time.monotonic() async for _ in method(b"", timeout=120)]
            return [at - times[0] - number * TICK for number, at in enumerate(times)][1:]

        heard = await asyncio.gather(*[listen() for _ in range(PROBES)])
        assert all(len(times) == TICKS - 1 for times in heard)
        return [max(0.0, late) for times in heard for late in times]


def memory(gripmock: Path | None, many: Work, calls: int) -> Iterator[Row]:
    """Yield the resident MiB: with one stub, after so many calls, and with many stubs."""
    with tempfile.TemporaryDirectory() as name, serving(CONSTANT, Path(name), gripmock) as servers:
        known: dict[str, list[float]] = {}
        for server in servers:
            known[server.name] = [resident_bytes(server.pid) / MIB]
            for _ in range(2):
                H2Load(GET, [ONE], calls // 2).run(server.port, 0)
                known[server.name].append(resident_bytes(server.pid) / MIB)
    with tempfile.TemporaryDirectory() as name, serving(many, Path(name), gripmock) as servers:
        for server in servers:
            if server.name != RAW:
                known[server.name].append(resident_bytes(server.pid) / MIB)
    for server_name, sizes in known.items():
        yield server_name, *sizes, *[""] * (4 - len(sizes))


def beginnings(gripmock: Path | None, rounds: int) -> Iterator[Row]:
    """Yield the seconds from the start of the process to the first answer: median and best, and the processor's."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as name:
        environment["PYTHONPYCACHEPREFIX"] = str(Path(name, "compiled"))
        for server, start in starts(CONSTANT, Path(name), gripmock).items():
            if server == RAW:
                continue
            times = []
            for _ in range(rounds + 1):
                port = start.port or free_port()
                told = [] if server == GRIPMOCK else ["--listen", f"127.0.0.1:{port}"]
                command = [word for word in start.command if word not in ("--listen", "127.0.0.1:0")] + told
                times.append(first_answer(command, port, environment | start.environment))
            walls, cpus = zip(*times[1:], strict=True)  # the first round compiles
            yield server, statistics.median(walls), min(walls), statistics.median(cpus)
