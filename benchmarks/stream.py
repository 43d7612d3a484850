"""A server stream of constants against the smallest possible handler: ``python -m benchmarks.stream``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.load import Peer, grpcmock, has_uvloop, measure, running, table
from benchmarks.peers import PROTO, STREAM_LENGTH, command

STUBS = {
    "a script that repeats": f"""
- method: user.UserService/ListUsers
  script:
    - repeat: {{times: {STREAM_LENGTH}, steps: [{{send: {{id: 1, name: Alice, email: alice@example.com}}}}]}}
""",
    "a list of responses": "- method: user.UserService/ListUsers\n  responses:\n"
    + "    - {id: 1, name: Alice, email: alice@example.com}\n" * STREAM_LENGTH,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=8, help=f"in one round, each of {STREAM_LENGTH:,} messages")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    path = "/user.UserService/ListUsers"
    with tempfile.TemporaryDirectory() as folder:
        peers = [
            Peer("raw handler, constant bytes", command("raw"), path=path),
            Peer("typed servicer", command("typed"), path=path),
        ]
        for name, text in STUBS.items():
            stubs = Path(folder, f"{name}.yaml")
            stubs.write_text(text)
            peers.append(Peer(f"grpcmock, {name}", grpcmock(PROTO, "--stubs", stubs), path=path))
        if has_uvloop():
            fast = grpcmock(PROTO, "--stubs", stubs, uvloop=True)
            peers.append(Peer("raw handler on uvloop", command("raw-uvloop"), path=path))
            peers.append(Peer("grpcmock as it comes, on uvloop", fast, path=path))
        with running(peers):
            measure(peers, calls=options.calls, rounds=options.rounds, clients=2, streams=2)
    raw = peers[0]
    table(
        f"Server stream: medians of {options.rounds} rounds of {options.calls} calls of {STREAM_LENGTH:,} messages",
        ("server", "messages/s", "of raw", "CPU µs/message", "of raw"),
        [
            (
                peer.name,
                peer.rate * STREAM_LENGTH,
                peer.rate_ratio(raw),
                peer.cost / STREAM_LENGTH,
                peer.cost_ratio(raw),
            )
            for peer in peers
        ],
    )


if __name__ == "__main__":
    main()
