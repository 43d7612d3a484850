"""Writes what a test run used of the session's mock as a contract (``--grpcmock-contract``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from grpcmock.mock.contracts import ContractCollector
    from grpcmock.mock.server import MockServer

_COLLECTOR: pytest.StashKey[ContractCollector] = pytest.StashKey()
_SAID = pytest.StashKey[list[str]]()


def check(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` where one file would be written by several processes."""
    if config.getoption("--grpcmock-contract") and config.getoption("numprocesses", None):
        raise pytest.UsageError("grpcmock: --grpcmock-contract writes what one process used. Run it without -n.")


@contextmanager
def collecting(server: MockServer, config: pytest.Config) -> Iterator[None]:
    """Collect for as long as the session's server runs, if asked to."""
    if not config.getoption("--grpcmock-contract"):
        yield
        return
    collector = config.stash[_COLLECTOR] = server.contract()
    try:
        yield
    finally:
        collector.stop()


def write(config: pytest.Config, exit_code: int) -> None:
    """Write the contract, unless tests failed: what they used may not be what the consumer wants."""
    name = config.getoption("--grpcmock-contract")
    if not name:
        return
    said = config.stash[_SAID] = []
    collector = config.stash.get(_COLLECTOR, None)
    if exit_code != pytest.ExitCode.OK:
        said.append(f"{name} is not written: not all tests passed")
    elif collector is None:
        said.append(f"{name} is not written: no test used the mock of the session")
    else:
        from grpcmock.errors import GrpcmockError

        consumer = config.getoption("--grpcmock-consumer") or config.rootpath.name
        try:
            count = collector.write(config.rootpath / name, consumer)
        except GrpcmockError as error:
            said.append(str(error))
        else:
            said.append(f"{name}: {count} {'stub' if count == 1 else 'stubs'} of {consumer}")
        said += [f"left out: {text}" for text in collector.left_out]


def summary(config: pytest.Config) -> list[str]:
    """Say what was written, in lines."""
    return config.stash.get(_SAID, [])
