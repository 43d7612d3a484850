"""Which call of several is tried by itself, where a failure may be one of that call alone."""

from __future__ import annotations

from benchmarks.mutants.schema import registry
from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.model.wording import cause
from grpcmock.fuzz.shrinking.plainest import alone
from grpcmock.status import Code

GET = registry().method("directory.v1.UserService/GetUser")


def replied(number: int, code: Code, text: str = "", termination: Termination = Termination.SERVER) -> Reply:
    request = GET.request_class(name=f"users/{number}")
    return Reply(call=call_of(GET, request.SerializeToString()), termination=termination, code=code, message=text)


def tried(finding: Finding, *replies: Reply) -> list[str]:
    """Return whose user each of the calls asks for that are tried alone."""
    case = Case(id="t", phase=Phase.BOUNDARY, method=GET, calls=tuple(one.call for one in replies), why="")
    result = CaseResult(replies=replies)
    failure = Failure(finding=finding, case=case, result=result, first=case, after_cases=1, after_seconds=0.0)
    requests = [GET.request_class.FromString(one.calls[0].messages[0]) for one in alone(failure)]
    return [request.name for request in requests]  # type: ignore[attr-defined]


def test_the_call_that_fails_is_tried_first_wherever_it_stands() -> None:
    fine = [replied(number, Code.OK) for number in range(6)]
    broken = replied(6, Code.UNKNOWN, "boom")
    told = cause(broken)
    assert told is not None
    finding = Finding(check="unhandled_error", code="G102", expected="", actual="", key="k", causes=(told,))
    assert tried(finding, *fine, broken)[0] == "users/6"


def test_of_a_server_that_went_down_the_call_that_was_cut_off_is_tried_and_the_one_before() -> None:
    finding = Finding(check="server_crash", code="G101", expected="", actual="", key="crash", server_down=True)
    gone = [
        replied(3, Code.UNAVAILABLE, "Socket closed", Termination.LOST),
        replied(4, Code.UNAVAILABLE, "Failed to connect to remote host: Connection refused", Termination.LOST),
    ]
    assert tried(finding, *(replied(number, Code.OK) for number in range(3)), *gone) == ["users/2", "users/3"]
