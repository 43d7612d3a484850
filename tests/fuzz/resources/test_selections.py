"""What a list shows where its request names a value; conversations and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import selection_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package kennel;
service Kennel {
  rpc AddDog(AddDogRequest) returns (Dog);
  rpc Groom(AddDogRequest) returns (Dog);
  rpc SearchDogs(SearchDogsRequest) returns (SearchDogsResponse);
  rpc Visits(VisitsRequest) returns (stream Visit) { option idempotency_level = NO_SIDE_EFFECTS; }
}
enum Coat { ANY = 0; SHORT = 1; LONG = 2; ALL = 3; }
enum Rank { NONE = 0; LOW = 1; HIGH = 2; }
message Home { string town = 1; }
message Dog { string tag = 1; Coat coat = 2; string keeper_id = 3; Home home = 4; bool asleep = 5;
  optional bool fed = 6; Rank rank = 7; string path = 8; int32 walks = 9; int32 max_walks = 10; }
message AddDogRequest { Coat coat = 1; string keeper_id = 2; Home home = 3; }
message SearchDogsRequest { Coat coat = 1; string keeper_id = 2; string town = 3; bool asleep = 4;
  optional bool fed = 5; Rank rank = 6; string path = 7; int32 limit = 8; int32 walks = 9; int32 max_walks = 10; }
message SearchDogsResponse { repeated Dog dogs = 1; string next_page_token = 2; }
message VisitsRequest { string tag = 1; Coat coat = 2; }
message Visit { int32 hour = 1; Coat coat = 2; }
"""

A: dict[str, Any] = {"tag": "a", "coat": "SHORT", "keeperId": "k1", "home": {"town": "Ulm"}, "fed": True}
B: dict[str, Any] = {"tag": "b", "coat": "LONG", "keeperId": "k2", "asleep": True, "fed": False}
C: dict[str, Any] = {"tag": "c", "coat": "SHORT", "keeperId": "k1", "home": {"town": "Ulm"}}

Words = tuple[str, Any, Any]


def search(request: Any, *dogs: Any, token: str = "") -> Words:
    return ("SearchDogs", request, {"dogs": list(dogs), "nextPageToken": token})


def between(*said: Words, dogs: tuple[Any, ...] = (A, B, C)) -> list[Words]:
    return [search({}, *dogs), *said, search({}, *dogs)]


def visits(request: Any, *coats: str) -> Words:
    shown = [{"hour": number, "coat": coat} for number, coat in enumerate(coats) if coat]
    return ("Visits", {"tag": "a", **request}, shown)


TWICE: tuple[dict[str, Any], ...] = tuple(
    {**dog, "walks": walks, "maxWalks": 9} for dog, walks in ((A, 2), (B, 3), (C, 2))
)


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "a number that was seen to select": (
        {"G129"},
        between(search({"walks": 2}, TWICE[0], TWICE[2]), search({"walks": 3}), dogs=TWICE),
    ),
    "a number that may do anything": (set(), between(search({"walks": 3}), dogs=TWICE)),
    "a number of how many": (set(), between(search({"maxWalks": 9}, TWICE[0]), search({"maxWalks": 8}), dogs=TWICE)),
    "all that has it": (set(), between(search({"coat": "SHORT"}, A, C))),
    "one lacks": ({"G129"}, between(search({"coat": "SHORT"}, A))),
    "all of them lack": ({"G129"}, between(search({"coat": "SHORT"}))),
    "another one, too, which may rank higher": (set(), between(search({"coat": "SHORT"}, A, B, C))),
    "the others instead": ({"G129"}, between(search({"coat": "SHORT"}, B))),
    "one lacks, there is another page": (set(), between(search({"coat": "SHORT"}, A, token="more"))),
    "one lacks, though it goes past it": (
        {"G129"},
        between(search({"coat": "SHORT"}, C, {**A, "tag": "d"}, {**A, "tag": "e"}, token="more")),
    ),
    "one lacks, in another order": (
        set(),
        between(search({"coat": "SHORT"}, {**C, "tag": "d"}, C, token="more"), dogs=(A, B, C, {**C, "tag": "d"})),
    ),
    "one lacks, and others came meanwhile": (
        {"G129"},
        [search({}, A, B, C), search({"coat": "SHORT"}, A), search({}, A, B, C, {**B, "tag": "d"})],
    ),
    "one lacks, and something was changed": (
        set(),
        [search({}, A, B, C), ("Groom", {}, {}), search({"coat": "SHORT"}, A), search({}, A, B, C)],
    ),
    "one lacks, and all isn't as before": (
        set(),
        [search({}, A, B, C), search({"coat": "SHORT"}, A), search({}, A, B)],
    ),
    "one lacks, and nobody looked again": (set(), [search({}, A, B, C), search({"coat": "SHORT"}, A)]),
    "one lacks, where more is named": (set(), between(search({"coat": "SHORT", "keeperId": "k2"}, A))),
    "as much as before, others among it": (set(), between(search({"keeperId": "k1"}, A, C, B), dogs=(A, B, C))),
    "a value that means any": (set(), between(search({"coat": "ALL"}, A, B, C))),
    "a switch that adds": (set(), between(search({"asleep": True}, A, B, C))),
    "a switch, and what has it lacks": ({"G129"}, between(search({"asleep": True}, A))),
    "a switch that selects": ({"G129"}, between(search({"fed": True}, A, B))),
    "at least so high": (
        set(),
        between(
            search({"rank": "LOW"}, {**A, "rank": "LOW"}, {**B, "rank": "HIGH"}),
            dogs=({**A, "rank": "LOW"}, {**B, "rank": "HIGH"}, C),
        ),
    ),
    "of a keeper, proven by another": (
        {"G129"},
        between(search({"keeperId": "k2"}, B), search({"keeperId": "k1"})),
    ),
    "of a keeper, proven by itself": ({"G129"}, between(search({"keeperId": "k1"}, C))),
    "of a keeper, but all the others": ({"G129"}, between(search({"keeperId": "k1"}, B))),
    "of whom the keeper knows": (set(), between(search({"keeperId": "k1"}), search({"keeperId": "k2"}))),
    "of a town inside": ({"G129"}, between(search({"town": "Ulm"}, A))),
    "what lies below a path": (
        set(),
        between(search({"path": "x"}, {**B, "path": "x/y"}), dogs=({**A, "path": "x"}, {**B, "path": "x/y"})),
    ),
    "as much as a page holds": (set(), between(search({"coat": "SHORT"}, A, {**A, "tag": "d"}), dogs=(A, C))),
    "in a stream": (
        set(),
        [visits({}, "SHORT", "LONG"), visits({"coat": "LONG"}, "", "LONG"), visits({}, "SHORT", "LONG")],
    ),
    "not in a stream": (
        {"G129"},
        [visits({}, "SHORT", "LONG"), visits({"coat": "LONG"}, "SHORT"), visits({}, "SHORT", "LONG")],
    ),
    "what changes by itself": (
        set(),
        [
            search({}, {**A, "walks": 1}, B),
            search({"coat": "SHORT"}, {**A, "walks": 2}),
            search({}, {**A, "walks": 3}, B),
        ],
    ),
}


@pytest.fixture(scope="module")
def kennel(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("kennel") / "kennel.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, kennel: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(kennel, "kennel.")(*said)) == codes


def test_programs_ask_for_values_that_came_between_two_looks_at_all(kennel: Registry) -> None:
    methods = {method.name: method for method in kennel.methods.values()}
    plan = Plan(
        registry=kennel,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=kennel),
        generators=Generators(kennel),
    )
    adding = AcceptedRequest(methods["AddDog"], b"", full=methods["AddDog"].request_class(coat=1).SerializeToString())
    searching = AcceptedRequest(methods["SearchDogs"], methods["SearchDogs"].request_class(coat=1).SerializeToString())
    visiting = AcceptedRequest(methods["Visits"], b"", (Need(adding, ("tag",), ("tag",)),))
    for one in (adding, searching, visiting):
        plan.acceptance.first[one.method.path] = one
    cases = {case.id.rpartition("/")[2]: case for case in selection_programs.cases(methods["SearchDogs"], plan)}
    assert set(cases) == {f"selected-by-{name}" for name in ("coat", "keeper_id", "town", "asleep")}
    *made, before, by_first, by_last, after = cases["selected-by-town"].calls
    assert {call.method for call in made} == {methods["AddDog"]}
    assert before.messages == after.messages and not before.bindings
    index = len(made)
    assert by_first.bindings == (Binding(index, ("dogs", 0, "home", "town"), ("town",)),)
    assert by_last.bindings == (Binding(index, ("dogs", -1, "home", "town"), ("town",)),)
    assert before.messages[0] == searching.data
    assert cases["selected-by-coat"].calls[-1].messages[0] == b""  # else it would be selected already
    of_visits = next(iter(selection_programs.cases(methods["Visits"], plan)))
    assert [call.bindings[-1].target for call in of_visits.calls[-3:]] == [("tag",), ("coat",), ("tag",)]


PARK = """\
syntax = "proto3";
package park;
service Park {
  rpc RegisterTree(RegisterTreeRequest) returns (Tree);
  rpc LookupTree(TreeNumber) returns (Tree);
  rpc FindTrees(FindTreesRequest) returns (FindTreesReply);
  rpc CutTree(CutTreeRequest) returns (Tree);
  rpc PriceOf(PriceOfRequest) returns (PriceOfReply);
}
message Tree { int64 number = 1; bool cut = 2; string place = 3; }
message RegisterTreeRequest { string place = 1; }
message TreeNumber { int64 number = 1; }
message FindTreesRequest { optional bool cut = 1; }
message FindTreesReply { repeated Tree trees = 1; }
message CutTreeRequest { int64 number = 1; string by = 2; }
message PriceOfRequest { string of = 1; }
message PriceOfReply { int64 cents = 1; }
"""


def test_programs_change_one_thing_after_the_other(tmp_path: Path) -> None:
    (file := tmp_path / "park.proto").write_text(PARK)
    park = sources.load([file])
    methods = {method.name: method for method in park.methods.values()}
    plan = Plan(
        registry=park,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=park),
        generators=Generators(park),
    )
    registering = AcceptedRequest(methods["RegisterTree"], b"")
    cutting = AcceptedRequest(methods["CutTree"], b"", (Need(registering, ("number",), ("number",)),))
    finding, pricing = (AcceptedRequest(methods[name], b"") for name in ("FindTrees", "PriceOf"))
    for one in (registering, cutting, finding, pricing):
        plan.acceptance.first[one.method.path] = one
    (case,) = selection_programs.cases(methods["FindTrees"], plan)
    names = [call.method.name for call in case.calls]  # type: ignore[union-attr]
    assert names[:10] == ["RegisterTree"] * 5 + ["CutTree"] * 5
    assert {call.bindings[-1].call for call in case.calls[5:10]} == set(range(5))
