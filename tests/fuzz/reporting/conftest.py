"""A run made by hand: two methods, three failures of which one comes and goes, warning, notices, a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import support

from grpcmock.client.target import Target
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.model.events import (
    CaseFinished,
    Event,
    FailureFound,
    Finished,
    MethodStopped,
    Notice,
    PhaseFinished,
    PhaseStarted,
    Started,
)
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.fuzz.replay.case_file import Origin
from grpcmock.fuzz.reporting.listener import KINDS, Reporting

REGISTRY = support.registry("user.proto")
GET, CREATE = (REGISTRY.method(f"user.UserService/{name}") for name in ("GetUser", "CreateUsers"))
SECRET = "Bearer hush-hush-42"
TARGET = Target.parse("127.0.0.1:50051", metadata=(("authorization", SECRET),))


def case(identity: int, name: str = "max", **more: Any) -> Case:
    data = GET.request_class(id=identity).SerializeToString()
    keys: dict[str, Any] = {
        "id": f"boundary/{GET.full_name}/id={name}",
        "phase": Phase.BOUNDARY,
        "method": GET,
        "calls": (call_of(GET, data),),
        "why": "id is <large> & odd",
        "path": "id",
    }
    return Case(**(keys | more))


def seen(of: Case, code: int = 2, message: str = "", **more: Any) -> CaseResult:
    replies = [
        Reply(call=call, termination=Termination.SERVER, code=code, message=message, **more) for call in of.calls
    ]
    return CaseResult(replies=tuple(replies))


def finding(code: str = "G102", **more: Any) -> Finding:
    return Finding(
        **({"check": find_check(code).name, "code": code, "expected": "no <UNKNOWN>", "actual": "UNKNOWN: boom"} | more)
    )


def failure(of: Case, found: Finding, result: CaseResult, **more: Any) -> Failure:
    keys: dict[str, Any] = {
        "finding": found,
        "case": of,
        "result": result,
        "first": of,
        "after_cases": 3,
        "after_seconds": 0.25,
    }
    return Failure(**(keys | more))


def run_events() -> list[Event]:
    """Give the events of a whole run."""
    large = case(2000)
    echoed = seen(large, 2, f"who is {SECRET}? <b>bold</b> \x1b[31m")
    crash = case(7, "seven", id="boundary/x/crash")
    gone = replace(seen(crash, 14, "Socket closed"), health=Health(alive=False, exit_code=-11))
    stream = replace(case(1), id="random/s", phase=Phase.RANDOM, method=CREATE, calls=(call_of(CREATE, b"", b""),))
    fine = case(1, "one", expect=Expect.ACCEPTED)
    answer = GET.response_class(id=1, name="Ann").SerializeToString()
    warning = finding("G104", is_warning=True, actual="DATA_LOSS: hm", expected="a code that is mentioned")
    failures = (
        failure(crash, finding("G101", actual="the server ended"), gone),
        failure(large, finding(), echoed, seen=4),
        failure(stream, finding("G103", actual="/etc/passwd"), seen(stream), hits=2, tries=4),
    )
    started = Started(
        target="127.0.0.1:50051",
        seed=7,
        methods=(CREATE, GET),
        phases=(Phase.BOUNDARY, Phase.RANDOM),
        checks=("G101", "G102", "G103", "G104"),
        registry=REGISTRY,
    )
    return [
        started,
        PhaseStarted(phase=Phase.BOUNDARY),
        CaseFinished(case=fine, result=seen(fine, 0, responses=(answer,)), findings=()),
        CaseFinished(case=large, result=echoed, findings=(failures[1].finding, warning)),
        FailureFound(failure=failures[1]),
        CaseFinished(case=crash, result=gone, findings=(failures[0].finding,)),
        FailureFound(failure=failures[0]),
        MethodStopped(method=CREATE, reason="no answers"),
        Notice(message=f"it goes on, {SECRET}", method=GET),
        PhaseFinished(phase=Phase.BOUNDARY, cases=3, calls=12, seconds=0.5),
        PhaseStarted(phase=Phase.RANDOM, planned=1),
        CaseFinished(case=stream, result=seen(stream, 2, "two"), findings=(failures[2].finding,)),
        FailureFound(failure=failures[2]),
        PhaseFinished(phase=Phase.RANDOM, cases=1, calls=5, seconds=0.1),
        Finished(
            failures=failures[:2],
            remarks=failures[2:],
            warnings=(warning,),
            cases=4,
            calls=17,
            seconds=0.6,
            interrupted="Ctrl-C",
        ),
    ]


@pytest.fixture
def reported(tmp_path: Path) -> Callable[..., Reporting]:
    """Reports the run, in all forms or those that are named, into ``tmp_path``."""

    def report(*kinds: str, run: list[Event] | None = None) -> Reporting:
        reports = {kind: tmp_path / f"report.{kind}" for kind in kinds or KINDS}
        origin = Origin(target=TARGET.address, headers=("authorization",))
        reporting = Reporting(TARGET, reports, origin=origin, folder=tmp_path / "failures")
        with reporting:
            for event in run_events() if run is None else run:
                reporting.hear(event)
        return reporting

    return report


@pytest.fixture
def events() -> list[Event]:
    """The events of the run."""
    return run_events()


@pytest.fixture
def secret() -> str:
    """What the run was given by -H."""
    return SECRET
