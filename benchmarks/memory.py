"""The memory of a server over very many calls: ``python -m benchmarks.memory``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import grpc

from benchmarks.load import Peer, grpcmock, measure, resident_bytes, running, table
from benchmarks.loading import yaml_text
from benchmarks.peers import PROTO

MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, help="in all; a tenth of it may do")
    parser.add_argument("--bytes", type=int, default=100, help="of each request")
    options = parser.parse_args()
    step = options.calls // 10
    with tempfile.TemporaryDirectory() as folder:
        stubs = Path(folder, "stubs.yaml")
        stubs.write_text("".join(map(yaml_text, range(1, 11))))
        # An unknown field fills the request up.
        size = max(options.bytes - 5, 0)
        body = b"\x08\x01\xfa\x01" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + bytes(size)
        served = PROTO, "--stubs", stubs
        peers = [
            Peer("the journal as it is: 10,000 calls, 64 MiB", grpcmock(*served), body),
            Peer("of 1,000 calls", grpcmock(*served, "--journal-size", "1000"), body),
            Peer("of 1 MiB", grpcmock(*served, "--journal-bytes", "1MiB"), body),
            Peer("a miss each", grpcmock(*served), b"\x08\x63"),
        ]
        peers[-1].code = grpc.StatusCode.UNIMPLEMENTED
        rows: list[list[object]] = [[peer.name] for peer in peers]
        with running(peers):
            for row, peer in zip(rows, peers, strict=True):
                row.append(resident_bytes(peer.pid) / MIB)
            for _ in range(10):
                # Of each measurement, one half warms up.
                measure(peers, calls=step // 2, rounds=1)
                for row, peer in zip(rows, peers, strict=True):
                    row.append(resident_bytes(peer.pid) / MIB)
    shown = (0, 1, 2, 4, 6, 8, 10)
    table(
        f"Resident MiB after so many calls, with requests of {options.bytes} bytes",
        ("journal", *(f"{step * tenth:,}" for tenth in shown)),
        [(row[0], *(row[1 + tenth] for tenth in shown)) for row in rows],
    )


if __name__ == "__main__":
    main()
