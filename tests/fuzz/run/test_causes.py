"""Somebody else's server with six bugs: each is one failure, told by the right check, at its smallest."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import depot
import pytest
import pytest_asyncio

from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import CaseFinished, Event, FailureRevised, Finished
from grpcmock.fuzz.model.findings import Failure
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.replay.case_file import Origin
from grpcmock.fuzz.replay.replayer import Answer, Replay, replay
from grpcmock.fuzz.reporting.history import History
from grpcmock.fuzz.reporting.reproduction import grpcurl
from grpcmock.fuzz.reporting.summary import plain
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz, prepared
from grpcmock.fuzz.shrinking.case_shrinking import Effort

BOUNDS = Bounds(phases=(Phase.BOUNDARY, Phase.STATEFUL), effort=Effort(seconds=30.0, tries=150))

TAKE_NAMES = {"AdjustStock", "DeleteItem", "GetItem", "UpdateItem", "WatchStock"}


async def fuzzed(address: str, listener: Callable[[Event], None] | None = None, **more: Any) -> Finished:
    given = {
        "target": Target.parse(address),
        "registry": depot.registry(),
        "bounds": BOUNDS,
        "seed": 11,
        "deadline": 0.5,
        **more,
    }
    return await fuzz(Settings(**given), [listener] if listener is not None else [])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def buggy() -> AsyncIterator[tuple[Finished, History]]:
    async with depot.depot_server(*depot.BUGS) as address:
        history = History(Target.parse(address))
        yield await fuzzed(address, history.hear), history


def of(finished: Finished, code: str) -> Failure:
    (found,) = [failure for failure in finished.failures if failure.finding.code == code]
    return found


@pytest.mark.asyncio(loop_scope="module")
async def test_six_bugs_are_six_failures(buggy: tuple[Finished, History]) -> None:
    first, *others = buggy[0].failures
    assert first.finding.code == "G112"  # at one of the methods that take names, whichever is tried first
    assert [(failure.finding.code, failure.method.name) for failure in others] == [
        ("G125", "CreateItem"),
        ("G130", "ListItems"),
        ("G137", "Scan"),
        ("G134", "ListItems"),
        ("G135", "UpdateItem"),
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_one_helper_that_throws_is_one_failure_with_its_methods_and_the_plainest_reason(
    buggy: tuple[Finished, History],
) -> None:
    failure = of(buggy[0], "G112")
    assert {name.rpartition("/")[2] for name in (failure.method.full_name, *failure.others)} == TAKE_NAMES
    (call,) = failure.case.calls
    assert call.messages == (b"",)
    assert {one.code for one in failure.also} >= {"G102"}


@pytest.mark.asyncio(loop_scope="module")
async def test_what_follows_from_another_failure_is_named_with_it(buggy: tuple[Finished, History]) -> None:
    finished, history = buggy
    assert "G124" in {one.code for one in of(finished, "G125").also}  # what was made without a title is shown without
    assert {one.code for one in of(finished, "G137").also} <= {"G139"}
    assert len(history.failures) == 6
    assert [line.split()[0] for line in plain(history).splitlines()[-7:-1]] == [one.id for one in history.failures]


@pytest.mark.asyncio(loop_scope="module")
async def test_every_failure_has_its_lines_of_grpcurl(buggy: tuple[Finished, History]) -> None:
    _, history = buggy
    lines = {failure.id: grpcurl(failure, history) for failure in history.failures}
    assert [identity for identity, found in lines.items() if not found] == []


async def test_the_mended_server_has_no_failure() -> None:
    async with depot.depot_server() as address:
        finished = await fuzzed(address, bounds=replace(BOUNDS, max_seconds=10))
    assert [(failure.id, failure.finding.actual) for failure in finished.failures] == []


async def test_a_part_that_is_to_blame_stands_for_itself() -> None:
    """An enum that indexes a list says the same as a name that doesn't split, and is another fault."""

    class Depot(depot.Depot):
        async def valid(self, item: Any, context: Any) -> None:
            [0, 1, 2, 3][item.unit]

    async with depot.depot_server(depot=Depot(("name",))) as address:
        finished = await fuzzed(
            address,
            bounds=replace(BOUNDS, phases=(Phase.BOUNDARY,)),
            include=["AdjustStock", "CreateItem", "UpdateItem"],
            checks=["G102", "G112", "G113", "G114"],
        )
    found = {(failure.finding.code, failure.method.name) for failure in finished.failures}
    # One of the name, at whichever method it was seen first, and one of the enum: of an update the name is in the way.
    assert {(code, name in TAKE_NAMES) for code, name in found} == {("G112", True), ("G114", False)}


async def test_a_method_that_never_ends_is_told_so_and_not_that_it_minds_an_empty_stream() -> None:
    class Depot(depot.Depot):
        async def Scan(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
            async for _ in requests:
                yield depot.message("ScanResponse")()
            await depot.asyncio.Event().wait()

    async with depot.depot_server(depot=Depot()) as address:
        bounds = replace(BOUNDS, phases=(Phase.BOUNDARY,), max_seconds=7)
        finished = await fuzzed(address, bounds=bounds, include=["Scan"], checks=["G137", "G139"])
    assert [failure.finding.code for failure in finished.failures] == ["G139"]


# Data of the run ----------------------------------------------------------------------------------------


async def replayed(failure: Failure, address: str) -> Replay:
    target = Target.parse(address)
    kept = case_files.plain(case_files.of_failure(failure, Origin(target=address)))
    return await replay(kept, Settings(target=target, registry=depot.registry(), exclude_checks=()))


async def test_a_failure_that_rests_on_leftovers_creates_them_or_says_that_it_needs_them() -> None:
    class Depot(depot.Depot):
        """What is made comes back without its name, but only from the list."""

        async def ListItems(self, request: Any, context: Any) -> Any:
            response = await super().ListItems(request, context)
            for item in response.items:
                item.title = ""
            return response

    async with depot.depot_server(depot=Depot()) as address:
        finished = await fuzzed(address, checks=["G124"])
    (failure,) = finished.failures
    assert not failure.needs_data
    assert [call.path.rpartition("/")[2] for call in failure.case.calls] == ["CreateItem", "ListItems"]
    async with depot.depot_server(depot=Depot()) as fresh:
        assert (await replayed(failure, fresh)).answer is Answer.FAILED
    async with depot.depot_server() as mended:
        assert (await replayed(failure, mended)).answer is Answer.PASSED


async def test_a_replay_that_does_not_find_its_data_says_so() -> None:
    held = depot.Depot(("page",))
    for number in range(4):
        item = depot.message("Item")(name=f"items/old-{number}", title="old")
        held.items[f"old-{number}"] = item  # nobody in the run has made them
    async with depot.depot_server(depot=held) as address:
        finished = await fuzzed(address, include=["ListItems"], checks=["G134"])
        (failure,) = finished.failures
        assert failure.needs_data
        assert (await replayed(failure, address)).answer is Answer.FAILED
    async with depot.depot_server("page") as empty:
        again = await replayed(failure, empty)
    assert again.answer is Answer.NOT_SEEN
    assert "not seen" in again.lines()[2]
    async with depot.depot_server(token="t") as shut:
        again = await replayed(failure, shut)
    assert again.unlike == "ListItems is answered with UNAUTHENTICATED now"


async def test_where_the_server_can_be_started_anew_failures_are_made_again_on_a_fresh_one() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = f"{sys.executable} {Path(depot.__file__)} --bugs page --listen {address}"
    revised: list[FailureRevised] = []

    def hear(event: Event) -> None:
        if isinstance(event, FailureRevised):
            revised.append(event)

    bounds = Bounds(phases=(Phase.STATEFUL,), effort=Effort(seconds=1.0, tries=20))
    included = ["CreateItem", "ListItems", "DeleteItem"]
    finished = await fuzzed(address, hear, server_command=command, checks=["G134"], bounds=bounds, include=included)
    (failure,) = finished.failures
    assert not failure.needs_data
    assert [event.failure.id for event in revised] == [failure.id]
    made = [call for call in failure.case.calls if call.path.endswith("/CreateItem")]
    assert len(made) >= 3  # two on each page, and one after them


# Ends ---------------------------------------------------------------------------------------------------


async def test_a_server_that_somebody_kills_is_not_held_against_its_calls() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = f"{sys.executable} {Path(depot.__file__)} --listen {address}"
    bounds = Bounds(phases=(Phase.BOUNDARY,), effort=Effort(seconds=0.3))
    settings = Settings(
        target=Target.parse(address),
        registry=depot.registry(),
        server_command=command,
        include=["ListItems"],
        bounds=bounds,
        seed=11,
        checks=["G101", "G102"],
    )
    killed: list[int] = []

    def kill(event: Event) -> None:
        if isinstance(event, CaseFinished) and not killed and event.case.id.endswith("page_size=max"):
            killed.append(pid())
            os.kill(killed[0], signal.SIGKILL)

    async with prepared(settings, [kill]) as run:

        def pid() -> int:
            process = run._server.process
            assert process is not None and process.pid is not None
            return process.pid

        finished = await run.go()
    assert killed
    assert finished.failures == ()
    assert [failure.finding.code for failure in finished.remarks] == ["G101"]
    assert finished.remarks[0].finding.actual == "the server ended with signal 9, as if it was ended from outside"
