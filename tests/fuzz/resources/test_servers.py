# mypy: disable-error-code="attr-defined"
"""The phase and the machine against real servers: bugs are found by the right check, and no others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from benchmarks.mutants.schema import registry
from benchmarks.mutants.server import mutant_server
from grpcmock.client.target import Target
from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.fuzz.execution.blocking_calls import performer
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import CaseFinished, Event, FailureFound, Finished
from grpcmock.fuzz.phases.stateful.state_machine import ContractStateMachine, failing_case, state_machine
from grpcmock.fuzz.run.loop import Bounds, Run
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking.case_shrinking import Effort

ADA, BOB = (("authorization", "Bearer ada-token"),), (("authorization", "Bearer bob-token"),)


_SECONDS = 8.0
"""A run ends after so many, if it has what it is for: all that is to be found, or so many cases."""

_MOST_SECONDS = 90.0
"""It never goes on for longer, however busy the machine is."""


async def fuzzed(address: str, *include: str, codes: Sequence[str] = (), cases: int = 0, **more: Any) -> Finished:
    bounds = Bounds(phases=(Phase.STATEFUL,), max_seconds=_MOST_SECONDS, effort=Effort(seconds=60, tries=60))
    given = {"target": Target.parse(address), "registry": registry(), "include": include, "bounds": bounds, **more}
    began, heard, runs = time.monotonic(), Counter[str](), list[Run]()

    def hear(event: Event) -> None:
        if isinstance(event, FailureFound):
            heard[event.failure.finding.code] += 1
        if isinstance(event, CaseFinished):
            heard["cases"] += 1
            if time.monotonic() - began > _SECONDS and heard["cases"] > cases and all(heard[code] for code in codes):
                runs[0].stop("it has what it is for")

    return await fuzz(Settings(**given), [hear], ready=runs.append)


@pytest.mark.parametrize(
    ("mutant", "include", "code", "calls"),
    [
        ("mask_ignored", ("CreateUser", "UpdateUser", "DeleteUser"), "G135", 2),
        ("deleted_still_there", ("CreateUser", "GetUser", "DeleteUser"), "G130", 3),
        ("failed_import_stays", ("ImportUsers", "GetUser", "DeleteUser"), "G131", 3),
        ("any_parent", ("CreateUser", "CreateNote", "GetNote", "DeleteUser"), "G132", 6),
        ("full_updates_only", ("CreateUser", "UpdateUser", "DeleteUser"), "G135", 3),
    ],
)
async def test_a_bug_is_found_and_the_conversation_made_short(
    mutant: str, include: tuple[str, ...], code: str, calls: int
) -> None:
    async with mutant_server(mutant) as target:
        finished = await fuzzed(target, *include, codes=[code])
    assert {failure.finding.code for failure in finished.failures} == {code}
    assert not any(failure.is_flaky for failure in finished.failures)
    assert min(len(failure.case.calls) for failure in finished.failures) <= calls


async def test_what_is_in_the_way_of_a_creation_is_still_cleared_when_a_case_gets_smaller() -> None:
    async with mutant_server("postal_code_lost") as target:
        finished = await fuzzed(target, "CreateUser", "BatchGetUsers", "DeleteUser", codes=["G129"])
    (failure,) = finished.failures
    assert not failure.is_flaky
    names = [call.method.name for call in failure.case.calls if call.method is not None]
    assert names == ["DeleteUser", "CreateUser", "BatchGetUsers"]
    created = registry().message("directory.v1.CreateUserRequest").FromString(failure.case.calls[1].messages[0])
    assert created.user.HasField("address")
    assert len(created.user.ListFields()) < 8  # of the seventeen that it had


async def test_a_creation_below_a_parent_that_goes_on_past_its_deadline_is_found() -> None:
    async with mutant_server("late_note") as target:
        finished = await fuzzed(target, "CreateUser", "CreateNote", "ListNotes", "DeleteUser", codes=["G107"])
    assert {failure.finding.code for failure in finished.failures} == {"G107"}


async def test_who_may_call_and_see_is_looked_at() -> None:
    async with mutant_server("export_for_all") as target:
        given = Target.parse(target, metadata=ADA)
        codes = ("G142", "G143")
        finished = await fuzzed(target, "CreateUser", "*portUsers", target=given, second_identity=BOB, codes=codes)
    assert {failure.finding.code for failure in finished.failures} == {"G142", "G143"}
    assert {failure.case.method.name for failure in finished.failures} == {"ExportUsers"}


@pytest.mark.parametrize("sync", [False, True])
async def test_a_server_without_bugs_fails_nothing(sync: bool) -> None:
    async with mutant_server(sync=sync, credentials=True) as target:
        included = ["UserService"] if sync else []
        settings: Any = {"target": Target.parse(target, metadata=ADA), "second_identity": BOB, "seed": 5 + sync}
        finished = await fuzzed(target, *included, cases=80, **settings)
    assert finished.failures == ()
    assert finished.cases > 80


@contextmanager
def machine(mutant: str, *include: str) -> Iterator[type[ContractStateMachine]]:
    loop = LoopThread()
    serving = mutant_server(mutant)
    target = loop.run(serving.__aenter__())
    try:
        with grpc.insecure_channel(target) as channel:
            yield state_machine(registry(), performer(channel), include=include or ["UserService"])
    finally:
        loop.run(serving.__aexit__(None, None, None))
        loop.close()


def test_the_machine_finds_nothing_where_there_is_nothing() -> None:
    with machine("clean") as made:
        assert failing_case(made, examples=6, steps=8) is None


def test_the_machine_gives_the_smallest_program_as_a_case() -> None:
    with machine("deleted_still_there", "CreateUser", "GetUser", "DeleteUser") as made:
        found = failing_case(made, examples=12, steps=6)
    assert found is not None
    assert found.findings[0].code == "G130"
    assert "DeleteUser deleted it" in str(found)
    names = [call.method.name for call in found.case.calls if call.method is not None]
    assert names[0] == "CreateUser"
    assert "DeleteUser" in names
    assert found.case.calls[-1].bindings
    assert found.case.phase is Phase.STATEFUL


def test_a_machine_has_a_rule_for_each_thing_that_can_be_done() -> None:
    with machine("clean") as made:
        rules = {name for name in dir(made) if hasattr(getattr(made, name), "hypothesis_stateful_rule")}
    assert rules >= {"create_user", "get_user", "get_deleted_user", "update_user", "delete_user", "list_user"}
