"""A constant unary stub against the smallest possible handler and a typed servicer: ``python -m benchmarks.unary``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.load import Peer, grpcmock, measure, running, table
from benchmarks.peers import PROTO

STUB = """
- method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice, email: alice@example.com}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stubs = Path(folder) / "stubs.yaml"
        stubs.write_text(STUB)
        peers = [
            Peer("raw handler, constant bytes", [sys.executable, "-m", "benchmarks.peers", "raw"]),
            Peer("typed servicer", [sys.executable, "-m", "benchmarks.peers", "typed"]),
            Peer("grpcmock, one constant stub", grpcmock(str(PROTO), "--stubs", str(stubs), "--log", "none")),
        ]
        with running(peers):
            measure(peers, "/user.UserService/GetUser", b"\x08\x01", calls=options.calls, rounds=options.rounds)
    raw = peers[0]
    rows = [(peer.name, peer.rate, peer.rate / raw.rate, peer.cost, raw.cost / peer.cost) for peer in peers]
    table(
        f"Unary, median of {options.rounds} rounds of {options.calls} calls",
        ("server", "calls/s", "of raw", "CPU µs/call", "of raw"),
        rows,
    )


if __name__ == "__main__":
    main()
