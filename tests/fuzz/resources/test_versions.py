"""Versions of things, and changes that name the one that is expected; conversations, contracts and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.versions import expected_of, grows, version_of
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import version_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package mill;
service Mill {
  rpc OpenBatch(OpenBatchRequest) returns (Batch);
  rpc GetBatch(GetBatchRequest) returns (Batch);
  rpc PeekBatch(GetBatchRequest) returns (BatchReply) { option idempotency_level = NO_SIDE_EFFECTS; }
  // ABORTED if `expected_version` is set, and isn't the version of the batch.
  rpc ChangeBatch(ChangeBatchRequest) returns (Batch);
  rpc GrindBatch(GrindBatchRequest) returns (Batch);
  // FAILED_PRECONDITION if the version is stale.
  rpc SieveBatch(SieveBatchRequest) returns (Batch);
  rpc RestoreBatch(RestoreBatchRequest) returns (Batch);
  // ABORTED if the version doesn't exist.
  rpc RollbackBatch(RestoreBatchRequest) returns (Batch);
  // ABORTED if it has another version by now.
  rpc DeleteBatch(SieveBatchRequest) returns (Nothing);
  rpc ChangeSack(ChangeSackRequest) returns (Sack);
  rpc GetSack(GetSackRequest) returns (Sack);
  // ABORTED if the etag is stale.
  rpc MendSack(MendSackRequest) returns (Sack);
  // FAILED_PRECONDITION if no version was published.
  rpc ShipSack(ShipSackRequest) returns (Sack);
  rpc restoreOlder(RestoreBatchRequest) returns (Batch);
  rpc GetMealBag(MealBagId) returns (MealBag);
  // ABORTED if `expected_revision` isn't the revision of the bag.
  rpc TieMealBag(TieMealBagRequest) returns (MealBag);
}
message MealBagId { string meal_bag_id = 1; }
message TieMealBagRequest { string meal_bag_id = 1; string label = 2; int32 expected_revision = 3; }
message MealBag { string id = 1; string label = 2; int32 revision = 3; }
message Nothing {}
message Batch { int64 id = 1; string flour = 2; int32 notes = 3;
  // 1 at first, and one more with each change.
  int32 version = 4;
  int64 mill_id = 5; }
message BatchReply { Batch batch = 1; }
message OpenBatchRequest { string flour = 1; }
message GetBatchRequest { int64 id = 1; int32 version = 2; }
message ChangeBatchRequest { int64 id = 1; optional string flour = 2; optional int32 expected_version = 3;
  string request_id = 4; }
message GrindBatchRequest { int64 id = 1; string flour = 2; int32 expected_version = 3; }
message SieveBatchRequest { int64 id = 1; int32 version = 2; }
message RestoreBatchRequest { int64 id = 1; int32 version = 2; }
message Sack { string sack_id = 1; string label = 2; int32 revision = 3; string etag = 4; }
message GetSackRequest { string sack_id = 1; }
message ChangeSackRequest { string sack_id = 1; string label = 2; int32 revision = 3; }
message MendSackRequest { string sack_id = 1; string label = 2; string etag = 3; }
message ShipSackRequest { string sack_id = 1; int32 revision = 2; }
"""

Words = tuple[str, Any, Any]
STALE = "ABORTED: the batch has version {}"


def batch(version: int, flour: str = "rye", **more: Any) -> dict[str, Any]:
    return {"id": 7, "flour": flour, "version": version, **more}


def sack(revision: int, label: str = "a", **more: Any) -> dict[str, Any]:
    return {"sackId": "s", "label": label, "revision": revision, **more}


def get(version: int, flour: str = "rye", **more: Any) -> Words:
    return ("GetBatch", {"id": 7}, batch(version, flour, **more))


def change(flour: str, expected: int, answer: Any, **more: Any) -> Words:
    asked = {"expectedVersion": expected} if expected else {}
    return ("ChangeBatch", {"id": 7, "flour": flour, **asked, **more}, answer)


def grind(flour: str, expected: int, answer: Any) -> Words:
    return ("GrindBatch", {"id": 7, "flour": flour, "expectedVersion": expected}, answer)


def tie(expected: int, answer: Any) -> Words:
    return ("TieMealBag", {"mealBagId": "m", "label": "b", "expectedRevision": expected}, answer)


BAG: Words = ("GetMealBag", {"mealBagId": "m"}, {"id": "m", "label": "a", "revision": 2})
OPEN: Words = ("OpenBatch", {"flour": "rye"}, batch(1))
CHANGED = change("oat", 1, batch(2, "oat"))

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "one more with each change": (set(), [OPEN, CHANGED, get(2, "oat")]),
    "one less": ({"G129"}, [OPEN, get(1), change("oat", 0, batch(0, "oat"))]),
    "less at a look": ({"G129"}, [OPEN, CHANGED, get(1, "oat")]),
    "less, of another thing with the same id": (set(), [OPEN, CHANGED, get(1, "oat", millId=3)]),
    "less, of a version that is asked for": (
        set(),
        [OPEN, CHANGED, ("GetBatch", {"id": 7, "version": 1}, batch(1)), get(2, "oat")],
    ),
    "less, once it was restored": (set(), [OPEN, CHANGED, ("RestoreBatch", {"id": 7, "version": 1}, batch(1)), get(1)]),
    "less, once it was restored, by a method in camel case": (
        set(),
        [OPEN, CHANGED, ("restoreOlder", {"id": 7, "version": 1}, batch(1)), get(1)],
    ),
    "the right one is refused, of a name of two words": (
        {"G129"},
        [BAG, tie(2, "ABORTED: the bag has another revision"), BAG],
    ),
    "another one is refused, of a name of two words": (
        set(),
        [BAG, tie(1, "ABORTED: the bag has another revision"), BAG],
    ),
    "less, of one that was made with the same id": (set(), [OPEN, CHANGED, OPEN, get(1)]),
    "the same after a change": ({"G129"}, [OPEN, change("oat", 0, batch(1, "oat"))]),
    "the same after no change": (set(), [OPEN, change("rye", 0, batch(1))]),
    "the same, and what changed wasn't given": (set(), [OPEN, change("rye", 0, batch(1, notes=3))]),
    "the same, after something else": (
        {"G129"},
        [OPEN, ("GrindBatch", {"id": 7}, batch(2)), change("oat", 0, batch(2, "oat"))],
    ),
    "another one at each read": ({"G129"}, [OPEN, get(1), get(2), get(3)]),
    "another one at each read, as it is ground": (set(), [OPEN, get(1), get(2, notes=1), get(3, notes=2)]),
    "refused for the version that it has": (
        {"G129"},
        [OPEN, change("oat", 1, STALE.format(1)), get(1)],
    ),
    "refused, and nobody looked": (set(), [OPEN, change("oat", 1, STALE.format(1))]),
    "refused, and it has another by now": (set(), [OPEN, change("oat", 1, STALE.format(2)), get(2)]),
    "refused, and it was changed meanwhile": (
        set(),
        [OPEN, change("oat", 1, STALE.format(2)), ("SieveBatch", {"id": 7}, batch(3)), get(3)],
    ),
    "refused for something else": (set(), [OPEN, change("oat", 1, "ABORTED: the mill stands"), get(1)]),
    "refused with what comments don't say": (
        set(),
        [OPEN, grind("oat", 1, "FAILED_PRECONDITION: this version is sealed"), get(1)],
    ),
    "refused with what comments don't say, and not without": (
        {"G129"},
        [OPEN, grind("oat", 1, "FAILED_PRECONDITION: version"), get(1), grind("oat", 0, batch(2, "oat"))],
    ),
    "refused for one that is past": (set(), [OPEN, CHANGED, get(2, "oat"), change("rye", 1, STALE.format(2))]),
    "taken for one that is past": (
        {"G129"},
        [OPEN, CHANGED, get(2, "oat"), change("rye", 1, batch(3))],
    ),
    "taken for one that is past, and nothing done": (
        set(),
        [OPEN, CHANGED, get(2, "oat"), change("oat", 1, batch(2, "oat"))],
    ),
    "taken for one that is past, as a repeated request": (
        set(),
        [OPEN, change("oat", 1, batch(2, "oat"), requestId="r"), change("oat", 1, batch(2, "oat"), requestId="r")],
    ),
    "taken for one that is past, and no comment speaks of it": (
        set(),
        [OPEN, CHANGED, get(2, "oat"), grind("rye", 1, batch(3))],
    ),
    "taken for one that never was": ({"G129"}, [OPEN, change("oat", 99999, batch(2, "oat"))]),
    "taken for one that may be by now": (set(), [OPEN, change("oat", 2, batch(3, "oat"))]),
    "taken for one that never was, where only stale ones are refused": (
        set(),
        [OPEN, ("SieveBatch", {"id": 7, "version": 99999}, batch(2))],
    ),
    "gone though it has another version": (
        {"G129"},
        [OPEN, CHANGED, get(2, "oat"), ("DeleteBatch", {"id": 7, "version": 1}, {})],
    ),
    "gone": (set(), [OPEN, CHANGED, get(2, "oat"), ("DeleteBatch", {"id": 7, "version": 2}, {})]),
    "a revision of which no comment speaks": (
        {"G129"},
        [
            ("ChangeSack", {"sackId": "s", "label": "a"}, sack(2)),
            ("ChangeSack", {"sackId": "s", "label": "b"}, sack(1, "b")),
        ],
    ),
    "a revision that is given": (
        set(),
        [
            ("ChangeSack", {"sackId": "s", "label": "a", "revision": 2}, sack(2)),
            ("ChangeSack", {"sackId": "s", "label": "b", "revision": 1}, sack(1, "b")),
        ],
    ),
    "a revision that is another where it is only shown": (
        set(),
        [("ChangeSack", {"sackId": "s", "label": "a"}, sack(2)), ("GetSack", {"sackId": "s"}, sack(1))],
    ),
    "an etag of a thing without annotations": (
        {"G129"},
        [
            ("GetSack", {"sackId": "s"}, sack(1, etag="x")),
            ("MendSack", {"sackId": "s", "label": "b", "etag": "x"}, "ABORTED: the etag is stale"),
            ("GetSack", {"sackId": "s"}, sack(1, etag="x")),
        ],
    ),
    "an etag that is past": (
        {"G129"},
        [
            ("GetSack", {"sackId": "s"}, sack(1, etag="x")),
            ("MendSack", {"sackId": "s", "label": "b", "etag": "x"}, sack(2, "b", etag="y")),
            ("MendSack", {"sackId": "s", "label": "c", "etag": "x"}, sack(3, "c", etag="z")),
        ],
    ),
}


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("mill") / "mill.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, mill: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(mill, "mill.")(*said)) == codes


def test_what_requests_expect(mill: Registry) -> None:
    found = {method.name: expected_of(method, mill) for method in mill.methods.values()}
    names = {name: one.name for name, one in found.items() if one is not None}
    assert names == {
        "ChangeBatch": "expected_version",
        "GrindBatch": "expected_version",
        "SieveBatch": "version",
        "DeleteBatch": "version",
        "MendSack": "etag",
        "TieMealBag": "expected_revision",
    }  # what is restored is another version by right, and what is shipped is one that was published
    told = {name: (one.is_documented, one.refuses_any_other) for name, one in found.items() if one is not None}
    assert told["ChangeBatch"] == (True, True)
    assert told["GrindBatch"] == (False, False)
    assert told["SieveBatch"] == (True, False)


@pytest.mark.parametrize(
    ("comment", "is_told"),
    [
        ("1 at first, and one more with each call that changes it. Notes are no changes.", True),
        ("Incremented on every update.", True),
        ("Increases whenever somebody modifies it.", True),
        ("Incremented each time the spec is changed.", False),
        ("Increased by the client with each update.", False),
        ("The version of the format.", False),
        ("It may be increased when it is updated.", False),
        ("Bumped on significant changes.", False),
    ],
)
def test_what_grows(comment: str, is_told: bool, tmp_path: Path) -> None:
    file = tmp_path / "one.proto"
    file.write_text(
        'syntax = "proto3";\npackage one;\n'
        f"message One {{\n  string id = 1;\n  // {comment}\n  int64 version = 2;\n}}\n"
        "service Ones { rpc Get(One) returns (One); }\n"
    )
    registry = sources.load([file])
    (method,) = registry.methods.values()
    shown = version_of(method.output)
    assert shown is not None
    assert grows(shown, registry) is is_told


def test_programs_name_the_version_which_is_was_and_never_was(mill: Registry) -> None:
    methods = {method.name: method for method in mill.methods.values()}
    plan = Plan(
        registry=mill,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=mill),
        generators=Generators(mill),
    )
    opening = AcceptedRequest(methods["OpenBatch"], b"")
    needs = (Need(opening, ("id",), ("id",)),)
    full = methods["ChangeBatch"].request_class(flour="a").SerializeToString()
    changing = AcceptedRequest(methods["ChangeBatch"], b"", needs, frozenset({("id",)}), full=full)
    peeking = AcceptedRequest(methods["PeekBatch"], b"", needs)
    for one in (opening, changing, peeking):
        plan.acceptance.first[one.method.path] = one
    whole, little = version_programs.cases(methods["ChangeBatch"], plan)
    assert (whole.id.rpartition("/")[2], little.id.rpartition("/")[2]) == ("version", "version-of-little")
    names = [call.method.name for call in whole.calls]  # type: ignore[union-attr]
    assert names == ["OpenBatch", "PeekBatch", *["ChangeBatch", "PeekBatch"] * 6]
    changes = [call for call in whole.calls if call.path == changing.method.path]
    asked = [[one for one in call.bindings if one.target == ("expected_version",)] for call in changes]
    assert asked[0] == [Binding(1, ("batch", "version"), ("expected_version",))]
    assert asked[3] == [Binding(0, ("version",), ("expected_version",))]
    assert asked[4] == [Binding(9, ("batch", "version"), ("expected_version",))]
    assert not asked[1] and not asked[2] and not asked[5]
    last: Any = methods["ChangeBatch"].request_class.FromString(changes[5].messages[0])
    assert last.expected_version > 1000
    assert not list(version_programs.cases(methods["RestoreBatch"], plan))
