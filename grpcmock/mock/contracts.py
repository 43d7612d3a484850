"""Collects what a test run uses of a mock, as a contract with the real server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.verify.contracts import contract_file
from grpcmock.verify.contracts.used_stubs import UsedStubs

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running


class ContractCollector:
    """Takes in the stub behind each call, from now until :meth:`stop`."""

    def __init__(self, running: Running | RemoteRunning) -> None:
        self._running = running
        self._engine = running.engine
        self._used = UsedStubs()
        self._unsubscribe = running.call(lambda: self._engine.journal.subscribe(self._take))

    def _take(self, call: CallRecord) -> None:
        self._used.add_call(call, self._engine.registry)

    def stop(self) -> None:
        """Take in no more."""
        self._running.call(self._unsubscribe)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Calls that are not in the contract, and why."""
        return tuple(self._used.left_out)

    def to_text(self, consumer: str) -> str:
        """Write the contract of *consumer* as it would be in a file."""
        return contract_file.to_text(consumer, self._used.stubs, self._engine.registry)

    def write(self, path: Path, consumer: str, *, provider: str = "") -> int:
        """Write the contract of *consumer*; give the number of its stubs. Raises :class:`ConfigError`."""
        stubs = self._used.stubs
        contract_file.write(path, consumer, stubs, self._engine.registry, provider=provider)
        return len(stubs)
