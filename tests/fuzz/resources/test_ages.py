"""Lists that come by age, as comments say; conversations, contracts and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.list_ages import ages_to_try
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import listing_programs
from grpcmock.fuzz.resources.pagination import GARBAGE
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package harbor;
import "google/protobuf/timestamp.proto";
service Harbor {
  rpc OpenDock(OpenDockRequest) returns (Dock);
  rpc SendOff(SendOffRequest) returns (Trip);
  rpc AddNote(AddNoteRequest) returns (Note);
  // Trips that match all filters, newest first.
  rpc ListTrips(ListTripsRequest) returns (ListTripsResponse);
  // The log, newest trip first unless asked otherwise.
  rpc ListLog(ListLogRequest) returns (ListTripsResponse);
  // Trips in the order they were made.
  rpc ListQueue(ListTripsRequest) returns (ListTripsResponse);
  // Sorted by load, the newest trip first.
  rpc ListLoads(ListTripsRequest) returns (ListTripsResponse);
  // Those that are alike come newest first.
  rpc ListAlike(ListTripsRequest) returns (ListTripsResponse);
  // Trips, newest first, except that urgent ones may come before others.
  rpc ListUrgent(ListTripsRequest) returns (ListTripsResponse);
  // Trips.
  rpc ListPlain(ListTripsRequest) returns (ListTripsResponse);
  rpc ListNotes(ListNotesRequest) returns (ListNotesResponse);
}
message Dock { string dock_id = 1; }
message OpenDockRequest {}
message Trip { string id = 1; google.protobuf.Timestamp started_at = 2; google.protobuf.Timestamp finished_at = 3;
  string day = 4; string due_on = 5; int32 load = 6; string dock_id = 7; }
message SendOffRequest { string dock_id = 1; string day = 2; }
message Note { string id = 1; string text = 2; }
message AddNoteRequest { string text = 1; }
message ListTripsRequest { string dock_id = 1; int32 page_size = 2; string page_token = 3; }
message ListLogRequest { bool oldest_first = 1; }
message ListTripsResponse { repeated Trip trips = 1; string next_page_token = 2; }
enum NoteOrder {
  // The newest note comes first.
  NOTE_ORDER_UNSPECIFIED = 0;
  // The oldest first.
  NOTE_ORDER_OLD = 1;
  // By text; if that's the same, the newest first.
  NOTE_ORDER_TEXT = 2;
}
message ListNotesRequest { NoteOrder order = 1; }
message ListNotesResponse { repeated Note notes = 1; }
"""

Words = tuple[str, Any, Any]


def trip(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"t{number}", "startedAt": f"2024-03-0{number}T09:00:00Z", **more}


def made(number: int, **more: Any) -> Words:
    return ("SendOff", {"dockId": "d"}, trip(number, **more))


def trips(method: str, *shown: dict[str, Any], **asked: Any) -> Words:
    return (method, asked, {"trips": list(shown)})


def note(number: int) -> Words:
    return ("AddNote", {"text": "a"}, {"id": f"n{number}", "text": "a"})


def notes(order: str, *numbers: int) -> Words:
    asked = {"order": f"NOTE_ORDER_{order}"} if order else {}
    return ("ListNotes", asked, {"notes": [{"id": f"n{number}", "text": "a"} for number in numbers]})


WRONG = {"G129"}
CASES: dict[str, tuple[set[str], list[Words]]] = {
    "newest first": (set(), [made(1), made(2), trips("ListTrips", trip(2), trip(1))]),
    "newest last": (WRONG, [made(1), made(2), trips("ListTrips", trip(1), trip(2))]),
    "another one between": (WRONG, [made(1), made(2), trips("ListTrips", trip(1), trip(5), trip(2))]),
    "what nobody has made here": (set(), [made(1), trips("ListTrips", trip(1), trip(2))]),
    "what was named": (set(), [("SendOff", {"dockId": "t1"}, trip(1)), made(2), trips("ListTrips", trip(1), trip(2))]),
    "what was shown before": (
        set(),
        [trips("ListPlain", trip(1)), made(1), made(2), trips("ListTrips", trip(1), trip(2))],
    ),
    "times that go the other way": (set(), [made(2), made(1), trips("ListTrips", trip(2), trip(1))]),
    "the same time": (
        set(),
        [
            made(1),
            ("SendOff", {}, {**trip(2), "startedAt": trip(1)["startedAt"]}),
            trips("ListTrips", trip(1), {**trip(2), "startedAt": trip(1)["startedAt"]}),
        ],
    ),
    "days of their own that are the same": (
        set(),
        [made(1), made(2), trips("ListTrips", trip(1, day="2024-05-01"), trip(2, day="2024-05-01"))],
    ),
    "days that it is due": (
        WRONG,
        [made(1), made(2), trips("ListTrips", trip(1, dueOn="2024-05-02"), trip(2, dueOn="2024-05-01"))],
    ),
    "one finished": (
        WRONG,
        [made(1), made(2), trips("ListTrips", trip(1, finishedAt="2024-03-09T09:00:00Z"), trip(2))],
    ),
    "in the order they were made": (set(), [made(1), made(2), trips("ListQueue", trip(1), trip(2))]),
    "not in the order they were made": (WRONG, [made(1), made(2), trips("ListQueue", trip(2), trip(1))]),
    "unless asked otherwise": (WRONG, [made(1), made(2), trips("ListLog", trip(1), trip(2))]),
    "asked otherwise": (set(), [made(1), made(2), trips("ListLog", trip(1), trip(2), oldestFirst=True)]),
    "asked otherwise, in vain": (WRONG, [made(1), made(2), trips("ListLog", trip(2), trip(1), oldestFirst=True)]),
    "sorted by something else": (set(), [made(1), made(2), trips("ListLoads", trip(1), trip(2))]),
    "of those that are alike": (set(), [made(1), made(2), trips("ListAlike", trip(1), trip(2))]),
    "with exceptions": (set(), [made(1), made(2), trips("ListUrgent", trip(1), trip(2))]),
    "nothing says": (set(), [made(1), made(2), trips("ListPlain", trip(1), trip(2))]),
    "without times": (WRONG, [note(1), note(2), notes("", 1, 2)]),
    "as a value says": (WRONG, [note(1), note(2), notes("OLD", 2, 1)]),
    "as a value says, and it is so": (set(), [note(1), note(2), notes("OLD", 1, 2)]),
    "by something else first": (set(), [note(1), note(2), notes("TEXT", 1, 2)]),
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


def test_which_ages_are_tried(harbor: Registry) -> None:
    tried = {method.name: list(ages_to_try(method, harbor)) for method in harbor.methods.values()}
    assert {name: ages for name, ages in tried.items() if ages} == {
        "ListTrips": [("", None)],
        "ListLog": [("", None), ("oldest_first", True)],
        "ListQueue": [("", None)],
        "ListNotes": [("order", 0), ("order", 1)],
    }


def test_programs_make_things_and_list_them_whole_and_page_by_page(harbor: Registry) -> None:
    methods = {method.name: method for method in harbor.methods.values()}
    plan = Plan(
        registry=harbor,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=harbor),
        generators=Generators(harbor),
    )
    opening = AcceptedRequest(methods["OpenDock"], b"")
    needs = (Need(opening, ("dock_id",), ("dock_id",)),)
    sending = AcceptedRequest(methods["SendOff"], b"", needs, frozenset({("dock_id",)}))
    listing = AcceptedRequest(methods["ListTrips"], b"", needs, frozenset({("dock_id",)}))
    for one in (opening, sending, listing):
        plan.acceptance.first[one.method.path] = one
    (case,) = listing_programs.cases(methods["ListTrips"], plan)
    names = [call.method.name for call in case.calls]  # type: ignore[union-attr]
    assert names == [*["OpenDock", "SendOff"] * 3, *["OpenDock", "SendOff"] * 2, *["ListTrips"] * 7]
    asked = [methods["ListTrips"].request_class.FromString(call.messages[0]) for call in case.calls[-7:]]
    assert [one.page_size for one in asked] == [0, 0, 2, 2, 1, 2, 2]  # type: ignore[attr-defined]
    assert [one.page_token for one in asked] == [*[""] * 6, GARBAGE]  # type: ignore[attr-defined]
    targets = [sorted({binding.target[0] for binding in call.bindings}) for call in case.calls[-7:]]
    assert targets == [["dock_id"]] * 3 + [["dock_id", "page_token"]] + [["dock_id"]] * 3
