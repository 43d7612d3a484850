"""How many cases a second a worker makes and judges on the smallest server: ``python -m benchmarks.fuzz_rate``."""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time

from benchmarks.peers import PROTO
from grpcmock.cli.running import loop_factory
from grpcmock.client.target import Target
from grpcmock.fuzz.run import Bounds
from grpcmock.fuzz.session import Settings, fuzz
from grpcmock.fuzz.trials import Phase
from grpcmock.schema import sources

SERVER = """
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


async def _round(address: str, cases: int, in_flight: int) -> tuple[float, float]:
    """Give cases a second of time, and of this process's own work."""
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
    return finished.trials / (time.perf_counter() - started), finished.trials / (time.process_time() - worked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000, help="in one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in-flight", type=int, default=4, help="cases under way at once")
    options = parser.parse_args()
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = f"127.0.0.1:{int(server.stdout.readline())}"
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(cores) > 1:
            os.sched_setaffinity(0, cores[:1])
            os.sched_setaffinity(server.pid, cores[1:2])
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            rates = [runner.run(_round(address, options.cases, options.in_flight)) for _ in range(options.rounds)]
        server.kill()
    print(f"{'cases/s':>10} {'cases/s of work':>16}")
    for rate, work in rates:
        print(f"{rate:10.0f} {work:16.0f}")
    rate, work = (statistics.median(values) for values in zip(*rates, strict=True))
    print(f"median {rate:.0f}, of work {work:.0f}")


if __name__ == "__main__":
    main()
