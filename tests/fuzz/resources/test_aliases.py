# mypy: disable-error-code="attr-defined"
"""One thing under several names; conversations and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import lifecycle_scenarios
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package berths;
service Berths {
  rpc AddBoat(AddBoatRequest) returns (Boat);
  rpc GetBoat(GetBoatRequest) returns (Boat);
  rpc GetBoatBySign(SignRequest) returns (BoatResponse);
  rpc GetLastBoat(SignRequest) returns (Boat);
  rpc RemoveBoat(BoatId) returns (Removed);
  rpc PaintBoat(BoatId) returns (Boat);
}
message Spot { int32 row = 1; int32 place = 2; }
message Boat { string id = 1; string sign = 2; Spot spot = 3; string color = 4; bool removed = 5; }
message AddBoatRequest { string sign = 1; Spot spot = 2; string color = 3; }
message GetBoatRequest { oneof by { string id = 1; Spot spot = 2; } }
message SignRequest { string sign = 1; }
message BoatResponse { Boat boat = 1; }
message BoatId { string id = 1; }
message Removed {}
"""

Words = tuple[str, Any, Any]

SPOT = {"row": 1, "place": 2}
BOAT: dict[str, Any] = {"id": "b1", "sign": "AB", "spot": SPOT}
ADD: Words = ("AddBoat", {"sign": "AB", "spot": SPOT}, BOAT)
REMOVE: Words = ("RemoveBoat", {"id": "b1"}, {})


def by_sign(boat: Any) -> Words:
    return ("GetBoatBySign", {"sign": "AB"}, boat if isinstance(boat, str) else {"boat": boat})


def by_spot(boat: Any) -> Words:
    return ("GetBoat", {"spot": SPOT}, boat)


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "gone by all names": (
        set(),
        [ADD, by_sign(BOAT), by_spot(BOAT), REMOVE, by_sign("NOT_FOUND"), by_spot("NOT_FOUND")],
    ),
    "found by another method": ({"G130"}, [ADD, by_sign(BOAT), REMOVE, by_sign(BOAT)]),
    "found by another arm": ({"G130"}, [ADD, by_spot(BOAT), REMOVE, by_spot(BOAT)]),
    "never looked for before": (set(), [ADD, REMOVE, by_sign(BOAT)]),
    "marked": (set(), [ADD, by_sign(BOAT), REMOVE, by_sign({**BOAT, "removed": True})]),
    "another one there": (set(), [ADD, by_sign(BOAT), REMOVE, by_sign({**BOAT, "id": "b2"})]),
    "not removed": (set(), [ADD, by_sign(BOAT), ("RemoveBoat", {"id": "b1"}, "NOT_FOUND"), by_sign(BOAT)]),
    "in the memory of the port": (
        set(),
        [ADD, ("GetLastBoat", {"sign": "AB"}, BOAT), REMOVE, ("GetLastBoat", {"sign": "AB"}, BOAT)],
    ),
    "made again": (set(), [ADD, by_sign(BOAT), REMOVE, ADD, by_sign(BOAT)]),
    "brought back by something else": (
        set(),
        [ADD, by_sign(BOAT), REMOVE, ("PaintBoat", {"id": "b1"}, BOAT), by_sign(BOAT)],
    ),
}


@pytest.fixture(scope="module")
def berths(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("berths") / "berths.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, berths: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(berths, "berths.")(*said)) == codes


def test_programs_look_by_every_name_before_and_after_a_deletion(berths: Registry) -> None:
    plan = Plan(
        registry=berths,
        methods=tuple(berths.methods.values()),
        expectations=Expectations(registry=berths),
        generators=Generators(berths),
    )
    resource = resources_of(berths).by_name["Boat"]
    making = resource.operation(Role.CREATE)
    assert making is not None
    adding = making.method.request_class(sign="AB12", spot={"row": 1}, color="red")  # type: ignore[call-arg]
    plan.acceptance.keep(AcceptedRequest(making.method, adding.SerializeToString(), own_id=("sign",)), b"")
    cases = lifecycle_scenarios.create(resource, making, ResourceFactory(plan))
    case = next(one for one in cases if one.id.endswith("/by-other-names"))
    names = [call.path.rpartition("/")[2] for call in case.calls]
    looks = ["GetBoat", "GetBoatBySign"]
    assert names == ["AddBoat", *looks, "RemoveBoat", *looks, "RemoveBoat"]
    assert [call.bindings for call in case.calls[1:3]] == [
        (Binding(0, ("spot",), ("spot",)),),
        (Binding(0, ("sign",), ("sign",)),),
    ]
    other = CallSequence(ResourceFactory(plan), making.method, "another")
    made = [other.create(resource, 1) for _ in range(2)]
    assert all(made)
    calls = (case.calls[0], *other.calls)
    signs = {making.method.request_class.FromString(call.messages[0]).sign for call in calls}
    assert len(signs) == len(calls)  # what there may be once only is another one each time
