"""The servers side by side: native, ``grpc.aio``, the raw handler, and GripMock where its program is named."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import grpc

from benchmarks import peers
from benchmarks.load import ROOT, cpu_seconds, grpcmock
from benchmarks.startup import free_port
from benchmarks.transport.loads import OPTIONS, H2Load
from benchmarks.transport.works import CONSTANT
from grpcmock.servers.transports import has_native

if TYPE_CHECKING:
    from benchmarks.transport.loads import Load
    from benchmarks.transport.works import Work

RAW, NATIVE, AIO, GRIPMOCK = "raw handler", "native", "aio", "GripMock"
PATIENCE = 180
"""Seconds that a server has to load its stubs."""


@dataclass
class Server:
    """One server under load, and what it cost."""

    name: str
    port: int
    pid: int
    load: Load
    costs: list[float] = field(default_factory=list)
    """Microseconds of its processor time a message, one figure for each round."""

    rates: list[float] = field(default_factory=list)
    """Messages a second."""

    def measure(self, number: int) -> None:
        """Load it once; the round with number 0 warms up."""
        before = cpu_seconds(self.pid)
        messages, seconds = self.load.run(self.port, number)
        if number:
            self.rates.append(messages / seconds)
            self.costs.append((cpu_seconds(self.pid) - before) / messages * 1e6)

    def ratio(self, other: Server) -> float:
        """Return how many messages it makes in the processor time of one of *other*: the median within the rounds."""
        pairs = [(mine, theirs) for mine, theirs in zip(self.costs, other.costs, strict=True) if mine]
        return median(theirs / mine for mine, theirs in pairs) if pairs else float("nan")


@dataclass(frozen=True)
class Start:
    """How a server is started."""

    command: list[str]
    port: int = 0
    """The port that it was told; 0 if it tells it."""

    environment: dict[str, str] = field(default_factory=dict)


def starts(work: Work, folder: Path, gripmock: Path | None) -> dict[str, Start]:
    """Return what can do the work, by name; writes its stubs."""
    stubs = folder / "stubs.yaml"
    stubs.write_text(json.dumps(work.stubs))  # JSON is YAML
    served: list[str | Path] = [work.proto, "--stubs", stubs]
    if work.over_grpc is not None:
        served += ["--http", "127.0.0.1:0"]
    found: dict[str, Start] = {}
    if work.has_raw:
        found[RAW] = Start(peers.command("raw"))
    if has_native():
        found[NATIVE] = Start(grpcmock(*served, "--transport", "native", uvloop=True))
    found[AIO] = Start(grpcmock(*served, "--transport", "aio", uvloop=True))
    if gripmock is not None:
        theirs = folder / "gripmock"
        theirs.mkdir()
        (theirs / "stubs.json").write_text(json.dumps(work.gripmock))
        environment = {"GRPC_HOST": "127.0.0.1", "HTTP_HOST": "127.0.0.1", "LOG_LEVEL": "error"}
        environment |= {"GRPC_PORT": str(port := free_port()), "HTTP_PORT": str(free_port())}
        found[GRIPMOCK] = Start([str(gripmock), "--stub", str(theirs), str(work.proto)], port, environment)
    return found


@contextmanager
def serving(work: Work, folder: Path, gripmock: Path | None) -> Iterator[list[Server]]:
    """Start what can do the work, and see that it does; what doesn't is told, and left out."""
    with ExitStack() as stack:
        servers: list[Server] = []
        for name, start in starts(work, folder, gripmock).items():
            process = stack.enter_context(running(start))
            port, port_of_http = _ports(process, work) if not start.port else (start.port, 0)
            wrong = _wrong(port, work, name)
            if not wrong and work.over_grpc is not None:
                servers.append(Server(f"{name}, gRPC", port, process.pid, work.over_grpc))
                is_http1 = isinstance(work.load, H2Load) and work.load.is_http1
                port = port_of_http if is_http1 and not _speaks_connect(port) else port
                wrong = "" if port and _speaks_connect(port) else "Connect isn't spoken"
            if wrong:
                print(f"{work.name}, {name}: left out: {wrong}", flush=True)
            else:
                servers.append(Server(name, port, process.pid, work.load))
        yield servers


@contextmanager
def running(start: Start) -> Iterator[subprocess.Popen[str]]:
    """Run a server."""
    environment = {**os.environ, **start.environment}
    process = subprocess.Popen(
        start.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _ports(process: subprocess.Popen[str], work: Work) -> tuple[int, int]:
    """Return the ports that a server tells: gRPC's, and that of HTTP where the work takes it."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            told = json.loads(line)
            return _port(told["address"]), _port(told["http"][0]) if work.over_grpc is not None else 0
        if line.strip().isdigit():  # the raw handler
            return int(line), 0
    sys.exit(f"A server did not start: {' '.join(process.args)}")  # type: ignore[arg-type]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _wrong(port: int, work: Work, name: str) -> str:
    """Call until the server is there; return what is wrong with its answer, or nothing."""
    ends = time.monotonic() + PATIENCE
    while True:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
            call = channel.stream_stream(work.path)(iter(work.probe), metadata=work.metadata, timeout=60)
            try:
                count = len(list(call))
            except grpc.RpcError:
                count = 0
        if call.code() is grpc.StatusCode.UNAVAILABLE and time.monotonic() < ends:
            time.sleep(0.1)
            continue
        if name == RAW:
            return "" if call.code() is grpc.StatusCode.OK else str(call.details())
        is_miss = work.code is not grpc.StatusCode.OK
        is_right = (call.code() is not grpc.StatusCode.OK) is is_miss and (is_miss or count == work.answers)
        return "" if is_right else f"{call.code()} {call.details()}, {count} messages"


def _speaks_connect(port: int) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{CONSTANT.path}", b'{"id":1}', {"content-type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return b"Alice" in answer.read()
    except (http.client.HTTPException, OSError):
        return False
