"""Whether a failure rests on what its own calls don't make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.mutants.schema import registry
from grpcmock.fuzz.model.cases import Call, Case, Phase, call_of
from grpcmock.fuzz.model.changes import Changes
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.shrinking.own_data import needs_data
from grpcmock.status import Code

USERS = "directory.v1.UserService"
CREATE, GET, LIST, DELETE = (
    registry().method(f"{USERS}/{name}") for name in ("CreateUser", "GetUser", "ListUsers", "DeleteUser")
)
OWN = {"name": "users/aa0b1c2d", "display_name": "Ann"}
OTHER = {"name": "users/somebody", "display_name": "Bob"}


def asked(method: Any, **values: Any) -> Call:
    return call_of(method, method.request_class(**values).SerializeToString(deterministic=True))


def answered(call: Call, **values: Any) -> Reply:
    assert call.method is not None
    answer: Any = call.method.response_class(**values)
    return Reply(call=call, termination=Termination.SERVER, code=Code.OK, responses=(answer.SerializeToString(),))


def seen(finding: Finding, about: Any) -> Failure:
    """Return a failure of a user who was deleted and is there, on a server with more users than a page has."""
    replies = (
        answered(asked(CREATE, user_id="aa0b1c2d", user={"display_name": "Ann"}), **OWN),
        answered(asked(DELETE, name=OWN["name"])),
        answered(asked(LIST), users=[OWN, OTHER], next_page_token="2"),
        answered(asked(GET, name=OWN["name"]), **OWN),
    )
    case = Case(id="t", phase=Phase.STATEFUL, method=about, calls=tuple(one.call for one in replies), why="")
    result = CaseResult(replies=replies)
    return Failure(finding=finding, case=case, result=result, first=case, after_cases=1, after_seconds=0.0)


@pytest.mark.parametrize(("of_pages", "expected"), [(False, False), (True, True)])
def test_other_pages_matter_only_to_what_is_seen_of_them(of_pages: bool, expected: bool) -> None:
    finding = Finding(check="use_after_delete", code="G130", expected="NOT_FOUND", actual="OK", key="k")

    def evaluate(_: Case, result: CaseResult) -> Sequence[Finding]:
        listed: Any = LIST.response_class.FromString(result.replies[2].responses[0])
        return [finding] if listed.next_page_token or not of_pages else []

    failure = seen(finding, LIST if of_pages else GET)
    assert needs_data(failure, evaluate, Changes()) is expected
