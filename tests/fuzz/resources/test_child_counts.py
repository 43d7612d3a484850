"""Things that show how many stand below them: conversations, and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import child_programs
from grpcmock.fuzz.resources.laws.child_counts import all_counters
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package harbor;
service Harbor {
  rpc AddPier(AddPierRequest) returns (Pier);
  rpc GetPier(GetPierRequest) returns (Pier);
  rpc ListPiers(ListPiersRequest) returns (ListPiersResponse);
  rpc AddBoat(AddBoatRequest) returns (Boat);
  rpc AddRope(AddRopeRequest) returns (AddRopeResponse);
  rpc AddCrane(AddCraneRequest) returns (Crane);
  rpc BookBerth(BookBerthRequest) returns (Berth);
  rpc MoveBerth(MoveBerthRequest) returns (Berth);
  rpc DeleteBoat(DeleteBoatRequest) returns (Gone);
  rpc Storm(Gone) returns (Gone);
}
enum State { STATE_UNSPECIFIED = 0; STATE_AFLOAT = 1; STATE_SUNK = 2; }
message AddPierRequest { string title = 1; int32 crane_count = 2; }
message GetPierRequest { int64 id = 1; }
message ListPiersRequest {}
message ListPiersResponse { repeated Pier piers = 1; }
message BoatCounts { int32 afloat = 1; int32 sunk = 2; }
message RopeCounts { int32 long = 1; int32 short = 2; }
message Pier {
  int64 id = 1;
  // How many boats there are in each state.
  BoatCounts boats = 2;
  RopeCounts ropes = 3;
  // How many ropes it has.
  int32 rope_count = 4;
  int32 crane_count = 5;
  // How many berths are booked; those that were given back are left out.
  int32 berth_count = 6;
  string title = 7;
}
message AddBoatRequest { int64 pier_id = 1; string name = 2; }
message Boat { int64 id = 1; int64 pier_id = 2; State state = 3; string name = 4; }
message AddRopeRequest { int64 pier_id = 1; string text = 2; }
message Rope { int64 pier_id = 1; string text = 2; int32 length = 3; }
message AddRopeResponse { Rope rope = 1; }
message AddCraneRequest { int64 pier_id = 1; }
message Crane { int64 id = 1; }
message BookBerthRequest { int64 pier_id = 1; int64 captain_id = 2; }
message MoveBerthRequest { int64 pier_id = 1; int64 berth_id = 2; }
message Berth { int64 berth_id = 1; int64 pier_id = 2; }
message DeleteBoatRequest { int64 id = 1; }
message Gone {}
"""

Words = tuple[str, Any, Any]
PIER: Words = ("AddPier", {"title": "p"}, {"id": 1, "title": "p", "boats": {}})


def look(boats: int = 0, *, sunk: int = 0, **fields: Any) -> Words:
    return ("GetPier", {"id": 1}, {"id": 1, "title": "p", "boats": {"afloat": boats, "sunk": sunk}, **fields})


def boat(key: int, pier: int = 1) -> Words:
    request = {"pierId": pier, "name": str(key)}
    return ("AddBoat", request, {"id": 10 + key, "state": "STATE_AFLOAT", **request})


def rope(text: str, length: int = 0) -> Words:
    return ("AddRope", {"pierId": 1, "text": text}, {"rope": {"pierId": 1, "text": text, "length": length}})


def berth(key: int) -> Words:
    return ("BookBerth", {"pierId": 1, "captainId": 7}, {"berthId": key, "pierId": 1})


GONE: Words = ("DeleteBoat", {"id": 11}, {})
STORM: Words = ("Storm", {}, {})
ONE = [PIER, look(), boat(1), look(1)]

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "one more, and two more": (set(), [*ONE, boat(2), boat(3), look(3)]),
    "as before": ({"G129"}, [PIER, look(), boat(1), look()]),
    "less": ({"G129"}, [*ONE, boat(2), look(0)]),
    "one more, and one for two": ({"G129"}, [*ONE, boat(2), boat(3), look(2)]),
    "one more, and never again": ({"G129"}, [*ONE, boat(2), boat(3), look(1)]),
    "one more, and too many": ({"G129"}, [*ONE, boat(2), look(3)]),
    "in another state": (set(), [PIER, look(), boat(1), look(sunk=1)]),
    "two for one, and nothing shown before": (set(), [PIER, look(), boat(1), look(2)]),
    "below another pier": (set(), [PIER, look(), boat(1, pier=2), look()]),
    "of a pier that others use": (set(), [look(), boat(1), look()]),
    "after it was refused": (set(), [PIER, look(), ("AddBoat", {"pierId": 1}, "INVALID_ARGUMENT"), look()]),
    "the same boat": (set(), [*ONE, boat(1), look(1)]),
    "something else was done": (set(), [PIER, look(), boat(1), STORM, look()]),
    "one has gone": (set(), [*ONE, GONE, look()]),
    "one has gone, and is counted still": (set(), [*ONE, GONE, look(1)]),
    "one has gone, and there are more": ({"G129"}, [*ONE, GONE, look(2)]),
    "one has gone, and another came": (set(), [*ONE, GONE, boat(2), look(1)]),
    "ropes": (set(), [PIER, look(), rope("a"), look(ropeCount=1), rope("b"), look(ropeCount=2)]),
    "ropes that aren't counted": ({"G129"}, [PIER, look(), rope("a"), look()]),
    "the same rope": (set(), [PIER, look(), rope("a"), look(ropeCount=1), rope("a"), look(ropeCount=1)]),
    "another rope": ({"G129"}, [PIER, look(), rope("a"), look(ropeCount=1), rope("a", 1), look(ropeCount=1)]),
    "what a client gives": (set(), [PIER, look(), ("AddCrane", {"pierId": 1}, {"id": 3}), look()]),
    "some may be left out": (set(), [PIER, look(), berth(1), look()]),
    "some may be left out, but it counts": (
        {"G129"},
        [PIER, look(), berth(1), look(berthCount=1), berth(2), look(berthCount=1)],
    ),
    "none is made": (
        set(),
        [
            *(PIER, look(), berth(1), look(berthCount=1)),
            *(("MoveBerth", {"pierId": 1, "berthId": 1}, {"berthId": 2, "pierId": 1}), look(berthCount=1)),
        ],
    ),
}


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("harbor") / "harbor.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, harbor: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert judging(harbor, "harbor.")(*said).keys() & {"G129"} == codes


def test_what_counts_children_is_told_by_names(harbor: Registry) -> None:
    (counters,) = all_counters(harbor).values()
    told = {(one.shown_in.name, one.child.name, one.is_whole) for one in counters}
    assert told == {("boats", "Boat", True), ("rope_count", "Rope", True), ("berth_count", "Berth", False)}


def test_programs_look_at_a_count_before_and_after(harbor: Registry) -> None:
    methods = {method.name: method for method in harbor.methods.values()}
    plan = Plan(
        registry=harbor,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=harbor),
        generators=Generators(harbor),
    )
    adding = AcceptedRequest(methods["AddPier"], b"")
    looking = AcceptedRequest(methods["GetPier"], b"", (Need(adding, ("id",), ("id",)),))
    making = AcceptedRequest(methods["AddBoat"], b"", (Need(adding, ("id",), ("pier_id",)),))
    deleting = AcceptedRequest(methods["DeleteBoat"], b"", (Need(making, ("id",), ("id",)),))
    assert not list(child_programs.cases(methods["AddBoat"], plan))
    for one in (adding, looking, making, deleting):
        plan.acceptance.first[one.method.path] = one
    (more,) = child_programs.cases(methods["AddBoat"], plan)
    names = [call.method.name for call in more.calls if call.method is not None]
    assert names == ["AddPier", "GetPier", "AddBoat", "GetPier", "AddBoat", "AddBoat", "GetPier"]
    (less,) = child_programs.cases(methods["DeleteBoat"], plan)
    names = [call.method.name for call in less.calls if call.method is not None]
    assert names == ["AddPier", "AddBoat", "GetPier", "DeleteBoat", "GetPier"]
