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
    parser.add_argument("--calls", type=int, default=500, help="in one round")
    parser.add_argument("--rounds", type=int, default=12, help="for each start of the servers")
    parser.add_argument("--starts", type=int, default=5, help="how often the servers are started anew")
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
        for _ in range(options.starts):
            with running(peers):
                measure(peers, calls=options.calls, rounds=options.rounds)
    raw = peers[0]
    on_uvloop = peers[3] if has_uvloop() else raw
    likes = [raw, raw, raw, on_uvloop, on_uvloop]
    table(
        f"Unary: medians of {options.starts} × {options.rounds} rounds of {options.calls:,} calls",
        ("server", "calls/s", "of raw", "on the same loop", "CPU µs/call", "of raw", "on the same loop"),
        [
            (
                peer.name,
                peer.rate,
                peer.rate_ratio(raw),
                peer.rate_ratio(like),
                peer.cost,
                peer.cost_ratio(raw),
                peer.cost_ratio(like),
            )
            for peer, like in zip(peers, likes, strict=False)
        ],
    )


if __name__ == "__main__":
    main()
