"""From what a test says of a mock server to one in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.journal import Journal
from grpcmock.errors import ConfigError, Problems
from grpcmock.mock import autospec
from grpcmock.mock.given import AnyPath, path_of, paths_of
from grpcmock.mock.running import Listening, Running
from grpcmock.protocols.cors import parse_origins
from grpcmock.responses.faults import HTTP_FAULTS, TRANSPORT_FAULTS
from grpcmock.servers.transports import choose
from grpcmock.status import Code
from grpcmock.stubs import loader

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.schema import Registry
    from grpcmock.servers.transports import Wanted


def local(
    registry: Registry,
    *,
    stubs: AnyPath | Iterable[AnyPath],
    listen: str,
    http: str | None,
    cors: str | Iterable[str],
    seed: int,
    auto: bool,
    validate: bool,
    unmatched_code: str | int,
    admin: bool | str,
    admin_token: str | None,
    tls: tuple[AnyPath | None, AnyPath | None, AnyPath | None],
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    max_message_size: int,
    journal: tuple[int, int],
    transport: Wanted,
    otel: bool,
) -> Running:
    """Load everything; see :class:`grpcmock.MockServer` for what it all means."""
    __tracebackhide__ = True
    try:
        code = Code.parse(unmatched_code)
    except ValueError as error:
        raise ConfigError(f"unmatched_code: {error}") from None
    chosen = choose(transport, interceptors=bool(interceptors))
    problems = Problems()
    faults = TRANSPORT_FAULTS[chosen] | (HTTP_FAULTS if http is not None else frozenset())
    engine = Engine(
        registry,
        loader.load(paths_of(stubs), problems),
        options=EngineOptions(seed=seed, auto=auto, validate=validate, unmatched_code=code, faults=faults),
        journal=Journal(*journal),
        problems=problems,
        lock=threading.RLock(),
    )
    engine.environment.finder = autospec.imported
    if otel:
        from grpcmock.telemetry.spans import Telemetry

        Telemetry.of_process().follow(engine.journal)
    certificate, key, authorities = map(path_of, tls)
    origins = parse_origins((cors,) if isinstance(cors, str) else cors)
    files = (certificate, key, authorities)
    listening = Listening(
        listen, files, max_message_size, tuple(interceptors), chosen, http, origins, admin, admin_token
    )
    return Running(engine, listening)
