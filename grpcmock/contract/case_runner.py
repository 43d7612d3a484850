"""Asks servers on behalf of tests: calls are made in an event loop of its own, for tests of any kind to wait on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from grpcmock.client.target import Target
from grpcmock.contract.errors import ContractError, error_of
from grpcmock.errors import ConfigError, GrpcmockError
from grpcmock.fuzz import casefile
from grpcmock.fuzz.failures import Failure
from grpcmock.fuzz.run import CONFIRMATIONS
from grpcmock.fuzz.secrets import Secrets
from grpcmock.fuzz.session import Settings, prepared
from grpcmock.fuzz.shrinking import Effort, shrink

if TYPE_CHECKING:
    from grpcmock.client.target import Metadata
    from grpcmock.concurrency.loop_thread import LoopThread
    from grpcmock.fuzz.evidence import Evidence
    from grpcmock.fuzz.failures import Finding
    from grpcmock.fuzz.generation.generator import Generators
    from grpcmock.fuzz.run import Run
    from grpcmock.fuzz.trials import Trial
    from grpcmock.schema import Registry

T = TypeVar("T")

WITHIN = 5.0
"""So many seconds a server may take to accept a connection."""


class Listening(Protocol):
    """Anything that says where it listens, such as a :class:`grpcmock.MockServer`."""

    @property
    def target(self) -> str: ...


Server = str | Target | Listening
"""How a test names the server: ``HOST:PORT``, ``unix:PATH`` or a URL; a :class:`Target` with TLS and the like."""


def target_of(server: Server, metadata: Metadata = ()) -> Target:
    """Give the target that a test means. Raises :class:`ConfigError` for what is no address."""
    if isinstance(server, Target):
        found = server
    else:
        text = server if isinstance(server, str) else getattr(server, "target", None)
        if not isinstance(text, str):
            raise ConfigError(f"{server!r:.80} is no server. Give HOST:PORT, unix:PATH, a URL, or a grpcmock Target.")
        found = Target.parse(text)
    return replace(found, metadata=(*found.metadata, *metadata)) if metadata else found


@dataclass(frozen=True, eq=False)
class Terms:
    """What a server is held to. Equal only to itself."""

    registry: Registry
    generators: Generators

    settings: Settings
    """Of any target."""


class CaseRunner:
    """Holds one server to the terms."""

    def __init__(self, terms: Terms, target: Target) -> None:
        self.terms = terms
        self.settings = replace(terms.settings, target=target, registry=terms.registry, wait=WITHIN)
        self.failures: dict[str, Failure] = {}
        """What was found, by its id."""
        self._stack = AsyncExitStack()
        self._run: Run | None = None
        self._opening = asyncio.Lock()

    async def observe(self, trial: Trial) -> Evidence:
        """Make a trial. Raises :class:`TargetError` if the server is out of reach."""
        return await (await self._opened()).observe(trial)

    async def _opened(self) -> Run:
        async with self._opening:
            if self._run is None:
                self._run = await self._stack.enter_async_context(prepared(self.settings))
        return self._run

    async def error(self, trial: Trial, evidence: Evidence, *, shrunk: bool) -> ContractError | None:
        """Judge what was seen; give the worst that is wrong, None if all holds.

        Where nobody else makes it small, it is *shrunk*: confirmed, and asked again with less and less.
        """
        run = await self._opened()
        findings = [finding for finding in run.judge(trial, evidence) if not finding.advice]
        if not findings:
            return None
        failure = Failure(
            finding=findings[0], trial=trial, evidence=evidence, first=trial, after_trials=1, after_seconds=0.0
        )
        if shrunk:
            failure = self.failures.get(failure.id) or await self._shrunk(run, failure)
            if failure.is_flaky and failure.finding.measured:
                return None
        self.failures[failure.id] = failure
        return error_of(failure, self.settings, self.terms.registry)

    async def _shrunk(self, run: Run, failure: Failure) -> Failure:
        """Make the trial again, and if it fails each time, make it small."""
        if not failure.evidence.health.alive:
            return failure
        # What it was made for keeps it in shape; that doesn't matter where it fails for something else.
        aims = failure.trial.aims & {failure.finding.code}
        failure = replace(failure, trial=replace(failure.trial, aims=aims))
        hits = 1 + sum([await self._again(run, failure, failure.trial) is not None for _ in range(CONFIRMATIONS)])
        failure = replace(failure, hits=hits, tries=1 + CONFIRMATIONS)
        if failure.is_flaky:
            return failure
        best: dict[Trial, tuple[Finding, Evidence]] = {}

        async def fails(trial: Trial) -> bool:
            found = await self._again(run, failure, trial)
            if found is not None:
                best[trial] = found
            return found is not None

        smallest = await shrink(failure.trial, fails, self.terms.generators, Effort())
        if smallest not in best:
            return failure
        finding, evidence = best[smallest]
        return replace(failure, finding=finding, trial=smallest, evidence=evidence)

    async def _again(self, run: Run, failure: Failure, trial: Trial) -> tuple[Finding, Evidence] | None:
        evidence = await run.observe(trial)
        for finding in run.judge(trial, evidence):
            if not finding.advice and replace(failure, finding=finding, trial=trial).id == failure.id:
                return finding, evidence
        return None

    async def close(self) -> None:
        await self._stack.aclose()

    def keep(self, folder: Path) -> None:
        """Write what was found into *folder*, for ``grpcmock replay`` and ``export``."""
        if self.failures:
            secrets = Secrets(self.settings.target.metadata)
            origin = casefile.Origin.of(self.settings)
            registry = self.terms.registry
            casefile.keep(self.failures.values(), origin, folder, registry=registry, hidden=secrets.hidden)


class CaseRunners:
    """The case runners of one test item, one for each server that it asks."""

    def __init__(self, thread: LoopThread, folder: Path) -> None:
        """Take the *thread* in which all calls are made, and where failures are kept."""
        self._thread = thread
        self._folder = folder
        self._open: dict[tuple[Terms, Target], CaseRunner] = {}

    def of(self, terms: Terms, target: Target) -> CaseRunner:
        runner = self._open.get((terms, target))
        if runner is None:
            runner = self._open[terms, target] = CaseRunner(terms, target)
        return runner

    def wait(self, coroutine: Coroutine[Any, Any, T], instead: str) -> T:
        """Wait for what happens in the other loop. Refused inside of a loop, which would stand still meanwhile."""
        __tracebackhide__ = True
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return _plainly(self._thread.submit(coroutine).result)
        coroutine.close()
        raise ConfigError(f"This blocks the event loop that the test runs in: await {instead} there.")

    async def wait_async(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await what happens in the other loop, under asyncio or trio."""
        __tracebackhide__ = True
        future = self._thread.submit(coroutine)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            import trio

            await trio.to_thread.run_sync(future.exception)
        else:
            await asyncio.wait([asyncio.wrap_future(future)])
        return _plainly(future.result)

    def close(self) -> None:
        """Close the connections, and keep what was found."""
        for runner in self._open.values():
            self._thread.run(runner.close())
            runner.keep(self._folder)
        self._open.clear()


def _plainly(result: Callable[[], T]) -> T:
    """Give a result; an error of ours without the way that it has come."""
    __tracebackhide__ = True
    try:
        return result()
    except (GrpcmockError, ContractError) as error:
        raise error.with_traceback(None) from None
