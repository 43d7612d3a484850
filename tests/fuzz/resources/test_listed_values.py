"""What lists, searches and streams show of things that were made: conversations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package yard;
service Yard {
  rpc AddBoat(AddBoatRequest) returns (AddBoatResponse);
  rpc ListBoats(ListBoatsRequest) returns (ListBoatsResponse);
  rpc SearchBoats(SearchBoatsRequest) returns (stream SearchBoatsResponse);
  rpc ListRevisions(ListBoatsRequest) returns (ListBoatsResponse);
  rpc Paint(PaintRequest) returns (AddBoatResponse);
}
message Boat { string id = 1; string sign = 2; string note = 3; string state = 4; Hull hull = 5; double meters = 6; }
message Hull { string wood = 1; }
message AddBoatRequest { Boat boat = 1; }
message AddBoatResponse { string id = 1; }
message ListBoatsRequest {}
message ListBoatsResponse { repeated Boat boats = 1; }
message SearchBoatsRequest { string wood = 1; }
message SearchBoatsResponse { Boat boat = 1; }
message PaintRequest { string id = 1; }

service Ponds {
  rpc CreatePond(Pond) returns (Pond);
  rpc GetPond(GetPondRequest) returns (Pond);
  rpc ListPonds(ListBoatsRequest) returns (ListPondsResponse);
}

service Docks {
  rpc CreateDock(Dock) returns (Dock);
  rpc GetDocks(ListBoatsRequest) returns (GetDocksResponse);
}
message Dock { string id = 1; string title = 2; string note = 3; int32 depth = 4; }
message GetDocksResponse { repeated Dock docks = 1; }

message Pond { string id = 1; string title = 2; string note = 3; }
message GetPondRequest { string id = 1; }
message ListPondsResponse { repeated Pond ponds = 1; }
"""

A: dict[str, Any] = {"id": "a", "sign": "Anna", "note": "red", "hull": {"wood": "oak"}, "meters": 4}
B: dict[str, Any] = {"id": "b", "sign": "Bell", "note": "blue", "hull": {"wood": "ash"}, "meters": 5}
P: dict[str, Any] = {"id": "p", "title": "Pool", "note": "deep"}
Q: dict[str, Any] = {"id": "q", "title": "Quay", "note": "flat"}

Words = tuple[str, Any, Any]
ADDED: list[Words] = [("AddBoat", {"boat": one}, {"id": one["id"]}) for one in (A, B)]
DUG: list[Words] = [("CreatePond", {**one, "id": ""}, one) for one in (P, Q)]

BUILT: list[Words] = [("CreateDock", {**one, "id": ""}, one) for one in (P, Q)]


def listed(*boats: Any) -> Words:
    return ("ListBoats", {}, {"boats": list(boats)})


def searched(*boats: Any) -> Words:
    return ("SearchBoats", {}, [{"boat": one} for one in boats])


def ponds(*shown: Any) -> Words:
    return ("ListPonds", {}, {"ponds": list(shown)})


def docks(*shown: Any) -> Words:
    return ("GetDocks", {}, {"docks": list(shown)})


def lacking(one: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in names}


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "as it was given": (set(), [*ADDED, listed(A, B), searched(A, B)]),
    "another text": ({"G129"}, [*ADDED, listed(A, {**B, "sign": "Anna"})]),
    "another number": ({"G129"}, [*ADDED, searched({**A, "meters": 9}, B)]),
    "another text in a stream": ({"G129"}, [*ADDED, searched(A, {**B, "sign": "Anna"})]),
    "cut short": (set(), [*ADDED, listed({**A, "sign": "An…"}, B)]),
    "in the server's own state": (
        set(),
        [("AddBoat", {"boat": {**A, "state": "x"}}, {"id": "a"}), ADDED[1], listed({**A, "state": "y"}, B)],
    ),
    "no text of one": ({"G129"}, [*ADDED, searched(lacking(A, "note"), B)]),
    "no text of any, where another list may have it": (
        set(),
        [*ADDED, ("SearchBoats", {"wood": "oak"}, [{"boat": lacking(A, "note")}])],
    ),
    "no text of any, where nothing else shows them": (
        {"G129"},
        [*BUILT, docks(lacking(P, "note"), lacking(Q, "note"))],
    ),
    "all that there is, where nothing else shows them": (set(), [*BUILT, docks(P, Q)]),
    "no number of any": (set(), [*ADDED, searched(lacking(A, "meters"), lacking(B, "meters"))]),
    "no text after it was painted": (
        set(),
        [*ADDED, ("Paint", {"id": "a"}, {"id": "a"}), searched(lacking(A, "note"), B)],
    ),
    "as it was, among its revisions": (
        set(),
        [*ADDED, ("ListRevisions", {}, {"boats": [{**A, "sign": "Olga"}]})],
    ),
    "of things that others made": (set(), [searched(A, lacking(B, "note"))]),
    "a summary of what can be read": (set(), [*DUG, ponds(lacking(P, "note"), lacking(Q, "note"))]),
    "no text of one that can be read": ({"G129"}, [*DUG, ponds(P, lacking(Q, "note"))]),
    "what creation has left out": (
        set(),
        [("CreatePond", {**P, "id": ""}, lacking(P, "title")), DUG[1], ponds(lacking(P, "title"), Q)][1:],
    ),
}


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("yard") / "yard.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, yard: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(yard, "yard.")(*said)) == codes
