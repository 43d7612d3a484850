# mypy: disable-error-code="attr-defined,union-attr"
"""What is taken where things are made is taken where they are changed, too: conversations, and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import taken_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package boats;
import "google/protobuf/field_mask.proto";
service Boats {
  rpc CreateBoat(CreateBoatRequest) returns (Boat);
  rpc GetBoat(BoatId) returns (Boat);
  rpc UpdateBoat(UpdateBoatRequest) returns (Boat);
  rpc SinkBoat(BoatId) returns (Boat);
}
message CreateBoatRequest { string sign = 1; string color = 2; }
message BoatId { string id = 1; }
message Boat { string id = 1; string sign = 2; string color = 3; }
message UpdateBoatRequest { Boat boat = 1; google.protobuf.FieldMask update_mask = 2; }
"""

Words = tuple[str, Any, Any]


def boat(number: int, sign: str, color: str = "") -> dict[str, str]:
    return {"id": f"b{number}", "sign": sign.upper(), "color": color}


def made(number: int, sign: str, color: str = "") -> Words:
    return ("CreateBoat", {"sign": sign, "color": color}, boat(number, sign, color))


def refused(sign: str, code: str = "ALREADY_EXISTS", color: str = "") -> Words:
    return ("CreateBoat", {"sign": sign, "color": color}, code)


def changed(number: int, sign: str, answer: Any = None) -> Words:
    asked = {"boat": {"id": f"b{number}", "sign": sign}, "updateMask": "sign"}
    return ("UpdateBoat", asked, answer or boat(number, sign))


SINK: Words = ("SinkBoat", {"id": "b2"}, boat(2, "y"))
GET: Words = ("GetBoat", {"id": "b2"}, boat(2, "y"))

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "given to a second one": ({"G133"}, [made(1, "x"), made(2, "y"), refused("y"), GET, changed(1, "y")]),
    "refused": (set(), [made(1, "x"), made(2, "y"), refused("y"), changed(1, "y", "ALREADY_EXISTS")]),
    "its own": (set(), [made(1, "x"), made(2, "y"), refused("y"), changed(2, "y")]),
    "another one": (set(), [made(1, "x"), made(2, "y"), refused("y"), changed(1, "z")]),
    "refused for something else": (set(), [made(1, "x"), made(2, "y"), refused("y", "ABORTED"), changed(1, "y")]),
    "never refused": (set(), [made(1, "x"), made(2, "y"), changed(1, "y")]),
    "it may be the color": (
        set(),
        [made(1, "x", "red"), made(2, "y", "blue"), refused("y", color="blue"), changed(1, "y")],
    ),
    "something was done to it since": (set(), [made(1, "x"), made(2, "y"), refused("y"), SINK, changed(1, "y")]),
    "it has given it up": (set(), [made(1, "x"), made(2, "y"), refused("y"), changed(2, "z"), changed(1, "y")]),
}


@pytest.fixture(scope="module")
def boats(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("boats") / "boats.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, boats: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    expected, said = CASES[name]
    assert set(judging(boats, "boats.")(*said)) & {"G133"} == expected


def test_a_program_asks_for_what_another_one_has(boats: Registry) -> None:
    plan = Plan(
        registry=boats,
        methods=tuple(boats.methods.values()),
        expectations=Expectations(registry=boats),
        generators=Generators(boats),
    )
    making, reading, method = (boats.method(f"boats.Boats/{one}") for one in ("CreateBoat", "GetBoat", "UpdateBoat"))
    made = AcceptedRequest(making, making.request_class(sign="sign-0").SerializeToString(), own_id=("sign",))
    updated = method.request_class(boat={"id": "b", "color": "red"}, update_mask={"paths": ["color"]})
    for one in (
        made,
        AcceptedRequest(reading, b"\x0a\x01b", (Need(made, ("id",), ("id",)),)),
        AcceptedRequest(method, updated.SerializeToString(), (Need(made, ("id",), ("boat", "id")),)),
    ):
        plan.acceptance.first[one.method.path] = one
    (case,) = taken_programs.cases(method, plan)
    names = [call.method.name for call in case.calls]
    assert names == ["CreateBoat"] * 3 + ["GetBoat"] * 2 + ["UpdateBoat", "GetBoat", "GetBoat"] * 2
    first, second, again = (making.request_class.FromString(call.messages[0]).sign for call in case.calls[:3])
    assert first != second == again
    alone, more = (
        method.request_class.FromString(call.messages[0]) for call in case.calls if call.method.name == "UpdateBoat"
    )
    assert alone.boat.sign == more.boat.sign == second
    assert (list(alone.update_mask.paths), list(more.update_mask.paths)) == (["sign"], ["color", "sign"])
    assert not list(taken_programs.cases(making, plan))
