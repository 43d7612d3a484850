"""The order in which lists come; conversations, contracts and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.list_orders import enum_orders, text_orders, usual_order
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import order_programs
from grpcmock.fuzz.resources.laws.lists import item_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package quarry;
import "google/protobuf/timestamp.proto";
service Quarry {
  rpc OpenPit(OpenPitRequest) returns (Pit);
  rpc AddStone(AddStoneRequest) returns (Stone);
  rpc ListStones(ListStonesRequest) returns (ListStonesResponse);
  rpc SearchStones(SearchStonesRequest) returns (ListStonesResponse);
  // By number.
  rpc ListChips(ListChipsRequest) returns (ListChipsResponse);
  // Gives all shifts, by day and then by start.
  rpc ListShifts(ListShiftsRequest) returns (ListShiftsResponse);
  rpc ListSlabs(ListSlabsRequest) returns (ListSlabsResponse);
  rpc ListGems(ListGemsRequest) returns (ListGemsResponse);
  // Finds blocks, by weight.
  rpc ListBlocks(ListChipsRequest) returns (ListStonesResponse);
  // In the order of the ids.
  rpc BatchGetStones(BatchGetStonesRequest) returns (ListStonesResponse);
  rpc ListTours(ListToursRequest) returns (ListToursResponse);
  // By weight, unless a filter is set.
  rpc ListPebbles(ListChipsRequest) returns (ListStonesResponse);
}
enum StoneOrder {
  STONE_ORDER_UNSPECIFIED = 0;
  STONE_ORDER_WEIGHT = 1;
  STONE_ORDER_PRICE_ASC = 2;
  STONE_ORDER_PRICE_DESC = 3;
  STONE_ORDER_NEWEST = 4;
  // Those that are due first; what isn't due comes last.
  STONE_ORDER_DUE = 5;
  // By pit, then by luck.
  STONE_ORDER_LUCK = 6;
  // The heaviest of each pit first.
  STONE_ORDER_PIT = 7;
  // By relevance, and by rank.
  STONE_ORDER_RANK = 8;
  // The lowest first.
  STONE_ORDER_LEVEL = 9;
  STONE_ORDER_LABEL = 10;
}
message Pit { string pit_id = 1; }
message OpenPitRequest {}
message Stone { int64 id = 1; int32 weight = 2; double price = 3; google.protobuf.Timestamp created_at = 4;
  google.protobuf.Timestamp due_time = 5; int32 rank = 6; int32 level = 7; string label = 8; string pit_id = 9; }
message AddStoneRequest { string pit_id = 1; Stone stone = 2; }
message ListStonesRequest { string pit_id = 1; StoneOrder order = 2; int32 limit = 3; }
message ListStonesResponse { repeated Stone stones = 1; }
message SearchStonesRequest {
  // Such as `weight desc` or `price`.
  string order_by = 1;
}
message ListChipsRequest { string pit_id = 1; }
message Chip { int32 number = 1; string pit_id = 2; }
message ListChipsResponse { repeated Chip chips = 1; }
message Shift { string day = 1; string starts_at = 2; }
message ListShiftsRequest {}
message ListShiftsResponse { repeated Shift shifts = 1; }
enum SlabOrder { SLAB_ORDER_UNSPECIFIED = 0; SLAB_ORDER_WEIGHT = 1; }
message Slab { int32 weight = 1; bool pinned = 2; }
message Gem { double price = 1; double sale_price = 2; int32 carat = 3; }
message ListGemsRequest { GemOrder order = 1; }
enum GemOrder { GEM_ORDER_UNSPECIFIED = 0; GEM_ORDER_PRICE_ASC = 1; GEM_ORDER_CARAT_DESC = 2; }
message ListGemsResponse { repeated Gem gems = 1; }
message ListSlabsRequest { SlabOrder order = 1; }
message ListSlabsResponse { repeated Slab slabs = 1; }
enum TourOrder { TOUR_ORDER_UNSPECIFIED = 0; TOUR_ORDER_STARTS_AT = 1; }
message Tour { string id = 1; string starts_at = 2; }
message ListToursRequest { TourOrder order = 1; string direction = 2; }
message ListToursResponse { repeated Tour tours = 1; }
message BatchGetStonesRequest { repeated int64 ids = 1; }
"""

Words = tuple[str, Any, Any]


def stones(order: str, name: str, *values: Any, **more: Any) -> Words:
    asked = {"order": f"STONE_ORDER_{order}"} if order else {}
    items = [{"id": number, name: value} for number, value in enumerate(values, 1)]
    return ("ListStones", {**asked, **more}, {"stones": items})


def search(order_by: str, name: str, *values: Any) -> Words:
    return ("SearchStones", {"orderBy": order_by}, {"stones": [{"id": 1, name: value} for value in values]})


def shifts(*times: tuple[str, str]) -> Words:
    return ("ListShifts", {}, {"shifts": [{"day": day, "startsAt": start} for day, start in times]})


def chips(*numbers: int, pit: str = "a") -> Words:
    return ("ListChips", {}, {"chips": [{"number": number, "pitId": pit} for number in numbers]})


def tours(direction: str, *times: str) -> Words:
    request = {"order": "TOUR_ORDER_STARTS_AT", "direction": direction}
    return ("ListTours", request, {"tours": [{"id": time, "startsAt": time} for time in times]})


def at_nine(day: int, fraction: str = "", zone: str = "Z") -> str:
    return f"2024-03-0{day}T09:00:00{fraction}{zone}"


def day(number: int) -> str:
    return f"2024-03-0{number}T00:00:00Z"


WRONG = {"G129"}
CASES: dict[str, tuple[set[str], list[Words]]] = {
    "up": (set(), [stones("WEIGHT", "weight", 1, 2, 2, 4)]),
    "down": (set(), [stones("WEIGHT", "weight", 4, 2, 2, 1)]),
    "neither": (WRONG, [stones("WEIGHT", "weight", 2, 4, 1)]),
    "neither, of two values": (set(), [stones("WEIGHT", "weight", 2, 4, 2)]),
    "neither, and nothing asks for it": (set(), [stones("", "weight", 2, 4, 1)]),
    "neither, of what no value names": (set(), [stones("WEIGHT", "rank", 2, 4, 1)]),
    "up, and then down": (WRONG, [stones("WEIGHT", "weight", 1, 2, 4), stones("WEIGHT", "weight", 4, 2, 1)]),
    "up, and then two": (set(), [stones("WEIGHT", "weight", 1, 2, 4), stones("WEIGHT", "weight", 4, 2)]),
    "what has none at the end": (set(), [stones("WEIGHT", "weight", 1, 2, 4, 0, 0)]),
    "what has none at the beginning": (set(), [stones("WEIGHT", "weight", 0, 4, 2, 1)]),
    "what has none in the midst": (WRONG, [stones("WEIGHT", "weight", 1, 2, 0, 3)]),
    "below zero": (set(), [stones("WEIGHT", "weight", -2, 0, 3, 5)]),
    "the least first, and it is": (set(), [stones("PRICE_ASC", "price", 1, 2, 4)]),
    "the least first, and it is last": (WRONG, [stones("PRICE_ASC", "price", 4, 2, 1)]),
    "the most first, and it is": (set(), [stones("PRICE_DESC", "price", 4, 2, 1)]),
    "the most first, and it is last": (WRONG, [stones("PRICE_DESC", "price", 1, 2, 4)]),
    "the newest first": (set(), [stones("NEWEST", "createdAt", day(3), day(2), day(1))]),
    "the oldest first": (set(), [stones("NEWEST", "createdAt", day(1), day(2), day(3))]),  # there is another time
    "those that are due first": (set(), [stones("DUE", "dueTime", day(1), day(2), day(3))]),
    "those that are due in no order": (WRONG, [stones("DUE", "dueTime", day(1), day(3), day(2))]),
    "the lowest first": (set(), [stones("LEVEL", "level", 1, 2, 3)]),
    "the lowest last": (WRONG, [stones("LEVEL", "level", 3, 2, 1)]),
    "by relevance": (set(), [stones("RANK", "rank", 2, 4, 1)]),
    "by what the pit has": (set(), [stones("PIT", "weight", 2, 4, 1)]),
    "texts": (set(), [stones("LABEL", "label", "2", "4", "1")]),
    "a text that asks, up": (set(), [search("weight", "weight", 1, 2, 4)]),
    "a text that asks, in no order": (WRONG, [search("weight", "weight", 2, 4, 1)]),
    "a text that asks for the most first": (WRONG, [search("weight desc", "weight", 1, 2, 4)]),
    "a text that asks for what no comment names": (set(), [search("rank", "rank", 2, 4, 1)]),
    "a text in a form of its own": (set(), [search("-weight", "weight", 2, 4, 1)]),
    "by number": (set(), [chips(1, 2, 3)]),
    "by number, in no order": (WRONG, [chips(1, 3, 2)]),
    "by number, of several": (
        set(),
        [("ListChips", {}, {"chips": [{"number": n, "pitId": p} for n, p in ((1, "a"), (3, "a"), (2, "b"))]})],
    ),
    "by day, then by start": (
        set(),
        [shifts(("2024-03-01", "09:00"), ("2024-03-01", "12:00"), ("2024-03-02", "08:00"), ("2024-03-04", "07:00"))],
    ),
    "by start alone": (
        WRONG,
        [shifts(("2024-03-04", "07:00"), ("2024-03-02", "08:00"), ("2024-03-05", "09:00"))],
    ),
    "by day alone": (
        WRONG,
        [
            shifts(
                *(("2024-03-01", "09:00"), ("2024-03-01", "08:00"), ("2024-03-01", "12:00")),
                *(("2024-03-02", "08:00"), ("2024-03-04", "07:00")),
            )
        ],
    ),
    "days in a form of their own": (set(), [shifts(("1.3.24", "9"), ("7.2.24", "8"), ("2.4.24", "7"))]),
    "times as texts": (set(), [tours("", at_nine(1), at_nine(2), at_nine(3))]),
    "times as texts, in no order": (WRONG, [tours("", at_nine(1), at_nine(3), at_nine(2))]),
    "times as texts of several zones": (
        set(),
        [tours("", at_nine(2, zone="+14:00"), at_nine(1, zone="-11:00"), at_nine(2, zone="+01:00"))],
    ),
    "times as texts, some with fractions": (
        set(),
        [tours("", at_nine(1), at_nine(1, ".5"), at_nine(2), at_nine(3))],
    ),
    "a direction as a text": (
        set(),
        [tours("asc", at_nine(1), at_nine(2), at_nine(3)), tours("desc", at_nine(3), at_nine(2), at_nine(1))],
    ),
    "one direction, and both ways": (
        WRONG,
        [tours("asc", at_nine(1), at_nine(2), at_nine(3)), tours("asc", at_nine(3), at_nine(2), at_nine(1))],
    ),
    "what is pinned comes first": (
        set(),
        [("ListSlabs", {"order": "SLAB_ORDER_WEIGHT"}, {"slabs": [{"weight": 2}, {"weight": 4}, {"weight": 1}]})],
    ),
    "by a price that another may take the place of": (
        set(),
        [("ListGems", {"order": "GEM_ORDER_PRICE_ASC"}, {"gems": [{"price": 2}, {"price": 4}, {"price": 1}]})],
    ),
    "by carat": (
        WRONG,
        [("ListGems", {"order": "GEM_ORDER_CARAT_DESC"}, {"gems": [{"carat": 2}, {"carat": 4}, {"carat": 1}]})],
    ),
    "how it is looked up": (
        set(),
        [("ListBlocks", {"pitId": "a"}, {"stones": [{"weight": 2}, {"weight": 4}, {"weight": 1}]})],
    ),
    "in the order of a request": (
        set(),
        [("BatchGetStones", {"ids": [2, 4, 1]}, {"stones": [{"id": 2}, {"id": 4}, {"id": 1}]})],
    ),
    "unless something": (set(), [("ListPebbles", {}, {"stones": [{"weight": 2}, {"weight": 4}, {"weight": 1}]})]),
}


@pytest.fixture(scope="module")
def quarry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("quarry") / "quarry.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, quarry: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(quarry, "quarry.")(*said)) == codes


def test_which_orders_are_known(quarry: Registry) -> None:
    methods = {method.name: method for method in quarry.methods.values()}
    item = item_of(methods["ListStones"])
    assert item is not None
    found = enum_orders(methods["ListStones"], item, quarry)
    assert found is not None
    orders = {number: (order.keys[0].name, order.is_up) for number, order in found[1].items()}
    assert orders == {
        1: ("weight", None),
        2: ("price", True),
        3: ("price", False),
        5: ("due_time", None),
        9: ("level", True),
    }
    by_text = text_orders(methods["SearchStones"], item, quarry)
    assert by_text is not None
    assert [one.name for one in by_text[1]] == ["weight", "price"]
    usual = {name: usual_order(method, shown, quarry) for name, method in methods.items() if (shown := item_of(method))}
    assert {name for name, order in usual.items() if order is not None} == {"ListChips", "ListShifts"}


def test_programs_make_things_in_no_order_and_list_them_in_each(quarry: Registry) -> None:
    methods = {method.name: method for method in quarry.methods.values()}
    plan = Plan(
        registry=quarry,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=quarry),
        generators=Generators(quarry),
    )
    opening = AcceptedRequest(methods["OpenPit"], b"")
    needs = (Need(opening, ("pit_id",), ("pit_id",)),)
    adding = AcceptedRequest(methods["AddStone"], b"", needs, frozenset({("pit_id",)}))
    listing = AcceptedRequest(methods["ListStones"], b"", needs, frozenset({("pit_id",)}))
    for one in (opening, adding, listing):
        plan.acceptance.first[one.method.path] = one
    (case,) = order_programs.cases(methods["ListStones"], plan)
    names = [call.method.name for call in case.calls]  # type: ignore[union-attr]
    assert names == ["OpenPit", *["AddStone"] * 4, *["ListStones"] * 5]
    made = [methods["AddStone"].request_class.FromString(call.messages[0]) for call in case.calls[1:5]]
    weights = [one.stone.weight for one in made]  # type: ignore[attr-defined]
    assert weights not in (sorted(weights), sorted(weights, reverse=True))
    asked = [methods["ListStones"].request_class.FromString(call.messages[0]) for call in case.calls[5:]]
    assert [one.order for one in asked] == [1, 2, 3, 5, 9]  # type: ignore[attr-defined]
    assert all(call.bindings for call in case.calls[5:])
