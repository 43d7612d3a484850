"""Making sure of one failure has its time, and no more: the rest of the run is for others."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from support import registry

from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.shrinking.case_shrinking import Effort
from grpcmock.fuzz.shrinking.confirmation import Confirmation

METHOD = registry("user.proto").method("UserService/GetUser")
CALL = call_of(METHOD, b"")
CASE = Case(id="t", phase=Phase.RANDOM, method=METHOD, calls=(CALL,), why="")
SEEN = CaseResult(replies=(Reply(call=CALL, termination=Termination.SERVER, code=0, message=""),))


class Slow:
    """A server on which each case takes its time."""

    can_renew = True
    is_gone = False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.cases = self.starts = 0

    async def observe(self, _: Case) -> CaseResult:
        self.cases += 1
        await asyncio.sleep(self.seconds)
        return SEEN

    async def renew(self) -> None:
        self.starts += 1


class Once:
    """Checks that find nothing any more."""

    def evaluate(self, *_: Any) -> tuple[Finding, ...]:
        return ()


@pytest.mark.parametrize(
    ("each", "cases", "starts", "ran_out"),
    [(math.inf, 3 + 5, 5, False), (10.0, 3 + 5, 5, False), (0.15, 2, 0, True), (0.0, 1, 0, True)],
)
async def test_what_takes_long_is_left_in_time_and_kept_for_the_end(
    each: float, cases: int, starts: int, ran_out: bool
) -> None:
    slow = Slow(0.1)
    some: Any = None
    confirmation = Confirmation(
        slow,  # type: ignore[arg-type]
        Once(),  # type: ignore[arg-type]
        some,
        some,
        some,
        effort=Effort(),
        seconds_in_all=10,
        seconds_each=each,
    )
    finding = Finding(check="unhandled_error", code="G102", expected="", actual="", key="k")
    failure = Failure(finding=finding, case=CASE, result=SEEN, first=CASE, after_cases=1, after_seconds=0.0)
    confirmation.begin()
    told = await confirmation.confirm(failure)
    assert (slow.cases, slow.starts, confirmation.ran_out) == (cases, starts, ran_out)
    assert told.is_remark
    assert told.hits == 1
    if ran_out:
        await confirmation.made_sure_of(told)
        assert slow.starts or not each
