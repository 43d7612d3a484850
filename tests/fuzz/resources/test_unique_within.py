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
  rpc AddCart(AddCartRequest) returns (Cart);
  rpc CreateGate(CreateGateRequest) returns (Gate);
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
message AddCartRequest { string parent = 1; Cart cart = 2; }
message Cart {
  string id = 1;
  // Must be unique among the carts.
  string plate = 2;
  // A mark, unique within each field.
  string mark = 3;
}
message CreateGateRequest {
  // A unique name per gate.
  string title = 1;
  string gate_color = 2;
}
message Gate { string id = 1; string title = 2; }
message Horse { string id = 1; string stall_id = 2; string nickname = 3; }
"""


def stall(number: int, door: str) -> tuple[str, Any, Any]:
    return ("AddStall", {"door": door}, {"id": f"s{number}", "door": door})


def horse(answer: Any, stall_id: str = "s1") -> tuple[str, Any, Any]:
    request = {"stallId": stall_id, "nickname": "Bo"}
    return ("AddHorse", request, answer if isinstance(answer, str) else {"id": f"h{answer}", **request})


def cart(answer: Any, parent: str, **fields: str) -> tuple[str, Any, Any]:
    return (
        *("AddCart", {"parent": parent, "cart": fields}),
        answer if isinstance(answer, str) else {"id": f"c{answer}", **fields},
    )


def gate(answer: str, color: str) -> tuple[str, Any, Any]:
    return ("CreateGate", {"title": "big", "gateColor": color}, {"id": "g1"} if answer == "OK" else answer)


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
    "refused within one where it is, after another": (set(), [horse(1), horse(2, "s2"), horse("ALREADY_EXISTS", "s2")]),
    "twice within one, after another": ({"G133"}, [horse(1), horse(2, "s2"), horse(3, "s2")]),
    "refused within a third": ({"G133"}, [horse(1), horse(2, "s2"), horse("ALREADY_EXISTS", "s3")]),
    "one below each parent": (set(), [cart(1, "fields/a", mark="x"), cart(2, "fields/b", mark="x")]),
    "two below one parent": ({"G133"}, [cart(1, "fields/a", mark="x"), cart(2, "fields/a", mark="x")]),
    "refused below another parent": (
        {"G133"},
        [cart(1, "fields/a", mark="x"), cart("ALREADY_EXISTS", "fields/b", mark="x")],
    ),
    "refused below another parent in the same field": (
        set(),
        [cart(1, "fields/a/rows/1", mark="x"), cart("ALREADY_EXISTS", "fields/a/rows/2", mark="x")],
    ),
    "refused below a parent of which the field isn't known": (
        set(),
        [cart(1, "rows/1", mark="x"), cart("ALREADY_EXISTS", "rows/2", mark="x")],
    ),
    "what is unique of the thing itself": (set(), [gate("OK", "red"), gate("ALREADY_EXISTS", "blue")]),
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
    (title,) = promises_of(barn.method("barn.Barn/CreateGate"), barn)
    marks = {one.way[-1].name: one.within for one in promises_of(barn.method("barn.Barn/AddCart"), barn)}
    assert (title.within, marks) == ("", {"plate": "carts", "mark": "field"})
    assert (door.is_unique, door.ignores_case, door.within) == (True, True, "")
    assert (nickname.is_unique, nickname.ignores_case, nickname.within) == (True, False, "stall")
