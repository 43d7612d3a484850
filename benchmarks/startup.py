"""The time from the start of the process to its first answer: ``python -m benchmarks.startup``."""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc

from benchmarks.load import ROOT, table
from benchmarks.loading import yaml_text
from benchmarks.peers import PROTO


def first_answer(command: list[str], port: int, environment: dict[str, str]) -> tuple[float, float]:
    """Start a server, and call it until it answers. Gives the seconds, and its own processor seconds so far."""
    before = os.times()
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment)
    try:
        while True:  # a bare connection: a channel of gRPC would wait longer and longer between its attempts
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit(f"The server did not start: {' '.join(command)}")
                time.sleep(0.002)
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            channel.unary_unary("/user.UserService/GetUser")(b"\x08\x01", wait_for_ready=True, timeout=10)
        took = time.perf_counter() - began
    finally:
        process.kill()
        process.wait()
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return took, spent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stubs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stubs = Path(folder) / "stubs.yaml"
        stubs.write_text("".join(map(yaml_text, range(1, options.stubs + 1))))
        # Compiled modules are kept, as those of an installed package are, whatever is set here.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        times = []
        for _ in range(options.rounds + 1):
            port = free_port()
            command = [sys.executable, "-m", "grpcmock", "serve", str(PROTO), "--stubs", str(stubs)]
            times.append(first_answer([*command, "--listen", f"127.0.0.1:{port}"], port, environment))
    walls, cpus = zip(*times[1:], strict=True)  # the first round compiles
    table(
        f"From the start of the process to the first answer, {options.stubs} stubs, {options.rounds} rounds",
        ("", "median", "best", "worst"),
        [
            ("seconds", statistics.median(walls), min(walls), max(walls)),
            ("CPU seconds", statistics.median(cpus), min(cpus), max(cpus)),
        ],
    )


if __name__ == "__main__":
    main()
