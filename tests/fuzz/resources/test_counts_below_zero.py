"""Counts that are below zero, and numbers that may be: conversations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.counting import counts_in
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package orchard;
import "google/api/field_behavior.proto";
service Orchard {
  rpc PlantTree(PlantTreeRequest) returns (Tree);
  rpc GetTree(GetTreeRequest) returns (Tree);
  rpc PickAll(stream PickRequest) returns (stream Picked);
}
message PlantTreeRequest { string kind = 1; int32 graft_count = 2; Bed bed = 3; }
message Bed { int32 row_count = 1; int32 worm_count = 2 [(google.api.field_behavior) = OUTPUT_ONLY]; }
message GetTreeRequest { string id = 1; int32 leaf_count = 2; }
message PickRequest { string id = 1; }
message FruitCounts { int32 ripe = 1; int32 rotten = 2; string unit = 3; }
message CountsDelta { int32 ripe = 1; }
message NetCounts { int32 ripe = 1; }
message Tree {
  string id = 1;
  int32 graft_count = 2;
  int32 leaf_count = 3;
  FruitCounts fruit = 4;
  CountsDelta since = 5;
  NetCounts net = 6;
  // How many birds nest in it.
  int32 birds = 7;
  // How many days until it blossoms.
  int32 blossom = 8;
  // The number of seeds; -2 where nobody looked.
  int32 seed_count = 9;
  int32 vote_count = 10;
  int32 version = 11;
  // Counts the trees of the orchard, from 1.
  int32 place = 12;
  // From 1 to 5.
  int32 rank = 13;
  int64 total = 14;
  int64 total_items = 15;
  int32 height = 16;
  Bed bed = 17;
  map<string, FruitCounts> by_year = 18;
  int32 stock_count = 19;
  // How many of them weren't so before.
  int32 changed = 20;
  // Starts at 1, one more with each change.
  int32 revision = 21;
}
message Picked { int32 sequence = 1; repeated Tree trees = 2; }
"""


def tree(**fields: Any) -> tuple[str, Any, Any]:
    return ("GetTree", {"id": "t"}, {"id": "t", **fields})


def versions(*numbers: int) -> list[tuple[str, Any, Any]]:
    return [tree(version=number) for number in numbers]


CASES: dict[str, tuple[set[str], list[tuple[str, Any, Any]]]] = {
    "as it should be": (set(), [tree(leafCount=3, fruit={"ripe": 1}, birds=2, version=1, place=1, totalItems=4)]),
    "below zero": ({"G151"}, [tree(leafCount=-2)]),
    "of a message of counts": ({"G151"}, [tree(fruit={"ripe": 2, "rotten": -3})]),
    "in a map": ({"G151"}, [tree(byYear={"2020": {"ripe": -2}})]),
    "by its comment": ({"G151"}, [tree(birds=-2)]),
    "how many were changed": ({"G151"}, [tree(changed=-2)]),
    "of a list": ({"G151"}, [tree(totalItems=-5)]),
    "where it counts from one": ({"G151"}, [tree(place=-2)]),
    "where it starts at one": ({"G151"}, [tree(revision=-2)]),
    "of the server's own in a request": ({"G151"}, [tree(bed={"wormCount": -2})]),
    "in a list of a stream": ({"G151"}, [("PickAll", [{"id": "t"}], [{"trees": [{"leafCount": -4}]}])]),
    "counted down": ({"G151"}, versions(1, 0, -1, -2, -3)),
    "counted down in a stream": (
        {"G151"},
        [("PickAll", [{}, {}, {}], [{"sequence": -1}, {"sequence": -2}, {"sequence": -3}])],
    ),
    "special versions": (set(), versions(1, -1, -3, 2)),
    "unknown": (set(), [tree(leafCount=-1, birds=-1, fruit={"ripe": -1}, totalItems=-1, place=-1)]),
    "what a client gives": (set(), [tree(graftCount=-2, bed={"rowCount": -2})]),
    "days": (set(), [tree(blossom=-3)]),
    "as its comment says": (set(), [tree(seedCount=-2)]),
    "votes": (set(), [tree(voteCount=-20)]),
    "what was promised and isn't there": (set(), [tree(stockCount=-20)]),
    "a difference": (set(), [tree(since={"ripe": -5}, net={"ripe": -5})]),
    "a sum": (set(), [tree(total=-500)]),
    "what counts nothing": (set(), [tree(height=-5, rank=-3)]),
    "refused": (set(), [("GetTree", {"id": "t"}, "NOT_FOUND")]),
}


@pytest.fixture(scope="module")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("orchard") / "orchard.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, orchard: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    found = judging(orchard, "orchard.")(*said)
    assert found.keys() & {"G151"} == codes


def test_what_counts_is_told_by_names_and_comments(orchard: Registry) -> None:
    method = orchard.method("orchard.Orchard/GetTree")
    assert set(counts_in(method.output, orchard)) == {
        *("leaf_count", "birds", "version", "place", "total_items", "changed", "revision")
    }
