"""The recording proxy against plain proxies of ``grpc.aio``, with unary calls: ``python -m benchmarks.record``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import peers as servers
from benchmarks import proxies
from benchmarks.load import Peer, has_uvloop, measure, running, table
from benchmarks.peers import PROTO
from grpcmock.servers.transports import has_native

BODY = b"\x08\x01"


def record(target: str, folder: Path, transport: str = "aio", *, uvloop: bool = False) -> list[str]:
    """Give the command of a recording proxy; on asyncio's own loop unless said otherwise, as the plain ones."""
    hidden = "" if uvloop else "sys.modules['uvloop'] = None; "
    start = f"import sys; {hidden}from grpcmock.cli import main; main()"
    options = ("--listen", "127.0.0.1:0", "--out", str(folder), "--transport", transport)
    return [sys.executable, "-c", start, "record", target, str(PROTO), *options]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000, help="in one round")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    same = Peer("the server itself, one answer", servers.command("raw"), BODY)
    other = Peer("the server itself, each answer another", proxies.command("counting"), BODY)
    with tempfile.TemporaryDirectory() as folder, running([same, other]):
        targets = {"one answer": f"127.0.0.1:{same.port}", "each another": f"127.0.0.1:{other.port}"}
        groups = []
        for number, (what, target) in enumerate(targets.items()):
            out = Path(folder, str(number))
            group = [
                Peer(f"plain proxy, unary calls alone; {what}", proxies.command("unary", target), BODY),
                Peer(f"plain proxy, any call; {what}", proxies.command("stream", target), BODY),
                Peer(f"grpcmock record; {what}", record(target, out / "asyncio"), BODY),
            ]
            if has_uvloop():
                group.append(
                    Peer(f"grpcmock record on uvloop; {what}", record(target, out / "uvloop", uvloop=True), BODY)
                )
            if has_native():
                group += [
                    Peer(
                        f"grpcmock record, native{on}; {what}",
                        record(target, out / f"native{on}", "native", uvloop=uv),
                        BODY,
                    )
                    for on, uv in (("", False), (" on uvloop", True))
                    if not uv or has_uvloop()
                ]
            groups.append(group)
        every = [peer for group in groups for peer in group]
        with running(every):
            measure(every, calls=options.calls, rounds=options.rounds)
    table(
        f"Recording: medians of {options.rounds} rounds of {options.calls:,} unary calls",
        ("proxy", "calls/s", "of the plain one for unary", "of that for any call", "CPU µs/call", "of unary", "of any"),
        [
            (
                *(peer.name, peer.rate, peer.rate_ratio(group[0]), peer.rate_ratio(group[1])),
                *(peer.cost, peer.cost_ratio(group[0]), peer.cost_ratio(group[1])),
            )
            for group in groups
            for peer in group
        ],
    )


if __name__ == "__main__":
    main()
