"""Masks of several fields, lists that are replaced, numbers that no float holds: what is said of them, and calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import scenarios
from grpcmock.fuzz.phases.stateful.resource_factory import LARGE, ResourceFactory
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package crates.v1;
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
service Crates {
  rpc CreateCrate(CreateCrateRequest) returns (Crate);
  rpc GetCrate(GetCrateRequest) returns (Crate);
  rpc UpdateCrate(UpdateCrateRequest) returns (Crate);
}
message Crate {
  option (google.api.resource) = {type: "crates.example.com/Crate" pattern: "crates/{crate}"};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string label = 2;
  string note = 3;
  repeated string tags = 4;
  map<string, string> marks = 5;
  int64 grams = 6;
  Wood wood = 7 [(google.api.field_behavior) = IMMUTABLE];
}
enum Wood { WOOD_UNSPECIFIED = 0; OAK = 1; PINE = 2; }
message CreateCrateRequest { string crate_id = 1; Crate crate = 2; }
message GetCrateRequest { string name = 1; }
message UpdateCrateRequest { Crate crate = 1; google.protobuf.FieldMask update_mask = 2; }
"""
NAME = {"name": "crates/abc"}
FULL: dict[str, Any] = {"label": "oak", "note": "heavy", "tags": ["a", "b"], "marks": {"k": "v"}}
MADE: Any = ("CreateCrate", {"crateId": "abc", "crate": FULL}, {**NAME, **FULL})


@pytest.fixture(scope="module")
def crates(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("crates") / "crates.proto"
    file.write_text(PROTO)
    return sources.load([file])


def update(answer: Any, mask: str = "", **given: Any) -> Any:
    shown = answer if isinstance(answer, str) else {**NAME, **answer}
    return ("UpdateCrate", {"crate": {**NAME, **given}, "updateMask": mask}, shown)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in FULL.items() if name not in names}


RESET = [update(without("label"), "label"), update(without("label", "note"), "note")]
WHOLE = update(FULL, "label,note", label="oak", note="heavy")
NO = "INVALID_ARGUMENT"
SAME: dict[str, Any] = {"label": "elm", "note": "light", "tags": ["c"]}
SHOWN = {**FULL, **SAME}

CASES: dict[str, tuple[set[str], list[Any]]] = {
    "all are reset": (set(), [MADE, *RESET, WHOLE, update(without("label", "note"), "label,note")]),
    "the first is reset": ({"G135"}, [MADE, *RESET, WHOLE, update(without("label"), "label,note")]),
    "the last is reset": ({"G135"}, [MADE, *RESET, WHOLE, update(without("note"), "label,note")]),
    "one that isn't reset alone": (
        set(),
        [MADE, RESET[0], update(without("label"), "note"), WHOLE, update(without("label"), "label,note")],
    ),
    "one that was never named alone": (set(), [MADE, RESET[0], WHOLE, update(without("label"), "label,note")]),
    "one that gets another value": (
        set(),
        [MADE, *RESET, WHOLE, update({**without("label", "note"), "note": "usual"}, "label,note")],
    ),
    "refused, for one must be there": (set(), [MADE, *RESET, WHOLE, update(NO, "label,note")]),
    "a map is replaced": (set(), [MADE, update({**FULL, "marks": {"x": "v"}}, "marks", marks={"x": "v"})]),
    "a map is joined": ({"G129"}, [MADE, update({**FULL, "marks": {"k": "v", "x": "v"}}, "marks", marks={"x": "v"})]),
    "a list grows": ({"G129"}, [MADE, update({**FULL, "tags": ["a", "b", "a", "b"]}, "tags", tags=["a", "b"])]),
    "each mask is taken": (
        set(),
        [MADE, update(SHOWN, **SAME), *(update(SHOWN, one, **SAME) for one in SAME), update(SHOWN, **SAME)],
    ),
    "each mask is refused": (
        {"G135"},
        [MADE, update(SHOWN, **SAME), *(update(NO, one, **SAME) for one in SAME), update(SHOWN, **SAME)],
    ),
    "what each mask names is overlooked without one": (
        {"G129"},  # for that alone
        [MADE, update(FULL, **SAME), *(update(NO, one, **SAME) for one in SAME), update(FULL, **SAME)],
    ),
    "what each mask names was so before": (
        set(),
        [MADE, update(FULL, **FULL), *(update(NO, one, **FULL) for one in FULL), update(FULL, **FULL)],
    ),
    "one of the masks is taken": (
        set(),
        [
            *(MADE, update(SHOWN, **SAME), update(NO, "label", **SAME), update(NO, "note", **SAME)),
            *(update(SHOWN, "tags", **SAME), update(SHOWN, **SAME)),
        ],
    ),
    "masks aren't there yet": (
        set(),
        [MADE, update(SHOWN, **SAME), *(update("UNIMPLEMENTED", one, **SAME) for one in SAME), update(SHOWN, **SAME)],
    ),
    "nothing is taken any more": (
        set(),
        [MADE, update(SHOWN, **SAME), *(update(NO, one, **SAME) for one in SAME), update(NO, **SAME)],
    ),
    "a number was rounded": (
        {"G129"},
        [("CreateCrate", {"crateId": "abc", "crate": {"grams": LARGE}}, {**NAME, "grams": LARGE - 1})],
    ),
    "a number was cut": (
        {"G129"},
        [("CreateCrate", {"crateId": "abc", "crate": {"grams": LARGE}}, {**NAME, "grams": 1})],
    ),
    "a number is the most there may be": (
        set(),
        [("CreateCrate", {"crateId": "abc", "crate": {"grams": LARGE}}, {**NAME, "grams": 1_000_000})],
    ),
    "a number is kept": (
        set(),
        [("CreateCrate", {"crateId": "abc", "crate": {"grams": LARGE}}, {**NAME, "grams": LARGE})],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_masks(
    crates: Registry, judging: Callable[[Registry, str], Callable[..., dict[str, str]]], name: str
) -> None:
    expected, said = CASES[name]
    assert set(judging(crates, "crates")(*said)) == expected


def test_the_calls_are_made(crates: Registry) -> None:
    plan = Plan(
        registry=crates,
        methods=tuple(crates.methods.values()),
        expectations=Expectations(registry=crates),
        generators=Generators(crates),
        seed=1,
    )
    factory = ResourceFactory(plan)
    (resource,) = factory.resources.all
    names = {
        case.id.rpartition("/")[2]
        for role in (Role.CREATE, Role.UPDATE)
        if (operation := resource.operation(role)) is not None
        for case in scenarios.cases(resource, operation, factory)
    }
    assert {
        *("mask-several-first", "mask-several-last", "mask-tags-replaced", "mask-marks-replaced", "mask-each"),
        *("immutable-wood", "read-back-large-grams"),
    } <= names
