"""What is idempotent by its options changes nothing more when it is called again; conversations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package kiln;
service Kiln {
  rpc GetPot(PotName) returns (Pot) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Glaze(PotName) returns (Pot) { option idempotency_level = IDEMPOTENT; }
  rpc Fire(FireRequest) returns (Pot) { option idempotency_level = IDEMPOTENT; }
  rpc Paint(PotName) returns (Pot);
  rpc GetFiring(PotName) returns (Firing) { option idempotency_level = NO_SIDE_EFFECTS; }
}
message PotName { string name = 1; }
message FireRequest { string name = 1; int32 degrees = 2; }
message Firing {
  enum State { STATE_UNSPECIFIED = 0; QUEUED = 1; RUNNING = 2; DONE = 3; }
  string name = 1; State state = 2; repeated Step events = 3; int32 generation = 4;
}
message Step { string what = 1; }
message Pot {
  string name = 1; int32 version = 2; repeated Step history = 3; int32 views = 4; repeated Step cracks = 5;
}
"""


def pot(version: int = 1, steps: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": "a", "version": version, "history": [{"what": "made"}] * steps, **more}


def firing(state: str, events: int, **more: Any) -> tuple[str, Any, Any]:
    return ("GetFiring", {"name": "a"}, {"name": "a", "state": state, "events": [{"what": "hot"}] * events, **more})


CASES: dict[str, tuple[set[str], list[tuple[str, Any, Any]]]] = {
    "read twice": (set(), [("GetPot", {"name": "a"}, pot()), ("GetPot", {"name": "a"}, pot())]),
    "a log of reads": ({"G128"}, [("GetPot", {"name": "a"}, pot()), ("GetPot", {"name": "a"}, pot(steps=2))]),
    "a version for a read": ({"G128"}, [("GetPot", {"name": "a"}, pot()), ("GetPot", {"name": "a"}, pot(2))]),
    "another pot": (set(), [("GetPot", {"name": "a"}, pot()), ("GetPot", {"name": "b"}, pot(2))]),
    "views, which are counted": (
        set(),
        [("GetPot", {"name": "a"}, pot(views=1)), ("GetPot", {"name": "a"}, pot(views=2))],
    ),
    "what isn't a log": (
        set(),
        [("GetPot", {"name": "a"}, pot()), ("GetPot", {"name": "a"}, pot(cracks=[{"what": "small"}]))],
    ),
    "something between": (
        set(),
        [("GetPot", {"name": "a"}, pot()), ("Paint", {"name": "a"}, pot(2)), ("GetPot", {"name": "a"}, pot(2))],
    ),
    "done once": (set(), [("Glaze", {"name": "a"}, pot(2)), ("Glaze", {"name": "a"}, pot(2))]),
    "done again": ({"G128"}, [("Glaze", {"name": "a"}, pot(2)), ("Glaze", {"name": "a"}, pot(3))]),
    "of no level": (set(), [("Paint", {"name": "a"}, pot(2)), ("Paint", {"name": "a"}, pot(3))]),
    "refused again": (set(), [("Glaze", {"name": "a"}, pot(2)), ("Glaze", {"name": "a"}, "ABORTED")]),
    "what runs": (set(), [firing("RUNNING", 1), firing("RUNNING", 2)]),
    "what runs, and its generation": (set(), [firing("RUNNING", 1, generation=1), firing("RUNNING", 1, generation=2)]),
    "what has just ended": (set(), [firing("RUNNING", 1), firing("DONE", 2)]),
    "what has just begun": (set(), [firing("QUEUED", 0), firing("RUNNING", 1)]),
    "what is done": ({"G128"}, [firing("DONE", 1), firing("DONE", 2)]),
    "with more than a name": (
        set(),
        [("Fire", {"name": "a", "degrees": 9}, pot(2)), ("Fire", {"name": "a", "degrees": 9}, pot(3))],
    ),
}


@pytest.fixture(scope="module")
def kiln(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("kiln") / "kiln.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name: str, kiln: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    expected, said = CASES[name]
    assert judging(kiln, "kiln.")(*said).keys() & {"G128"} == expected
