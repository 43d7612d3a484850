"""Collects what a test run uses of a mock, as a contract with the real server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.verify.contracts import files
from grpcmock.verify.contracts.exporting import Collection

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.mock.running import Running


class ContractCollector:
    """Takes in the stub behind each call, from now until :meth:`stop`."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._engine = running.engine
        self._collection = Collection()
        self._unsubscribe = running.call(lambda: self._engine.journal.subscribe(self._take))

    def _take(self, call: CallRecord) -> None:
        self._collection.add_call(call, self._engine.registry)

    def stop(self) -> None:
        """Take in no more."""
        self._running.call(self._unsubscribe)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Calls that are not in the contract, and why."""
        return tuple(self._collection.left_out)

    def to_text(self, consumer: str) -> str:
        """Write the contract of *consumer* as it would be in a file."""
        return files.to_text(consumer, self._collection.stubs, self._engine.registry)

    def write(self, path: Path, consumer: str, *, provider: str = "") -> int:
        """Write the contract of *consumer*; give the number of its stubs. Raises :class:`ConfigError`."""
        stubs = self._collection.stubs
        files.write(path, consumer, stubs, self._engine.registry, provider=provider)
        return len(stubs)
