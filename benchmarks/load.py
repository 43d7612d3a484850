"""Load on servers in processes of their own, by h2load (nghttp2), in short rounds that take turns."""

from __future__ import annotations

import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import grpc

ROOT = Path(__file__).parent.parent


@dataclass
class Peer:
    """One server under load, and what it is asked."""

    name: str
    command: Sequence[str]
    body: bytes = b""
    """The one request message, encoded."""

    path: str = "/user.UserService/GetUser"
    same_server: Peer | None = None
    """Ask the server of this peer, which comes before, instead of one of its own."""

    headers: Mapping[str, str] = field(default_factory=dict)
    code: grpc.StatusCode = grpc.StatusCode.OK
    """What it must answer; held against one call before the load begins."""

    rates: list[float] = field(default_factory=list)
    """Calls a second, one figure for each round."""

    costs: list[float] = field(default_factory=list)
    """Microseconds of processor time a call, one for each round. Less disturbed by what else the machine does."""

    port: int = 0
    pid: int = 0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)

    def rate_ratio(self, other: Peer) -> float:
        """Give the rate as a share of *other*'s: the median over the rounds, of the two figures of one round each."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True))

    def cost_ratio(self, other: Peer) -> float:
        """Give how many calls the processor makes of this in the time of one of *other*; the median as above."""
        pairs = [(mine, theirs) for mine, theirs in zip(self.costs, other.costs, strict=True) if mine]
        return statistics.median(theirs / mine for mine, theirs in pairs) if pairs else float("nan")


def grpcmock(*arguments: str | Path, uvloop: bool = False) -> list[str]:
    """Give the command of a mock server on a free port, without watching; on ``grpc.aio`` and asyncio's own loop, as
    the raw handler, unless the arguments say more."""
    options = ("--listen", "127.0.0.1:0", "--no-watch", "--log", "none", "--transport", "aio")
    hidden = "" if uvloop else "sys.modules['uvloop'] = None; "
    start = f"import sys; {hidden}from grpcmock.cli import main; main()"
    return [sys.executable, "-c", start, "serve", *options, *map(str, arguments)]


def has_uvloop() -> bool:
    return find_spec("uvloop") is not None


@contextmanager
def running(peers: Sequence[Peer]) -> Iterator[None]:
    """Start every peer, see that it answers as it should, and stop them all in the end."""
    processes = []
    try:
        for peer in peers:
            if peer.same_server is not None:
                peer.pid, peer.port = peer.same_server.pid, peer.same_server.port
            else:
                process = subprocess.Popen(
                    peer.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
                )
                processes.append(process)
                peer.pid = process.pid
                peer.port = _port(process, peer)
            _check(peer)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:  # what was measured is not to be lost by that
                print(f"It didn't end by itself: {' '.join(map(str, process.args))}", file=sys.stderr)
                process.kill()
                process.communicate()


def _port(process: subprocess.Popen[str], peer: Peer) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"(?:127\.0\.0\.1:|^)(\d+)", line):
            return int(found[1])
    sys.exit(f"{peer.name} did not start: {' '.join(peer.command)}")


def _check(peer: Peer) -> None:
    """Call once. h2load sees the HTTP status alone, which is 200 for an error of gRPC, too."""
    with grpc.insecure_channel(f"127.0.0.1:{peer.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        call = channel.stream_stream(peer.path)(iter([peer.body]), metadata=tuple(peer.headers.items()), timeout=30)
        with suppress(grpc.RpcError):
            list(call)
        if call.code() is not peer.code:
            sys.exit(f"{peer.name} answers {call.code().name} instead of {peer.code.name}: {call.details()}")


def measure(peers: Sequence[Peer], *, calls: int, rounds: int, clients: int = 4, streams: int = 8) -> None:
    """Load each running peer in turn, *rounds* times over, so that what disturbs the machine disturbs all alike."""
    h2load = shutil.which("h2load")
    if h2load is None:
        sys.exit("h2load is not installed. Debian: apt-get install nghttp2-client; macOS: brew install nghttp2.")
    with tempfile.TemporaryDirectory() as folder:
        commands = []
        for number, peer in enumerate(peers):
            data = Path(folder, str(number))
            data.write_bytes(b"\0" + len(peer.body).to_bytes(4, "big") + peer.body)
            headers = {"content-type": "application/grpc", "te": "trailers", **peer.headers}
            shown = [f"-H{key}: {value}" for key, value in headers.items()]
            load = [f"-n{calls}", f"-c{clients}", f"-m{min(streams, calls)}", f"-d{data}"]
            commands.append([h2load, *load, *shown, f"http://127.0.0.1:{peer.port}{peer.path}"])
        turns = list(zip(peers, commands, strict=True))
        order = random.Random(0)
        for number in range(rounds + 1):
            order.shuffle(turns)  # none shall always profit from what its neighbor does to the caches
            for peer, command in turns:
                before = cpu_seconds(peer.pid)
                result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
                rate = re.search(r"finished in .*, ([\d.]+) req/s", result.stdout)
                if rate is None or f"{calls} succeeded" not in result.stdout:
                    sys.exit(f"{peer.name}: not every call succeeded:\n{result.stdout}")
                if number:  # the first round warms up
                    peer.rates.append(float(rate[1]))
                    peer.costs.append((cpu_seconds(peer.pid) - before) / calls * 1e6)


def cpu_seconds(pid: int) -> float:
    """Give the processor time of all threads of a process; 0 where there is no /proc."""
    try:
        times = [Path(task, "schedstat").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:
        return 0.0
    return sum(int(time[0]) for time in times) / 1e9


def resident_bytes(pid: int) -> int:
    """Give the memory that a process has now; 0 where there is no /proc."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except FileNotFoundError:
        return 0


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in rows:
        shown.add_row(*map(_cell, row))
    Console(width=110).print(shown)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1_000 else f"{value:,.1f}" if value >= 20 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
