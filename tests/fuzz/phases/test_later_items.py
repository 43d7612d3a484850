"""Rules that a server holds the first item of a list to, and not those after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.boundary_phase import parts
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package party;
import "buf/validate/validate.proto";
service Parties { rpc Invite(InviteRequest) returns (InviteResponse); }
message InviteRequest {
  repeated Guest guests = 1;
  repeated string tags = 2 [(buf.validate.field).repeated.items.string.pattern = "^[a-z]+$"];
  Hall hall = 3;
}
message Guest {
  string name = 1 [(buf.validate.field).required = true];
  int32 age = 2 [(buf.validate.field).int32 = {gte: 0, lte: 120}];
}
message Hall { repeated Seat seats = 1; }
message Seat { int32 row = 1 [(buf.validate.field).int32.lt = 40]; }
message InviteResponse {}
"""


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("party") / "party.proto"
    file.write_text(PROTO)
    return sources.load([file])


def some(items: Any, looks_at: slice) -> list[Any]:
    return list(items)[looks_at]


def takes(request: Any, guests: slice, tags: slice, seats: slice) -> bool:
    return (
        all(one.name and 0 <= one.age <= 120 for one in some(request.guests, guests))
        and all(re.fullmatch("[a-z]+", tag) for tag in some(request.tags, tags))
        and all(one.row < 40 for one in some(request.hall.seats, seats))
    )


def found(party: Registry, takes: Callable[[Any], bool]) -> set[str]:
    """The paths of what is told of a server that takes some requests and refuses the others."""
    method = party.method("party.Parties/Invite")
    expectations = Expectations(registry=party)
    plan = Plan(registry=party, methods=(method,), expectations=expectations, generators=Generators(party))
    request: Any = method.request_class(guests=[{"name": "a", "age": 7}], tags=["b"], hall={"seats": [{"row": 1}]})
    plan.acceptance.keep(AcceptedRequest(method=method, data=request.SerializeToString()), b"")
    suite, told = CheckSuite(all_checks(), expectations), set[str]()

    def answered(call: Call) -> Reply:
        if takes(method.request_class.FromString(b"".join(call.messages))):
            return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",))
        return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message="no")

    for part in parts(method, plan):
        for case in part:
            if case.id.endswith("+second"):
                result = CaseResult(replies=tuple(map(answered, case.calls)))
                told |= {finding.path for finding in suite.evaluate(case, result) if finding.code == "G125"}
    return told


ALL, FIRST = slice(None), slice(1)


@pytest.mark.parametrize(
    ("guests", "tags", "seats", "expected"),
    [
        (ALL, ALL, ALL, set()),
        (FIRST, ALL, ALL, {"guests[].name", "guests[].age"}),
        (ALL, FIRST, ALL, {"tags"}),
        (ALL, ALL, FIRST, {"hall.seats[].row"}),
    ],
)
def test_rules_are_broken_in_a_second_item(
    party: Registry, guests: slice, tags: slice, seats: slice, expected: set[str]
) -> None:
    assert found(party, lambda request: takes(request, guests, tags, seats)) == expected
