# mypy: disable-error-code="attr-defined"
"""Streams of requests that are answered with counts: conversations, and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import stream_programs
from grpcmock.fuzz.resources.laws.tallies import tally_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package press;
service Press {
  rpc FeedAll(stream Sheet) returns (Fed);
  rpc FeedRows(stream Sheet) returns (FedRows);
  rpc FeedData(stream Data) returns (Fed);
  rpc FeedLots(stream Lot) returns (Fed);
  rpc FeedThree(stream Sheet) returns (FedThree);
  rpc FeedOwn(stream Own) returns (FedRows);
  rpc FeedMany(stream Sheet) returns (FedMany);
}
message Sheet { string press_id = 1; string text = 2; }
message Own { string press_id = 1; int32 row = 2; }
message Data { bytes data = 1; }
message Lot { repeated Sheet sheets = 1; }
message Jam { int32 index = 1; string reason = 2; }
message Fed { int32 printed = 1; int32 failed = 2; repeated Jam failures = 3; repeated string sheet_ids = 4; }
message Wrong {
  // Which message of the stream, from 1.
  int32 row = 1;
  string text = 2;
}
message FedRows {
  int64 taken = 1;
  int64 skipped = 2;
  // The first 2 of them.
  repeated Wrong errors = 3;
}
message FedMany {
  int32 created = 1; int32 updated = 2; int32 duplicates = 3; int32 rejected = 4; repeated Jam rejections = 5;
  int64 created_bytes = 6;
}
message FedThree { int32 printed = 1; int32 failed = 2; int32 unchanged = 3; }
"""

GOOD = {"pressId": "p", "text": "rye"}
NEXT = {"pressId": "p", "text": "oat"}
BAD = {"text": "rye"}
WORSE = {"text": "oat"}
TWICE = {"pressId": "p", "text": "again"}

Words = tuple[str, Any, Any]


def fed(
    *sheets: Any, done: int, not_done: int = 0, places: tuple[int, ...] = (), ids: int = -1, why: str = "x"
) -> Words:
    jams = [{"index": place, "reason": why} for place in places]
    given = [str(number) for number in range(done if ids < 0 else ids)]
    return ("FeedAll", list(sheets), {"printed": done, "failed": not_done, "failures": jams, "sheetIds": given})


def rows(*sheets: Any, done: int, not_done: int = 0, places: tuple[int, ...] = ()) -> Words:
    errors = [{"row": place, "text": "x"} for place in places]
    return ("FeedRows", list(sheets), {"taken": done, "skipped": not_done, "errors": errors})


def many(*sheets: Any, places: tuple[int, ...] = (), **counts: int) -> Words:
    return ("FeedMany", list(sheets), {**counts, "rejections": [{"index": place, "reason": "x"} for place in places]})


ALONE = [
    *(fed(GOOD, done=1), fed(NEXT, done=1)) * 2,
    *(fed(BAD, done=0, not_done=1, places=(0,)), fed(WORSE, done=0, not_done=1, places=(0,))),
]
FROM_ONE = [*(rows(GOOD, done=1),) * 2, rows(BAD, done=0, not_done=1, places=(1,))]

MANY = [
    *(many(GOOD, created=1, createdBytes=3), many(GOOD, updated=1), many(NEXT, created=1), many(NEXT, updated=1)),
    *(many(TWICE, duplicates=1), many(BAD, rejected=1, places=(0,)), many(WORSE, rejected=1, places=(0,))),
]

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "each done or not": (set(), [*ALONE, fed(GOOD, BAD, done=1, not_done=1, places=(1,)), fed(GOOD, NEXT, done=2)]),
    "two that aren't done": (set(), [*ALONE, fed(BAD, WORSE, done=0, not_done=2, places=(0, 1))]),
    "one is lost": ({"G129"}, [*ALONE, fed(GOOD, NEXT, done=1)]),
    "one that isn't done is lost": ({"G129"}, [*ALONE, fed(GOOD, BAD, done=1)]),
    "one too many": ({"G129"}, [*ALONE, fed(GOOD, BAD, done=2, not_done=1, places=(1,))]),
    "one is lost, and nobody tried it alone": (set(), [fed(GOOD, NEXT, done=1)]),
    "one is lost, which was done once only": (set(), [*ALONE[:3], ALONE[4], fed(GOOD, NEXT, done=1)]),
    "repeated ones are one": (set(), [*ALONE, fed(GOOD, GOOD, done=1)]),
    "it stops at a failure": (set(), [*ALONE, fed(BAD, GOOD, done=0, not_done=1, places=(0,))]),
    "what names all of them": (set(), [*ALONE, fed(GOOD, BAD, done=2)]),
    "less than nothing": ({"G129"}, [fed(GOOD, NEXT, done=-2)]),
    "nobody counts": (set(), [fed(GOOD, done=-1)]),
    "many in one": (set(), [fed(GOOD, done=5, not_done=2, places=(1, 4))]),
    "two, and one of them told": ({"G129"}, [*ALONE, fed(BAD, WORSE, done=0, not_done=2, places=(1,))]),
    "one told twice": (set(), [*ALONE, fed(GOOD, BAD, done=1, not_done=1, places=(1, 1))]),
    "an id too few": ({"G129"}, [*ALONE, fed(GOOD, NEXT, done=2, ids=1)]),
    "ids of all": (
        set(),
        [fed(BAD, done=0, not_done=1, places=(0,), ids=1), fed(GOOD, BAD, done=1, not_done=1, places=(1,), ids=2)],
    ),
    "another place": ({"G129"}, [*ALONE, fed(GOOD, BAD, done=1, not_done=1, places=(0,))]),
    "a place behind the end": ({"G129"}, [*ALONE, fed(GOOD, BAD, done=1, not_done=1, places=(2,))]),
    "a place, and another one wasn't done": (
        set(),
        [*ALONE, fed({"pressId": "p", "text": "new"}, BAD, done=1, not_done=1, places=(0,))],
    ),
    "no reason": ({"G129"}, [fed(BAD, done=0, not_done=1, places=(0,), why="")]),
    "counted from one": (set(), [*FROM_ONE, rows(GOOD, BAD, done=1, not_done=1, places=(2,))]),
    "not counted from one": ({"G129"}, [*FROM_ONE, rows(GOOD, BAD, done=1, not_done=1, places=(1,))]),
    "from one, and nothing": ({"G129"}, [rows(BAD, done=0, not_done=1, places=(0,))]),
    "the first two": (set(), [*FROM_ONE, rows(BAD, BAD, WORSE, done=0, not_done=3, places=(1, 2))]),
    "the first two, and one": ({"G129"}, [*FROM_ONE, rows(BAD, BAD, WORSE, done=0, not_done=3, places=(1,))]),
    "of several counts": (set(), [*MANY, many(GOOD, BAD, TWICE, updated=1, rejected=1, duplicates=1, places=(1,))]),
    "rejected, and updated": ({"G129"}, [*MANY, many(GOOD, BAD, updated=2, rejected=1, places=(1,))]),
    "lost of several counts": ({"G129"}, [*MANY, many(GOOD, NEXT, created=1)]),
    "more rejected than told": ({"G129"}, [*MANY, many(BAD, WORSE, rejected=2, places=(1,))]),
    "one of several below zero": ({"G129"}, [many(GOOD, created=3, updated=-2)]),
    "data": (set(), [("FeedData", [{"data": "eA=="}], {"printed": 5})]),
}


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("press") / "press.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, press: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert judging(press, "press.")(*said).keys() - {"G151"} == codes


def test_counts_are_told_by_names(press: Registry) -> None:
    names = {"FeedAll", "FeedRows", "FeedOwn", "FeedThree", "FeedMany"}
    assert {method.name for method in press.methods.values() if tally_of(method)} == names
    assert (many_of := tally_of(press.method("press.Press/FeedMany"))) is not None
    assert [one.name for one in many_of.listed] == ["rejected"]
    own = tally_of(press.method("press.Press/FeedOwn"))
    assert own is not None and own.place is None


def test_programs_send_what_is_done_and_what_is_not(press: Registry) -> None:
    method = press.method("press.Press/FeedAll")
    plan = Plan(
        registry=press, methods=(method,), expectations=Expectations(registry=press), generators=Generators(press)
    )
    data = method.request_class(press_id="p", text="rye").SerializeToString()
    plan.acceptance.first[method.path] = AcceptedRequest(method, data, references=frozenset({("press_id",)}))
    (case,) = stream_programs.cases(method, plan)
    sent = [[bool(method.request_class.FromString(one).press_id) for one in call.messages] for call in case.calls]
    assert sent[:6] == [[True], [True], [False], [True, False], [True, False, False], [False, False]]
