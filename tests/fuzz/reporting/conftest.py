"""A run made by hand: two methods, three failures of which one comes and goes, advice, notices, a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import support

from grpcmock.client.target import Target
from grpcmock.fuzz.replay.case_file import Origin
from grpcmock.fuzz.model.events import (
    Event,
    Finished,
    Found,
    MethodStopped,
    Noticed,
    PhaseFinished,
    PhaseStarted,
    Started,
    Tried,
)
from grpcmock.fuzz.model.results import Ending, Evidence, Health, Reply
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.reporting.listener import Reporting
from grpcmock.fuzz.model.cases import Expect, Phase, Trial, call_of

REGISTRY = support.registry("user.proto")
GET, CREATE = (REGISTRY.method(f"user.UserService/{name}") for name in ("GetUser", "CreateUsers"))
SECRET = "Bearer hush-hush-42"
TARGET = Target.parse("127.0.0.1:50051", metadata=(("authorization", SECRET),))


def trial(identity: int, name: str = "max", **more: Any) -> Trial:
    data = GET.request_class(id=identity).SerializeToString()
    keys = {
        "id": f"boundary/{GET.full_name}/id={name}",
        "phase": Phase.BOUNDARY,
        "method": GET,
        "calls": (call_of(GET, data),),
        "why": "id is <large> & odd",
        "path": "id",
    }
    return Trial(**(keys | more))


def seen(of: Trial, code: int = 2, message: str = "", **more: Any) -> Evidence:
    replies = [Reply(call=call, ending=Ending.SERVER, code=code, message=message, **more) for call in of.calls]
    return Evidence(replies=tuple(replies))


def finding(code: str = "G102", **more: Any) -> Finding:
    return Finding(**({"code": code, "expected": "no <UNKNOWN>", "got": "UNKNOWN: boom"} | more))


def failure(of: Trial, found: Finding, evidence: Evidence, **more: Any) -> Failure:
    keys = {"finding": found, "trial": of, "evidence": evidence, "first": of, "after_trials": 3, "after_seconds": 0.25}
    return Failure(**(keys | more))


def run_events() -> list[Event]:
    """Give the events of a whole run."""
    large = trial(2000)
    echoed = seen(large, 2, f"who is {SECRET}? <b>bold</b> \x1b[31m")
    crash = trial(7, "seven", id="boundary/x/crash")
    gone = replace(seen(crash, 14, "Socket closed"), health=Health(alive=False, exit_code=-9))
    stream = replace(trial(1), id="random/s", phase=Phase.RANDOM, method=CREATE, calls=(call_of(CREATE, b"", b""),))
    fine = trial(1, "one", expect=Expect.ACCEPTED)
    answer = GET.response_class(id=1, name="Ann").SerializeToString()
    advice = finding("G104", advice=True, got="DATA_LOSS: hm", expected="a code that is mentioned")
    failures = (
        failure(crash, finding("G101", got="the server ended"), gone),
        failure(large, finding(), echoed, seen=4),
        failure(stream, finding("G103", got="/etc/passwd"), seen(stream), hits=2, tries=4),
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
        Tried(trial=fine, evidence=seen(fine, 0, responses=(answer,)), findings=()),
        Tried(trial=large, evidence=echoed, findings=(failures[1].finding, advice)),
        Found(failure=failures[1]),
        Tried(trial=crash, evidence=gone, findings=(failures[0].finding,)),
        Found(failure=failures[0]),
        MethodStopped(method=CREATE, reason="no answers"),
        Noticed(message=f"it goes on, {SECRET}", method=GET),
        PhaseFinished(phase=Phase.BOUNDARY, trials=3, calls=12, seconds=0.5),
        PhaseStarted(phase=Phase.RANDOM, planned=1),
        Tried(trial=stream, evidence=seen(stream, 2, "two"), findings=(failures[2].finding,)),
        Found(failure=failures[2]),
        PhaseFinished(phase=Phase.RANDOM, trials=1, calls=5, seconds=0.1),
        Finished(failures=failures, advice=(advice,), trials=4, calls=17, seconds=0.6, interrupted="Ctrl-C"),
    ]


@pytest.fixture
def reported(tmp_path: Path) -> Callable[..., Reporting]:
    """Reports the run, in all forms or those that are named, into ``tmp_path``."""

    def report(*kinds: str, run: list[Event] | None = None) -> Reporting:
        reports = {kind: tmp_path / f"report.{kind}" for kind in kinds or ("junit", "json", "ndjson", "html")}
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
