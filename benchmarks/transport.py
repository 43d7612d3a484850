"""The transports side by side, per second of the server's processor: ``python -m benchmarks.transport``.

With ``--gripmock PATH`` a GripMock stands beside them, with stubs of the same sense that are written here. Keys that
were never asked for are 100,000 that take turns with the load; the rest asks for one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import grpc

from benchmarks.load import ROOT, cpu_seconds, grpcmock, table
from benchmarks.peers import PROTO, STREAM_LENGTH, command, user_registry
from grpcmock.schema import sources
from grpcmock.servers.transports import has_native

GET, LIST = "/user.UserService/GetUser", "/user.UserService/ListUsers"
ALICE = {"id": 1, "name": "Alice", "email": "alice@example.com"}
REQUEST = user_registry().message("user.GetUserRequest")
SCALE_PROTO = Path(__file__).parent / "scale.proto"
SCALE = sources.load([SCALE_PROTO])
UNARY = "scale.Scale/Unary"


_ROUNDS_OF_KEYS = 50
"""Rounds among which the keys that were never asked for are shared out; no round may be without."""


@dataclass(frozen=True)
class Work:
    """Something that servers are asked to do."""

    name: str
    stubs: str
    gripmock: Sequence[dict[str, Any]]
    bodies: Sequence[bytes]
    """The requests; the load asks for each in turn."""
    path: str = GET
    messages: int = 1
    """How many come back for one call."""
    calls: int = 3_000
    code: grpc.StatusCode = grpc.StatusCode.OK
    proto: Path = PROTO


def works(keys: Sequence[int]) -> Iterator[Work]:
    """Yield what is measured; *keys* says among how many stubs."""
    constant = json.dumps([{"method": "user.UserService/GetUser", "request": {"id": 1}, "response": ALICE}])
    one = REQUEST(id=1).SerializeToString()
    yield Work("constant", constant, [_unary({"equals": {"id": 1}}, ALICE)], [one])
    for kind, key in (("int", lambda n: {"number": n}), ("string", lambda n: {"text": f"key {n}"})):
        for count in keys:
            yield _keyed(f"{kind} key, {count:,} stubs", count, key, [count // 2])
    yield _keyed(f"keys never seen, {max(keys):,} stubs", max(keys), lambda n: {"text": f"key {n}"}, range(max(keys)))
    templates = [
        {
            "method": "user.UserService/GetUser",
            "response": {"id": 1, "name": "user {{ request.id }}", "email": "{{ request.id }}@example.com"},
        }
    ]
    data = {"id": 1, "name": "user {{.Request.id}}", "email": "{{.Request.id}}@example.com"}
    yield Work("two templates", json.dumps(templates), [_unary({"contains": {}}, data)], [one])
    missed = REQUEST(id=77).SerializeToString()
    code = grpc.StatusCode.UNIMPLEMENTED
    yield Work("miss", constant, [_unary({"equals": {"id": 1}}, ALICE)], [missed], code=code)
    stream = [{"method": "user.UserService/ListUsers", "responses": [ALICE] * STREAM_LENGTH}]
    many = [_stream({"contains": {}}, [ALICE] * STREAM_LENGTH)]
    yield Work("stream of 1,000", json.dumps(stream), many, [b""], LIST, STREAM_LENGTH, 40)


def _keyed(name: str, count: int, key: Callable[[int], dict[str, Any]], asked: Sequence[int]) -> Work:
    """Make work of so many stubs, of which those with some numbers are asked for."""
    ours = [{"method": UNARY, "request": key(n), "response": {"text": f"answer {n}"}} for n in range(1, count + 1)]
    theirs = [
        {"service": "scale.Scale", "method": "Unary", "input": {"equals": key(n)}, "output": {"data": {"text": "a"}}}
        for n in range(1, count + 1)
    ]
    bodies = [SCALE.message("scale.Query")(**key(n + 1)).SerializeToString() for n in asked]
    return Work(name, json.dumps(ours), theirs, bodies, f"/{UNARY}", proto=SCALE_PROTO)


def _unary(matches: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    return {"service": "user.UserService", "method": "GetUser", "input": matches, "output": {"data": data}}


def _stream(matches: dict[str, Any], data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"service": "user.UserService", "method": "ListUsers", "input": matches, "output": {"stream": data}}


@dataclass
class Server:
    """One server under load."""

    name: str
    port: int
    pid: int
    costs: list[float] = field(default_factory=list)
    """Microseconds of processor time a message, one figure for each round."""
    rates: list[float] = field(default_factory=list)
    """Messages a second."""


@contextmanager
def serving(work: Work, folder: Path, gripmock: Path | None) -> Iterator[list[Server]]:
    """Start what can do the work."""
    stubs = folder / "stubs.yaml"  # JSON is YAML
    stubs.write_text(work.stubs)
    served = work.proto, "--stubs", stubs
    commands: dict[str, list[str]] = {}
    if work.name in ("constant", "stream of 1,000"):
        commands["raw handler"] = command("raw")
    if has_native():
        commands["native"] = grpcmock(*served, "--transport", "native", uvloop=True)
    commands["aio"] = grpcmock(*served, "--transport", "aio", uvloop=True)
    environment = dict(os.environ)
    port = 0
    if gripmock is not None:
        theirs = folder / "gripmock"
        theirs.mkdir()
        (theirs / "stubs.json").write_text(json.dumps(work.gripmock))
        with socket.socket() as free, socket.socket() as other:
            free.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            environment |= {"GRPC_PORT": str(port), "HTTP_PORT": str(other.getsockname()[1])}
        environment |= {"GRPC_HOST": "127.0.0.1", "HTTP_HOST": "127.0.0.1", "LOG_LEVEL": "error"}
        commands["GripMock"] = [str(gripmock), "--stub", str(theirs), str(work.proto)]
    processes, servers = [], []
    try:
        for name, words in commands.items():
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment
            )
            processes.append(process)
            servers.append(Server(name, port if name == "GripMock" else _port(process), process.pid))
            _wait(servers[-1], work)
        yield servers
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=30)
            process.communicate()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"(?:127\.0\.0\.1:|^)(\d+)", line):
            return int(found[1])
    sys.exit("a server did not start")


def _wait(server: Server, work: Work) -> None:
    """Call until the server is there; its answer must be of the right sort."""
    ends = time.monotonic() + 120
    while True:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            call = channel.unary_stream(work.path)(work.bodies[0], timeout=60)
            try:
                count = len(list(call))
            except grpc.RpcError:
                count = 0
        if call.code() is grpc.StatusCode.UNAVAILABLE and time.monotonic() < ends:
            time.sleep(0.2)
            continue
        is_miss = work.code is not grpc.StatusCode.OK
        if is_miss is (call.code() is grpc.StatusCode.OK) or (not is_miss and count != work.messages):
            sys.exit(f"{server.name}, {work.name}: {call.code()} {call.details()}, {count} messages")
        return


def load(server: Server, work: Work, folder: Path, number: int) -> None:
    """Load a server once."""
    if len(work.bodies) > 1:
        _load_keys(server, work, number)
        return
    body = folder / "body"
    body.write_bytes(b"\0" + len(work.bodies[0]).to_bytes(4, "big") + work.bodies[0])
    streams = min(16, max(1, work.calls // 8))
    words = ["h2load", f"-n{work.calls}", "-c8", f"-m{streams}", f"-d{body}"]
    words += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    words.append(f"http://127.0.0.1:{server.port}{work.path}")
    before = cpu_seconds(server.pid)
    result = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    rate = re.search(r"finished in .*, ([\d.]+) req/s", result.stdout)
    if rate is None or f"{work.calls} succeeded" not in result.stdout:
        sys.exit(f"{server.name}, {work.name}: not every call succeeded:\n{result.stdout}")
    if number:  # the first round warms up
        server.rates.append(float(rate[1]) * work.messages)
        server.costs.append((cpu_seconds(server.pid) - before) / work.calls / work.messages * 1e6)


def _load_keys(server: Server, work: Work, number: int) -> None:
    """Ask for keys that no round asked for before. h2load can't: gRPC's own client does, slower, which costs no one."""
    share = work.bodies[number::_ROUNDS_OF_KEYS][: work.calls]
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        ask: Callable[..., Any] = channel.unary_unary(work.path).future  # type: ignore[attr-defined]
        before, began = cpu_seconds(server.pid), time.monotonic()
        under_way = [ask(body) for body in share]
        for call in under_way:
            call.result()
        took = time.monotonic() - began
    if number:
        server.rates.append(len(share) / took)
        server.costs.append((cpu_seconds(server.pid) - before) / len(share) * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--gripmock", type=Path, help="the binary of a GripMock")
    parser.add_argument("--keys", type=int, nargs="+", default=[1, 10_000, 100_000])
    parser.add_argument("--only", help="a regular expression: what is measured")
    options = parser.parse_args()
    if shutil.which("h2load") is None:
        sys.exit("h2load is not installed. Debian: apt-get install nghttp2-client; macOS: brew install nghttp2.")
    rows: list[tuple[object, ...]] = []
    for work in works(options.keys):
        if options.only and not re.search(options.only, work.name):
            continue
        with tempfile.TemporaryDirectory() as name, serving(work, Path(name), options.gripmock) as servers:
            for number in range(options.rounds + 1):
                for server in servers:
                    load(server, work, Path(name), number)
        for server in servers:
            ratios = (a / b for a, b in zip(servers[-1].costs, server.costs, strict=True))
            print(f"{work.name}, {server.name}: {median(server.costs):.2f} µs", flush=True)
            rows.append((work.name, server.name, median(server.rates), 1e6 / median(server.costs), median(ratios)))
    last = "GripMock's" if options.gripmock else "aio's"
    columns = ("work", "server", "messages/s", "a core-second", f"in {last}")
    table(f"Transports: medians of {options.rounds} rounds", columns, rows)


if __name__ == "__main__":
    main()
