"""What a replay says where its check is content: that the server is mended, or that nothing could be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.replay.case_file import CaseFile, Seen
from grpcmock.fuzz.replay.replayer import Answer, Replay
from grpcmock.schema import sources
from grpcmock.status import Code

USERS = sources.load([Path(__file__).parents[3] / "benchmarks" / "mutants" / "protos"])

OK, NOT_FOUND, INVALID, EXISTS = Code.OK, Code.NOT_FOUND, Code.INVALID_ARGUMENT, Code.ALREADY_EXISTS

Call = tuple[str, Code, Code]
"""A method, what it was answered with then, and what now."""


def replayed(about: str, *said: Call) -> Replay:
    methods = [USERS.method(f"directory.v1.UserService/{name}") for name, _, _ in said]
    calls = tuple(call_of(method, b"") for method in methods)
    method = USERS.method(f"directory.v1.UserService/{about}")
    case = Case(id="t", phase=Phase.STATEFUL, method=method, calls=calls, why="")
    replies = tuple(
        Reply(call=call, termination=Termination.SERVER, code=now)
        for call, (_, _, now) in zip(calls, said, strict=True)
    )
    seen = tuple(Seen(then) for _, then, _ in said)
    kept = CaseFile(id="t", check="G130", target="", key="", expected="", actual="", case=case, made=calls, seen=seen)
    return Replay(case_file=kept, result=CaseResult(replies=replies), registry=USERS, findings=())


@pytest.mark.parametrize(
    ("about", "said", "answer"),
    [
        ("GetUser", [("CreateUser", OK, OK), ("DeleteUser", OK, OK), ("GetUser", OK, NOT_FOUND)], Answer.PASSED),
        ("CreateUser", [("CreateUser", INVALID, INVALID), ("GetUser", OK, NOT_FOUND)], Answer.PASSED),
        ("CreateUser", [("CreateUser", OK, OK), ("CreateUser", OK, EXISTS)], Answer.PASSED),
        (
            "UpdateUser",
            [("GetUser", NOT_FOUND, NOT_FOUND), ("UpdateUser", OK, NOT_FOUND), ("GetUser", NOT_FOUND, NOT_FOUND)],
            Answer.PASSED,
        ),
        ("GetUser", [("GetUser", OK, NOT_FOUND)], Answer.NOT_SEEN),
        ("GetUser", [("ListUsers", OK, OK), ("GetUser", OK, NOT_FOUND)], Answer.NOT_SEEN),
        ("GetUser", [("CreateUser", OK, INVALID), ("DeleteUser", OK, OK), ("GetUser", OK, OK)], Answer.PASSED),
        ("GetUser", [("UpdateUser", OK, NOT_FOUND), ("GetUser", OK, OK)], Answer.NOT_SEEN),
    ],
)
def test_what_should_have_been_refused_and_is_by_now_is_mended(about: str, said: list[Call], answer: Answer) -> None:
    assert replayed(about, *said).answer is answer
