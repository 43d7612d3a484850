"""Lists that go on behind a thing: what they show is a part of the whole, and somewhere they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package harbor;
service Harbor {
  rpc RegisterBoat(RegisterBoatRequest) returns (Boat);
  rpc LookupBoat(BoatNumber) returns (Boat);
  rpc FindBoats(FindBoatsRequest) returns (FindBoatsReply);
  rpc RegisterCrane(RegisterCraneRequest) returns (Crane);
  rpc LookupCrane(BoatNumber) returns (Crane);
  rpc FindCranes(FindCranesRequest) returns (FindCranesReply);
}
message RegisterBoatRequest { string flag = 1; }
message Boat { int64 number = 1; string flag = 2; }
message BoatNumber { int64 number = 1; }
message FindBoatsRequest { int64 after = 1; int32 limit = 2; string flag = 3; }
message FindBoatsReply { repeated Boat boats = 1; bool more = 2; string hint = 3; }
message RegisterCraneRequest { string kind = 1; }
message Crane { int64 number = 1; string kind = 2; }
message FindCranesRequest { int32 skip = 1; int32 limit = 2; }
message FindCranesReply { repeated Crane cranes = 1; bool more = 2; }
"""


def boats(*numbers: int, after: int = 0, limit: int = 10, flag: str = "", **more: Any) -> Any:
    request = {"after": after, "limit": limit, "flag": flag}
    return ("FindBoats", request, {"boats": [{"number": number} for number in numbers], **more})


def cranes(*numbers: int, skip: int = 0, **more: Any) -> Any:
    return ("FindCranes", {"skip": skip, "limit": 10}, {"cranes": [{"number": number} for number in numbers], **more})


MADE = ("RegisterBoat", {"flag": "a"}, {"number": 9, "flag": "a"})

CASES: dict[str, tuple[set[str], list[Any]]] = {
    "an end": (set(), [boats(after=9)]),
    "no end": ({"G134"}, [boats(after=9, more=True)]),
    "an empty page, and where to go on": (set(), [boats(after=9, more=True, hint="12")]),
    "none were asked for": (set(), [boats(after=9, limit=0, more=True)]),
    "none of those that were asked for": (set(), [boats(after=9, flag="x", more=True)]),
    "an empty page, and numbers lead on": (set(), [cranes(skip=9, more=True)]),
    "a part": (set(), [boats(7, 8, 9), boats(8, 9, after=7), boats(7, 8, 9)]),
    "no part": ({"G134"}, [boats(7), boats(8, 9, after=7), boats(7)]),
    "something of nothing": ({"G134"}, [boats(), boats(7, 8, after=9), boats()]),
    "no part, after so many": ({"G134"}, [cranes(7), cranes(9, skip=1), cranes(7)]),
    "no part, and nobody looked again": (set(), [boats(7), boats(8, 9, after=7)]),
    "no part, and something was made": (set(), [boats(7), MADE, boats(9, after=7), boats(7)]),
    "no part, and somebody else made it": (set(), [boats(7), boats(9, after=7), boats(7, 9)]),
    "no part of a page": (set(), [boats(7, more=True), boats(8, 9, after=7), boats(7, more=True)]),
    "no part of a full page": (set(), [boats(7, limit=1), boats(8, after=7, limit=1), boats(7, limit=1)]),
    "no part of a page that may be cut": (
        set(),
        [boats(7, limit=99), boats(8, after=7, limit=99), boats(7, limit=99)],
    ),
    "in a row": (set(), [boats(2, 3, 4, after=1), boats(3, 4, after=2), boats(4, after=3)]),
    "neither behind the other": ({"G134"}, [boats(3, 4, after=1), boats(after=3), boats(after=4)]),
    "neither behind the other, on full pages": (
        set(),
        [boats(3, 4, after=1), boats(8, after=3, limit=1), boats(9, after=4, limit=1)],
    ),
    "neither behind the other, which nobody has seen in one list": (
        set(),
        [boats(4, after=1), boats(after=3), boats(after=4)],
    ),
    "neither behind the other, and something was made": (
        set(),
        [boats(3, 4, after=1), boats(after=3), MADE, boats(after=4)],
    ),
    "no part of another list": (set(), [boats(7, flag="a"), boats(8, after=7), boats(7, flag="a")]),
}


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("harbor") / "harbor.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, harbor: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(harbor, "harbor.")(*said)) == codes
