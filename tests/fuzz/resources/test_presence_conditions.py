"""In which states of a thing a field of it is there, as comments say, and what answers show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.resources.presence_conditions import Rule, presences
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package rentals;
import "google/protobuf/timestamp.proto";
service Rentals {
  rpc StartRental(StartRentalRequest) returns (Rental);
  rpc GetRental(GetRentalRequest) returns (Rental);
  rpc ListRentals(ListRentalsRequest) returns (ListRentalsResponse);
}
enum RentalState { RENTAL_STATE_UNSPECIFIED = 0; BOOKED = 1; ON_THE_ROAD = 2; RETURNED = 3; CANCELLED = 4; }
enum BikeState { BIKE_STATE_UNSPECIFIED = 0; FREE = 1; BROKEN = 2; }
message Bike { string id = 1; BikeState state = 2; }
message Rental {
  string id = 1;
  RentalState state = 2;
  // Empty unless the rental is ON_THE_ROAD.
  string rider = 3;
  // Not set until the rental is returned.
  google.protobuf.Timestamp end_time = 4;
  // Set if, and only if, it was canceled.
  string reason = 5;
  // Unset while it is booked or on the road.
  int32 distance = 6;
  // How it went. Only set when returned; at most 100 characters.
  string review = 7;
  // Only set for returned rentals.
  string feedback = 8;
  // 0 as long as the bike is broken.
  int32 price = 9;
  // Set once the rider has paid.
  string receipt = 10;
  // Set if `state` is `CANCELLED`, or if a friend says so.
  string excuse = 11;
  bool insured = 12;
  // Present only if it is insured.
  string policy = 13;
  // Missing if state isn't RETURNED.
  string invoice = 14;
}
message StartRentalRequest { string rider = 1; string review = 2; }
message GetRentalRequest { string id = 1; }
message ListRentalsRequest { }
message ListRentalsResponse { repeated Rental rentals = 1; }
"""


@pytest.fixture(scope="module")
def rentals(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("rentals") / "rentals.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rider", [(Rule.ABSENT_ELSEWHERE, {2})]),
        ("end_time", [(Rule.ABSENT_ELSEWHERE, {3})]),
        ("reason", [(Rule.ABSENT_ELSEWHERE, {4}), (Rule.PRESENT, {4})]),
        ("distance", [(Rule.ABSENT, {1, 2})]),
        ("review", [(Rule.ABSENT_ELSEWHERE, {3})]),
        ("feedback", [(Rule.ABSENT_ELSEWHERE, {3})]),
        ("invoice", [(Rule.ABSENT_ELSEWHERE, {3})]),
        ("policy", [(Rule.ABSENT_ELSEWHERE, {1})]),
        ("price", []),  # a state of another thing
        ("receipt", []),  # no state at all
        ("excuse", []),  # more than a state
        ("id", []),
    ],
)
def test_what_a_comment_says(rentals: Registry, name: str, expected: list[tuple[Rule, set[int]]]) -> None:
    rental = rentals.method("rentals.Rentals/GetRental").output
    found = presences(rental.fields_by_name[name], rentals)
    assert [(one.rule, set().union(*one.states.values())) for one in found] == expected


@pytest.mark.parametrize(
    ("rental", "is_told"),
    [
        ({"state": "ON_THE_ROAD", "rider": "ada"}, False),
        ({"state": "RETURNED", "rider": "ada"}, True),  # what it was before doesn't matter
        ({"state": "RETURNED"}, False),
        ({"rider": "ada"}, False),  # its state isn't shown
        ({"state": "BOOKED", "endTime": "2024-01-01T00:00:00Z"}, True),
        (
            {"state": "CANCELLED", "endTime": "2024-01-01T00:00:00Z", "reason": "rain"},
            False,
        ),  # it may have been returned
        ({"state": "CANCELLED"}, True),
        ({"state": "RETURNED", "reason": "rain"}, True),
        ({"state": "ON_THE_ROAD", "distance": 3}, True),
        ({"state": "RETURNED", "distance": 3}, False),
        ({"state": "BOOKED", "policy": "p"}, True),
        ({"state": "BOOKED", "policy": "p", "insured": True}, False),
    ],
)
def test_what_answers_show(
    rentals: Registry, judging: Callable[..., Callable[..., dict[str, str]]], rental: dict[str, Any], is_told: bool
) -> None:
    said = ("GetRental", {"id": "r"}, {"id": "r", **rental})
    assert ("G124" in judging(rentals, "rentals.")(said)) is is_told


def test_a_list_may_show_less_but_not_more(
    rentals: Registry, judging: Callable[..., Callable[..., dict[str, str]]]
) -> None:
    judge = judging(rentals, "rentals.")
    assert "G124" not in judge(("ListRentals", {}, {"rentals": [{"id": "r", "state": "CANCELLED"}]}))
    assert "G124" in judge(("ListRentals", {}, {"rentals": [{"id": "r", "state": "BOOKED", "reason": "rain"}]}))


def test_what_a_client_gave_is_its_own(
    rentals: Registry, judging: Callable[..., Callable[..., dict[str, str]]]
) -> None:
    made = {"id": "r", "state": "BOOKED", "review": "fine"}
    assert "G124" not in judging(rentals, "rentals.")(("StartRental", {"review": "fine"}, made))
    assert "G124" in judging(rentals, "rentals.")(("StartRental", {}, made))
