"""The state machine of a contract: run as it is, derived from, and against servers with bugs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from benchmarks.mutants.server import mutant_server
from grpcmock import ConfigError, Contract
from grpcmock.client.target import Target, Tls
from grpcmock.concurrency.loop_thread import LoopThread

PROTOS = Path(__file__).parents[2] / "benchmarks" / "mutants" / "protos"
USERS = Contract.from_protos(PROTOS).include("CreateUser", "GetUser", "DeleteUser")
FEW = settings(
    max_examples=12,
    stateful_step_count=6,
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


@contextmanager
def served(mutant: str) -> Iterator[str]:
    loop = LoopThread()
    serving = mutant_server(mutant)
    target = loop.run(serving.__aenter__())
    try:
        yield target
    finally:
        loop.run(serving.__aexit__(None, None, None))
        loop.close()


def test_a_server_that_keeps_what_it_should_passes() -> None:
    seen: list[int] = []
    with served("clean") as target:

        class Users(USERS.state_machine(target)):  # type: ignore[misc]
            @invariant()
            def every_call_has_a_reply(self) -> None:
                seen.append(len(self.replies))
                assert len(self.replies) == len(self.sequence.calls)

        run_state_machine_as_test(Users, settings=FEW)  # type: ignore[no-untyped-call]
    assert max(seen) > 3


def test_its_test_case_is_a_test_and_a_function_tells_the_target() -> None:
    where: list[str] = []
    machine = USERS.state_machine(lambda: where[0], metadata=[("x-tried-by", "tests")])
    case: Any = machine.TestCase
    case.settings = FEW
    with served("deleted_still_there") as target:
        where.append(target)
        with pytest.raises(AssertionError, match=r"G130: expected .*DeleteUser deleted it") as caught:
            case("runTest").runTest()
    assert 'request   CreateUser: {"user": {' in str(caught.value)


def test_mistakes_are_said_at_once() -> None:
    with pytest.raises(ConfigError, match="There is no check"):
        USERS.state_machine("127.0.0.1:9", checks=["G999"])
    machine = USERS.state_machine(Target(address="127.0.0.1:9", tls=Tls(insecure=True)))
    with pytest.raises(ConfigError, match="can be verified"):
        run_state_machine_as_test(machine, settings=FEW)  # type: ignore[no-untyped-call]


def test_reflection_gives_the_contract_of_a_running_server() -> None:
    with served("clean") as target:
        contract = Contract.from_reflection(target)
    assert "directory.v1.UserService/GetUser" in [method.full_name for method in contract.methods]
    assert not any(method.service.startswith("grpc.") for method in contract.methods)
