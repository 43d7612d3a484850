"""What is called taken although nothing is found by it, after what had it was taken away."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import freeing_programs
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.laws.freed_names import FreedNames
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package stalls;
service Stalls {
  rpc Rent(RentRequest) returns (Stall);
  rpc Look(LookRequest) returns (Stall);
  rpc LookAt(NumberRequest) returns (Stall);
  rpc Remove(NumberRequest) returns (Removed);
  rpc RemoveLater(NumberRequest) returns (RemoveJob);
  rpc Paint(NumberRequest) returns (Stall);
}
message Place { int32 row = 1; int32 column = 2; }
message Stall { int64 number = 1; string sign = 2; Place place = 3; }
message RentRequest { string sign = 1; Place place = 2; string owner = 3; }
message LookRequest { oneof by { string sign = 1; Place place = 2; } }
message NumberRequest { int64 number = 1; }
message Removed {}
message RemoveJob {}
"""
Words = tuple[str, Any, Any]

STALL = {"number": "1", "sign": "apples", "place": {"row": 3, "column": 4}}
RENT = {"sign": "apples", "place": {"row": 3, "column": 4}}
TAKEN = "ALREADY_EXISTS"


def rent(answer: Any = "") -> Words:
    return ("Rent", RENT, answer or STALL)


def look(answer: Any = "", **by: Any) -> Words:
    return ("Look", by or {"sign": "apples"}, answer or STALL)


GONE, REMOVE = look("NOT_FOUND"), ("Remove", {"number": "1"}, {})
AT = {"place": {"row": 3, "column": 4}}

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "free again": (set(), [rent(), look(), REMOVE, GONE, rent(), look()]),
    "not free": ({"G130"}, [rent(), look(), REMOVE, GONE, rent(TAKEN), GONE]),
    "not free, at a place": (
        {"G130"},
        [rent(), look(**AT), REMOVE, look("NOT_FOUND", **AT), rent(TAKEN), look("NOT_FOUND", **AT)],
    ),
    "somebody else was faster": (set(), [rent(), look(), REMOVE, GONE, rent(TAKEN), look()]),
    "refused for something else": (set(), [rent(), look(), REMOVE, GONE, rent("FAILED_PRECONDITION"), GONE]),
    "never found": (set(), [rent(), GONE, REMOVE, GONE, rent(TAKEN), GONE]),
    "found by a number of the server's": (
        set(),
        [
            rent(),
            ("LookAt", {"number": "1"}, STALL),
            REMOVE,
            ("LookAt", {"number": "1"}, "NOT_FOUND"),
            rent(TAKEN),
            ("LookAt", {"number": "1"}, "NOT_FOUND"),
        ],
    ),
    "something between": (
        set(),
        [rent(), look(), REMOVE, GONE, ("Paint", {"number": "2"}, STALL), rent(TAKEN), GONE],
    ),
    "removed later": (
        set(),
        [rent(), look(), ("RemoveLater", {"number": "1"}, {}), GONE, rent(TAKEN), GONE],
    ),
    "not removed": (set(), [rent(), look(), ("Remove", {"number": "1"}, "ABORTED"), GONE, rent(TAKEN), GONE]),
}


@pytest.fixture(scope="module")
def stalls(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("stalls") / "stalls.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_name_is_free_again(
    stalls: Registry, judging: Callable[[Registry, str], Callable[..., dict[str, str]]], name: str
) -> None:
    expected, said = CASES[name]
    assert set(judging(stalls, "stalls")(*said)) == expected


@pytest.mark.parametrize(
    "words",
    ["the name was deleted recently", "this sign is reserved", "it is being removed", "it can't be used again"],
)
def test_a_server_may_keep_names_if_it_says_so(stalls: Registry, judging: Callable[..., Any], words: str) -> None:
    judge = judging(stalls, "stalls")
    replies = judge.replies(*CASES["not free"][1])
    assert told(replies, stalls)
    kept = [dataclasses.replace(one, message=words) if one.code == 6 else one for one in replies]
    assert not told(kept, stalls)


def told(replies: Any, stalls: Registry) -> list[Any]:
    law = FreedNames(resources_of(stalls))
    return [finding for reply in replies for finding in law.take(reply)]


def test_a_program_frees_what_it_has_made(stalls: Registry) -> None:
    methods = {method.name: method for method in stalls.methods.values()}
    plan = Plan(
        registry=stalls,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=stalls),
        generators=Generators(stalls),
    )
    data = methods["Rent"].request_class(sign="apples-00").SerializeToString()
    renting = AcceptedRequest(methods["Rent"], data, own_id=("sign",))
    releasing = AcceptedRequest(
        methods["Remove"], b"\x08\x01", (Need(renting, ("number",), ("number",)),), frozenset({("number",)})
    )
    looking = AcceptedRequest(methods["Look"], methods["Look"].request_class(sign="apples-00").SerializeToString())
    for one in (renting, releasing, looking):
        plan.acceptance.first[one.method.path] = one
    assert not plan.acceptance.takes_away(methods["Paint"])
    (case,) = freeing_programs.cases(methods["Rent"], plan)
    assert [call.path.rpartition("/")[2] for call in case.calls] == ["Rent", "Look", "Remove", "Look", "Rent", "Look"]
