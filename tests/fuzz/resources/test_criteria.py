"""What lists show that are asked for by several things at once: conversations to judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.list_criteria import Kind, criteria_of
from grpcmock.fuzz.resources.laws.lists import item_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package queue;
import "google/protobuf/timestamp.proto";
import "google/type/date.proto";
service Queue {
  rpc AddJob(AddJobRequest) returns (Job);
  rpc ListJobs(ListJobsRequest) returns (ListJobsResponse);
  // The jobs that match all filters that are set.
  rpc FindJobs(FindJobsRequest) returns (ListJobsResponse);
  rpc SearchJobs(SearchJobsRequest) returns (SearchJobsResponse);
}
enum State { STATE_UNSPECIFIED = 0; OPEN = 1; HELD = 2; DONE = 3; ALL = 4; }
enum Rank { RANK_UNSPECIFIED = 0; LOW = 1; MIDDLE = 2; HIGH = 3; }
message Job {
  string id = 1; State state = 2; string owner = 3; repeated string tags = 4; int32 cost = 5;
  google.protobuf.Timestamp due_time = 6; google.protobuf.Timestamp create_time = 7; bool archived = 8; bool shared = 9;
  Rank rank = 10; Rank role = 11; google.type.Date day = 12; string begins_at = 13; double price = 14;
  int32 category_id = 15; string snippet = 16; bool parking = 17;
}
message AddJobRequest { string owner = 1; }
message ListJobsRequest {
  State state = 1; string owner = 2; int32 page_size = 3; string page_token = 4; bool include_archived = 5;
  bool include_shared = 6; Rank rank = 7; Rank role = 8; optional bool include_deleted = 9; string query = 10;
  bool with_parking = 11; repeated string tags = 12; int32 category_id = 13;
}
message FindJobsRequest {
  // Only jobs in this state.
  State state = 1;
  // Only jobs of this owner.
  string owner = 2;
  // Jobs that have all of these tags.
  repeated string tags = 3;
  // Jobs in any of these states.
  repeated State states = 4;
  // Jobs that are due before this time.
  google.protobuf.Timestamp due_before = 5;
  // Jobs that were made at this time or later.
  google.protobuf.Timestamp create_after = 6;
  // This day is included.
  google.type.Date first_day = 7;
  // This day is included.
  google.type.Date last_day = 8;
  // Only jobs that cost at least as much.
  int32 min_cost = 9;
  // Only jobs that begin before.
  string begins_before = 10;
  // Only jobs with at least this price.
  double min_price = 11;
  // Only jobs of this category.
  int32 category_id = 12;
  int32 page_size = 13;
  // Only jobs after this one.
  int32 last_id = 14;
}
message ListJobsResponse { repeated Job jobs = 1; string next_page_token = 2; }
message SearchJobsRequest {
  // Filters by state.
  State state = 1;
  // Filters by owner.
  string owner = 2;
  int32 limit = 3;
}
message SearchJobsResponse { repeated Job jobs = 1; }
"""

Words = tuple[str, Any, Any]


def job(name: str, state: str = "OPEN", owner: str = "ann", **more: Any) -> dict[str, Any]:
    return {"id": name, "state": state, "owner": owner, **more}


A, B, C, D = job("a"), job("b", "DONE"), job("c", "OPEN", "bob"), job("d", "DONE", "bob")
EVERY = (A, B, C, D)


def shown(*jobs: Any, token: str = "", **request: Any) -> Words:
    return ("ListJobs", request, {"jobs": list(jobs), "nextPageToken": token})


def found(*jobs: Any, **request: Any) -> Words:
    return ("FindJobs", request, {"jobs": list(jobs)})


def looked(*jobs: Any, **request: Any) -> Words:
    return ("SearchJobs", {"limit": 50, **request}, {"jobs": list(jobs)})


BY_STATE, BY_OWNER = shown(A, C, state="OPEN"), shown(A, B, owner="ann")
PROVEN = [shown(*EVERY), BY_STATE, BY_OWNER]
JOINED = [*PROVEN, shown(A, state="OPEN", owner="ann")]
GONE, AWAY = job("g", "HELD", archived=True), job("h", "HELD")
DUE = tuple(job(name, dueTime=f"2030-01-0{day}T00:00:00Z") for name, day in (("a", 1), ("b", 2), ("c", 3)))
MADE = tuple(job(name, createTime=f"2030-01-01T00:00:00.{part}Z") for name, part in (("a", "100"), ("b", "200")))
DAYS = tuple(job(name, day={"year": 2030, "month": 1, "day": day}) for name, day in (("a", 1), ("b", 2), ("c", 3)))
ZONES = (job("a", beginsAt="2030-01-01T23:30:00-02:00"), job("b", beginsAt="2030-01-02T00:30:00+02:00"))
RANKED = tuple(job(name, rank=rank, role=rank) for name, rank in (("a", "LOW"), ("b", "MIDDLE"), ("c", "HIGH")))
TAGGED = (job("a", tags=["x", "y"]), job("b", tags=["x"]), job("c"))
PARKING = (job("a", parking=True), job("b"))

WRONG: dict[str, list[Words]] = {
    "the second of two is left out of account": [*JOINED, shown(C, D, A, state="OPEN", owner="bob")],
    "what has both isn't there": [*PROVEN, shown(state="OPEN", owner="bob"), shown(*EVERY)],
    "another state, of which a comment speaks": [found(A, B, state="OPEN")],
    "another owner, of which a comment speaks": [found(*EVERY), found(A, C, owner="ann")],
    "others instead of all that is asked for": [found(*EVERY), found(B, D, state="OPEN")],
    "one lacks, though a comment says it": [found(*EVERY), found(A, state="OPEN"), found(*EVERY)],
    "one of all tags": [found(*TAGGED), found(TAGGED[0], TAGGED[1], tags=["x", "y"])],
    "none of any states": [found(*EVERY), found(*EVERY, states=["OPEN"])],
    "what is due on that very day, or later": [found(*DUE), found(*DUE[:2], dueBefore="2030-01-02T00:00:00Z")],
    "what is due later": [found(*DUE), found(*DUE, dueBefore="2030-01-02T00:00:00Z")],
    "the last day lacks": [
        *(found(*DAYS), found(DAYS[0], lastDay={"year": 2030, "month": 1, "day": 2}), found(*DAYS)),
    ],
    "either of two, though comments join them": [found(*EVERY), found(A, B, C, state="OPEN", owner="ann")],
    "what is left out otherwise": [shown(A, GONE, includeArchived=True), shown(A, GONE)],
    "what isn't left out now": [shown(A, B), shown(A, includeArchived=True), shown(A, B)],
    "what costs less": [
        found(job("a", cost=1), job("b", cost=5), minCost=4),
    ],
    "as a field says, alone": [looked(*EVERY), looked(*EVERY, state="OPEN")],
}

FINE: dict[str, list[Words]] = {
    "all that has both": [*JOINED, shown(C, state="OPEN", owner="bob"), shown(*EVERY)],
    "either of two, and nobody says that it must be both": [
        *PROVEN,
        shown(A, B, C, state="OPEN", owner="ann"),
        shown(B, C, D, A, state="DONE", owner="ann"),
    ],
    "either of two that comments don't join": [
        *(looked(*EVERY), looked(A, C, state="OPEN"), looked(A, B, owner="ann")),
        looked(A, B, C, state="OPEN", owner="ann"),
    ],
    "what is hidden unless its state is asked for": [
        *(shown(A, B, C, D), shown(AWAY, state="HELD"), shown(A, C, state="OPEN"), shown(A, B, owner="ann")),
        *(
            shown(A, B, C, D),
            shown(AWAY, state="HELD", owner="ann"),
            shown(A, B, owner="ann"),
            shown(AWAY, state="HELD"),
        ),
    ],
    "the same, as comments say": [
        *(found(*EVERY), found(AWAY, state="HELD"), found(A, B, owner="ann"), found(AWAY, state="HELD")),
    ],
    "left out unless its state is asked for": [
        shown(A, GONE, includeArchived=True),
        shown(A),
        shown(GONE, state="HELD"),
    ],
    "what has the text in other letters": [
        *(found(A, B), found(A, B, job("e", owner="ANN")), found(A, B, job("e", owner="ANN"), owner="ann")),
    ],
    "what has the text in other blanks and accents": [
        found(job("a", owner="José"), job("b", owner="jo se"), owner="jose "),
    ],
    "what begins with the text": [found(job("a", owner="ann"), job("b", owner="anna"), owner="ann")],
    "a word that stands for who asks": [found(A, B, owner="me")],
    "a value that stands for all": [found(*EVERY, state="ALL")],
    "at least so high, as it has shown": [
        shown(*RANKED),
        shown(RANKED[2], role="HIGH"),
        shown(*RANKED[1:], role="MIDDLE"),
        shown(*RANKED, role="LOW"),
    ],
    "at most so high, as it has shown": [
        shown(*RANKED),
        shown(RANKED[0], role="LOW"),
        shown(*RANKED[:2], role="MIDDLE"),
    ],
    "at least the rank": [shown(*RANKED), shown(RANKED[2], rank="HIGH"), shown(*RANKED[1:], rank="MIDDLE")],
    "some of all tags, of which nobody speaks": [shown(*TAGGED), shown(*TAGGED[:2], tags=["x", "y"])],
    "any of the states": [found(*EVERY), found(*EVERY, states=["OPEN", "DONE"])],
    "what is due before": [found(*DUE), found(DUE[0], dueBefore="2030-01-02T00:00:00Z"), found(*DUE)],
    "what was due before all times": [
        *(found(*DUE), found(dueBefore="1970-01-01T00:00:00Z", state="OPEN"), found(*DUE)),
    ],
    "what is due never": [found(A, *DUE), found(DUE[0], dueBefore="2030-01-02T00:00:00Z"), found(A, *DUE)],
    "what is due never comes first": [found(A, *DUE), found(A, DUE[0], dueBefore="2030-01-02T00:00:00Z")],
    "made at that time, which is kept more exactly": [
        found(*MADE),
        found(MADE[1], createAfter="2030-01-01T00:00:00.100Z"),
        found(*MADE),
    ],
    "between two days": [
        found(*DAYS),
        found(DAYS[1], firstDay={"year": 2030, "month": 1, "day": 2}, lastDay={"year": 2030, "month": 1, "day": 2}),
        found(*DAYS),
    ],
    "a month alone": [
        found(job("a", day={"year": 2030, "month": 1})),
        found(job("a", day={"year": 2030, "month": 1}), firstDay={"year": 2030, "month": 1, "day": 9}),
    ],
    "before, in another zone": [found(*ZONES), found(ZONES[1], beginsBefore="2030-01-01T23:00:00+00:00")],
    "a price that is rounded where it is shown": [
        found(job("a", price=4.5), job("b", price=9)),
        found(job("b", price=9), minPrice=4.5),
        found(job("a", price=4.5), job("b", price=9)),
    ],
    "a price on request": [found(A, job("b", cost=9)), found(A, job("b", cost=9), minCost=4)],
    "no price on request": [found(A, job("b", cost=9)), found(job("b", cost=9), minCost=4), found(A, job("b", cost=9))],
    "what is in a category below": [found(job("a", categoryId=1), job("b", categoryId=11), categoryId=1)],
    "what was shared by oneself": [shown(job("a", shared=True), B)],
    "what has a place to park": [shown(*PARKING), shown(PARKING[0], withParking=True), shown(*PARKING)],
    "left out by default, and asked for in words": [
        shown(A, GONE, includeArchived=True),
        shown(GONE, query="is:archived"),
    ],
    "nothing is left out otherwise": [shown(A, B), shown(A, B, includeArchived=True)],
    "what a page has no room for": [*PROVEN, shown(token="x", pageSize=1, state="OPEN", owner="ann"), shown(*EVERY)],
    "another form of the same thing": [
        shown(*EVERY),
        shown({**A, "snippet": "an OPEN one"}, {**C, "snippet": "an OPEN one"}, state="OPEN"),
        *(shown(*EVERY), BY_STATE, BY_OWNER, shown({**A, "snippet": "both"}, state="OPEN", owner="ann"), shown(*EVERY)),
    ],
    "something was made meanwhile": [
        *(*PROVEN, ("AddJob", {"owner": "ann"}, job("e"))),
        *(shown(state="OPEN", owner="ann"), shown(*EVERY)),
    ],
    "something has left the state meanwhile": [
        *PROVEN,
        shown(state="OPEN", owner="ann"),
        shown({**A, "state": "HELD"}, B),
    ],
    "a field that wasn't seen to select": [shown(*EVERY), shown(*EVERY, owner="ann"), shown(*EVERY)],
    "a field that leads on": [found(A, lastId=5)],
}


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("queue") / "queue.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(name: str, queue: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    assert set(judging(queue, "queue.")(*WRONG[name])) == {"G129"}


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine(name: str, queue: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    assert not judging(queue, "queue.")(*FINE[name])


def test_a_second_answer_is_survived(queue: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    twice = [{"jobs": [A]}, {"jobs": [C]}]
    assert "G129" not in judging(queue, "queue.")(("FindJobs", {"state": "OPEN"}, twice), found(*EVERY))


def test_what_fields_ask_for(queue: Registry) -> None:
    method = queue.method("queue.Queue/FindJobs")
    item = item_of(method)
    assert item is not None
    kinds = {one.name: one.kind for one in criteria_of(method, item, queue)}
    assert kinds == {
        "state": Kind.SAME,
        "owner": Kind.SAME,
        "tags": Kind.HAS,
        "states": Kind.ANY_OF,
        "due_before": Kind.MOST,
        "create_after": Kind.LEAST,
        "first_day": Kind.LEAST,
        "last_day": Kind.MOST,
        "min_cost": Kind.LEAST,
        "begins_before": Kind.MOST,
        "min_price": Kind.LEAST,
        "category_id": Kind.SAME,
    }


WHAT_METHODS_SAY = {
    "The jobs that match all filters.": True,
    "Every filter that's set has to match. Keys that nothing has are no error.": True,
    "All of the criteria must hold.": True,
    "Filters are combined with AND; one that matches nothing gives an empty list.": True,
    "The filters are joined by AND.": True,
    "Some filters have to match.": False,
    "Filters are combined with OR.": False,
    "Every filter has a name.": False,
}


@pytest.mark.parametrize("comment", WHAT_METHODS_SAY)
def test_whether_a_method_says_that_all_filters_have_to_match(comment: str, tmp_path: Path) -> None:
    (tmp_path / "queue.proto").write_text(
        PROTO.replace("The jobs that match all filters that are set.", comment).replace("Only jobs of this owner.", "")
    )
    registry = sources.load([tmp_path])
    method = registry.method("queue.Queue/FindJobs")
    item = item_of(method)
    assert item is not None
    assert {one.is_exclusive for one in criteria_of(method, item, registry) if one.name == "owner"} == {
        WHAT_METHODS_SAY[comment]
    }
