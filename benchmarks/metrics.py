"""What it costs to be watched: metrics, the page, traces: ``python -m benchmarks.metrics``.

All servers live at once and are asked in turn, in many rounds; of each the ratios of its calls a second to those of the
first one, of one round each, are told by their median and by the range in which that lies nineteen times of twenty.
What else a machine does can only add to the processor time of a call, so that is told by its lower quartile. Another
server like the first shows what is noise. Rounds are long enough that an open page is told of calls several times
in one.
"""

from __future__ import annotations

import argparse
import math
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread

from benchmarks.load import Peer, cpu_seconds, grpcmock, measure, resident_bytes, running, table
from benchmarks.peers import PROTO

TRANSPORTS = ("native", "aio")

STUB = """
- method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice, email: alice@example.com}
"""

NOWHERE = ("env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT=1")
"""Spans are made and given up: what a collector does is not measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="in one round; on aio, a fifth")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--every", type=float, default=1.0, help="seconds from one scrape to the next")
    parser.add_argument("--transport", choices=TRANSPORTS, action="append", help="both by default")
    options = parser.parse_args()
    for transport in options.transport or TRANSPORTS:
        with tempfile.TemporaryDirectory() as folder:
            measure_one(transport, options.calls if transport == "native" else options.calls // 5, options, folder)


def measure_one(transport: str, calls: int, options: argparse.Namespace, folder: str) -> None:
    stubs, metrics, page, seen = (Path(folder, name) for name in ("stubs.yaml", "metrics", "page", "seen"))
    stubs.write_text(STUB)
    served = (PROTO, "--stubs", stubs, "--transport", transport)

    def peer(name: str, *more: str, before: Sequence[str] = ()) -> Peer:
        return Peer(name, [*before, *grpcmock(*served, *more, uvloop=True)], b"\x08\x01")

    peers = [
        peer("without"),
        peer("without, a second server"),
        peer("--metrics, --admin", "--metrics", f"unix:{metrics}", "--admin", f"unix:{page}"),
        peer("… and the page is open", "--metrics", f"unix:{seen}.metrics", "--admin", f"unix:{seen}"),
        peer("--otel", "--otel", before=NOWHERE),
    ]
    with ExitStack() as stack:
        stack.enter_context(running(peers))
        began = [(cpu_seconds(one.pid), resident_bytes(one.pid)) for one in peers]
        stack.enter_context(watching(seen))
        told = [stack.enter_context(scraping(path, options.every)) for path in (metrics, Path(f"{seen}.metrics"))]
        measure(peers, calls=calls, rounds=options.rounds)
    first = peers[0]
    rows = []
    for one, (spent, kept) in zip(peers, began, strict=True):
        rates = [mine / theirs for mine, theirs in zip(one.rates, first.rates, strict=True)]
        cost = _lower_quartile(one.costs)
        share = f"{_lower_quartile(first.costs) / cost:.2f}" if cost else "–"
        rows.append((one.name, one.rate, _told(rates), cost, share, 1e3 * spent, kept / (1 << 20)))
    table(
        f"{transport}, {options.rounds} rounds of {calls:,} calls, scraped {len(told[0]):,} times",
        ("server", "calls/s", "of the first", "CPU µs/call", "calls by CPU", "start, CPU ms", "MiB then"),
        rows,
    )


def _lower_quartile(figures: Sequence[float]) -> float:
    return sorted(figures)[len(figures) // 4]


def _told(ratios: Sequence[float]) -> str:
    """Write the median of ratios, and between which of them it lies with 95 % of certainty, whatever they are like."""
    ordered, count = sorted(ratios), len(ratios)
    if not count:
        return "–"
    reach = math.ceil(0.98 * math.sqrt(count))
    low, high = max(count // 2 - reach, 0), min(count // 2 + reach, count - 1)
    return f"{median(ordered):.2f} ({ordered[low]:.2f}–{ordered[high]:.2f})"


@contextmanager
def scraping(path: Path, every: float) -> Iterator[Sequence[bytes]]:
    """Ask for the metrics at a unix socket all the while; gives what was told so far."""
    told: list[bytes] = []
    ended = Event()

    def scrape() -> None:
        while not ended.wait(every):
            with _asked(path, "/metrics", "Connection: close") as connection:
                told.append(b"".join(iter(lambda: connection.recv(1 << 16), b"")))
                assert told[-1].startswith(b"HTTP/1.1 200"), told[-1]

    thread = Thread(target=scrape)
    thread.start()
    try:
        yield told
    finally:
        ended.set()
        thread.join()


@contextmanager
def watching(path: Path) -> Iterator[None]:
    """Watch the calls at a unix socket as an open page does."""
    with _asked(path, "/v1/calls:watch?latest=40&brief=true&under_way=true", "Accept: text/event-stream") as connection:
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")

        def read() -> None:
            while connection.recv(1 << 20):
                pass

        thread = Thread(target=read)
        thread.start()
        try:
            yield
        finally:
            connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def _asked(path: Path, target: str, header: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
    return connection


if __name__ == "__main__":
    main()
