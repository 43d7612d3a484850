"""A contract as a state machine of Hypothesis: calls in a row, checked against what the server must have kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from grpcmock.contract.case_runner import Server, target_of
from grpcmock.errors import ConfigError
from grpcmock.fuzz.execution.blocking_calls import performer
from grpcmock.fuzz.expectations import links as written
from grpcmock.fuzz.phases.stateful.state_machine import ContractStateMachine, state_machine

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata


class _Line:
    """Makes calls on a server, which is asked for with the first of them."""

    def __init__(self, server: Server | Callable[[], Server], metadata: Metadata, deadline: float) -> None:
        self._server = server
        self._metadata = metadata
        self._deadline = deadline
        self._lock = threading.Lock()
        self._perform: Callable[[Call], Reply] | None = None

    def __call__(self, call: Call) -> Reply:
        with self._lock:
            if self._perform is None:
                server = self._server() if callable(self._server) else self._server
                target = target_of(server, self._metadata)
                # It closes with the class that holds it.
                self._perform = performer(_channel(target), metadata=target.metadata, deadline=self._deadline)
        return self._perform(call)


def _channel(target: Target) -> grpc.Channel:
    if target.tls is None:
        return grpc.insecure_channel(target.address, target.options)
    if target.tls.insecure:
        raise ConfigError("A state machine wants a certificate that can be verified: name its authority, Tls(ca=…).")
    return grpc.secure_channel(target.address, target.tls.credentials(), target.options)


def machine_of(
    registry: Registry,
    methods: Iterable[Method],
    server: Server | Callable[[], Server],
    *,
    metadata: Metadata,
    links: Iterable[str | Path],
    checks: Iterable[str],
    deadline: float,
    seed: int,
) -> type[ContractStateMachine]:
    """Make the class, as :meth:`Contract.state_machine` describes it."""
    files = tuple(map(Path, links))
    return state_machine(
        registry,
        _Line(server, metadata, deadline),
        links=written.read(files, registry) if files else None,
        include=[method.full_name for method in methods],
        checks=checks,
        seed=seed,
    )
