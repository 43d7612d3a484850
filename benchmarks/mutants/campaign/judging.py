"""One run of ``grpcmock fuzz`` on a server that it starts; the reproducers of what it says, on fresh servers."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.load import ROOT
from benchmarks.mutants.campaign.reach import Reach
from benchmarks.mutants.campaign.suspects import CLEAN, Suspect, prepare, protos, starting
from benchmarks.startup import free_port

STILL_FAILS = 1
PASSES = 0
"""Exit codes of ``grpcmock replay``."""

_GRACE = 60.0
"""Seconds that a run may take beyond its ``--max-time``, for shrinking and the report."""

_REPLAY = 60.0
_MOST_REPLAYED = 8
"""Failures whose reproducers are tried."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a suspect."""

    key: str
    verdict: str
    """``found``, ``warned``, ``missed``, ``no report``; ``unproven`` if a failure that fits isn't seen again."""

    code: str = ""
    method: str = ""
    seconds: float | None = None
    """When it was found."""

    replays: tuple[tuple[str, int, int | None], ...] = ()
    """Failures whose reproducers were tried: id, exit code on the mutant, exit code on the clean server."""

    others: tuple[str, ...] = ()
    """Checks that failed and don't fit."""

    took: float = 0.0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the command has left."""

    report: Mapping[str, Any] | None
    reach: Reach
    took: float
    trouble: str


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def fuzz(
    service: str, bug: str, folder: Path, *, seed: int, max_time: float | None, arguments: Sequence[str] = ()
) -> Run:
    """Let ``grpcmock fuzz`` start a service and try it, with its files in the folder."""
    prepare(service, bug)
    target = f"127.0.0.1:{free_port()}"
    report, events = folder / "report.json", folder / "events.ndjson"
    words = [
        sys.executable,
        "-m",
        "grpcmock",
        "fuzz",
        target,
        protos(service),
        "--server-cmd",
        shlex.join(starting(service, bug, target)),
    ]
    words += ["--report", f"json={report},ndjson={events}", "--seed", str(seed), *arguments]
    words += ["--max-time", f"{max_time:g}s"] if max_time is not None else []
    began = time.perf_counter()
    said = folder / "said"
    reach = Reach(events)
    with said.open("w") as errors:
        process = subprocess.Popen(
            words, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
        )
        timer = threading.Timer((max_time or 600) + _GRACE, _end, (process,))
        timer.start()
        try:
            reach.follow(process)
        finally:
            timer.cancel()
            _end(process)
    tree = json.loads(report.read_text()) if report.is_file() else None
    trouble = "" if tree is not None else f"exit {process.returncode}: {said.read_text()[-300:].strip()}"
    return Run(tree, reach, time.perf_counter() - began, trouble)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what the command has started, too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def replay(failure: str, folder: Path, service: str, bug: str, arguments: Sequence[str]) -> int:
    """The exit code of ``grpcmock replay`` against a fresh server; -1 if it takes too long."""
    target = f"127.0.0.1:{free_port()}"
    words = [sys.executable, "-m", "grpcmock", "replay", failure, "--target", target]
    words += ["--server-cmd", shlex.join(starting(service, bug, target)), *arguments]
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(_REPLAY)
    except subprocess.TimeoutExpired:
        return -1
    finally:
        _end(process)


class Alarms:
    """Failures that were seen on the server without a bug, by their ids: others are tried before them."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def add(self, service: str, failure: str) -> None:
        self._known.add((service, failure))

    def last(self, service: str, failures: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The failures in the order in which they were found, those that are known as false alarms at the end."""
        return sorted(failures, key=lambda one: ((service, one["id"]) in self._known, one.get("after_seconds") or 0.0))


def judge(suspect: Suspect, alarms: Alarms, *, seed: int, max_time: float) -> Judged:
    """Try one suspect. It is found if a reproducer of a check that fits fails on it, and passes on the clean server."""
    bug = f"{suspect.source}/{suspect.bug}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = (*suspect.credentials, *suspect.arguments)
        run = fuzz(suspect.service, bug, folder, seed=seed, max_time=max_time, arguments=arguments)
        if run.report is None:
            return Judged(suspect.key, "no report", took=run.took, trouble=run.trouble)
        failures: list[Mapping[str, Any]] = run.report["failures"]
        fitting = [one for one in failures if suspect.fits(one["code"])]
        others = tuple(sorted({one["code"] for one in failures if not suspect.fits(one["code"])}))
        replays: list[tuple[str, int, int | None]] = []
        for one in alarms.last(suspect.service, fitting)[:_MOST_REPLAYED]:
            again = partial(replay, one["id"], folder, suspect.service, arguments=suspect.credentials)
            on_mutant = again(bug)
            on_clean = again(CLEAN) if on_mutant == STILL_FAILS else None
            replays.append((one["id"], on_mutant, on_clean))
            if on_mutant == STILL_FAILS and on_clean == PASSES:
                found = (one["code"], one["method"], one.get("after_seconds"))
                return Judged(suspect.key, "found", *found, tuple(replays), others, run.took)
            if on_clean == STILL_FAILS:
                alarms.add(suspect.service, one["id"])
        if suspect.warned:
            for one in run.report["warnings"]:
                if suspect.fits(one["code"]):
                    found = (one["code"], one["method"], one.get("after_seconds"))
                    return Judged(suspect.key, "warned", *found, tuple(replays), others, run.took)
        is_alarm = all(on_clean == STILL_FAILS for _, _, on_clean in replays)
        verdict = "missed" if is_alarm else "unproven"
        return Judged(suspect.key, verdict, replays=tuple(replays), others=others, took=run.took)
