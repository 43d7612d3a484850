"""Writes what a test run used of the session's mock as a contract (``--grpcmock-contract``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grpcmock.mock.contracts import ContractCollector
    from grpcmock.mock.server import MockServer

_COLLECTOR: pytest.StashKey[ContractCollector] = pytest.StashKey()
_PART = "grpcmock_contract"
_PARTS = pytest.StashKey[list[list[str]]]()
"""Of each worker of pytest-xdist: its contract, and what is left out of it."""

_SAID = pytest.StashKey[list[str]]()


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
    """Write the contract, unless tests failed: what they used may not be what the consumer wants.

    A worker of pytest-xdist hands its part to the controller, which has all of them by the end of its own session.
    """
    name = config.getoption("--grpcmock-contract")
    if not name:
        return
    collector = config.stash.get(_COLLECTOR, None)
    if hasattr(config, "workeroutput"):
        if collector is not None:
            config.workeroutput[_PART] = [collector.to_text(_consumer(config)), *collector.left_out]
        return
    said = config.stash[_SAID] = []
    parts = config.stash.get(_PARTS, [])
    if exit_code != pytest.ExitCode.OK:
        said.append(f"{name} is not written: not all tests passed")
        return
    if collector is None and not parts:
        said.append(f"{name} is not written: no test used the mock of the session")
        return
    from grpcmock.errors import GrpcmockError

    try:
        count = _written(config.rootpath / name, _consumer(config), collector, [text for text, *_ in parts])
    except GrpcmockError as error:
        said.append(str(error))
    else:
        said.append(f"{name}: {count} {'stub' if count == 1 else 'stubs'} of {_consumer(config)}")
    left_out = [*(collector.left_out if collector is not None else ()), *(text for _, *rest in parts for text in rest)]
    said += [f"left out: {text}" for text in dict.fromkeys(left_out)]


def _written(path: Path, consumer: str, collector: ContractCollector | None, parts: list[str]) -> int:
    """Write the file, and give the number of its stubs. Raises :class:`StubError` or :class:`ConfigError`."""
    if collector is not None:
        return collector.write(path, consumer)
    from grpcmock.errors import Problems
    from grpcmock.reports import files as reports
    from grpcmock.verify.contracts import contract_file

    problems = Problems()
    sources = [contract_file.read_text(text, path, None, problems) for text in parts]
    problems.raise_errors()
    text, count = contract_file.joined(consumer, sources)
    reports.write(path, text)
    return count


def _consumer(config: pytest.Config) -> str:
    return str(config.getoption("--grpcmock-consumer") or config.rootpath.name)


def take(node: Any) -> None:
    """Take the part of a worker of pytest-xdist that has ended."""
    part = getattr(node, "workeroutput", {}).get(_PART)
    if part is not None:
        node.config.stash.setdefault(_PARTS, []).append(part)


def summary(config: pytest.Config) -> list[str]:
    """Say what was written, in lines."""
    return config.stash.get(_SAID, [])
