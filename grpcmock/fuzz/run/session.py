"""A whole run from its settings: the server is opened, the contract read, all put together, and closed again."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import SchemaError, TargetError
from grpcmock.fuzz.checks.registry import chosen_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.execution.executor import Executor, Patience
from grpcmock.fuzz.execution.raw_lane import raw_lane
from grpcmock.fuzz.execution.reference_mock import Mock
from grpcmock.fuzz.execution.server import Server
from grpcmock.fuzz.expectations.documented_codes import documented
from grpcmock.fuzz.expectations.expectations import DEFAULT_LIMIT, Expectations
from grpcmock.fuzz.expectations.links import read as read_links
from grpcmock.fuzz.expectations.method_selection import fits, parted_by_ending, select
from grpcmock.fuzz.expectations.status_fields import resolve
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.example_database import Memory, open_database
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stub_requests import from_stubs
from grpcmock.fuzz.run.loop import Bounds, Run

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.client.target import Target
    from grpcmock.fuzz.checks.check import Check
    from grpcmock.fuzz.model.events import Finished, Listener
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run is told. Only the target must be."""

    target: Target
    """Its metadata is sent with every call."""

    registry: Registry | None = None
    """The contract; None to ask the server's reflection."""

    server_command: str = ""
    """The command that starts the server; empty if it runs already."""

    startup_timeout: float = 10.0
    """Seconds until the server must take connections."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    checks: Sequence[str] = ()
    exclude_checks: Sequence[str] = ()
    checks_off: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Checks that don't count for some methods: from patterns of method names to codes or names."""

    bounds: Bounds = field(default_factory=Bounds)
    seed: int = 0
    shard: tuple[int, int] = (1, 1)
    deadline: float = 3.0
    max_latency: float = 1.0
    max_message_bytes: int = DEFAULT_LIMIT
    allowed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """The codes that methods may answer with besides OK, by patterns of their names."""

    status_fields: Mapping[str, str] = field(default_factory=dict)
    """Where responses tell errors in their body, by patterns of method names; types of ``google.rpc`` are known."""

    stubs: Sequence[Path] = ()
    links: Sequence[Path] = ()
    """Files that say which methods belong together, where their names don't."""

    database: str = ""
    """Where failures are kept between runs: a directory, ``redis://…``, ``github:OWNER/NAME``; empty for nowhere."""

    second_identity: Metadata = ()
    left_out: Callable[[str], None] = warnings.warn
    """Is told of each service that the server's reflection can't describe."""


Ready = Callable[[Run], None]
"""Is told when the run is about to begin, so that it can be stopped from outside."""


async def fuzz(settings: Settings, listeners: Sequence[Listener] = (), *, ready: Ready | None = None) -> Finished:
    """Make a run.

    Raises :class:`ConfigError` for settings that don't fit the contract, :class:`StubError` for links that don't,
    :class:`TargetError` if the server is out of reach, and :class:`SchemaError` if it can't say what it serves.
    """
    async with prepared(settings, listeners) as run:
        if ready is not None:
            ready(run)
        return await run.go()


@asynccontextmanager
async def prepared(settings: Settings, listeners: Sequence[Listener] = ()) -> AsyncIterator[Run]:
    """Put a run together that has not begun; all is closed on leaving. Raises what :func:`fuzz` does."""
    checks = chosen_checks(settings.checks, settings.exclude_checks)
    without = {
        pattern: frozenset(check.name for check in chosen_checks(names))
        for pattern, names in settings.checks_off.items()
    }
    server = Server(settings.target, command=settings.server_command, within=settings.startup_timeout)
    try:
        channel = await server.open()
        registry = settings.registry or await _reflected(channel, settings)
        plan = _plan(settings, registry)
        memory = Memory(open_database(settings.database), registry, plan.methods) if settings.database else None
        executor = Executor(
            channel,
            metadata=settings.target.metadata,
            second_identity=settings.second_identity,
            patience=Patience(deadline=settings.deadline),
            raw=raw_lane(settings.target, settings.deadline),
            mock=_mock(settings, registry, checks),
        )
        hearing = [*listeners, memory.hear] if memory is not None else listeners
        suite = CheckSuite(checks, plan.expectations, without=without)
        yield Run(server, executor, plan, suite, bounds=settings.bounds, listeners=hearing, memory=memory)
    finally:
        await server.close()


def _mock(settings: Settings, registry: Registry, checks: Sequence[Check]) -> Mock | None:
    """Give the mock to compare the server with; None if there are no stubs, or nobody compares."""
    if not settings.stubs or not any("stubs" in check.reads for check in checks):
        return None
    return Mock.load(settings.stubs, registry)


async def _reflected(channel: grpc.aio.Channel, settings: Settings) -> Registry:
    from grpcmock.schema import reflection

    try:
        return await reflection.fetch(channel, metadata=settings.target.metadata, left_out=settings.left_out)
    except (TargetError, SchemaError) as error:
        if "--proto" in str(error):
            raise
        said = str(error).replace(reflection.CREDENTIALS, "").replace(reflection.PROTOS, "").strip()
        raise type(error)(f"{said.rstrip('.')}. {_without_reflection(str(error), settings)}") from None


def _without_reflection(error: str, settings: Settings) -> str:
    """Return what to do where reflection fails."""
    protos = "the protos after the target: reflection isn't needed then."
    if not any(code in error for code in ("UNAUTHENTICATED", "PERMISSION_DENIED")):
        return f"Name {protos}"
    if settings.target.metadata:
        return f"What was given by -H isn't enough for reflection. Give other credentials, or name {protos}"
    return f"Give credentials: -H 'authorization: Bearer ${{TOKEN}}'. Or name {protos}"


def _plan(settings: Settings, registry: Registry) -> Plan:
    methods = select(registry, settings.include, settings.exclude)
    if not settings.include:
        methods, ending = parted_by_ending(methods)
        for method in ending:
            settings.left_out(f"{method.full_name} is left out: it is there to end the server; --include tries it.")
    examples = from_stubs(settings.stubs, registry)
    for pattern in (*settings.allowed, *settings.checks_off):
        select(registry, [pattern])  # says so if it fits no method
    everything = tuple(registry.methods.values())
    expectations = Expectations(
        registry=registry,
        reflected=settings.registry is None,
        allowed={
            method.full_name: frozenset().union(*codes)
            for method in methods
            if (codes := [codes for pattern, codes in settings.allowed.items() if fits(method, pattern)])
        },
        documented=documented(registry, examples.errors),
        max_latency=settings.max_latency,
        max_message_bytes=settings.max_message_bytes,
        status_fields=resolve(settings.status_fields, everything),
        credentials=bool(settings.target.metadata),
        links=read_links(settings.links, registry) if settings.links else None,
    )
    return Plan(
        registry=registry,
        methods=methods,
        expectations=expectations,
        seed=settings.seed,
        examples=examples.cases,
        credentials=settings.target.metadata,
        second_identity=settings.second_identity,
        deadline=settings.deadline,
        generators=Generators(registry),
        shard=settings.shard,
    )
