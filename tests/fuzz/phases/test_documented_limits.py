"""What the comment of a field says of how much it may be, and a server that doesn't keep to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_limits import documented_limit
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.limit_cases import LimitCases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package labels;
service Labels { rpc Print(PrintRequest) returns (PrintResponse); }
message PrintRequest {
  // What stands on it. At most 40 characters.
  string text = 1;
  // From 1 to 9.
  int32 copies = 2;
  // At most 4 lines.
  repeated string lines = 3;
  Paper paper = 4;
  // At most 3 words.
  string words = 5;
  // At most 5 characters each.
  repeated string marks = 6;
  // At most 100 if it is printed at night.
  int32 speed = 7;
  // Should be at most 12.
  int32 tone = 8;
  // At most 50; 0 stands for all.
  int32 sheets = 9;
  string title = 10;
}
message Paper {
  // In millimeters, between 10 and 2,000.
  int32 width = 1;
  // More than 0, at most 500.
  double weight = 2;
  // At least 0.5, at most 9.5.
  double thickness = 3;
  // From 1 to 90. Must not be lower than the last value, nor more than 5 above it.
  int32 age = 4;
}
message PrintResponse {}
"""


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("labels") / "labels.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("message", "field", "expected"),
    [
        ("PrintRequest", "text", (None, 40)),
        ("PrintRequest", "copies", (1, 9)),
        ("PrintRequest", "lines", (None, 4)),
        ("Paper", "width", (10, 2000)),
        ("Paper", "weight", (None, 500)),
        ("Paper", "thickness", None),
        ("Paper", "age", None),
        ("PrintRequest", "sheets", (None, 50)),
        ("PrintRequest", "words", None),
        ("PrintRequest", "marks", None),
        ("PrintRequest", "speed", None),
        ("PrintRequest", "tone", None),
        ("PrintRequest", "title", None),
    ],
)
def test_only_limits_that_always_hold_are_read_out_of_comments(
    labels: Registry, message: str, field: str, expected: tuple[int | None, int | None] | None
) -> None:
    descriptor: Any = labels.message(f"labels.{message}").DESCRIPTOR
    assert documented_limit(descriptor.fields_by_name[field], labels) == expected


def actual(labels: Registry, takes: Callable[[Any], bool], words: str = "that can't be printed") -> list[str]:
    """What is told of a server that takes some requests and refuses the others."""
    method = labels.method("labels.Labels/Print")
    expectations = Expectations(registry=labels)
    plan = Plan(registry=labels, methods=(method,), expectations=expectations, generators=Generators(labels))
    request: Any = method.request_class(text="abc", copies=3, lines=["a"], paper={"width": 99, "weight": 80}, title="b")
    plan.acceptance.keep(AcceptedRequest(method=method, data=request.SerializeToString()), b"")
    suite, found = CheckSuite(all_checks(), expectations), list[str]()

    def answered(call: Call) -> Reply:
        if takes(method.request_class.FromString(call.messages[0])):
            return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",))
        return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message=words)

    for case in LimitCases(method, plan).cases():
        result = CaseResult(replies=tuple(map(answered, case.calls)))
        found += [finding.actual for finding in suite.evaluate(case, result) if finding.code == "G127"]
    return found


@pytest.mark.parametrize(
    ("takes", "expected"),
    [
        (lambda one: len(one.text) <= 40 and 1 <= one.copies <= 9 and len(one.lines) <= 4, []),
        (lambda one: True, []),  # a server that knows no limit at all may take the comment for advice
        (lambda one: len(one.text) < 40, ["40: INVALID_ARGUMENT: that can't be printed"]),
        (lambda one: len(one.text) <= 41, ["41: OK"]),
        (lambda one: len(one.text) <= 9, []),  # what is refused may be something else about the text
        (lambda one: one.copies < 9, ["9: INVALID_ARGUMENT: that can't be printed"]),
        (lambda one: one.copies >= 0, []),  # 0 is as good as unset
        (lambda one: len(one.lines) <= 5, ["5: OK"]),
        (lambda one: one.paper.width <= 2001, ["2001: OK"]),
        (lambda one: 0 < one.paper.weight <= 500, []),
        (lambda one: 0 < one.paper.weight < 500, ["500.0: INVALID_ARGUMENT: that can't be printed"]),
        (lambda one: one.paper.weight <= 505, ["501.0: OK"]),
        (lambda one: one.paper.width > 10, ["10: INVALID_ARGUMENT: that can't be printed"]),
    ],
)
def test_a_server_with_a_limit_is_held_to_the_comment(
    labels: Registry, takes: Callable[[Any], bool], expected: list[str]
) -> None:
    assert actual(labels, takes) == expected
