"""What doubles from call to call, behind what it needs too, and what the times of such calls tell."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.model.cases import Case
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import growth_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package hall;
service Hall {
  rpc Open(OpenRequest) returns (Room);
  rpc Say(SayRequest) returns (Room);
  rpc March(stream Step) returns (Room);
  rpc Bring(stream Part) returns (Room);
}
message OpenRequest {}
message Room { string name = 1; }
message SayRequest { string room = 1; string words = 2; repeated int32 ages = 3; }
message Step { int32 size = 1; }
message Part { oneof part { string title = 1; bytes data = 2; } }
"""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("hall") / "hall.proto"
    file.write_text(PROTO)
    return sources.load([file])


def plan(hall: Registry) -> Plan:
    methods = tuple(hall.methods.values())
    return Plan(registry=hall, methods=methods, expectations=Expectations(registry=hall), generators=Generators(hall))


def behind(hall: Registry) -> dict[str, Case]:
    """The cases of a method that names what another one makes."""
    made = plan(hall)
    opening, saying = hall.method("hall.Hall/Open"), hall.method("hall.Hall/Say")
    opened = AcceptedRequest(method=opening, data=b"")
    request: Any = saying.request_class(room="r1", words="hello")
    accepted = AcceptedRequest(
        method=saying,
        data=request.SerializeToString(),
        needs=(Need(opened, ("name",), ("room",)),),
        references=frozenset({("room",)}),
    )
    made.acceptance.keep(accepted, b"")
    return {case.path: case for case in growth_cases.cases(saying, made)}


def test_what_grows_stands_behind_what_it_needs(hall: Registry) -> None:
    found = behind(hall)
    assert set(found) == {"words", "ages"}  # the name of the room comes from the call before
    case = found["words"]
    assert [call.path for call in case.calls] == ["/hall.Hall/Open", *["/hall.Hall/Say"] * 5]
    assert case.setup == 1
    sizes = [len(call.messages[0]) for call in case.calls[case.setup :]]
    assert all(later > 1.8 * earlier for earlier, later in pairwise(sizes))


@pytest.mark.parametrize("method", ["March", "Bring"])
def test_streams_grow(method: str, hall: Registry) -> None:
    *_, case = growth_cases.cases(hall.method(f"hall.Hall/{method}"), plan(hall))
    lengths = [len(call.messages) for call in case.calls]
    assert lengths == [lengths[0] * 2**number for number in range(len(lengths))]


def test_parts_of_uploads_have_a_usual_size(hall: Registry) -> None:
    made, method = plan(hall), hall.method("hall.Hall/Bring")
    head, part = method.request_class(title="a"), method.request_class(data=b"x")
    accepted = AcceptedRequest(method=method, data=head.SerializeToString(), later=(part.SerializeToString(),))
    made.acceptance.keep(accepted, b"")
    *_, case = growth_cases.cases(method, made)
    assert {len(message) > 900 for call in case.calls for message in call.messages[1:]} == {True}


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((0.01, 0.02, 0.04, 0.08, 0.16), set()),
        ((0.01, 0.03, 0.1, 0.4, 1.6), {"G108"}),
        ((0.001, 0.001, 0.001, 0.002, 0.02), set()),
    ],
)
def test_times_are_those_of_what_grows(times: tuple[float, ...], expected: set[str], hall: Registry) -> None:
    case = replace(behind(hall)["words"], repeat=1)
    replies = tuple(
        Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",), seconds=seconds)
        for call, seconds in zip(case.calls, (5.0, *times), strict=True)  # it takes its time to make what is needed
    )
    suite = CheckSuite(all_checks(), Expectations(registry=hall, max_latency=10))
    assert {finding.code for finding in suite.evaluate(case, CaseResult(replies=replies))} == expected
