"""The transports side by side, per second of the server's processor: ``python -m benchmarks.transport``.

With ``--gripmock PATH`` a GripMock stands beside them, with stubs of the same sense that are written here.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.load import table
from benchmarks.transport import standing
from benchmarks.transport.loads import h2load
from benchmarks.transport.servers import GRIPMOCK, RAW, Server, serving
from benchmarks.transport.works import Work, works


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--gripmock", type=Path, help="the program of a GripMock")
    parser.add_argument("--keys", type=int, nargs="+", default=[1, 10_000, 100_000], help="among how many stubs")
    parser.add_argument("--scale", type=float, default=1.0, help="how many calls a round has, of the usual number")
    parser.add_argument("--calls", type=int, default=1_000_000, help="after so many, memory is looked at again")
    parser.add_argument("--streams", type=int, default=1_000, help="slow streams open at once")
    parser.add_argument("--only", help="a regular expression: what is measured")
    options = parser.parse_args()
    h2load()

    def is_wanted(name: str) -> bool:
        return not options.only or re.search(options.only, name) is not None

    gripmock = options.gripmock
    rows: list[standing.Row] = []
    asked = list(works(options.keys, scale=options.scale))
    for work in filter(lambda work: is_wanted(work.name), asked):
        rows += _measured(work, options.rounds, gripmock)
    if rows:
        columns = ("work", "server", "messages/s", "a core-second", "of raw", "of GripMock")
        table(f"Transports: medians of {options.rounds} rounds", columns, rows)
    if is_wanted("latency"):
        columns = ("at half load, ms", "server", "calls/s", "p50", "p99")
        table("Latency", columns, list(standing.latencies(gripmock, 3 * options.scale)))
    if is_wanted("slow streams"):
        columns = ("server", "late p50, ms", "p99", "most", "cores taken")
        title = f"{options.streams:,} streams at once, a message every {standing.TICK * 1000:.0f} ms"
        table(title, columns, list(standing.slow_streams(gripmock, options.streams)))
    if is_wanted("memory"):
        most = max(options.keys)
        many = next(work for work in asked if work.name.startswith("new keys"))
        columns = ("server", "idle", f"{options.calls // 2:,} calls", f"{options.calls:,} calls", f"{most:,} stubs")
        table("Resident MiB", columns, list(standing.memory(gripmock, many, options.calls)))
    if is_wanted("first answer"):
        columns = ("server", "median", "best", "CPU")
        table("Seconds to the first answer", columns, list(standing.beginnings(gripmock, options.rounds)))


def _measured(work: Work, rounds: int, gripmock: Path | None) -> list[standing.Row]:
    with tempfile.TemporaryDirectory() as name, serving(work, Path(name), gripmock) as servers:
        turns = list(servers)
        order = random.Random(0)
        for number in range(rounds + 1):
            order.shuffle(turns)  # none shall always profit from what its neighbor does to the caches
            for server in turns:
                server.measure(number)
    rows: list[standing.Row] = []
    for server in servers:
        cost = median(server.costs)
        ratios = [_ratio(server, servers, of) for of in (RAW, GRIPMOCK)]
        rows.append((work.name, server.name, median(server.rates), 1e6 / cost if cost else "", *ratios))
        print("  ".join(str(round(cell, 2) if isinstance(cell, float) else cell) for cell in rows[-1]), flush=True)
    return rows


def _ratio(server: Server, servers: Sequence[Server], name: str) -> float | str:
    other = next((other for other in servers if other.name == name), None)
    return "" if other is None or other is server else server.ratio(other)


if __name__ == "__main__":
    main()
