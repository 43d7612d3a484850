"""Several asked for at once below one parent (AIP-231), and parents that are deleted with what is below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package fleet;
import "google/api/resource.proto";
import "google/protobuf/empty.proto";
service Fleet {
  rpc CreatePort(CreatePortRequest) returns (Port);
  rpc GetPort(Name) returns (Port);
  rpc DeletePort(DeletePortRequest) returns (google.protobuf.Empty);
  rpc CreateShip(CreateShipRequest) returns (Ship);
  rpc GetShip(Name) returns (Ship);
  rpc BatchGetShips(BatchGetShipsRequest) returns (BatchGetShipsResponse);
  rpc DeleteShip(Name) returns (google.protobuf.Empty);
}
message Port {
  option (google.api.resource) = {type: "fleet.example.com/Port" pattern: "ports/{port}"};
  string name = 1;
}
message Ship {
  option (google.api.resource) = {type: "fleet.example.com/Ship" pattern: "ports/{port}/ships/{ship}"};
  string name = 1;
}
message Name { string name = 1; }
message CreatePortRequest { string port_id = 1; Port port = 2; }
message DeletePortRequest { string name = 1; bool force = 2; }
message CreateShipRequest { string parent = 1; string ship_id = 2; Ship ship = 3; }
message BatchGetShipsRequest { string parent = 1; repeated string names = 2; }
message BatchGetShipsResponse { repeated Ship ships = 1; }
"""

PORTS: list[Any] = [("CreatePort", {"portId": one}, {"name": f"ports/{one}"}) for one in "ab"]
SHIPS: list[Any] = [
    ("CreateShip", {"parent": f"ports/{one}", "shipId": "s"}, {"name": f"ports/{one}/ships/s"}) for one in "ab"
]
SUNK = ("DeleteShip", {"name": "ports/a/ships/s"}, {})


def several(parent: str, answer: Any, *ports: str) -> Any:
    names = [f"ports/{port}/ships/s" for port in ports]
    shown = {"ships": [{"name": name} for name in names]}
    return ("BatchGetShips", {"parent": parent, "names": names}, answer or shown)


def deleted(answer: Any = None, **more: Any) -> Any:
    return ("DeletePort", {"name": "ports/a", **more}, answer or {})


CASES: dict[str, tuple[set[str], list[Any]]] = {
    "of one parent": (set(), [*PORTS, *SHIPS, several("ports/a", None, "a")]),
    "of two, and one is named": ({"G132"}, [*PORTS, *SHIPS, several("ports/a", None, "a", "b")]),
    "of two, and one is named, which is refused": (
        set(),
        [*PORTS, *SHIPS, several("ports/a", "INVALID_ARGUMENT", "a", "b")],
    ),
    "of two, and all are named": (set(), [*PORTS, *SHIPS, several("ports/-", None, "a", "b")]),
    "of two, and none is named": (set(), [*PORTS, *SHIPS, several("", None, "a", "b")]),
    "deleted with some below": ({"G132"}, [*PORTS, *SHIPS, deleted()]),
    "not deleted, for there are some below": (set(), [*PORTS, *SHIPS, deleted("FAILED_PRECONDITION")]),
    "deleted with all below": (set(), [*PORTS, *SHIPS, deleted(force=True)]),
    "deleted with nothing below": (set(), [*PORTS, *SHIPS, SUNK, deleted()]),
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("fleet") / "fleet.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, fleet: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(fleet, "fleet.")(*said)) == codes
