"""Pages of a list, as one leads to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.list_totals import says_of_all
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import listing_programs
from grpcmock.fuzz.resources.pagination import GARBAGE
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package shelf;
service Shelf {
  rpc ListJars(ListJarsRequest) returns (ListJarsResponse);
  rpc PutJar(Jar) returns (Jar);
  rpc AddLid(AddLidRequest) returns (Lid);
  rpc ListScarce(ListScarceRequest) returns (ListScarceResponse);
}
message Lid { string id = 1; }
message AddLidRequest { string color = 1; bool is_old = 2; }
message Scarce { string color = 1; int32 left = 2; }
message ListScarceRequest { int32 limit = 1; }
message ListScarceResponse {
  repeated Scarce colors = 1;
  // All that are low, no matter how many are listed.
  int32 total = 2;
}
message Jar { string id = 1; int32 grams = 2; }
message ListJarsRequest { string text = 1; int32 page_size = 2; string page_token = 3; }
message ListJarsResponse {
  repeated Jar jars = 1;
  string next_page_token = 2;
  // What all of them weigh, not only those on this page.
  int64 all_grams = 3;
  // What they weigh.
  int64 grams = 4;
}
"""

Words = tuple[str, Any, Any]


def page(size: int, token: str, *ids: int, leads: str = "", text: str = "", **told: Any) -> Words:
    jars = [{"id": f"j{number}", "grams": 5} for number in ids]
    asked = {"pageSize": size, "pageToken": token, "text": text}
    return ("ListJars", asked, {"jars": jars, "nextPageToken": leads, **told})


FIRST = page(2, "", 1, 2, leads="x")
WRONG = {"G134"}
CASES: dict[str, tuple[set[str], list[Words]]] = {
    "one after the other": (set(), [FIRST, page(2, "x", 3, 4), FIRST]),
    "the same once more": (WRONG, [FIRST, page(2, "x", 2, 3), FIRST]),
    "the same, and another first page": (set(), [FIRST, page(2, "x", 2, 3), page(2, "", 9, 1, leads="x")]),
    "the same, and not looked again": (set(), [FIRST, page(2, "x", 2, 3)]),
    "the same after a change": (set(), [FIRST, ("PutJar", {"id": "j9"}, {"id": "j9"}), page(2, "x", 2, 3), FIRST]),
    "a page that nothing led to": (set(), [FIRST, page(2, "y", 2, 3), FIRST]),
    "a token that nobody gave": (WRONG, [FIRST, page(2, GARBAGE, 1, 2, leads="x")]),
    "nothing for a token that nobody gave": (set(), [FIRST, page(2, GARBAGE)]),
    "of another list": (set(), [FIRST, page(2, "x", 2, 3, text="a"), FIRST]),
    "the same of all": (
        set(),
        [page(2, "", 1, 2, allGrams=20), page(1, "", 1, allGrams=20), page(2, "", 1, 2, allGrams=20)],
    ),
    "of a page": (
        WRONG,
        [page(2, "", 1, 2, allGrams=10), page(1, "", 1, allGrams=5), page(2, "", 1, 2, allGrams=10)],
    ),
    "of a page, and changed since": (
        set(),
        [page(2, "", 1, 2, allGrams=10), page(1, "", 1, allGrams=5), page(2, "", 1, 2, allGrams=15)],
    ),
    "of a page, and nothing says of what": (
        set(),
        [page(2, "", 1, 2, grams=10), page(1, "", 1, grams=5), page(2, "", 1, 2, grams=10)],
    ),
    "of nothing behind the end": (
        set(),
        [page(2, "", 1, 2, leads="x", allGrams=10), page(2, "x"), page(2, "", 1, 2, leads="x", allGrams=10)],
    ),
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("shelf") / "shelf.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, shelf: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(shelf, "shelf.")(*said)) == codes


@pytest.mark.parametrize(
    ("comment", "is_of_all"),
    [
        ("The distances of all matching trips added up, not only of those on this page.", True),
        ("All that are low and fit the filters, no matter how many are listed.", True),
        ("Matches on all pages.", True),
        ("How many there are, regardless of paging.", True),
        ("How many there are.", False),
        ("Of all matches on this page.", False),
        ("An estimate of all matches.", False),
        ("How many more there are on all pages behind this page.", False),
        ("", False),
    ],
)
def test_which_numbers_are_of_all(comment: str, *, is_of_all: bool) -> None:
    assert says_of_all(comment) is is_of_all


def test_programs_make_things_of_all_kinds_of_which_a_list_may_tell_in_words_of_its_own(shelf: Registry) -> None:
    methods = {method.name: method for method in shelf.methods.values()}
    plan = Plan(
        registry=shelf,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=shelf),
        generators=Generators(shelf),
    )
    listing, adding = methods["ListScarce"], methods["AddLid"]
    full = adding.request_class(color="red", is_old=True).SerializeToString()
    for one in (AcceptedRequest(listing, b""), AcceptedRequest(adding, b"", full=full)):
        plan.acceptance.first[one.method.path] = one
    (case,) = listing_programs.cases(listing, plan)
    names = [call.method.name for call in case.calls]  # type: ignore[union-attr]
    assert names == [*["AddLid"] * 3, *["ListScarce"] * 4]
    made = [adding.request_class.FromString(call.messages[0]) for call in case.calls[:3]]
    assert {(one.color, one.is_old) for one in made} == {("red", False)}  # type: ignore[attr-defined]
