"""Which of the seeded bugs ``grpcmock fuzz`` finds, how soon and how small; and what it says of servers without any.

``python -m benchmarks.mutants.run [--only PATTERN] [--seeds N] [--max-time SECONDS] [--twin aio|sync|both]``
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import ROOT, table
from benchmarks.mutants.catalogue import TWINS, Mutant
from benchmarks.mutants.seeded import MUTANTS
from benchmarks.mutants.server import CLEAN
from benchmarks.startup import free_port
from grpcmock.errors import did_you_mean

GOAL_SECONDS = 10.0
GOAL_EXTRA_FIELDS = 1
CREDENTIALS = ("-H", "authorization: Bearer ada-token", "--other-identity", "authorization: Bearer bob-token")
_GRACE = 30.0
"""Seconds that a run may take beyond its ``--max-time``, for shrinking and the report."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure as the JSON report tells it."""

    code: str
    method: str
    case: str
    fields: int | None
    """Fields set in the smallest request; None if JSON can't say it."""

    cases: int | None
    """Cases made until it was found."""

    seconds: float | None

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Failure:
        return cls(
            code=item["code"],
            method=item.get("method", ""),
            case=item.get("case", ""),
            fields=item.get("fields"),
            cases=item.get("after_cases"),
            seconds=item.get("after_seconds"),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run of the command."""

    failures: tuple[Failure, ...]
    seconds: float
    trouble: str = ""
    """Why there is no report; empty if there is one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A mutant, and the first failure that its bug accounts for."""

    mutant: Mutant
    twin: str
    run: Run
    failure: Failure | None

    @property
    def soon(self) -> bool:
        return self.failure is not None and (self.failure.seconds or 0) < GOAL_SECONDS

    @property
    def small(self) -> bool:
        if self.failure is None:
            return False
        return self.failure.fields is None or self.failure.fields <= self.mutant.fields + GOAL_EXTRA_FIELDS

    @classmethod
    def of(cls, mutant: Mutant, twin: str, run: Run) -> Finding:
        fitting = [failure for failure in run.failures if failure.code in mutant.codes]
        fitting.sort(key=lambda failure: (failure.seconds or 0, mutant.codes.index(failure.code)))
        return cls(mutant, twin, run, fitting[0] if fitting else None)

    def row(self) -> list[str]:
        failure, mutant = self.failure, self.mutant
        others = sorted({other.code for other in self.run.failures if other.code not in mutant.codes})
        if failure is None:
            found = self.run.trouble or "NO"
            return [mutant.name, self.twin, mutant.code, found, "", "", f"/ {mutant.fields}", " ".join(others)]
        cases = "" if failure.cases is None else f"{failure.cases:,}"
        seconds = "" if failure.seconds is None else f"{failure.seconds:.1f}"
        fields = "" if failure.fields is None else str(failure.fields)
        return [
            mutant.name,
            self.twin,
            mutant.code,
            failure.code,
            cases,
            seconds + ("" if self.soon else " !"),
            f"{fields} / {mutant.fields}" + ("" if self.small else " !"),
            " ".join(others),
        ]


def fuzz(name: str, twin: str, *, seed: int, max_time: float, arguments: Sequence[str] = ()) -> Run:
    """Let ``grpcmock fuzz`` start this server and try it, in a process of its own."""
    target = f"127.0.0.1:{free_port()}"
    server = [sys.executable, "-m", "benchmarks.mutants.server", "--mutant", name, "--listen", target]
    server += ["--sync"] if twin == "sync" else []
    server += ["--credentials"] if CREDENTIALS[0] in arguments else []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "grpcmock", "fuzz", target, "--server-cmd", shlex.join(server)]
        command += ["--report", f"json={report}", "--seed", str(seed), "--max-time", f"{max_time:g}s", *arguments]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=max_time + _GRACE
            )
        except subprocess.TimeoutExpired:
            return Run((), time.perf_counter() - began, "never ended")
        seconds = time.perf_counter() - began
        if done.returncode not in (0, 1) or not report.is_file():
            return Run((), seconds, f"exit {done.returncode}: {_reason(done.stderr or done.stdout)}")
        tree = json.loads(report.read_text())
        return Run(tuple(map(Failure.read, tree["failures"])), seconds)


def _reason(said: str) -> str:
    """Pick the line that tells what went wrong."""
    lines = said.strip().splitlines() or ["no word"]
    return next((line for line in lines if line.startswith("error: ")), lines[-1]).removeprefix("error: ")


def measure(mutant: Mutant, twin: str, *, seed: int, max_time: float) -> Finding:
    """Try one mutant."""
    arguments = (*(CREDENTIALS if mutant.credentials else ()), *mutant.arguments)
    return Finding.of(mutant, twin, fuzz(mutant.name, twin, seed=seed, max_time=max_time, arguments=arguments))


@dataclass(frozen=True, slots=True)
class Alarms:
    """What was said of the servers without a bug."""

    runs: int
    rows: tuple[tuple[str, str, str, str], ...]
    """Server, seed, check and place of each false alarm."""

    troubles: tuple[str, ...]
    """Why runs gave no report, one for each."""


def alarms(twins: Iterable[str], seeds: int, max_time: float) -> Alarms:
    """Try the servers without a bug, each with as many seeds."""
    rows: list[tuple[str, str, str, str]] = []
    troubles: list[str] = []
    runs = 0
    for twin in twins:
        for seed in range(seeds):
            run = fuzz(CLEAN, twin, seed=seed, max_time=max_time, arguments=CREDENTIALS)
            runs += 1
            _say(f"clean, {twin}, seed {seed}: {run.trouble or len(run.failures)}")
            troubles += [f"{twin}, seed {seed}: {run.trouble}"] if run.trouble else []
            rows += [(twin, str(seed), one.code, f"{one.method} {one.case}") for one in run.failures]
    return Alarms(runs, tuple(rows), tuple(troubles))


def selected(patterns: Sequence[str]) -> list[Mutant]:
    """Give the mutants whose names or codes fit one of the patterns. Raises :class:`LookupError` for one of no use."""
    if not patterns:
        return list(MUTANTS.values())
    found: dict[str, Mutant] = {}
    for pattern in patterns:
        fitting = {
            mutant.name: mutant
            for mutant in MUTANTS.values()
            if fnmatch.fnmatchcase(mutant.name, pattern) or pattern.upper() == mutant.code
        }
        if not fitting:
            raise LookupError(f"No mutant is called {pattern!r}. {did_you_mean(pattern, MUTANTS)}".rstrip())
        found |= fitting
    return list(found.values())


def summary(findings: Sequence[Finding]) -> str:
    """Say in a line or two what the table amounts to."""
    found = [finding for finding in findings if finding.failure is not None]
    missed = [finding.mutant.name for finding in findings if finding.failure is None]
    soon, small = sum(finding.soon for finding in found), sum(finding.small for finding in found)
    text = f"{len(found)} of {len(findings)} found, {soon} in under {GOAL_SECONDS:g} s, "
    lines = [f"{text}{small} with a reproducer of at most {GOAL_EXTRA_FIELDS} field more than by hand."]
    if missed:
        lines.append(f"Not found: {', '.join(missed)}.")
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutants.run", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="mutants by name, or by code")
    parser.add_argument("--seed", type=int, default=1, help="of the runs against mutants (default: 1)")
    parser.add_argument("--seeds", type=int, default=20, help="runs against each clean server (default: 20)")
    parser.add_argument("--max-time", type=float, default=30.0, metavar="SECONDS", help="of each run (default: 30)")
    parser.add_argument("--twin", choices=(*TWINS, "both"), default="aio", help="on which server (default: aio)")
    options = parser.parse_args(arguments)
    try:
        mutants = selected(options.only)
    except LookupError as error:
        parser.error(str(error))
    findings = []
    for mutant in mutants:
        for twin in mutant.twins:
            if options.twin in (twin, "both"):
                finding = measure(mutant, twin, seed=options.seed, max_time=options.max_time)
                findings.append(finding)
                _say(" ".join(finding.row()))
    columns = ["mutant", "server", "check", "found as", "cases", "seconds", "fields / by hand", "also"]
    table("Seeded bugs", columns, [finding.row() for finding in findings])
    print(summary(findings))
    if options.seeds:
        said = alarms(TWINS, options.seeds, options.max_time)
        if said.rows:
            table("False alarms", ["clean server", "seed", "check", "where"], said.rows)
        print(f"{len(said.rows)} false alarms in {said.runs - len(said.troubles)} runs against servers without a bug.")
        for trouble in said.troubles:
            print(f"No report: {trouble}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
