"""Sums of what stands below a thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.resources.laws.child_sums import all_sums
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package depot;
service Depot {
  rpc AddTruck(AddTruckRequest) returns (Truck);
  rpc GetTruck(TruckId) returns (Truck);
  rpc RenameTruck(TruckId) returns (Truck);
  rpc RecordFill(RecordFillRequest) returns (Fill);
  rpc AddFee(AddFeeRequest) returns (Fee);
}
message AddTruckRequest { string plate = 1; }
message TruckId { string truck_id = 1; }
message Truck {
  string truck_id = 1;
  // Sums over all fills.
  double fuel_liters = 2;
  int64 fuel_cost_cents = 3;
  // How far it went.
  int64 km = 4;
  int64 other_cost_cents = 5;
  // Sum of the open fills.
  int64 open_cost_cents = 6;
  // The sum of all fees.
  int64 fee_amount = 7;
}
message RecordFillRequest { string truck_id = 1; double liters = 2; int64 cost_cents = 3; }
message Fill { string id = 1; string truck_id = 2; double liters = 3; int64 cost_cents = 4; }
message AddFeeRequest { string truck_id = 1; }
message Fee { string id = 1; int64 amount = 2; string currency_code = 3; }
"""

Words = tuple[str, Any, Any]
MADE: Words = ("AddTruck", {"plate": "a"}, {"truckId": "t"})


def fill(number: int, cents: int, truck: str = "t") -> Words:
    return ("RecordFill", {"truckId": truck}, {"id": f"f{number}", "liters": 1.5, "costCents": cents})


def truck(cents: int, liters: float = 0, **more: Any) -> Words:
    shown = {"truckId": "t", "fuelCostCents": cents, "fuelLiters": liters, **more}
    return ("GetTruck", {"truckId": "t"}, shown)


WRONG = {"G129"}
CASES: dict[str, tuple[set[str], list[Words]]] = {
    "added up": (set(), [MADE, truck(0), fill(1, 5), truck(5, 1.5), fill(2, 5), fill(3, 4), truck(14, 4.5)]),
    "the last one alone": (WRONG, [MADE, fill(1, 5), fill(2, 4), truck(4, 3)]),
    "nothing added": (WRONG, [MADE, truck(0), fill(1, 5), truck(0, 1.5)]),
    "another number": (WRONG, [MADE, truck(0), fill(1, 5), truck(5, 2)]),
    "a rounded one": (set(), [MADE, truck(0), fill(1, 5), truck(5, 1.51)]),
    "a truck of somebody else": (set(), [truck(0), fill(1, 5), truck(9, 1.5)]),
    "below another truck": (set(), [MADE, truck(0), fill(1, 5, "u"), truck(0)]),
    "one that is there already": (set(), [MADE, truck(0), fill(1, 5), truck(5, 1.5), fill(1, 5), truck(5, 1.5)]),
    "something else was done": (
        set(),
        [MADE, truck(0), fill(1, 5), ("RenameTruck", {"truckId": "t"}, {"truckId": "t"}), truck(0)],
    ),
    "what is told of some only": (set(), [MADE, truck(0), fill(1, 5), truck(5, 1.5, openCostCents=9)]),
}


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("depot") / "depot.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, depot: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(depot, "depot.")(*said)) == codes


def test_which_sums_are_known(depot: Registry) -> None:
    found = {one.shown_in.name: one.added.name for sums in all_sums(depot).values() for one in sums}
    assert found == {"fuel_liters": "liters", "fuel_cost_cents": "cost_cents"}
