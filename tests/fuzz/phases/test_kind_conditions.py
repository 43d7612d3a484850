"""Fields that comments require for some kinds of requests only: how that is read, and how a server is held to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.kind_conditions import needed_for
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import comment_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package stock;
service Stock {{ rpc Move(MoveRequest) returns (Moved); }}
enum MoveKind {{ MOVE_KIND_UNSPECIFIED = 0; MOVE_KIND_RECEIVE = 1; MOVE_KIND_ADJUST = 2; MOVE_KIND_WRITE_OFF = 3; }}
message MoveRequest {{
  MoveKind kind = 1;
  // {comment}
  string reason = 2;
}}
message Moved {{ bool done = 1; }}
"""
MANDATORY = "At most 200 characters. Mandatory (not blank) for adjustments, optional otherwise."
RECEIVE, ADJUST, WRITE_OFF = 1, 2, 3


def stock(tmp_path: Any, comment: str) -> Registry:
    file = tmp_path / "stock.proto"
    file.write_text(PROTO.format(comment=comment))
    return sources.load([file])


@pytest.mark.parametrize(
    ("comment", "numbers"),
    [
        (MANDATORY, {ADJUST}),
        ("Required if the kind is `MOVE_KIND_ADJUST`.", {ADJUST}),
        ("Required for ADJUST or WRITE_OFF.", {ADJUST, WRITE_OFF}),
        ("Needed to adjust; not allowed else.", {ADJUST}),
        ("Must be set for moves of the kind RECEIVE.", {RECEIVE}),
        ("Required for adjustments above 10.", None),
        ("Required for large moves.", None),
        ("Should be required for adjustments, but isn't yet.", None),
        ("Required for adjustments, unless nothing is left.", None),
        ("Why it was moved.", None),
        ("Required.", None),
    ],
)
def test_for_which_kinds_it_is_required(tmp_path: Any, comment: str, numbers: set[int] | None) -> None:
    registry = stock(tmp_path, comment)
    descriptor: Any = registry.message("stock.MoveRequest").DESCRIPTOR
    told = needed_for(descriptor.fields_by_name["reason"], registry)
    assert (set(told.numbers) if told is not None else None) == numbers


@pytest.mark.parametrize("reason", ["lost", ""])
@pytest.mark.parametrize(
    ("takes", "is_told"),
    [
        (lambda request: True, True),
        (lambda request: request.reason or request.kind != ADJUST, False),
        (lambda request: request.kind != ADJUST, False),
    ],
)
def test_a_kind_that_needs_it_is_refused_without(
    tmp_path: Any, takes: Callable[[Any], bool], is_told: bool, reason: str
) -> None:
    registry = stock(tmp_path, MANDATORY)
    method, expectations = registry.method("stock.Stock/Move"), Expectations(registry=registry)
    plan = Plan(registry=registry, methods=(method,), expectations=expectations, generators=Generators(registry))
    first, other = (
        AcceptedRequest(method=method, data=method.request_class(kind=kind, reason=reason).SerializeToString())
        for kind in (RECEIVE, ADJUST)
    )
    plan.acceptance.keep(first, b"")
    plan.acceptance.kinds[method.path] = [other]
    suite = CheckSuite(all_checks(), expectations)

    def answered(call: Call) -> Reply:
        if takes(method.request_class.FromString(call.messages[0])):
            return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"\x08\x01",))
        return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message="no")

    found = [
        one
        for case in comment_cases.of_kinds(method, plan)
        for one in suite.evaluate(case, CaseResult(replies=tuple(map(answered, case.calls))))
        if one.code == "G125" and "needed" in one.key
    ]
    assert bool(found) is is_told
