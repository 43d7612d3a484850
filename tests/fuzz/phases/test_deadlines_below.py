"""A call whose time was up, between two looks at what stands below the very things that were made for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.model.cases import Binding, Call, Case
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import call_lifecycle
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import sources
from grpcmock.status import Code

NOTES = sources.load([Path(__file__).parents[3] / "benchmarks" / "mutants" / "protos"])
USERS, SERVICE = "directory.v1.UserService", "directory.v1.NoteService"


@pytest.fixture(scope="module")
def case() -> Case:
    methods = tuple(NOTES.methods.values())
    plan = Plan(
        registry=NOTES, methods=methods, expectations=Expectations(registry=NOTES), generators=Generators(NOTES)
    )
    making = AcceptedRequest(NOTES.method(f"{USERS}/CreateUser"), b"")
    need = Need(making, ("name",), ("parent",))
    for name in ("CreateNote", "ListNotes"):
        request = AcceptedRequest(NOTES.method(f"{SERVICE}/{name}"), b"\x0a\x01a", (need,))
        plan.acceptance.first[request.method.path] = request
    found = call_lifecycle.cases(NOTES.method(f"{SERVICE}/CreateNote"), plan)
    return next(one for one in found if one.id.endswith("deadline-seen-below-by-ListNotes"))


def test_all_calls_are_about_what_was_made(case: Case) -> None:
    names = [call.path.rpartition("/")[2] for call in case.calls]
    assert names == ["CreateUser", "ListNotes", "CreateNote", "ListNotes"]
    assert case.setup == 1
    assert {call.bindings for call in case.calls[1:]} == {(Binding(0, ("name",), ("parent",)),)}
    assert [call.deadline is not None for call in case.calls] == [False, False, True, False]


CUT = (Termination.DEADLINE, 0)


@pytest.mark.parametrize(
    ("ended", "after", "is_told"),
    [
        (CUT, (0, b"\x0a\x03\x0a\x01n"), True),  # the work was done all the same
        (CUT, (0, b""), False),
        ((Termination.SERVER, 0), (0, b"\x0a\x03\x0a\x01n"), False),  # it was in time
        ((Termination.SERVER, 0), (Code.NOT_FOUND, None), False),
        (CUT, (Code.NOT_FOUND, None), True),
    ],
)
def test_what_is_left_of_it(
    case: Case, ended: tuple[Termination, int], after: tuple[int, bytes | None], is_told: bool
) -> None:
    def reply(call: Call, termination: Termination, code: int, answer: bytes | None) -> Reply:
        answers = (answer,) if answer is not None and not code and termination is Termination.SERVER else ()
        return Reply(call=call, termination=termination, code=code, responses=answers, sent=1)

    made, before, cut, later = case.calls
    replies = (
        reply(made, Termination.SERVER, 0, b""),
        reply(before, Termination.SERVER, 0, b""),
        reply(cut, *ended, b""),
        reply(later, Termination.SERVER, *after),
    )
    suite = CheckSuite(all_checks(), Expectations(registry=NOTES))
    assert any(one.code == "G107" for one in suite.evaluate(case, CaseResult(replies=replies))) is is_told
