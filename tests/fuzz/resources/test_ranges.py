# mypy: disable-error-code="attr-defined"
"""Lists from one value to another: conversations, what counts as a range, and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import range_programs
from grpcmock.fuzz.resources.laws.ranges import range_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package diary;
import "google/type/date.proto";
import "google/protobuf/timestamp.proto";
service Diary {
  rpc OpenBook(OpenBookRequest) returns (Book);
  rpc Write(WriteRequest) returns (Entry);
  rpc ListEntries(ListEntriesRequest) returns (ListEntriesResponse);
  rpc ListGoods(ListGoodsRequest) returns (ListGoodsResponse);
  rpc ListStays(ListEntriesRequest) returns (ListStaysResponse);
  rpc ListChanges(ListChangesRequest) returns (ListChangesResponse);
  rpc ListPlain(ListPlainRequest) returns (ListGoodsResponse);
}
message OpenBookRequest {}
message Book { string id = 1; }
message WriteRequest { string book = 1; google.type.Date day = 2; }
message Entry { string id = 1; google.type.Date day = 2; string book = 3; }
message ListEntriesRequest { string book = 1; google.type.Date first = 2; google.type.Date last = 3; }
message ListEntriesResponse { repeated Entry entries = 1; string next_page_token = 2; }
message Goods { string id = 1; int32 price = 2; int32 weight = 3; }
message ListGoodsRequest { int32 min_price = 1; int32 max_price = 2; }
message ListGoodsResponse { repeated Goods goods = 1; }
message Stay { string id = 1; google.type.Date day = 2; int32 nights = 3; }
message ListStaysResponse { repeated Stay stays = 1; }
message ListChangesRequest { google.protobuf.Timestamp start_time = 1; google.protobuf.Timestamp end_time = 2; }
message Change { google.protobuf.Timestamp create_time = 1; google.protobuf.Timestamp update_time = 2; }
message ListChangesResponse { repeated Change changes = 1; }
message ListPlainRequest { int32 from = 1; int32 to = 2; }
"""


def day(number: int) -> Any:
    return {"year": 2024, "month": 3, "day": number}


def listed(first: int, last: int, *days: int, book: str = "a", token: str = "") -> Any:
    request = {"book": book, "first": day(first), "last": day(last)}
    return (
        "ListEntries",
        request,
        {"entries": [{"id": f"e{one}", "day": day(one)} for one in days], "nextPageToken": token},
    )


def goods(least: int, most: int, *prices: int) -> Any:
    shown = [{"id": f"g{price}", "price": price} for price in prices]
    return ("ListGoods", {"minPrice": least, "maxPrice": most}, {"goods": shown})


WRITE = ("Write", {"book": "a"}, {"id": "e9"})
PROOF = [listed(1, 5, 1, 5), listed(1, 2, 1)]
ELSEWHERE = [listed(1, 5, 1, 5, book="b"), listed(1, 2, 1, book="b")]

CASES: dict[str, tuple[set[str], list[Any]]] = {
    "what lies within": (set(), [*PROOF, listed(4, 5, 5), listed(2, 4)]),
    "what lies before": ({"G129"}, [*PROOF, listed(4, 5, 1, 5)]),
    "what lies behind": ({"G129"}, [*ELSEWHERE, listed(1, 2, 1, 5)]),
    "what lies behind, shown first": ({"G129"}, [listed(1, 5, 1, 5), listed(1, 2, 1, 5), *ELSEWHERE]),
    "what lies beyond, and nothing was ever left out": (set(), [listed(1, 5, 1, 5), listed(1, 2, 1, 5)]),
    "what lies beyond, and something was left out for another reason": (
        set(),
        [listed(1, 5, 1, 5), listed(1, 2, 5), listed(4, 5, 1)],
    ),
    "what lies beyond, and a page left something out": (
        set(),
        [listed(1, 5, 1, 5), listed(1, 2, 1, token="more"), listed(4, 5, 1, 5)],
    ),
    "what lies beyond, and it came meanwhile": (
        set(),
        [listed(1, 2, 1), WRITE, listed(1, 5, 1, 5), listed(1, 2, 1, 5)],
    ),
    "ends the other way around": (set(), [*PROOF, listed(5, 1, 1, 5)]),
    "prices": (set(), [goods(1, 9, 2, 8), goods(1, 5, 2), goods(6, 9, 8)]),
    "other prices": ({"G129"}, [goods(1, 9, 2, 8), goods(1, 5, 2), goods(6, 9, 2, 8)]),
}


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("diary") / "diary.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, diary: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(diary, "diary.")(*said)) == codes


def test_what_counts_as_a_range(diary: Registry) -> None:
    found = {method.name: asked for method in diary.methods.values() if (asked := range_of(method)) is not None}
    told = {name: (one.low.name, one.high.name, one.way[-1].name) for name, one in found.items()}
    assert told == {"ListEntries": ("first", "last", "day"), "ListGoods": ("min_price", "max_price", "price")}


def test_programs_make_two_things_and_look_at_each_range(diary: Registry) -> None:
    methods = {method.name: method for method in diary.methods.values()}
    plan = Plan(
        registry=diary,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=diary),
        generators=Generators(diary),
    )
    opening = AcceptedRequest(methods["OpenBook"], b"")
    need = Need(opening, ("id",), ("book",))
    plan.acceptance.first[methods["OpenBook"].path] = opening
    for name in ("Write", "ListEntries"):
        assert list(range_programs.cases(methods["ListEntries"], plan)) == []
        plan.acceptance.first[methods[name].path] = AcceptedRequest(methods[name], b"", (need,))
    (case,) = range_programs.cases(methods["ListEntries"], plan)
    assert [call.method.name for call in case.calls] == [  # type: ignore[union-attr]
        *("OpenBook", "Write", "Write", "ListEntries", "ListEntries", "ListEntries"),
        *("OpenBook", "ListEntries", "ListEntries"),
    ]
    early, late = (methods["Write"].request_class.FromString(call.messages[0]).day for call in case.calls[1:3])
    requests = [methods["ListEntries"].request_class.FromString(call.messages[0]) for call in case.calls[3:6]]
    assert [(one.first, one.last) for one in requests] == [(early, late), (early, early), (late, late)]
    assert [call.bindings[0].call for call in case.calls[3:] if call.bindings] == [0, 0, 0, 6, 6]
