"""What isn't given again, as comments say: conversations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import given_once_programs
from grpcmock.fuzz.resources.given_once import given_once
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package harbor;
// Ids are never used again.
service Harbor {
  rpc OpenPier(OpenPierRequest) returns (Pier);
  rpc ClosePier(PierId) returns (Gone);
  rpc CreateBerth(CreateBerthRequest) returns (Berth);
  rpc GetBerth(BerthId) returns (Berth);
  rpc DeleteBerth(BerthId) returns (Gone);
  rpc DeletePier(PierId) returns (Gone);
  rpc CreateCrane(CreateCraneRequest) returns (Crane);
  rpc DeleteCrane(CraneId) returns (Gone);
  rpc SweepBerths(Gone) returns (Gone);
  rpc DeleteOldBerths(Gone) returns (Gone);
}
message OpenPierRequest { string pier_code = 1; }
message Pier { string id = 1; }
message PierId { string id = 1; }
message Gone {}
message CreateBerthRequest { string pier_id = 1; string text = 2; string request_id = 3; }
message BerthId { string id = 1; }
message Berth {
  string id = 1;
  string pier_id = 2;
  // Counts the berths of the pier. That of a deleted berth isn't given again.
  int32 number = 3;
  string text = 4;
  // Not reused within a day.
  int32 light = 5;
  // Must not be reused by clients.
  int32 flag = 6;
}
message CreateCraneRequest { string id = 1; string text = 2; }
message CraneId { string id = 1; }
message Crane { string id = 1; int32 number = 2; }
"""

Words = tuple[str, Any, Any]
Judging = Callable[..., Callable[..., dict[str, str]]]


def berth(key: str, number: int, pier: str = "p1", request_id: str = "", text: str = "", **more: Any) -> Words:
    request = {"pierId": pier, "text": text or f"{key}{number}", "requestId": request_id}
    shown = {"id": key, "pierId": pier, "number": number, "text": request["text"], **more}
    return ("CreateBerth", request, shown)


def gone(key: str, answer: Any = None, method: str = "DeleteBerth") -> Words:
    return (method, {"id": key}, {} if answer is None else answer)


def crane(key: str, number: int) -> Words:
    return ("CreateCrane", {"id": key}, {"id": key, "number": number})


PIER: Words = ("OpenPier", {"pierCode": "p"}, {"id": "p1"})

CASES: dict[str, tuple[bool, list[Words]]] = {
    "the number": (True, [PIER, berth("a", 1), berth("b", 2), gone("b"), berth("c", 2)]),
    "the id": (True, [PIER, berth("a", 1), berth("b", 2), gone("b"), berth("b", 3)]),
    "of one that is long gone": (True, [PIER, berth("a", 1), gone("a"), berth("b", 2), gone("b"), berth("c", 1)]),
    "without a parent that was made here": (True, [berth("a", 1), gone("a"), berth("b", 1)]),
    "another": (False, [PIER, berth("a", 1), berth("b", 2), gone("b"), berth("c", 3)]),
    "a gap": (False, [PIER, berth("a", 1), berth("b", 2), gone("b"), berth("c", 9)]),
    "of another pier": (False, [PIER, berth("a", 1), gone("a"), berth("b", 1, "p2")]),
    "of what wasn't deleted": (False, [berth("a", 1), gone("a", "FAILED_PRECONDITION"), berth("b", 2)]),
    "of what wasn't made here": (False, [berth("a", 1), gone("x"), berth("b", 1)]),
    "of a pier that is made again": (
        False,
        [PIER, berth("a", 1), gone("a"), PIER, gone("p1", method="DeletePier"), PIER, berth("b", 1)],
    ),
    "none": (False, [berth("a", 0), gone("a"), berth("b", 0)]),
    "the same request, by its own id": (
        False,
        [berth("a", 1, request_id="r", text="x"), gone("a"), berth("a", 1, request_id="r", text="x")],
    ),
    "the same answer to the same request": (False, [berth("a", 1), gone("a"), berth("a", 1)]),
    "what may be later": (False, [berth("a", 1, light=3), gone("a"), berth("b", 2, light=3)]),
    "what clients do": (False, [berth("a", 1, flag=3), gone("a"), berth("b", 2, flag=3)]),
    "what the client chose": (False, [crane("a", 1), gone("a", method="DeleteCrane"), crane("a", 2)]),
    "nothing is said": (False, [crane("a", 1), gone("a", method="DeleteCrane"), crane("b", 1)]),
    "all were swept": (False, [berth("a", 1), gone("a"), ("DeleteOldBerths", {}, {}), berth("b", 1)]),
}


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("harbor") / "harbor.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, harbor: Registry, judging: Judging) -> None:
    is_wrong, said = CASES[name]
    assert ("G133" in judging(harbor, "harbor.")(*said)) == is_wrong


PROMISES = {
    "never used again": True,
    "Never reused.": True,
    "It isn't given again": True,
    "The number of a deleted coin can't be reused.": True,
    "is not reassigned": True,
    "It may be reused": False,
    "Not reused until the next restart.": False,
    "never reused within 30 days": False,
    "Clients must not be reused": False,
    "Usually not reused": False,
    "It is used again": False,
    "Not unique.": False,
}
OWNERS = {
    "Numbers are never used again.": True,
    "The numbers of coins are never used again.": True,
    "Coin numbers are never used again. They are short.": True,
    "The numbers of purses are never used again.": False,
    "Purse numbers are never used again.": False,
    "Ids are never used again.": False,
    "Numbers are short. Purses are never used again.": False,
}


@pytest.mark.parametrize("words", [*PROMISES, *OWNERS])
def test_what_a_comment_promises(words: str, tmp_path: Path) -> None:
    of_field, of_owner = (words, "") if words in PROMISES else ("", words)
    file = tmp_path / "mint.proto"
    file.write_text(
        f'syntax = "proto3";\npackage mint;\n// {of_owner}\nservice Mint {{ rpc AddCoin(Metal) returns (Coin); }}\n'
        f"message Metal {{}}\nmessage Coin {{\n  string id = 1;\n  // {of_field}\n  int32 number = 2;\n}}\n"
    )
    registry = sources.load([file])
    method = registry.method("mint.Mint/AddCoin")
    found = [one.name for one in given_once(method.output, method, registry)]
    assert (found == ["number"]) == {**PROMISES, **OWNERS}[words]


@pytest.mark.parametrize(("making", "deleting", "is_one"), [("Berth", "Berth", True), ("Crane", "Crane", False)])
def test_the_program(harbor: Registry, making: str, deleting: str, *, is_one: bool) -> None:
    plan = Plan(
        registry=harbor,
        methods=tuple(harbor.methods.values()),
        expectations=Expectations(registry=harbor),
        generators=Generators(harbor),
    )
    maker, taker = harbor.method(f"harbor.Harbor/Create{making}"), harbor.method(f"harbor.Harbor/Delete{deleting}")
    made = AcceptedRequest(maker, maker.request_class(text="a").SerializeToString())
    taking = AcceptedRequest(taker, b"\x0a\x01a", (Need(made, ("id",), ("id",)),))
    assert not list(given_once_programs.cases(maker, plan))
    for one in (made, taking):
        plan.acceptance.first[one.method.path] = one
    found = list(given_once_programs.cases(maker, plan))
    assert bool(found) == is_one
    assert not list(given_once_programs.cases(taker, plan))
    for case in found:
        assert [call.method for call in case.calls] == [maker, maker, taker, maker, taker, maker]
        assert [call.bindings[0].call for call in case.calls if call.method is taker] == [1, 3]
