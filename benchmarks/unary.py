"""A constant unary stub against the smallest possible handler and a typed servicer: ``python -m benchmarks.unary``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.load import Peer, grpcmock, has_uvloop, measure, running, table
from benchmarks.peers import PROTO, command

STUB = """
- method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice, email: alice@example.com}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000, help="in one round")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stubs = Path(folder) / "stubs.yaml"
        stubs.write_text(STUB)
        served = PROTO, "--stubs", stubs
        peers = [
            Peer("raw handler, constant bytes", command("raw"), b"\x08\x01"),
            Peer("typed servicer", command("typed"), b"\x08\x01"),
            Peer("grpcmock on asyncio's loop", grpcmock(*served), b"\x08\x01"),
        ]
        if has_uvloop():
            peers += [
                Peer("raw handler on uvloop", command("raw-uvloop"), b"\x08\x01"),
                Peer("grpcmock as it comes, on uvloop", grpcmock(*served, uvloop=True), b"\x08\x01"),
            ]
        with running(peers):
            measure(peers, calls=options.calls, rounds=options.rounds)
    raw = peers[0]
    table(
        f"Unary: medians of {options.rounds} rounds of {options.calls:,} calls",
        ("server", "calls/s", "of raw", "CPU µs/call", "of raw"),
        [(peer.name, peer.rate, peer.rate_ratio(raw), peer.cost, peer.cost_ratio(raw)) for peer in peers],
    )


if __name__ == "__main__":
    main()
