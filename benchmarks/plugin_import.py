"""What the plugin costs a run of pytest that has no mocks: ``python -m benchmarks.plugin_import``."""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

from benchmarks.load import ROOT, table

LIMIT = 5.0
"""Milliseconds."""

HEAVY = ("grpc", "google.protobuf", "hypothesis", "yaml", "jinja2")


def imported(cache: str) -> dict[str, int]:
    """Import the plugin as pytest does, and give the cumulated microseconds of each module.

    An installed package is compiled already; here that is in *cache*, whatever the environment says.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import pytest; import grpcmock.pytest_plugin"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**environment, "PYTHONPYCACHEPREFIX": cache},
    )
    found = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \| +(\S+)$", result.stderr, re.MULTILINE)
    return {name: int(microseconds) for microseconds, name in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        imported(cache)  # compiles
        rounds = [imported(cache) for _ in range(options.rounds)]
    times = sorted(one["grpcmock.pytest_plugin"] / 1_000 for one in rounds)
    heavy = [name for name in HEAVY if name in rounds[0]]
    rows = [("import grpcmock.pytest_plugin", times[0], statistics.median(times), LIMIT)]
    table(
        f"Import of the plugin, {options.rounds} rounds of -X importtime, milliseconds",
        ("", "least", "median", "limit"),
        rows,
    )
    print(f"Heavy modules imported with it: {', '.join(heavy) or 'none'}.")
    if heavy or times[0] > LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
