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
from grpcmock.fuzz.model.findings import Failure
from grpcmock.fuzz.model.secrets import Secrets
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.run.session import Settings, prepared
from grpcmock.fuzz.shrinking.case_shrinking import Effort, shrink
from grpcmock.fuzz.shrinking.confirmation import CONFIRMATIONS

if TYPE_CHECKING:
    from grpcmock.concurrency.loop_thread import LoopThread
    from grpcmock.fuzz.generation.generator import Generators
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.run.loop import Run
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata

T = TypeVar("T")

WITHIN = 5.0
"""So many seconds a server may take to accept a connection."""


class HasTarget(Protocol):
    """Anything that says where it listens, such as a :class:`grpcmock.MockServer`."""

    @property
    def target(self) -> str: ...


Server = str | Target | HasTarget
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
class Expectations:
    """What a server is held to. Equal only to itself."""

    registry: Registry
    generators: Generators

    settings: Settings
    """Of any target."""


class CaseRunner:
    """Holds one server to the terms."""

    def __init__(self, expectations: Expectations, target: Target) -> None:
        self.expectations = expectations
        self.settings = replace(
            expectations.settings, target=target, registry=expectations.registry, startup_timeout=WITHIN
        )
        self.failures: dict[str, Failure] = {}
        """What was found, by its id."""
        self._stack = AsyncExitStack()
        self._run: Run | None = None
        self._opening = asyncio.Lock()

    async def observe(self, case: Case) -> CaseResult:
        """Make a case. Raises :class:`TargetError` if the server is out of reach."""
        return await (await self._opened()).observe(case)

    async def _opened(self) -> Run:
        async with self._opening:
            if self._run is None:
                self._run = await self._stack.enter_async_context(prepared(self.settings))
        return self._run

    async def error(self, case: Case, result: CaseResult, *, shrunk: bool) -> ContractError | None:
        """Check what was seen; return the worst that is wrong, None if all holds.

        Where nobody else makes it small, it is *shrunk*: confirmed, and asked again with less and less.
        """
        run = await self._opened()
        for finding in [finding for finding in run.evaluate(case, result) if not finding.is_warning]:
            failure = Failure(finding=finding, case=case, result=result, first=case, after_cases=1, after_seconds=0.0)
            if shrunk:
                failure = self.failures.get(failure.id) or await self._shrunk(run, failure)
            elif finding.timing_based:
                failure = await self._tried_again(run, failure)
            if not (failure.is_flaky and finding.timing_based):  # else it is the machine that was busy
                self.failures[failure.id] = failure
                return error_of(failure, self.settings, self.expectations.registry)
        return None

    async def _tried_again(self, run: Run, failure: Failure) -> Failure:
        hits = 1 + sum([await self._again(run, failure, failure.case) is not None for _ in range(CONFIRMATIONS)])
        return replace(failure, hits=hits, tries=1 + CONFIRMATIONS)

    async def _shrunk(self, run: Run, failure: Failure) -> Failure:
        """Make the case again, and if it fails each time, make it small."""
        if not failure.result.health.alive:
            return failure
        # What it was made for keeps it in shape; that doesn't matter where it fails for something else.
        if failure.finding.check not in failure.case.targets:
            failure = replace(failure, case=replace(failure.case, targets=frozenset(), shrinks_as_one=False))
        failure = await self._tried_again(run, failure)
        if failure.is_flaky:
            return failure
        best: dict[Case, tuple[Finding, CaseResult]] = {}

        async def fails(case: Case) -> bool:
            found = await self._again(run, failure, case)
            if found is not None:
                best[case] = found
            return found is not None

        smallest = await shrink(failure.case, fails, self.expectations.generators, Effort())
        if smallest not in best:
            return failure
        finding, result = best[smallest]
        return replace(failure, finding=finding, case=smallest, result=result)

    async def _again(self, run: Run, failure: Failure, case: Case) -> tuple[Finding, CaseResult] | None:
        result = await run.observe(case, fairly=failure.finding.timing_based)
        for finding in run.evaluate(case, result):
            if not finding.is_warning and replace(failure, finding=finding, case=case).id == failure.id:
                return finding, result
        return None

    async def close(self) -> None:
        await self._stack.aclose()

    def keep(self, folder: Path) -> None:
        """Write what was found into *folder*, for ``grpcmock replay`` and ``export``."""
        if self.failures:
            secrets = Secrets(self.settings.target.metadata)
            origin = case_files.Origin.of(self.settings)
            registry = self.expectations.registry
            case_files.keep(self.failures.values(), origin, folder, registry=registry, hidden=secrets.hidden)


class CaseRunners:
    """The case runners of one test item, one for each server that it asks."""

    def __init__(self, thread: LoopThread, folder: Path) -> None:
        """Take the *thread* in which all calls are made, and where failures are kept."""
        self._thread = thread
        self._folder = folder
        self._open: dict[tuple[Expectations, Target], CaseRunner] = {}

    def of(self, expectations: Expectations, target: Target) -> CaseRunner:
        runner = self._open.get((expectations, target))
        if runner is None:
            runner = self._open[expectations, target] = CaseRunner(expectations, target)
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
