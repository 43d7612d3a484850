# mypy: disable-error-code="attr-defined,union-attr"
"""What has one of something at a time: words to read, conversations to judge, and the programs for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.one_at_a_time import told_once
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import one_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package ferry;
service Ferry {
  rpc AddPilot(Empty) returns (Pilot);
  rpc AddBoat(Empty) returns (Boat);
  // Refused with FAILED_PRECONDITION if
  //   - it is foggy,
  //   - the pilot is on a crossing.
  rpc Leave(LeaveRequest) returns (Crossing);
  rpc GetCrossing(CrossingId) returns (Crossing);
  rpc Arrive(CrossingId) returns (Crossing);
  // ALREADY_EXISTS if the pilot has an open rota.
  rpc OpenRota(RotaRequest) returns (Rota);
}
message Empty {}
message Pilot { string id = 1; }
message Boat { string id = 1; }
message LeaveRequest { string boat_id = 1; string pilot_id = 2; }
message CrossingId { string id = 1; }
message Crossing { string id = 1; string boat_id = 2; string pilot_id = 3; }
message RotaRequest { string pilot = 1; }
message Rota { string id = 1; RotaState state = 2; }
enum RotaState { ROTA_STATE_UNSPECIFIED = 0; ROTA_STATE_OPEN = 1; ROTA_STATE_HELD = 2; ROTA_STATE_RUNNING = 3; }
"""

Words = tuple[str, Any, Any]


def left(number: int, pilot: str = "p", answer: Any = None) -> Words:
    asked = {"boatId": f"b{number}", "pilotId": pilot}
    return ("Leave", asked, answer or {"id": f"c{number}", **asked})


def rota(number: int, state: str = "OPEN") -> Words:
    return ("OpenRota", {"pilot": "p"}, {"id": f"r{number}", "state": f"ROTA_STATE_{state}"})


ARRIVE: Words = ("Arrive", {"id": "c1"}, {"id": "c1"})
GET: Words = ("GetCrossing", {"id": "c1"}, {"id": "c1"})
ADD: Words = ("AddBoat", {}, {"id": "b2"})

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "two crossings of one pilot": ({"G153"}, [left(1), GET, ADD, left(2)]),
    "refused": (set(), [left(1), left(2, answer="FAILED_PRECONDITION"), GET]),
    "two pilots": (set(), [left(1), left(2, "q")]),
    "the first one has arrived": (set(), [left(1), ARRIVE, left(2)]),
    "nobody knows whether it has arrived": (set(), [left(1), ("Arrive", {"id": "c1"}, "UNAVAILABLE"), left(1)]),
    "the first one again": (set(), [left(1), left(1)]),
    "nobody is named": (set(), [left(1, ""), left(2, "")]),
    "two open ones": ({"G153"}, [rota(1), rota(2)]),
    "two that are held": (set(), [rota(1, "HELD"), rota(2, "HELD")]),
    "two that end by themselves": (set(), [rota(1, "RUNNING"), rota(2, "RUNNING")]),
}


@pytest.fixture(scope="module")
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("ferry") / "ferry.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, ferry: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    expected, said = CASES[name]
    assert set(judging(ferry, "ferry.")(*said)) & {"G153"} == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ALREADY_EXISTS if the order has an open reservation.", [("order", "open", "reservation")]),
        ("FAILED_PRECONDITION if the driver is already on a trip.", [("driver", "", "trip")]),
        ("FAILED_PRECONDITION if it is foggy or the pilot already has a boat.", [("pilot", "", "boat")]),
        ("FAILED_PRECONDITION if the pilot has a boat that leaks.", []),
        ("FAILED_PRECONDITION if the pilot has a boat, unless it leaks.", []),
        ("FAILED_PRECONDITION unless the pilot has a boat.", []),
        ("ALREADY_EXISTS if the service has a running job.", []),
        ("NOT_FOUND if the pilot has a boat.", []),
        ("The pilot has a boat.", []),
    ],
)
def test_what_there_is_one_of_is_read_out_of_words(words: str, expected: list[Any]) -> None:
    assert list(told_once(words)) == expected


def test_a_program_makes_a_second_one_for_the_same_thing(ferry: Registry) -> None:
    methods = {method.name: method for method in ferry.methods.values()}
    expectations = Expectations(registry=ferry)
    plan = Plan(
        registry=ferry, methods=tuple(methods.values()), expectations=expectations, generators=Generators(ferry)
    )
    boat, pilot = (AcceptedRequest(methods[name], b"") for name in ("AddBoat", "AddPilot"))
    needs = (Need(boat, ("id",), ("boat_id",)), Need(pilot, ("id",), ("pilot_id",)))
    data = methods["Leave"].request_class(boat_id="b", pilot_id="p").SerializeToString()
    plan.acceptance.first[methods["Leave"].path] = AcceptedRequest(methods["Leave"], data, needs)
    (case,) = one_programs.cases(methods["Leave"], plan)
    first, second = (
        {binding.target[0]: binding.call for binding in call.bindings}
        for call in case.calls
        if call.method.name == "Leave"
    )
    assert first["pilot_id"] == second["pilot_id"]
    assert first["boat_id"] != second["boat_id"]
    assert not list(one_programs.cases(methods["Arrive"], plan))
