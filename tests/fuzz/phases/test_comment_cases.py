"""What comments say of single fields: that they are required, and in which range numbers are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_limits import documented_range
from grpcmock.fuzz.expectations.documented_required import is_required_in_words
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import TOLD_VALUE, Call
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import comment_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package kites;
service Kites {
  rpc Build(BuildRequest) returns (Kite);
  rpc UpdateKite(UpdateKiteRequest) returns (Kite);
  rpc BuildMany(stream BuildRequest) returns (Kite);
}
message BuildRequest {
  // Required.
  Draft draft = 1;
  // Who it is for. This field is REQUIRED.
  string owner = 2;
  // What it flies in. From 0 to 30.
  double wind = 3;
  // Required. The kite that it is like.
  Kite model = 4;
}
message Draft {
  // (Required) What it is called.
  string title = 1;
  // The angle, in the range [-90.0, +90.0].
  float angle = 2;
}
message Kite {
  // Required. The server makes it.
  string id = 1;
  // Required. What it is made of.
  string cloth = 2;
}
message UpdateKiteRequest {
  // Required.
  Kite kite = 1;
}
message Words {
  // Not required.
  string a = 1;
  // Required if there is a tail.
  string b = 2;
  // Required. It is ignored for small kites.
  string c = 3;
  // It says whether permission is
  // required.
  string d = 4;
  // Required.
  int32 e = 5;
  // Required.
  repeated string f = 6;
  oneof one {
    // Required.
    string g = 7;
    string h = 8;
  }
  // Required unless the wind is known.
  Draft i = 9;
  // Required. If empty, the newest is meant.
  string j = 10;
  // This field is required when the kite flies.
  string k = 11;
  // Required for updates.
  string l = 12;
  // The tail. Required.
  string m = 13;
  // [required] The line.
  optional string n = 14;
  // This is a required field.
  Draft o = 15;
}
message Numbers {
  // Between 0.0 and 2.0; the default is 1.
  double a = 1;
  // From 1 to 3 decimal places.
  double b = 2;
  // At least 0.
  double c = 3;
  // From 0 to 1; NaN if it isn't known.
  double d = 4;
  // From 0.5 to 1.5.
  double e = 5;
  // Usually from 0 to 10.
  double f = 6;
  // Must be between 1 and 100.
  float g = 7;
}
"""


@pytest.fixture(scope="module")
def kites(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("kites") / "kites.proto"
    file.write_text(PROTO)
    return sources.load([file])


def test_only_what_is_always_required_is_read_out_of_comments(kites: Registry) -> None:
    descriptor: Any = kites.message("kites.Words").DESCRIPTOR
    assert [one.name for one in descriptor.fields if is_required_in_words(one, kites)] == ["m", "n", "o"]


def test_only_ranges_that_always_hold_are_read_out_of_comments(kites: Registry) -> None:
    found: dict[str, Any] = {}
    for name in ("Numbers", "Draft", "BuildRequest"):
        descriptor: Any = kites.message(f"kites.{name}").DESCRIPTOR
        found |= {one.name: limit for one in descriptor.fields if (limit := documented_range(one, kites)) is not None}
    assert found == {"a": (0, 2), "g": (1, 100), "angle": (-90, 90), "wind": (0, 30)}


def findings(kites: Registry, name: str, takes: Callable[[Any], bool], request: dict[str, Any]) -> list[str]:
    """What is told of a server that takes some requests and refuses the others."""
    method = kites.method(f"kites.Kites/{name}")
    expectations = Expectations(registry=kites)
    plan = Plan(registry=kites, methods=(method,), expectations=expectations, generators=Generators(kites))
    plan.acceptance.keep(AcceptedRequest(method=method, data=method.request_class(**request).SerializeToString()), b"")
    suite, found = CheckSuite(all_checks(), expectations), list[str]()

    def answered(call: Call) -> Reply:
        if takes(method.request_class.FromString(call.messages[0])):
            return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",))
        return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message="no")

    for case in comment_cases.cases(method, plan):
        if case.rule == TOLD_VALUE:
            continue  # tests of their own are about these
        result = CaseResult(replies=tuple(map(answered, case.calls)))
        found += [finding.path for finding in suite.evaluate(case, result) if finding.code == "G125"]
    return found


FULL = {"draft": {"title": "a", "angle": 1}, "owner": "b", "wind": 2, "model": {"id": "c", "cloth": "d"}}


def complete(one: Any) -> bool:
    return bool(one.HasField("draft") and one.draft.title and one.owner and one.HasField("model") and one.model.cloth)


@pytest.mark.parametrize(
    ("takes", "request_", "expected"),
    [
        (lambda one: complete(one) and 0 <= one.wind <= 30 and abs(one.draft.angle) <= 90, FULL, []),
        (lambda one: complete(one) or not one.HasField("draft"), FULL, ["draft"]),
        (lambda one: complete(one) or not one.owner, FULL, ["owner"]),
        (lambda one: complete(one) or (one.HasField("draft") and not one.draft.title), FULL, ["draft.title"]),
        (
            lambda one: complete(one) or (one.HasField("model") and not one.model.id),
            FULL,
            [],
        ),  # what it is called by the server may say
        (lambda one: True, {"draft": {}}, []),  # what is empty is as good as missing
        (lambda one: complete(one) and not (one.wind < 0 or one.wind > 30), FULL, ["wind"]),
        (lambda one: complete(one) and not abs(one.draft.angle) > 90, FULL, ["draft.angle"]),
        (lambda one: complete(one), FULL, []),  # a server that knows no range may take the comment for advice
        (lambda one: complete(one) and (one.wind <= 2 or math.isnan(one.wind)), FULL, []),  # another range
    ],
)
def test_a_server_is_held_to_what_comments_say_of_fields(
    kites: Registry, takes: Callable[[Any], bool], request_: dict[str, Any], expected: list[str]
) -> None:
    assert findings(kites, "Build", takes, request_) == expected


def test_what_is_changed_may_be_given_in_part(kites: Registry) -> None:
    kite = {"kite": {"id": "a", "cloth": "b"}}
    assert findings(kites, "UpdateKite", lambda one: True, kite) == ["kite"]
    assert findings(kites, "UpdateKite", lambda one: one.HasField("kite"), kite) == []


def test_where_many_are_sent_each_may_have_an_answer_of_its_own(kites: Registry) -> None:
    assert findings(kites, "BuildMany", lambda one: True, FULL) == []
