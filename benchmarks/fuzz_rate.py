"""How many cases a second a worker makes and checks, and how long the boundary phase takes.

``python -m benchmarks.fuzz_rate`` asks the smallest server there can be. Beside it is Schemathesis, where it is
installed or named (``--schemathesis COMMAND``), on an HTTP service of the same kind: one operation, always one answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.load import table
from benchmarks.peers import PROTO
from grpcmock.cli.running import loop_factory
from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import Event, Started
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.schema import sources

GRPC_SERVER = """
import asyncio, sys
import grpc
class Handlers(grpc.GenericRpcHandler):
    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(answer)
async def answer(data, context):
    return b"\\x08\\x01\\x12\\x05Alice"
async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()
asyncio.run(main())
"""

HTTP_SERVER = """
import asyncio, json, sys, time
SCHEMA, USER, seen = sys.argv[1].encode(), b'{"id": 1, "name": "Alice"}', []
async def serve(reader, writer):
    while head := await reader.readuntil(b"\\r\\n\\r\\n"):
        first, *lines = head.decode("latin-1").split("\\r\\n")
        length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
        await reader.readexactly(length)
        if first.startswith("POST /GetUser "):
            seen.append(time.perf_counter())
        body = SCHEMA if "openapi" in first else json.dumps(seen).encode() if "seen" in first else USER
        head = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
        writer.write(head + body)
async def main():
    async def quietly(reader, writer):
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

_INT32 = {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}
_USER = {"type": "object", "properties": {"id": _INT32, "name": {"type": "string"}, "email": {"type": "string"}}}
OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "user.UserService", "version": "1"},
    "paths": {
        "/GetUser": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object", "properties": {"id": _INT32}}}},
                },
                "responses": {
                    "200": {"description": "A user.", "content": {"application/json": {"schema": _USER}}},
                },
            }
        }
    },
}


@contextmanager
def _serving(*arguments: str) -> Iterator[str]:
    """Let Python run a server on a core of its own; gives its address."""
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = f"127.0.0.1:{server.stdout.readline().strip().rpartition(':')[2]}"
            cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
            if len(cores) > 1:
                os.sched_setaffinity(server.pid, cores[1:2])
            yield address
        finally:
            server.kill()


async def _round(address: str, cases: int, in_flight: int) -> tuple[float, float]:
    """Give cases a second, checked by all checks: of time, and of this process's own work."""
    settings = Settings(
        target=Target.parse(address),
        registry=sources.load([PROTO]),
        include=["GetUser"],
        seed=7,
        bounds=Bounds(phases=(Phase.RANDOM,), max_cases=cases, in_flight=in_flight),
    )
    started, worked = time.perf_counter(), time.process_time()
    finished = await fuzz(settings)
    assert not finished.failures
    return finished.cases / (time.perf_counter() - started), finished.cases / (time.process_time() - worked)


async def _boundary(target: str) -> tuple[float, int]:
    """Give the seconds of the boundary phase on the directory of users and notes, and the number of its methods."""
    methods: list[int] = []

    def hear(event: Event) -> None:
        if isinstance(event, Started):
            methods.append(len(event.methods))

    settings = Settings(target=Target.parse(target), seed=7, bounds=Bounds(phases=(Phase.BOUNDARY,)))
    started = time.perf_counter()
    await fuzz(settings, [hear])
    return time.perf_counter() - started, methods[0]


def _peer_round(command: str, address: str, cases: int) -> float:
    """Give Schemathesis' cases a second, checked by all of its checks, between the first request and the last.

    They are valid, for at the first invalid one that this server takes it would stop.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = f"--phases fuzzing --max-examples {cases} --workers 1 --seed 7 --mode positive".split()
        before = len(_seen(address))
        words = [command, "run", f"http://{address}/openapi.json", *arguments]
        ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    seen = _seen(address)[before:]
    if len(seen) < cases:
        sys.exit(f"Schemathesis made {len(seen)} of {cases} cases:\n{ended.stdout}{ended.stderr}")
    return (len(seen) - 1) / (seen[-1] - seen[0])


def _seen(address: str) -> list[float]:
    """Give the times of the requests that the HTTP service has answered."""
    with urllib.request.urlopen(f"http://{address}/seen") as response:
        times: list[float] = json.load(response)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=5000, help="in one round")
    parser.add_argument("--peer-cases", type=int, default=1000, help="of Schemathesis in one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in-flight", type=int, default=8, help="cases under way at once")
    parser.add_argument("--schemathesis", default=shutil.which("schemathesis"), metavar="COMMAND")
    options = parser.parse_args()
    rates, peers = [], []
    with ExitStack() as stack:
        executor = stack.enter_context(asyncio.Runner(loop_factory=loop_factory()))
        address = stack.enter_context(_serving("-c", GRPC_SERVER))
        other = stack.enter_context(_serving("-c", HTTP_SERVER, json.dumps(OPENAPI)))
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(cores) > 1:
            os.sched_setaffinity(0, cores[:1])
        for _ in range(options.rounds):
            rates.append(executor.run(_round(address, options.cases, options.in_flight)))
            if options.schemathesis:
                peers.append(_peer_round(options.schemathesis, other, options.peer_cases))
        directory = stack.enter_context(_serving("-m", "benchmarks.mutants.server", "--listen", "127.0.0.1:0"))
        seconds, methods = executor.run(_boundary(directory))
    rate, work = (statistics.median(values) for values in zip(*rates, strict=True))
    rows = [["grpcmock", f"{rate:,.0f}", f"{work:,.0f}", "1.0"]]
    if peers:
        ratio = statistics.median(peer / ours for peer, (ours, _) in zip(peers, rates, strict=True))
        rows.append(["Schemathesis, on HTTP", f"{statistics.median(peers):,.0f}", "", f"{ratio:.2f}"])
    table("Cases a second, one worker on one core", ["", "cases/s", "cases/s of work", "of grpcmock's"], rows)
    if not peers:
        print("Schemathesis isn't installed; --schemathesis names its command.")
    print(f"The boundary phase of {methods} methods: {seconds:.1f} s, {seconds / methods:.2f} s a method.")


if __name__ == "__main__":
    main()
