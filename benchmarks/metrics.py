"""What metrics cost, scraped all the while: ``python -m benchmarks.metrics``."""

from __future__ import annotations

import argparse
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from benchmarks.load import Peer, grpcmock, measure, running, table
from benchmarks.peers import PROTO

TRANSPORTS = ("native", "aio")

STUB = """
- method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice, email: alice@example.com}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="in one round; on aio, a tenth")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--every", type=float, default=1.0, help="seconds from one scrape to the next")
    options = parser.parse_args()
    for transport in TRANSPORTS:
        with tempfile.TemporaryDirectory() as folder:
            measure_one(transport, options.calls if transport == "native" else options.calls // 10, options, folder)


def measure_one(transport: str, calls: int, options: argparse.Namespace, folder: str) -> None:
    stubs = Path(folder, "stubs.yaml")
    stubs.write_text(STUB)
    scraped = Path(folder, "metrics")
    served = (PROTO, "--stubs", stubs, "--transport", transport)
    peers = [
        Peer("without metrics", grpcmock(*served, uvloop=True), b"\x08\x01"),
        Peer("without, a second server", grpcmock(*served, uvloop=True), b"\x08\x01"),
        Peer("with metrics", grpcmock(*served, "--metrics", f"unix:{scraped}", uvloop=True), b"\x08\x01"),
    ]
    with running(peers), scraping(scraped, options.every) as told:
        measure(peers, calls=calls, rounds=options.rounds)
    table(
        f"{transport}, scraped {len(told):,} times ({len(told[-1]):,} bytes): medians of {options.rounds} rounds of "
        f"{calls:,} calls",
        ("server", "calls/s", "of the first", "CPU µs/call", "of the first"),
        [(peer.name, peer.rate, peer.rate_ratio(peers[0]), peer.cost, peer.cost_ratio(peers[0])) for peer in peers],
    )


@contextmanager
def scraping(path: Path, every: float) -> Iterator[Sequence[bytes]]:
    """Ask for the metrics at a unix socket all the while; gives what was told so far."""
    told: list[bytes] = []
    ended = Event()

    def scrape() -> None:
        while not ended.wait(every):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                told.append(b"".join(iter(lambda: connection.recv(1 << 16), b"")))
                assert told[-1].startswith(b"HTTP/1.1 200"), told[-1]

    thread = Thread(target=scrape)
    thread.start()
    try:
        yield told
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main()
