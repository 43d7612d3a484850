"""Two things of one name, of which a look by that name finds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package boats;
service Boats {
  rpc RegisterBoat(RegisterBoatRequest) returns (Boat);
  rpc GetBoat(GetBoatRequest) returns (Boat);
  rpc EstimateBoat(EstimateBoatRequest) returns (Boat);
  rpc SellBoat(SellBoatRequest) returns (Boat);
}
message Boat { string id = 1; string reference = 2; string harbor = 3; }
message RegisterBoatRequest { string reference = 1; string harbor = 2; }
message GetBoatRequest { oneof by { string id = 1; string reference = 2; string harbor = 3; } }
message EstimateBoatRequest { string reference = 1; }
message SellBoatRequest { string id = 1; }
"""
Words = tuple[str, Any, Any]


def boat(number: int, reference: str = "r-1", harbor: str = "") -> dict[str, Any]:
    return {"id": f"b{number}", "reference": reference, "harbor": harbor}


def register(number: int, reference: str = "r-1", harbor: str = "") -> Words:
    return ("RegisterBoat", {"reference": reference, "harbor": harbor}, boat(number, reference, harbor))


BY_REFERENCE: Words = ("GetBoat", {"reference": "r-1"}, boat(1))

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "two, and one is found": ({"G133"}, [register(1), register(2), BY_REFERENCE]),
    "two, and none is asked for": (set(), [register(1), register(2)]),
    "one": (set(), [register(1), register(2, "r-2"), BY_REFERENCE]),
    "the same one again": (set(), [register(1), register(1), BY_REFERENCE]),
    "two, and both are refused": (
        set(),
        [register(1), register(2), ("GetBoat", {"reference": "r-1"}, "FAILED_PRECONDITION")],
    ),
    "one was sold": (set(), [register(1), ("SellBoat", {"id": "b1"}, boat(1)), register(2), BY_REFERENCE]),
    "by a place": (
        set(),
        [
            register(1, "r-1", "Kiel"),
            register(2, "r-2", "Kiel"),
            ("GetBoat", {"harbor": "Kiel"}, boat(1, "r-1", "Kiel")),
        ],
    ),
    "by what is no other name for a key": (
        set(),
        [register(1), register(2), ("EstimateBoat", {"reference": "r-1"}, boat(1))],
    ),
    "another one is found": (set(), [register(1), register(2), ("GetBoat", {"reference": "r-1"}, boat(7))]),
}


@pytest.fixture(scope="module")
def boats(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("boats") / "boats.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_name_is_that_of_one_thing(
    boats: Registry, judging: Callable[[Registry, str], Callable[..., dict[str, str]]], name: str
) -> None:
    expected, said = CASES[name]
    assert set(judging(boats, "boats")(*said)) == expected
