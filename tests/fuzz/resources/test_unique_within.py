"""Names that are unique whatever their case, and within something; conversations, and what is read of comments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.promises import promises_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package barn;
service Barn {
  rpc AddStall(AddStallRequest) returns (Stall);
  rpc AddHorse(AddHorseRequest) returns (Horse);
  rpc Groom(StallId) returns (Stall);
}
message AddStallRequest {
  // Unique, whatever its case.
  string door = 1;
}
message Stall { string id = 1; string door = 2; }
message StallId { string id = 1; }
message AddHorseRequest {
  string stall_id = 1;
  // Unique in the stall.
  string nickname = 2;
}
message Horse { string id = 1; string stall_id = 2; string nickname = 3; }
"""


def stall(number: int, door: str) -> tuple[str, Any, Any]:
    return ("AddStall", {"door": door}, {"id": f"s{number}", "door": door})


def horse(answer: Any, stall_id: str = "s1") -> tuple[str, Any, Any]:
    request = {"stallId": stall_id, "nickname": "Bo"}
    return ("AddHorse", request, answer if isinstance(answer, str) else {"id": f"h{answer}", **request})


CASES: dict[str, tuple[set[str], list[tuple[str, Any, Any]]]] = {
    "the same in capitals": ({"G133"}, [stall(1, "oak"), stall(2, "OAK")]),
    "the same in small letters": ({"G133"}, [stall(1, "OAK"), stall(2, "oak")]),
    "the same in capitals, refused": (set(), [stall(1, "oak"), ("AddStall", {"door": "OAK"}, "ALREADY_EXISTS")]),
    "another one": (set(), [stall(1, "oak"), stall(2, "ash")]),
    "the same one": (set(), [stall(1, "oak"), stall(1, "OAK")]),
    "one that may be gone": (set(), [stall(1, "oak"), ("Groom", {"id": "s1"}, {"id": "s1"}), stall(2, "OAK")]),
    "one twice within": ({"G133"}, [horse(1), horse(2)]),
    "one twice within, refused": (set(), [horse(1), horse("ALREADY_EXISTS")]),
    "one within each": (set(), [horse(1), horse(2, "s2")]),
    "refused within another": ({"G133"}, [horse(1), horse("ALREADY_EXISTS", "s2")]),
    "refused within another for something else": (set(), [horse(1), horse("NOT_FOUND", "s2")]),
}


@pytest.fixture(scope="module")
def barn(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("barn") / "barn.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name: str, barn: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    expected, said = CASES[name]
    assert judging(barn, "barn.")(*said).keys() & {"G133"} == expected


def test_what_comments_say_of_names(barn: Registry) -> None:
    (door,) = promises_of(barn.method("barn.Barn/AddStall"), barn)
    (nickname,) = promises_of(barn.method("barn.Barn/AddHorse"), barn)
    assert (door.is_unique, door.ignores_case, door.within) == (True, True, "")
    assert (nickname.is_unique, nickname.ignores_case, nickname.within) == (True, False, "stall")
