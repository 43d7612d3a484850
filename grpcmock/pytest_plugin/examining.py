"""What tests of a contract need: an event loop in which servers are asked, and the connections of one test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from grpcmock.concurrency.loop_thread import LoopThread
    from grpcmock.contract.case_runner import CaseRunners


@pytest.fixture(scope="session", name="grpcmock_thread")
def thread_fixture() -> Iterator[LoopThread]:
    """The event loop, in a thread of its own, in which tests of contracts make their calls."""
    from grpcmock.concurrency.loop_thread import LoopThread

    thread = LoopThread("grpcmock-contract")
    yield thread
    thread.close()


@pytest.fixture(name="grpcmock_case_runners")
def case_runners_fixture(grpcmock_thread: LoopThread, pytestconfig: pytest.Config) -> Iterator[CaseRunners]:
    """The connections of one test of a contract. What it found is kept for ``grpcmock replay``."""
    from grpcmock.contract.case_runner import CaseRunners
    from grpcmock.fuzz.replay import case_file as case_files

    runners = CaseRunners(grpcmock_thread, pytestconfig.invocation_params.dir / case_files.FOLDER)
    yield runners
    runners.close()
