"""Stubs as a contract in tests: one item for each, which verifies a real server with the stub."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from grpcmock.client.channel import connect
from grpcmock.contract.case_runner import WITHIN, target_of
from grpcmock.contract.errors import ContractError
from grpcmock.contract.parametrizing import CASE, CASE_RUNNERS, put_in_place_of
from grpcmock.errors import ConfigError, Problems, TargetError
from grpcmock.stubs import loader
from grpcmock.verify import baseline as baselines
from grpcmock.verify.hooks import CallableHook
from grpcmock.verify.planning.planner import plan
from grpcmock.verify.planning.selection import select
from grpcmock.verify.reporting.terminal import result_lines
from grpcmock.verify.results import Verdict
from grpcmock.verify.running import TIMEOUT, Options, Verifier

if TYPE_CHECKING:
    from grpcmock.contract.case import Pairs
    from grpcmock.contract.case_runner import CaseRunners, Server
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata
    from grpcmock.stubs.model import Stub
    from grpcmock.verify.planning.interactions import Interaction, Plan
    from grpcmock.verify.results import Result

F = TypeVar("F", bound=Callable[..., Any])

Setup = Callable[..., Any] | Mapping[str, Any]
"""Brings the server into the state that a stub takes as ``given``: a function of these words, or a mapping from them to
functions. A context manager or generator that it gives is ended afterwards. A state that isn't known is a
``LookupError``."""

_STUB = "grpcmock_stub"


@dataclass(frozen=True, eq=False)
class Planned:
    """The stubs of a test, and what is known of their interactions."""

    registry: Registry
    stubs: tuple[Stub, ...]
    setup: Setup | None
    timeout: float

    @functools.lru_cache(8)  # noqa: B019 - there are as many as there are decorated tests
    def plan(self, metadata: Metadata = ()) -> Plan:
        """Plan the calls. Raises :class:`StubError` for stubs that don't compile, or that no request satisfies."""
        return plan(self.stubs, self.registry, metadata=metadata)


class StubCase:
    """One stub, to verify a server with."""

    def __init__(self, planned: Planned, name: str, runners: CaseRunners) -> None:
        self._planned = planned
        self._runners = runners
        self._interaction = self._find(planned.plan(), name)

    @staticmethod
    def _find(planned: Plan, name: str) -> Interaction:
        found = planned.find(name)
        assert found is not None
        return found

    @property
    def stub(self) -> Stub:
        return self._interaction.stub

    @property
    def name(self) -> str:
        return self._interaction.id

    @property
    def method(self) -> Method:
        return self._interaction.method

    @property
    def given(self) -> str:
        """The state that the stub takes as given; empty for none."""
        return self._interaction.given

    def verify(self, target: Server, *, metadata: Pairs = (), setup: Setup | None = None) -> Result:
        """Send what the stub matches to a server, and check its answer against the stub's. For tests without a loop.

        *metadata* goes with every call; *setup* in place of that of ``parametrize``.

        Raises :class:`ContractError` where they differ, which tells where. Skips the test if what must come before
        this stub failed.
        """
        __tracebackhide__ = True
        return self._told(self._runners.wait(self._run(target, metadata, setup), "case.averify(target)"))

    async def averify(self, target: Server, *, metadata: Pairs = (), setup: Setup | None = None) -> Result:
        """As :meth:`verify`, under asyncio or trio."""
        __tracebackhide__ = True
        return self._told(await self._runners.wait_async(self._run(target, metadata, setup)))

    async def _run(self, server: Server, metadata: Pairs, setup: Setup | None) -> Result:
        target = target_of(server, tuple(metadata))
        planned = self._planned.plan(target.metadata)
        function = setup if setup is not None else self._planned.setup
        options = Options(
            timeout=self._planned.timeout,
            hook=CallableHook(function, "setup") if function is not None else None,
        )
        async with connect(target, within=WITHIN) as channel:
            return await Verifier(channel, planned, options, target=target).run(self._find(planned, self.name))

    @staticmethod
    def _told(result: Result) -> Result:
        __tracebackhide__ = True
        if result.verdict is Verdict.PASSED:
            return result
        if result.verdict is Verdict.SKIPPED:
            pytest.skip(result.reason)
        if result.verdict is Verdict.NOT_RUN:
            raise TargetError(result.reason)
        raise ContractError("\n".join(result_lines(result)))

    def __repr__(self) -> str:
        return f"<StubCase {self.name}>"


@dataclass(frozen=True)
class StubContract:
    """The stubs of files, as far as they are for the methods of a contract."""

    registry: Registry
    methods: tuple[Method, ...]
    paths: tuple[Path, ...]

    def parametrize(
        self,
        *,
        names: Iterable[str] = (),
        setup: Setup | None = None,
        baseline: str | Path | None = None,
        timeout: float = TIMEOUT,
    ) -> Callable[[F], F]:
        """Make an ordinary test item for each stub of a function with an argument ``case``, synchronous or not.

        *names* chooses stubs by name or method, with ``*`` for anything. *setup* brings the server into the state that
        a stub takes as ``given``. Stubs that the *baseline* lists, a file as ``grpcmock verify`` writes it, are
        expected to fail; stubs that no server can be held to, such as those with faults, are skipped with the reason. A
        call may take *timeout* seconds.

        Raises :class:`StubError` for stubs that don't compile, or that no request satisfies, and :class:`ConfigError`
        for a name that no stub has.
        """
        problems = Problems()
        stubs = loader.load(self.paths, problems)
        problems.raise_errors()
        planned = Planned(self.registry, tuple(stubs), setup, timeout)
        chosen = select(planned.plan(), names) if (names := tuple(names)) else planned.plan()
        interactions = [one for one in chosen.interactions if one.method in self.methods]
        if not interactions:
            raise ConfigError(f"There is no stub for these methods in {', '.join(map(str, self.paths))}.")
        pending = baselines.read(Path(baseline)) if baseline is not None else frozenset()

        def decorate(function: F) -> F:
            return _parametrized(function, planned, interactions, pending)

        return decorate


def _parametrized(function: F, planned: Planned, interactions: list[Interaction], pending: frozenset[str]) -> F:
    signature = inspect.signature(function)
    if CASE not in signature.parameters:
        raise ConfigError(f"{function.__name__}() has no argument {CASE!r}, and so can take no stub.")
    kept = [parameter for parameter in signature.parameters.values() if parameter.name != CASE]
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in (_STUB, CASE_RUNNERS)]

    def with_case(kwargs: dict[str, Any]) -> dict[str, Any]:
        case = StubCase(planned, kwargs.pop(_STUB), kwargs.pop(CASE_RUNNERS))
        return {**kwargs, CASE: case}

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def test(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            await function(*args, **with_case(kwargs))

    else:

        @functools.wraps(function)
        def test(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            function(*args, **with_case(kwargs))

    test.__signature__ = signature.replace(parameters=[*kept, *own])  # type: ignore[attr-defined]
    put_in_place_of(function, test)
    marked: F = pytest.mark.parametrize(_STUB, [_parameter(one, pending) for one in interactions])(test)
    return marked


def _parameter(interaction: Interaction, pending: frozenset[str]) -> Any:
    marks: list[Any] = []
    if interaction.skipped:
        marks.append(pytest.mark.skip(reason=interaction.skipped))
    elif interaction.id in pending or interaction.name in pending:
        marks.append(pytest.mark.xfail(reason="pending: the baseline lists it", raises=ContractError, strict=False))
    return pytest.param(interaction.id, marks=marks, id=interaction.id)
