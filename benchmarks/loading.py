"""The time and memory that many stubs take to load: ``python -m benchmarks.loading``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.load import ROOT, grpcmock, table
from benchmarks.peers import PROTO


def yaml_text(number: int) -> str:
    return (
        f"- method: user.UserService/GetUser\n  request: {{id: {number}}}\n"
        f"  response: {{id: {number}, name: User {number}, email: user{number}@example.com}}\n"
    )


def row_text(number: int) -> str:
    return f"{number},User {number},user{number}@example.com\n"


TABLE = """
- method: user.UserService/GetUser
  each: users.csv
  request: {id: "{{ row.id }}"}
  response: {id: "{{ row.id }}", name: "{{ row.name }}", email: "{{ row.email }}"}
"""


def write_yaml(folder: Path, number: int) -> None:
    folder.joinpath("stubs.yaml").write_text("".join(map(yaml_text, range(1, number + 1))))


def write_table(folder: Path, number: int) -> None:
    folder.joinpath("stubs.yaml").write_text(TABLE)
    folder.joinpath("users.csv").write_text("id,name,email\n" + "".join(map(row_text, range(1, number + 1))))


FORMS: dict[str, Callable[[Path, int], None]] = {"stubs in YAML": write_yaml, "rows of a CSV table": write_table}


def load(folder: Path) -> tuple[float, float, float]:
    """Serve the stubs until they are loaded. Gives the seconds, the processor seconds, and the peak MiB."""
    began = time.perf_counter()
    command = grpcmock(PROTO, "--stubs", folder)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
    assert process.stdout is not None
    if not process.stdout.readline():
        sys.exit(f"The server did not start: {' '.join(command)}")
    took = time.perf_counter() - began
    process.kill()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it has been waited for
    process.stdout.close()
    kibibytes = usage.ru_maxrss / (1 if sys.platform == "linux" else 1024)
    return took, usage.ru_utime + usage.ru_stime, kibibytes / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stubs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for name, write in FORMS.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), options.stubs)
            runs = [load(Path(folder)) for _ in range(options.rounds)]
        best, median = min(runs), sorted(runs)[len(runs) // 2]
        rows.append((name, options.stubs, median[0], best[0], median[1], best[2]))
    table(
        f"From the start of the process until all stubs are loaded, {options.rounds} rounds",
        ("form", "stubs", "median seconds", "best", "CPU seconds", "peak MiB"),
        rows,
    )


if __name__ == "__main__":
    main()
