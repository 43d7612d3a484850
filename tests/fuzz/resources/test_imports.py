"""Imports that tell in their answers what became of each row: conversations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package farm;
service Farm {
  // ALREADY_EXISTS if the tag is taken.
  rpc CreateCow(CreateCowRequest) returns (Cow);
  rpc GetCow(GetCowRequest) returns (Cow);
  // Rows that CreateCow would call invalid are rejected.
  rpc ImportCows(stream CreateCowRequest) returns (Imported);
}
message Cow { string tag = 1; string name = 2; }
message CreateCowRequest { Cow cow = 1; }
message GetCowRequest { string tag = 1; }
message Imported { int32 created = 1; int32 updated = 2; int32 rejected = 3; repeated Problem problems = 4; }
message Problem { int32 row = 1; string message = 2; }
"""

ANN, BEN, CAT = ({"tag": tag, "name": "x"} for tag in ("ann", "ben", "cat"))
REJECTED = {"rejected": 1, "problems": [{"row": 1, "message": "cow.name must be in capital letters"}]}
GONE = ("GetCow", {"tag": "ann"}, "NOT_FOUND")


def rows(*cows: Any, **answer: Any) -> tuple[str, Any, Any]:
    return ("ImportCows", [{"cow": cow} for cow in cows], answer)


CASES: dict[str, tuple[set[str], list[Any]]] = {
    "created, and then updated": (set(), [rows(ANN, created=1), rows(BEN, created=1), rows(ANN, updated=1)]),
    "created twice": ({"G133"}, [rows(ANN, created=1), rows(BEN, created=1), rows(ANN, created=1)]),
    "rejected twice": (set(), [rows(ANN, **REJECTED), rows(BEN, **REJECTED), rows(ANN, **REJECTED)]),
    "rejected, and there": ({"G131"}, [GONE, rows(ANN, **REJECTED), ("GetCow", {"tag": "ann"}, ANN)]),
    "one of two is rejected": (
        set(),
        [rows(BEN, created=1), rows(CAT, created=1), rows(ANN, BEN, **REJECTED, updated=1), GONE],
    ),
    "both are done, and one isn't there": (
        {"G129"},
        [rows(BEN, created=1), rows(CAT, created=1), rows(ANN, BEN, created=1, updated=1), GONE],
    ),
}


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("farm") / "farm.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, farm: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert judging(farm, "farm.")(*said).keys() - {"G151"} == codes
