"""Load on a server in a process of its own, by h2load (nghttp2), in short alternating rounds."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass
class Peer:
    """One server under load."""

    name: str
    command: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    """Requests a second, one for each round."""
    cpu: list[float] = field(default_factory=list)
    """Microseconds of processor time a request, one for each round. Less disturbed by what else the machine does."""
    port: int = 0
    pid: int = 0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        return statistics.median(self.cpu)


def grpcmock(*arguments: str) -> list[str]:
    """Give the command of a mock server on a free port, without watching."""
    return [sys.executable, "-m", "grpcmock", "serve", "--listen", "127.0.0.1:0", "--no-watch", *arguments]


def require_h2load() -> str:
    found = shutil.which("h2load")
    if found is None:
        sys.exit("h2load is not installed. Debian: apt-get install nghttp2-client; macOS: brew install nghttp2.")
    return found


@contextmanager
def running(peers: Sequence[Peer]) -> Iterator[None]:
    """Start every peer, and stop them all in the end."""
    processes = []
    try:
        for peer in peers:
            process = subprocess.Popen(
                peer.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
            )
            processes.append(process)
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"(?:127\.0\.0\.1:|^)(\d+)", line):
                    peer.port = int(found[1])
                    break
            else:
                sys.exit(f"{peer.name} did not start: {' '.join(peer.command)}")
            peer.pid = process.pid
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=10)


def measure(
    peers: Sequence[Peer], path: str, body: bytes, *, calls: int, rounds: int, clients: int = 4, streams: int = 8
) -> None:
    """Load each running peer in turn, *rounds* times over, so that what disturbs the machine disturbs all alike."""
    h2load = require_h2load()
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\0" + len(body).to_bytes(4, "big") + body)
        file.flush()
        for number in range(rounds + 1):
            for peer in peers if number % 2 else reversed(peers):
                headers = {"content-type": "application/grpc", "te": "trailers", **peer.headers}
                before = _cpu_seconds(peer.pid)
                result = subprocess.run(
                    [
                        h2load,
                        f"-n{calls}",
                        f"-c{clients}",
                        f"-m{streams}",
                        f"-d{file.name}",
                        *(f"-H{key}: {value}" for key, value in headers.items()),
                        f"http://127.0.0.1:{peer.port}{path}",
                    ],
                    capture_output=True,
                    text=True,
                    check=True,
                    timeout=300,
                )
                if f"{calls} succeeded" not in result.stdout:
                    sys.exit(f"{peer.name}: not every call succeeded:\n{result.stdout}")
                if number:  # the first round warms up
                    rate = re.search(r"finished in .*, ([\d.]+) req/s", result.stdout)
                    assert rate is not None
                    peer.rates.append(float(rate[1]))
                    peer.cpu.append((_cpu_seconds(peer.pid) - before) / calls * 1e6)


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # no /proc: macOS
        return 0.0
    return (int(fields[11]) + int(fields[12])) / 100


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in rows:
        shown.add_row(
            *(
                f"{cell:,.2f}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)
                for cell in row
            )
        )
    Console(width=110).print(shown)
