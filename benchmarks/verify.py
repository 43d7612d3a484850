"""How fast a server is verified with a thousand stubs, over loopback: ``python -m benchmarks.verify``."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.load import Peer, grpcmock, has_uvloop, running
from benchmarks.peers import PROTO

REQUEST = b"\x08\x01"


def write(folder: Path, count: int) -> Path:
    """Write as many stubs, some with patterns that leave room."""
    patterns = ("{id: %d}", "{id: {$in: [%d]}}", "{id: {$gte: %d, $lt: %d}}")
    lines = []
    for number in range(1, count + 1):
        pattern = patterns[number % 3]
        request = pattern % ((number,) if pattern.count("%d") == 1 else (number, number + 1))
        lines.append(
            f"- {{name: n{number}, method: user.UserService/GetUser, request: {request},\n"
            f"   response: {{id: {number}, name: User {number}, email: user{number}@example.com}}}}\n"
        )
    path = folder / "stubs.yaml"
    path.write_text("".join(lines))
    return path


async def verify(target: str, stubs: Path, concurrency: int) -> tuple[float, float, float]:
    """Give the seconds that loading and planning took, those of the calls, and the processor seconds of all of it."""
    from grpcmock.client.channel import connect
    from grpcmock.client.target import Target
    from grpcmock.errors import Problems
    from grpcmock.schema import sources
    from grpcmock.stubs import loader
    from grpcmock.verify.planning.planner import plan
    from grpcmock.verify.running import Options, Verifier

    begun, processor = time.perf_counter(), time.process_time()
    registry = sources.load([PROTO])
    planned = plan(loader.load([stubs], Problems()), registry)
    ready = time.perf_counter()
    server = Target.parse(target)
    async with connect(server) as channel:
        report = await Verifier(channel, planned, Options(concurrency=concurrency), target=server).run_all()
    assert report.passed, [result.findings for result in report.failures[:3]]
    ended = time.perf_counter()
    return ready - begun, ended - ready, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stubs", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stubs = write(Path(folder), options.stubs)
        peer = Peer("grpcmock", grpcmock(PROTO, "--stubs", stubs, uvloop=has_uvloop()), REQUEST)
        with running([peer]):
            rounds = [
                asyncio.run(verify(f"127.0.0.1:{peer.port}", stubs, options.concurrency)) for _ in range(options.rounds)
            ]
    planning, calling, processor = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{options.stubs:,} unary stubs, {options.concurrency} at once, medians of {options.rounds} rounds:")
    print(f"  loaded and planned in  {planning:6.2f} s")
    print(f"  called and compared in {calling:6.2f} s")
    print(f"  in all                 {planning + calling:6.2f} s, {processor:.2f} s of the processor")


if __name__ == "__main__":
    main()
