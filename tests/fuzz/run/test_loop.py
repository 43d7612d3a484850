# mypy: disable-error-code="attr-defined"
"""A run finds what is wrong with a server, makes it small, tells it once, and never loses its head."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from support import registry

from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import CaseFinished, FailureFound, Finished, MethodStopped, PhaseFinished, Started
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.shrinking.case_shrinking import Effort

Requests = AsyncIterator[bytes]
Context = grpc.aio.ServicerContext
USER = registry("user.proto").message("user.UserResponse")
CREATE = registry("user.proto").message("user.CreateUserRequest")
GET = registry("user.proto").message("user.GetUserRequest")
LIST = registry("user.proto").message("user.ListUsersRequest")


def codes(finished: Finished) -> set[str]:
    return {failure.finding.code for failure in finished.failures}


async def test_a_server_that_copes_with_everything_fails_nothing(fuzzed: Any) -> None:
    events: list[Any] = []
    finished = await fuzzed({}, Phase.BOUNDARY, Phase.EXAMPLES, Phase.RANDOM, events=events)
    assert finished.failures == ()
    assert finished.interrupted == ""
    tried = [event for event in events if isinstance(event, CaseFinished)]
    assert finished.cases == len(tried)
    assert {event.case.method.name for event in tried} == {"GetUser", "ListUsers", "CreateUsers", "LookupUsers"}
    assert isinstance(events[0], Started)
    assert events[-1] is finished
    ended = [event for event in events if isinstance(event, PhaseFinished)]
    assert {event.phase for event in ended if not event.goes_on} == {Phase.BOUNDARY, Phase.EXAMPLES, Phase.RANDOM}
    assert sum(event.cases for event in ended) == finished.cases


async def test_the_first_cases_of_every_phase_come_before_the_rest_of_any(fuzzed: Any) -> None:
    events: list[Any] = []
    await fuzzed({}, Phase.BOUNDARY, Phase.WIRE, events=events, include=("GetUser", "ListUsers"))
    turns = [(event.phase, event.goes_on) for event in events if isinstance(event, PhaseFinished)]
    assert turns[:2] == [(Phase.BOUNDARY, True), (Phase.WIRE, True)]
    assert {phase for phase, goes_on in turns if not goes_on} == {Phase.BOUNDARY, Phase.WIRE}
    tried = [event.case.id for event in events if isinstance(event, CaseFinished)]
    assert len(tried) == len(set(tried))  # none is made in two turns


async def get_user_negative(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for data in requests:
        if GET.FromString(data).id < -5:
            raise KeyError(data)
    yield b""


async def test_a_handler_that_throws_is_found_and_made_small(fuzzed: Any) -> None:
    finished = await fuzzed({"GetUser": get_user_negative}, Phase.RANDOM)
    (failure,) = finished.failures
    assert failure.finding.code == "G102"
    assert failure.case.method.name == "GetUser"
    assert GET.FromString(failure.case.calls[0].messages[0]).id == -6  # the smallest that fails
    assert failure.hits == failure.tries == 4
    assert failure.id.startswith("G102-")


async def test_what_was_found_before_a_bug_of_our_own_is_told(fuzzed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> Any:
        raise LookupError("nothing there")
        yield

    async def fails(requests: Requests, context: Context) -> AsyncIterator[bytes]:
        raise KeyError(await anext(requests))
        yield b""

    events: list[Any] = []
    monkeypatch.setattr("grpcmock.fuzz.phases.all_phases.random_phase.parts", breaks)
    with pytest.raises(LookupError, match="nothing there"):
        await fuzzed({"GetUser": fails}, Phase.BOUNDARY, Phase.RANDOM, events=events)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert codes(finished) == {"G112"}
    assert finished.interrupted == "grpcmock itself failed (LookupError)"


async def streams_of_three(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    count = 0
    async for data in requests:
        count += CREATE.FromString(data).name != ""
    if count >= 3:
        raise RuntimeError("too many")
    yield b""


async def test_a_stream_is_made_as_short_as_it_fails(fuzzed: Any) -> None:
    finished = await fuzzed(
        {"CreateUsers": streams_of_three}, bounds=Bounds(phases=(Phase.RANDOM,), max_cases=60, effort=Effort(tries=120))
    )
    (failure,) = finished.failures
    assert len(failure.case.calls[0].messages) == 3
    assert all(CREATE.FromString(message).email == "" for message in failure.case.calls[0].messages)


async def nothing_works(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for _ in requests:
        pass
    await context.abort(grpc.StatusCode.UNKNOWN, "Exception calling application: 'x'")
    yield b""


async def test_one_fault_is_one_failure_however_many_cases_show_it(fuzzed: Any) -> None:
    finished = await fuzzed({"GetUser": nothing_works}, Phase.BOUNDARY, Phase.RANDOM)
    mine = [failure for failure in finished.failures if failure.case.method.name == "GetUser"]
    assert [failure.finding.code for failure in mine] == ["G112"]  # which says what G102 would
    assert mine[0].seen > 20


async def test_what_comes_and_goes_is_told_with_its_rate(fuzzed: Any) -> None:
    seen: set[bytes] = set()

    async def once(requests: Requests, context: Context) -> AsyncIterator[bytes]:
        async for data in requests:
            if GET.FromString(data).id == 2147483647 and data not in seen:
                seen.add(data)
                raise KeyError("only the first time")
        yield b""

    finished = await fuzzed({"GetUser": once})
    assert finished.failures == ()
    (failure,) = finished.remarks
    assert failure.is_flaky
    assert (failure.hits, failure.tries) == (1, 4)


async def hangs(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for data in requests:
        if data:
            await asyncio.Event().wait()
    yield b""


async def test_a_method_that_hangs_is_left_alone_and_the_others_go_on(fuzzed: Any) -> None:
    events: list[Any] = []
    finished = await fuzzed({"GetUser": hangs}, events=events, deadline=0.5, max_latency=0.1, checks=["G108", "G102"])
    assert {failure.case.method.name for failure in finished.failures} == {"GetUser"}
    assert [event.method.name for event in events if isinstance(event, MethodStopped)] == ["GetUser"]
    tried = {event.case.id for event in events if isinstance(event, CaseFinished)}
    assert any("LookupUsers/id=max" in case for case in tried)


async def for_ever(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    while True:
        yield b""


async def test_a_stream_without_end_is_open_ended_and_no_failure(fuzzed: Any) -> None:
    events: list[Any] = []
    finished = await fuzzed(
        {"ListUsers": for_ever}, Phase.RANDOM, events=events, bounds=Bounds(phases=(Phase.RANDOM,), max_cases=3)
    )
    assert finished.failures == ()
    assert any("open-ended" in getattr(event, "message", "") for event in events)


async def test_stopping_ends_the_run_with_all_that_was_found(fuzzed: Any) -> None:
    events: list[Any] = []
    bounds = Bounds(phases=(Phase.RANDOM,), max_cases=10**9, max_seconds=0.4)
    finished = await fuzzed({"GetUser": nothing_works}, events=events, bounds=bounds)
    assert finished.interrupted == "--max-time"
    assert codes(finished) == {"G102"}
    assert events[-1] is finished


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((Phase.RANDOM, Phase.EXAMPLES), (Phase.RANDOM,)),
        ((Phase.EXAMPLES,), (Phase.EXAMPLES,)),
    ],
)
async def test_without_examples_their_phase_is_none_that_could_begin(asked: Any, told: Any, fuzzed: Any) -> None:
    events: list[Any] = []
    await fuzzed({}, events=events, include=["GetUser"], bounds=Bounds(phases=asked, max_cases=2))
    assert next(event.phases for event in events if isinstance(event, Started)) == told


@pytest.mark.parametrize("in_flight", [1, 5])
async def test_the_same_seed_gives_the_same_bytes_whatever_the_server_says(fuzzed: Any, in_flight: int) -> None:
    async def cases(handler: Any, seed: int) -> dict[str, bytes]:
        events: list[Any] = []
        bounds = Bounds(phases=(Phase.RANDOM,), max_cases=12, in_flight=in_flight)
        await fuzzed({"GetUser": handler}, events=events, bounds=bounds, seed=seed, include=["GetUser"])
        cases = [event.case for event in events if isinstance(event, CaseFinished)]
        return {case.id: case.calls[0].messages[0] for case in cases if "learned" not in case.id}

    first, second = await cases(get_user_negative, 3), await cases(nothing_works, 3)
    server_wide = set(first) & set(second)
    assert len(server_wide) > 5
    assert all(first[name] == second[name] for name in server_wide)
    assert not set(await cases(nothing_works, 4)) & set(first)


async def test_shards_part_the_random_cases(fuzzed: Any) -> None:
    async def ids(shard: tuple[int, int]) -> set[str]:
        events: list[Any] = []
        bounds = Bounds(phases=(Phase.RANDOM,), max_cases=6)
        await fuzzed({"GetUser": nothing_works}, events=events, bounds=bounds, shard=shard, include=["GetUser"])
        return {event.case.id for event in events if isinstance(event, CaseFinished)}

    first, second = await ids((1, 2)), await ids((2, 2))
    assert not first & second
    assert {name.rpartition("-")[2] for name in first | second} >= {"0", "1", "2", "3"}


async def test_the_server_that_goes_away_ends_the_run_with_one_failure(serving: Any) -> None:
    from grpcmock.fuzz.run.session import Settings, fuzz

    stop: list[Any] = []

    async def dies(requests: Requests, context: Context) -> AsyncIterator[bytes]:
        async for data in requests:
            if LIST.FromString(data).page == 2147483647:
                asyncio.get_running_loop().create_task(stop[0]())
                await asyncio.Event().wait()
        yield b""

    server = grpc.aio.server()

    class Handlers(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            return grpc.stream_stream_rpc_method_handler(dies)

    server.add_generic_rpc_handlers((Handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stop.append(lambda: server.stop(None))
    from grpcmock.client.target import Target

    events: list[Any] = []
    settings = Settings(
        target=Target.parse(f"127.0.0.1:{port}"), registry=registry("user.proto"), include=["ListUsers"], deadline=1.0
    )
    settings = replace(settings, bounds=Bounds(phases=(Phase.BOUNDARY,)))
    finished = await fuzz(settings, [events.append])
    # Nobody can tell by whom it was ended, since it can't be started anew.
    assert finished.failures == ()
    assert [failure.finding.code for failure in finished.remarks] == ["G101"]
    assert finished.lost
    assert "takes no connections any more" in finished.interrupted
    assert sum(isinstance(event, FailureFound) for event in events) == 1


async def names_without_nul(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for data in requests:
        request = CREATE.FromString(data)
        if "\0" in request.name:
            raise ValueError(request.name)
    yield b""


async def test_of_many_values_at_once_the_one_that_is_wrong_is_told(fuzzed: Any) -> None:
    events: list[Any] = []
    finished = await fuzzed({"CreateUsers": names_without_nul}, Phase.BOUNDARY, events=events, include=["CreateUsers"])
    (failure,) = finished.failures
    assert failure.first.id == "boundary/user.UserService/CreateUsers/name=nul"
    tried = [event.case.id for event in events if isinstance(event, CaseFinished)]
    assert len(tried) == len(set(tried))  # what was tried before its turn isn't tried again
    found = tried.index(failure.first.id)
    together = [index for index, name in enumerate(tried[:found]) if "/together-" in name]
    assert together  # it was looked for because all of them together failed
