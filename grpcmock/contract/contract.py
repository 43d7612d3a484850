"""A contract in tests: what a server is held to, narrowed to the methods of interest, and turned into tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.contract.case_runner import Expectations, Server, target_of
from grpcmock.contract.servicers import generated_of
from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.fuzz.checks.registry import chosen_checks
from grpcmock.fuzz.expectations.expectations import DEFAULT_LIMIT
from grpcmock.fuzz.expectations.expectations import Expectations as PlanTerms
from grpcmock.fuzz.expectations.method_selection import select
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import USUAL_PHASES, Phase
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stub_requests import from_stubs
from grpcmock.fuzz.run.session import Settings
from grpcmock.schema import sources
from grpcmock.schema.modules import registry_of
from grpcmock.status import Code

if TYPE_CHECKING:
    import hypothesis

    from grpcmock.contract.stub_contract import StubContract
    from grpcmock.fuzz.phases.stateful.state_machine import ContractStateMachine
    from grpcmock.schema import Method, Registry

F = TypeVar("F", bound=Callable[..., Any])

PHASES = ("boundary", "examples", "random")
"""The phases of a test unless it says otherwise; ``wire`` is there besides."""


@dataclass(frozen=True)
class Contract:
    """Methods, and what the protos say of them. Narrowing one gives another; none is ever changed."""

    registry: Registry
    methods: tuple[Method, ...]
    """Those that are tested, in the order of their names."""

    # Where it comes from --------------------------------------------------------------------------------

    @classmethod
    def from_protos(
        cls, *paths: str | Path, imports: Sequence[str | Path] = (), exclude: Sequence[str] = ()
    ) -> Contract:
        """Take the services of ``.proto`` files, of directories of them, and of descriptor sets.

        Raises :class:`SchemaError` for paths that can't be used, and :class:`CompileError` for what doesn't compile.
        """
        return cls._of(sources.load(paths, imports=sources.Imports(imports, exclude)))

    @classmethod
    def from_reflection(cls, target: Server, *, metadata: Iterable[tuple[str, str | bytes]] = ()) -> Contract:
        """Take what a running server says of itself, at once: it must run when the tests are collected.

        Services that it can't describe are left out with a warning. Raises :class:`TargetError` if it is out of reach,
        and :class:`SchemaError` if it has no reflection.
        """
        from grpcmock.client.channel import connect
        from grpcmock.schema import reflection

        asked = target_of(target, tuple(metadata))

        async def fetch() -> Registry:
            async with connect(asked, within=5.0) as channel:
                return await reflection.fetch(channel, metadata=asked.metadata, left_out=warnings.warn)

        thread = LoopThread("grpcmock-reflection")  # there may be a loop in this one
        try:
            return cls._of(thread.run(fetch()))
        finally:
            thread.close()

    @classmethod
    def from_servicers(cls, *servicers: object) -> Contract:
        """Take the services of generated servicer classes, of classes derived from them, or of the functions
        ``add_…Servicer_to_server``.

        Raises :class:`SchemaError` for anything else.
        """
        if not servicers:
            raise ConfigError("Contract.from_servicers() needs a servicer class, such as UserServiceServicer.")
        generated = [generated_of(one) for one in servicers]
        registry = registry_of(*(one.servicer for one in generated))
        return cls(registry, select(registry, [one.service for one in generated]))

    @classmethod
    def _of(cls, registry: Registry) -> Contract:
        return cls(registry, select(registry))

    # What of it is tested -------------------------------------------------------------------------------

    def include(self, *patterns: str) -> Contract:
        """Narrow to methods that a pattern fits: ``user.*``, ``UserService``, ``UserService/Get*``, ``GetUser``.

        Raises :class:`ConfigError` for a pattern that fits nothing, with the nearest name.
        """
        return self._narrowed(set(select(self.registry, patterns)), patterns)

    def exclude(self, *patterns: str) -> Contract:
        """Leave out the methods that a pattern fits. Raises as :meth:`include` does."""
        return self._narrowed(set(self.methods) - set(select(self.registry, patterns)), patterns)

    def _narrowed(self, wanted: set[Method], patterns: tuple[str, ...]) -> Contract:
        if not patterns:
            raise ConfigError("Name at least one pattern, such as 'UserService/Get*'.")
        methods = tuple(method for method in self.methods if method in wanted)
        if not methods:
            raise ConfigError(f"No method of this contract is left by {', '.join(map(repr, patterns))}.")
        return replace(self, methods=methods)

    # What becomes of it ---------------------------------------------------------------------------------

    def parametrize(
        self,
        *,
        max_examples: int | None = None,
        phases: Iterable[str] = PHASES,
        checks: Sequence[str] = (),
        exclude_checks: Sequence[str] = (),
        examples: str | Path | Iterable[str | Path] = (),
        allowed: Mapping[str, Iterable[str | int | Code]] | None = None,
        status_fields: Mapping[str, str] | None = None,
        deadline: float = 3.0,
        max_latency: float = 1.0,
        max_message_bytes: int = DEFAULT_LIMIT,
        seed: int | None = None,
        settings: hypothesis.settings | None = None,
    ) -> Callable[[F], F]:
        """Make an ordinary test item for each method of a function with an argument ``case``, synchronous or not.

        Each item first takes the fixed cases of its *phases*, then *max_examples* random ones, by default as many as
        Hypothesis' profile says. *checks* and *exclude_checks* are codes, names or patterns of them (``G12*``).
        *examples* are stubs whose requests are tried, too. *allowed* are the statuses that methods may answer with
        besides OK, and *status_fields* where responses tell errors in their body, both by patterns of method names.
        A call has *deadline* seconds; an answer that takes longer than *max_latency* is a failure. *seed* makes the
        random cases the same each time; *settings* go before the profile's.

        Raises :class:`ConfigError` for a phase, check or pattern that there isn't.
        """
        from grpcmock.contract.parametrizing import Cases, configure, parametrized

        chosen = _phases(phases)
        chosen_checks(checks, exclude_checks)  # says what is wrong with them here, and not in each test
        for pattern in (allowed or {}, status_fields or {}):
            for name in pattern:
                select(self.registry, [name])
        expectations = Expectations(
            self.registry,
            self._generators,
            Settings(
                target=target_of("localhost:1"),
                registry=self.registry,
                checks=tuple(checks),
                exclude_checks=tuple(exclude_checks),
                allowed={name: frozenset(map(_code, codes)) for name, codes in (allowed or {}).items()},
                status_fields=dict(status_fields or {}),
                deadline=deadline,
                max_latency=max_latency,
                max_message_bytes=max_message_bytes,
                stubs=_paths(examples),
            ),
        )
        plan = Plan(
            registry=self.registry,
            methods=self.methods,
            expectations=PlanTerms(
                registry=self.registry, max_latency=max_latency, max_message_bytes=max_message_bytes
            ),
            examples=from_stubs(expectations.settings.stubs, self.registry).cases,
            deadline=deadline,
            generators=self._generators,
        )
        cases = Cases(expectations=expectations, plan=plan, phases=chosen)
        configured = configure(settings, max_examples, chosen)

        def decorate(function: F) -> F:
            return parametrized(function, cases, self.methods, configured, seed)

        return decorate

    def stubs(self, *paths: str | Path) -> StubContract:
        """Take the stubs of files and directories as the contract: ``contract.stubs("stubs").parametrize()``."""
        from grpcmock.contract.stub_contract import StubContract

        if not paths:
            raise ConfigError("Name at least one file or directory of stubs.")
        return StubContract(self.registry, self.methods, tuple(map(Path, paths)))

    def state_machine(
        self,
        target: Server | Callable[[], Server],
        *,
        metadata: Iterable[tuple[str, str | bytes]] = (),
        links: Iterable[str | Path] = (),
        checks: Iterable[str] = (),
        deadline: float = 3.0,
        seed: int = 0,
    ) -> type[ContractStateMachine]:
        """Make a class of a rule-based machine of Hypothesis, to run (``TestCase``) or to derive from.

        It has a rule for each thing that can be done with the resources that the contract tells of: create, get,
        update, list, delete. *target* may be a function, which is asked before the first call. *links* are files with
        links that names don't tell; *checks* count besides those on resources, all if none are named.

        Raises :class:`ConfigError` for a check that there isn't, and :class:`StubError` for links that are wrong.
        """
        from grpcmock.contract.machine import machine_of

        return machine_of(
            self.registry,
            self.methods,
            target,
            metadata=tuple(metadata),
            links=links,
            checks=tuple(checks),
            deadline=deadline,
            seed=seed,
        )

    @cached_property
    def _generators(self) -> Generators:
        return Generators(self.registry)


def _phases(names: Iterable[str]) -> tuple[Phase, ...]:
    listed = [names] if isinstance(names, str) else list(names)
    known = [phase.value for phase in USUAL_PHASES if phase is not Phase.STATEFUL]
    for name in listed:
        if name == Phase.STATEFUL.value:
            raise ConfigError("Calls in a row are a state machine's: contract.state_machine(target) gives one.")
        if name not in known:
            raise ConfigError(f"There is no phase {name!r}. {did_you_mean(name, known, known='The phases')}")
    return tuple(phase for phase in Phase if phase.value in listed)


def _paths(given: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    return tuple(map(Path, [given] if isinstance(given, (str, Path)) else given))


def _code(code: str | int | Code) -> int:
    try:
        return int(Code.parse(code)) if isinstance(code, str) else int(code)
    except ValueError as error:
        raise ConfigError(f"allowed: {error}") from None
