"""A server that has run out of what it gives away is started anew, or that is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import registry

from grpcmock.fuzz.model.cases import call_of
from grpcmock.fuzz.model.events import Notice
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.run.depletion import Depletion, Refills, says_nothing_is_left
from grpcmock.status import Code

PROTOS = registry("user.proto")


def seen(code: Code, message: str = "", name: str = "CreateUsers") -> CaseResult:
    call = call_of(PROTOS.method(f"UserService/{name}"), b"")
    return CaseResult(replies=(Reply(call=call, termination=Termination.SERVER, code=code, message=message),))


@pytest.mark.parametrize(
    ("code", "message", "says_so"),
    [
        (Code.RESOURCE_EXHAUSTED, "No seats available", True),
        (Code.RESOURCE_EXHAUSTED, "the pool is used up", True),
        (Code.FAILED_PRECONDITION, "no more rooms available", True),
        (Code.FAILED_PRECONDITION, "Sold out.", True),
        (Code.UNAVAILABLE, "all tables are taken", True),
        (Code.UNKNOWN, "no licenses left", True),
        (Code.UNKNOWN, "out of stock", True),
        # It comes too soon, is too large, or is refused for something else.
        (Code.RESOURCE_EXHAUSTED, "rate limit exceeded", False),
        (Code.RESOURCE_EXHAUSTED, "Too many requests, try again later", False),
        (Code.RESOURCE_EXHAUSTED, "grpc: received message larger than max (5000000 vs. 4194304)", False),
        (Code.RESOURCE_EXHAUSTED, "at most 10 requests per second", False),
        (Code.FAILED_PRECONDITION, "the order isn't paid", False),
        (Code.FAILED_PRECONDITION, "the list isn't empty", False),
        (Code.UNAVAILABLE, "the backend is down", False),
        (Code.NOT_FOUND, "no seats available", False),
        (Code.INVALID_ARGUMENT, "no more than 10 are available", False),
        (Code.UNKNOWN, "no such user", False),
    ],
)
def test_which_refusals_say_that_nothing_is_left(code: Code, message: str, says_so: bool) -> None:
    assert says_nothing_is_left(seen(code, message).replies[0]) is says_so


LEFT = (Code.RESOURCE_EXHAUSTED, "no seats available")
FINE = (Code.OK, "")


@pytest.mark.parametrize(
    ("heard", "name", "is_over"),
    [
        ([FINE, *[LEFT] * 6], "CreateUsers", True),
        ([FINE, *[LEFT, (Code.INVALID_ARGUMENT, "name?")] * 6], "CreateUsers", True),
        ([FINE, *[LEFT] * 5], "CreateUsers", False),
        ([FINE, *[LEFT] * 5, FINE, *[LEFT] * 5], "CreateUsers", False),  # it gives again
        ([LEFT] * 20, "CreateUsers", False),  # it never gave anything
        ([FINE, *[LEFT] * 20], "GetUser", False),  # it only reads
    ],
)
def test_who_gave_before_and_never_does_any_more_has_run_out(
    heard: list[tuple[Code, str]], name: str, is_over: bool
) -> None:
    depletion = Depletion()
    for code, message in heard:
        depletion.hear(seen(code, message, name))
    assert (depletion.of is not None) is is_over


class Renewable:
    can_renew = True

    def __init__(self, *, is_gone: bool = False) -> None:
        self.starts = 0
        self.is_gone = is_gone

    async def renew(self) -> None:
        self.starts += 1


async def test_a_server_is_started_anew_a_few_times() -> None:
    monitor, told = Renewable(), list[Notice]()
    refills = Refills(monitor, told.append)  # type: ignore[arg-type]
    for _ in range(10):
        for code, message in [FINE, *[LEFT] * 6]:
            refills.hear(seen(code, message))
        await refills.go()
    assert monitor.starts == len(told) == 3
    assert "no seats available" in told[0].message


@pytest.mark.parametrize(
    ("is_gone", "ending"), [(False, "the server was started anew"), (True, "started anew, and didn't come up")]
)
async def test_it_is_told_whether_a_server_came_up_again(is_gone: bool, ending: str) -> None:
    told: list[Notice] = []
    refills = Refills(Renewable(is_gone=is_gone), told.append)  # type: ignore[arg-type]
    for code, message in [FINE, *[LEFT] * 6]:
        refills.hear(seen(code, message))
    await refills.go()
    assert told[0].message.endswith(ending)


async def test_who_cannot_be_started_anew_is_told_of_once(fuzzed: Any) -> None:
    given: list[int] = []

    async def create(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for _ in requests:
            pass
        given.append(1)
        if len(given) > 3:
            await context.abort(_grpc_code(), "no seats available")
        yield b""

    events: list[Any] = []
    await fuzzed({"CreateUsers": create}, include=["CreateUsers"], events=events)
    told = [event.message for event in events if isinstance(event, Notice) and "nothing is left" in event.message]
    assert len(told) == 1
    assert "--server-cmd" in told[0]


def _grpc_code() -> Any:
    import grpc

    return grpc.StatusCode.RESOURCE_EXHAUSTED
