"""Which of the seeded bugs ``grpcmock fuzz`` finds, how soon and how small; and what it says of servers without any.

``python -m benchmarks.mutants.run [--only PATTERN] [--seeds N] [--max-time SECONDS] [--twin aio|sync|both] [--jobs N]``

A run is ended as soon as it has told of the bug, unless it is asked to go on (``--whole``): then the table says what
else was found.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
CREDENTIALS = ("-H", "authorization: Bearer ada-token", "--second-identity", "authorization: Bearer bob-token")
_GRACE = 30.0
"""Seconds that a run may take beyond its ``--max-time``, for shrinking and the report."""

_LONGEST = 600.0
"""Seconds that a run may take that has no ``--max-time``."""

_FOUND = re.compile(r"found (G\d+) ")
"""How the command tells of a failure as soon as there is one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, or warning, as the JSON report tells it."""

    code: str
    method: str
    case: str
    fields: int | None
    """Fields set in the smallest request; None if JSON can't say it."""

    cases: int | None
    """Cases made until it was found."""

    seconds: float | None

    is_warning: bool = False
    """Whether it is told as a warning, which fails nothing."""

    @classmethod
    def read(cls, item: Mapping[str, Any], *, is_warning: bool = False) -> Failure:
        return cls(
            is_warning=is_warning,
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
    cpu: float = 0.0
    """Seconds of processor time, of the command and of the server that it started."""

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
    def is_found(self) -> bool:
        return self.failure is not None and (self.mutant.warned or not self.failure.is_warning)

    @property
    def soon(self) -> bool:
        return self.is_found and self.failure is not None and (self.failure.seconds or 0) < GOAL_SECONDS

    @property
    def small(self) -> bool:
        if self.failure is None:
            return False
        return self.failure.fields is None or self.failure.fields <= self.mutant.fields + GOAL_EXTRA_FIELDS

    @classmethod
    def of(cls, mutant: Mutant, twin: str, run: Run) -> Finding:
        fitting = [failure for failure in run.failures if failure.code in mutant.codes]
        fitting.sort(key=lambda one: (one.is_warning, one.seconds or 0, mutant.codes.index(one.code)))
        return cls(mutant, twin, run, fitting[0] if fitting else None)

    def row(self) -> list[str]:
        failure, mutant = self.failure, self.mutant
        others = " ".join(sorted({other.code for other in self.run.failures if other.code not in mutant.codes}))
        cpu = f"{self.run.cpu:.1f}"
        if failure is None:
            found = self.run.trouble or "NO"
            return [mutant.name, self.twin, mutant.code, found, "", "", "", cpu, f"/ {mutant.fields}", others]
        cases = "" if failure.cases is None else f"{failure.cases:,}"
        seconds = "" if failure.seconds is None else f"{failure.seconds:.1f}"
        fields = "" if failure.fields is None else str(failure.fields)
        return [
            mutant.name,
            self.twin,
            mutant.code,
            failure.code,
            "warnings" if failure.is_warning else failure.case.partition("/")[0],
            cases,
            seconds + ("" if self.soon or not self.is_found else " !"),
            cpu,
            f"{fields} / {mutant.fields}" + ("" if self.small else " !"),
            others,
        ]


def fuzz(
    name: str,
    twin: str,
    *,
    seed: int,
    max_time: float | None,
    arguments: Sequence[str] = (),
    until: Collection[str] = (),
) -> Run:
    """Let ``grpcmock fuzz`` start this server and try it, in a process of its own.

    It is interrupted once it has told of a failure of a check in *until*; a warning of such a check counts as well.
    """
    target = f"127.0.0.1:{free_port()}"
    server = [sys.executable, "-m", "benchmarks.mutants.server", "--mutant", name, "--listen", target]
    server += ["--sync"] if twin == "sync" else []
    server += ["--credentials"] if CREDENTIALS[0] in arguments else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "grpcmock", "fuzz", target, "--server-cmd", shlex.join(server)]
        command += ["--report", f"json={report}", "--seed", str(seed), *arguments]
        command += ["--max-time", f"{max_time:g}s"] if max_time is not None else []
        ended = _run(command, (max_time or _LONGEST) + _GRACE, until)
        if ended.code not in (0, 1, 3) or not report.is_file():
            return Run((), ended.seconds, ended.cpu, f"exit {ended.code}: {_reason(ended.said)}")
        tree = json.loads(report.read_text())
        told = [Failure.read(one) for one in tree["failures"]]
        told += [Failure.read(one, is_warning=True) for one in tree["warnings"] if one["code"] in until]
        return Run(tuple(told), ended.seconds, ended.cpu)


@dataclass(frozen=True, slots=True)
class _Ended:
    code: int
    seconds: float
    cpu: float
    said: str
    """What was written to standard error."""


def _run(command: Sequence[str], longest: float, until: Collection[str]) -> _Ended:
    """Run the command, and listen for what it finds."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    timer = threading.Timer(longest, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    said = []
    try:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                said.append(line)
                found = _FOUND.match(line)
                if found is not None and found[1] in until:
                    process.send_signal(signal.SIGINT)
                    until = ()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        timer.cancel()
    seconds = time.perf_counter() - began
    return _Ended(process.returncode, seconds, usage.ru_utime + usage.ru_stime, "".join(said))


def _reason(said: str) -> str:
    """Pick the line that tells what went wrong."""
    lines = said.strip().splitlines() or ["no word"]
    return next((line for line in lines if line.startswith("error: ")), lines[-1]).removeprefix("error: ")


def measure(mutant: Mutant, twin: str, *, seed: int, max_time: float, whole: bool = False) -> Finding:
    """Try one mutant."""
    arguments = (*(CREDENTIALS if mutant.credentials else ()), *mutant.arguments)
    until = () if whole else mutant.codes
    run = fuzz(mutant.name, twin, seed=seed, max_time=max_time, arguments=arguments, until=until)
    return Finding.of(mutant, twin, run)


@dataclass(frozen=True, slots=True)
class Alarms:
    """What was said of the servers without a bug."""

    runs: int
    rows: tuple[tuple[str, str, str, str], ...]
    """Server, seed, check and place of each false alarm."""

    troubles: tuple[str, ...]
    """Why runs gave no report, one for each."""


def alarms(twins: Iterable[str], seeds: int, *, extra: Sequence[str] = (), jobs: int = 1) -> Alarms:
    """Try the servers without a bug, each with as many seeds, by turns with credentials and without."""
    places = [(twin, seed) for twin in twins for seed in range(seeds)]

    def one(place: tuple[str, int]) -> Run:
        twin, seed = place
        credentials = CREDENTIALS if seed % 2 else ()
        run = fuzz(CLEAN, twin, seed=seed, max_time=None, arguments=(*credentials, *extra))
        cost = f"{run.seconds:.0f} s, CPU {run.cpu:.0f} s"
        _say(f"clean, {twin}, seed {seed}: {run.trouble or len(run.failures)}, {cost}")
        return run

    rows: list[tuple[str, str, str, str]] = []
    troubles: list[str] = []
    with ThreadPoolExecutor(jobs) as pool:
        for (twin, seed), run in zip(places, pool.map(one, places), strict=True):
            troubles += [f"{twin}, seed {seed}: {run.trouble}"] if run.trouble else []
            rows += [(twin, str(seed), failure.code, f"{failure.method} {failure.case}") for failure in run.failures]
    return Alarms(len(places), tuple(rows), tuple(troubles))


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
    found = [finding for finding in findings if finding.is_found]
    missed = [finding.mutant.name for finding in findings if finding.failure is None]
    advised = [finding.mutant.name for finding in findings if finding.failure is not None and not finding.is_found]
    soon, small = sum(finding.soon for finding in found), sum(finding.small for finding in found)
    text = f"{len(found)} of {len(findings)} found, {soon} in under {GOAL_SECONDS:g} s, "
    lines = [f"{text}{small} with a reproducer of at most {GOAL_EXTRA_FIELDS} field more than by hand."]
    if advised:
        lines.append(f"Told as a warning: {', '.join(advised)}.")
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
    parser.add_argument(
        "--max-time", type=float, default=60.0, metavar="SECONDS", help="of each run against a mutant (default: 60)"
    )
    parser.add_argument("--max-cases", type=int, metavar="N", help="random cases of each method of the clean servers")
    parser.add_argument("--twin", choices=(*TWINS, "both"), default="aio", help="on which server (default: aio)")
    parser.add_argument("--whole", action="store_true", help="go on once the bug is found")
    parser.add_argument("--no-mutants", action="store_true", help="try the servers without a bug only")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at once (default: 1)")
    options = parser.parse_args(arguments)
    try:
        mutants = [] if options.no_mutants else selected(options.only)
    except LookupError as error:
        parser.error(str(error))
    places = [(mutant, twin) for mutant in mutants for twin in mutant.twins if options.twin in (twin, "both")]

    def one(place: tuple[Mutant, str]) -> Finding:
        finding = measure(*place, seed=options.seed, max_time=options.max_time, whole=options.whole)
        _say(" ".join(finding.row()))
        return finding

    if places:
        with ThreadPoolExecutor(options.jobs) as pool:
            findings = list(pool.map(one, places))
        columns = ["mutant", "server", "check", "found as", "phase", "cases", "s", "CPU s", "fields / by hand", "also"]
        table("Seeded bugs", columns, [finding.row() for finding in findings])
        print(summary(findings))
    if options.seeds:
        extra = [] if options.max_cases is None else ["--max-cases", str(options.max_cases)]
        said = alarms(TWINS, options.seeds, extra=extra, jobs=options.jobs)
        if said.rows:
            table("False alarms", ["clean server", "seed", "check", "where"], said.rows)
        print(f"{len(said.rows)} false alarms in {said.runs - len(said.troubles)} runs against servers without a bug.")
        for trouble in said.troubles:
            print(f"No report: {trouble}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
