"""The steps: each leads one part of grpcmock past a specimen, and raises where that isn't as it should be."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.zoo.calls import Caller, Reply, connected
from benchmarks.zoo.outcome import FailedError, Outcome, SkippedError, Verdict, Visit
from benchmarks.zoo.programs import Ended, ProgramError, run, server
from grpcmock.errors import GrpcmockError
from grpcmock.schema import Method, MethodKind, Registry, sources

if TYPE_CHECKING:
    from benchmarks.zoo.specimen import Specimen

_OWN = ("grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
"""Services that every mock has itself: they answer what is true of it, and nothing is made up or recorded."""

_STATELESS = "boundary,wire,random"
"""Phases of the fuzzer. Answers that are made up keep no state, and so can't be held to what was created before."""

_SHOWN = 3
"""Problems of a step that are told; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done."""

    seconds: float = 120.0
    """For a command that ends by itself, and for a server to start or to end."""

    fuzz_seconds: float = 3.0
    fuzzed: int = 3
    """Methods that are fuzzed."""

    recorded: int = 60
    """Methods that are called through the recording proxy."""


class Bench:
    """One specimen, with the servers that several steps share."""

    def __init__(self, specimen: Specimen, folder: Path, limits: Limits) -> None:
        self.specimen = specimen
        self.protos = specimen.protos
        self.stubs, self.recorded = folder / "stubs", folder / "recorded"
        self.limits = limits
        self._folder = folder
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    @cached_property
    def registry(self) -> Registry:
        return sources.load([self.protos])

    @cached_property
    def methods(self) -> Sequence[Method]:
        return list(self.registry.methods.values())

    @cached_property
    def called(self) -> Sequence[Method]:
        """The methods that a mock makes answers up for."""
        return [method for method in self.methods if method.service not in _OWN]

    @cached_property
    def caller(self) -> Caller:
        return Caller(self.registry)

    @cached_property
    def auto(self) -> str:
        """The address of a mock that makes up all answers."""
        nothing = self._folder / "no-stubs"
        nothing.mkdir()
        return self._servers.enter_context(
            self.server("serve", self.protos, "--stubs", nothing, "--auto", "--validate", "--no-watch")
        )

    @cached_property
    def replies(self) -> Sequence[Reply]:
        """What that mock answers to each method."""
        with connected(self.auto) as channel:
            return self.caller.call(channel, self.called)

    def run(self, *arguments: str | Path, codes: tuple[int, ...] = (0,)) -> Ended:
        return run(*arguments, seconds=self.limits.seconds, codes=codes)

    def server(self, *arguments: str | Path) -> AbstractContextManager[str]:
        log = self._folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
        return server(*arguments, log=log, seconds=self.limits.seconds)

    def stop(self) -> None:
        """End the servers, and see that they do so in peace."""
        self._servers.close()


def _load(bench: Bench) -> None:
    if not bench.methods:
        raise SkippedError("there is no service")


def _list(bench: Bench) -> None:
    listed = _names(bench.run("list", bench.protos, "--format", "json").out)
    _raise_for_difference(listed, {str(method) for method in bench.methods})


def _describe(bench: Bench) -> None:
    text = bench.run("describe", bench.protos).out
    _raise_for([f"{name} isn't described" for name in bench.registry.services if name.rpartition(".")[2] not in text])


def _schema(bench: Bench) -> None:
    json.loads(bench.run("schema", bench.protos).out)


def _init(bench: Bench) -> None:
    bench.run("init", bench.protos, "--out", bench.stubs)


def _check(bench: Bench) -> None:
    report = json.loads(_checked(bench, bench.stubs).out)
    _raise_for([f"{one['file']}:{one['line']}: {one['message']}" for one in report["problems"]])


def _serve(bench: Bench) -> None:
    with bench.server("serve", bench.protos, "--stubs", bench.stubs, "--no-watch") as address:
        bench.run("verify", address, bench.protos, "--stubs", bench.stubs)


def _auto(bench: Bench) -> None:
    _raise_for([reply.problem for reply in bench.replies if reply.problem])


def _reflection(bench: Bench) -> None:
    told = _names(bench.run("list", bench.auto, "--format", "json").out)
    _raise_for([f"reflection doesn't give {name}" for name in {str(method) for method in bench.methods} - told])


def _grpcurl(bench: Bench) -> None:
    program = shutil.which("grpcurl")
    if program is None:
        raise SkippedError("grpcurl isn't installed")
    for service in bench.registry.services:
        command = [program, "-plaintext", "-max-time", "30", bench.auto, "describe", service]
        made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=bench.limits.seconds)
        if made.returncode:
            raise FailedError(f"{service}: {made.stderr.strip()}")
        for method in bench.registry.services[service].methods:
            if f"rpc {method.name} (" not in made.stdout:
                raise FailedError(f"{service}/{method.name} isn't told")


def _fuzz(bench: Bench) -> None:
    report = bench.stubs.parent / "fuzz.json"
    chosen = _of_each_kind(bench.called, bench.limits.fuzzed)
    if not chosen:
        raise SkippedError("every mock has these services itself")
    included = [word for method in chosen for word in ("--include", str(method))]
    bounds = [
        "--max-time",
        f"{bench.limits.fuzz_seconds:g}s",
        "--phases",
        _STATELESS,
        "--seed",
        "1",
        "--report",
        f"json={report}",
    ]
    bench.run("fuzz", bench.auto, bench.protos, *included, *bounds, codes=(0, 1))
    failures = json.loads(report.read_text())["failures"]
    _raise_for([f"{one['method']}: {one['code']} {one['name']}, {one['why']}" for one in failures])


def _record(bench: Bench) -> None:
    if not bench.called:
        raise SkippedError("every mock has these services itself")
    direct = _of_each_kind([reply.method for reply in bench.replies if not reply.problem], bench.limits.recorded)
    known = {reply.method: reply for reply in bench.replies}
    proxy = bench.server("record", bench.auto, bench.protos, "--out", bench.recorded)
    with proxy as address, connected(address) as channel:
        through = bench.caller.call(channel, direct)
    _raise_for([f"{one.method}: another reply than without the proxy" for one in through if one != known[one.method]])
    _checked(bench, bench.recorded)


def _verify(bench: Bench) -> None:
    if not bench.recorded.is_dir():
        raise SkippedError("nothing is recorded")
    bench.run("verify", bench.auto, bench.protos, "--stubs", bench.recorded)


def _stop(bench: Bench) -> None:
    bench.stop()


STEPS: dict[str, Callable[[Bench], None]] = {
    "load": _load,
    "list": _list,
    "describe": _describe,
    "schema": _schema,
    "init": _init,
    "check": _check,
    "serve": _serve,
    "auto": _auto,
    "reflection": _reflection,
    "grpcurl": _grpcurl,
    "fuzz": _fuzz,
    "record": _record,
    "verify": _verify,
    "stop": _stop,
}


def visit(specimen: Specimen, folder: Path, limits: Limits) -> Visit:
    """Return what comes of all steps. Those after a failed load, or of a package without services, are left out."""
    outcomes: dict[str, Outcome] = {}
    with Bench(specimen, folder, limits) as bench:
        for name, step in STEPS.items():
            outcomes[name] = outcome = _made(step, bench)
            if name == "load" and outcome.verdict is not Verdict.PASSED:
                break
        methods = len(bench.methods) if outcomes["load"].verdict is not Verdict.FAILED else 0
    return Visit(specimen, methods, outcomes)


def _made(step: Callable[[Bench], None], bench: Bench) -> Outcome:
    began = time.perf_counter()
    try:
        step(bench)
        verdict, detail = Verdict.PASSED, ""
    except SkippedError as skipped:
        verdict, detail = Verdict.SKIPPED, str(skipped)
    except (FailedError, ProgramError, GrpcmockError) as failed:
        verdict, detail = Verdict.FAILED, str(failed)
    except Exception as crash:  # noqa: BLE001 - that nothing crashes is what the zoo is for
        verdict, detail = Verdict.FAILED, f"crashed: {type(crash).__name__}: {crash}"
    return Outcome(verdict, detail, time.perf_counter() - began)


def _checked(bench: Bench, stubs: Path) -> Ended:
    return bench.run("check", bench.protos, "--stubs", stubs, "--format", "json", codes=(0, 1))


def _names(listing: str) -> set[str]:
    return {method["method"] for service in json.loads(listing) for method in service["methods"]}


def _of_each_kind(methods: Sequence[Method], number: int) -> list[Method]:
    """Choose methods: in turn one of each kind."""
    by_kind = [[method for method in methods if method.kind is kind] for kind in MethodKind]
    return list(_in_turn(by_kind))[:number]


def _in_turn(groups: Sequence[Sequence[Method]]) -> Iterator[Method]:
    for index in range(max(map(len, groups), default=0)):
        yield from (group[index] for group in groups if index < len(group))


def _raise_for_difference(found: set[str], expected: set[str]) -> None:
    _raise_for([f"{name} is missing" for name in sorted(expected - found)] + [f"{n} is new" for n in found - expected])


def _raise_for(problems: Sequence[str]) -> None:
    if problems:
        more = f" … and {len(problems) - _SHOWN:,} more" if len(problems) > _SHOWN else ""
        raise FailedError(" | ".join(problems[:_SHOWN]) + more)
