"""Load on one server: each sort makes so many calls, and gives how many messages that were and how long it took."""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import grpc.aio

from benchmarks.transport.pipelining import ask_all

OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
_GRPC = "application/grpc"
ROUNDS_OF_NEW = 50
"""Rounds among which the requests that were never made are shared out; no round may be without."""


class Loaded(NamedTuple):
    messages: int
    seconds: float


class Load(Protocol):
    """A sort of load."""

    def run(self, port: int, number: int) -> Loaded:
        """Load the server on this port; *number* is that of the round, 0 for the one that warms up."""
        ...


def h2load() -> str:
    """Return the program, or end with how to get it."""
    found = shutil.which("h2load")
    if found is None:
        sys.exit("h2load is not installed. Debian: apt-get install nghttp2-client; macOS: brew install nghttp2.")
    return found


def framed(messages: Sequence[bytes]) -> bytes:
    return b"".join(b"\0" + len(message).to_bytes(4, "big") + message for message in messages)


@dataclass(frozen=True)
class H2Load:
    """The same call over and over, by h2load."""

    path: str
    requests: Sequence[bytes]
    """The messages of one call; in other protocols than gRPC its body."""

    calls: int = 3_000
    clients: int = 8
    streams: int = 16
    """How many calls each client has under way at once."""

    headers: tuple[tuple[str, str], ...] = ()
    messages: int = 1
    """How many count for one call."""

    is_http1: bool = False

    def command(self, port: int, body: Path, *more: str) -> list[str]:
        """Return the command; writes the body."""
        streams = min(self.streams, max(1, self.calls // self.clients))
        headers = {"content-type": _GRPC, "te": "trailers", **dict(self.headers)}
        body.write_bytes(framed(self.requests) if headers["content-type"] == _GRPC else self.requests[0])
        shown = [f"-H{key}: {value}" for key, value in headers.items()]
        how = ["--h1"] if self.is_http1 else []
        load = [f"-n{self.calls}", f"-c{min(self.clients, self.calls)}", f"-m{streams}", f"-d{body}"]
        return [h2load(), *how, *load, *shown, *more, f"http://127.0.0.1:{port}{self.path}"]

    def run(self, port: int, number: int) -> Loaded:
        with tempfile.TemporaryDirectory() as folder:
            command = self.command(port, Path(folder, "body"))
            result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        rate = re.search(r"finished in .*, ([\d.]+) req/s", result.stdout)
        if rate is None or f"{self.calls} succeeded" not in result.stdout:
            sys.exit(f"Not every call of {self.path} succeeded:\n{result.stdout}")
        return Loaded(self.calls * self.messages, self.calls / float(rate[1]))

    def latencies(self, port: int, rate: float, seconds: float) -> tuple[float, float]:
        """Return the median and the 99th hundredth, in milliseconds, of calls at so many a second."""
        each = max(1, round(rate / self.clients))
        calls = max(100, round(each * self.clients * seconds))
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "log")
            timed = H2Load(self.path, self.requests, calls, self.clients, headers=self.headers)
            command = timed.command(port, Path(folder, "body"), f"--rps={each}", f"--log-file={log}")
            subprocess.run(command, capture_output=True, check=True, timeout=300)
            took = [int(line.split("\t")[2]) / 1000 for line in log.read_text().splitlines()]
        # The first calls open the connections.
        hundredths = statistics.quantiles(took[len(took) // 10 :], n=100)
        return hundredths[49], hundredths[98]


@dataclass(frozen=True)
class NewRequests:
    """Unary calls with requests that no round made before."""

    path: str
    requests: Sequence[bytes]
    calls: int

    def run(self, port: int, number: int) -> Loaded:
        share = self.requests[number::ROUNDS_OF_NEW][: self.calls]
        began = time.monotonic()
        ask_all(port, self.path, share)
        return Loaded(len(share), time.monotonic() - began)


@dataclass(frozen=True)
class PingPong:
    """Conversations in which each message waits for the answer to the one before, several at once."""

    path: str
    request: bytes
    calls: int
    pings: int = 100

    def run(self, port: int, number: int) -> Loaded:
        return asyncio.run(self._run(port))

    async def _run(self, port: int) -> Loaded:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
            method = channel.stream_stream(self.path)

            async def converse() -> None:
                call = method()
                for _ in range(self.pings):
                    await call.write(self.request)
                    await call.read()
                await call.done_writing()

            began = time.monotonic()
            await asyncio.gather(*[converse() for _ in range(self.calls)])
            return Loaded(self.calls * self.pings, time.monotonic() - began)
