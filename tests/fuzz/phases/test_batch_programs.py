# mypy: disable-error-code="attr-defined"
"""Several parts sent together, one of which is doubtful."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Case
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import batch_programs
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package shelf;
service Shelf {
  rpc Keep(KeepRequest) returns (KeepResponse);
  rpc Read(ReadRequest) returns (ReadResponse);
  rpc BatchKeep(BatchKeepRequest) returns (KeepResponse);
  rpc KeepAll(BatchKeepRequest) returns (KeepResponse);
}
message KeepRequest { string key = 1; string text = 2; int64 owner_no = 3; }
message KeepResponse {}
message ReadRequest { string key = 1; }
message ReadResponse { repeated string texts = 1; }
message Step { oneof step { KeepRequest keep = 1; ReadRequest read = 2; } }
message BatchKeepRequest { repeated Step steps = 1; }
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("shelf") / "shelf.proto"
    file.write_text(PROTO)
    return sources.load([file])


def planned(shelf: Registry) -> Plan:
    plan = Plan(
        registry=shelf,
        methods=tuple(shelf.methods.values()),
        expectations=Expectations(registry=shelf),
        generators=Generators(shelf),
    )
    for name, fields in (("Keep", {"key": "abcdef", "text": "abc"}), ("Read", {"key": "abcdef"})):
        method = shelf.method(f"shelf.Shelf/{name}")
        plan.acceptance.first[method.path] = AcceptedRequest(
            method, method.request_class(**fields).SerializePartialToString()
        )
    return plan


def replies(shelf: Registry, case: Case, *, stops_at_once: bool) -> tuple[Reply, ...]:
    """Play a shelf that refuses owners that nobody knows: before it has kept anything, or as it goes."""
    kept: dict[str, str] = {}

    def keep(steps: list[Any]) -> bool:
        if not stops_at_once and any(step.owner_no for step in steps):
            return False
        for step in steps:
            if step.owner_no:
                return False
            kept[step.key] = step.text
        return True

    found = []
    for call in case.calls:
        assert call.method is not None
        request: Any = call.method.request_class.FromString(call.messages[0])
        answer, code = call.method.response_class(), Code.OK
        if call.method.name == "Read":
            answer.texts.extend([kept[request.key]] if request.key in kept else [])
        elif not keep([step.keep for step in request.steps]):
            code = Code.NOT_FOUND
        data = (answer.SerializeToString(),) if code is Code.OK else ()
        found.append(Reply(call=call, termination=Termination.SERVER, code=code, responses=data))
    return tuple(found)


@pytest.mark.parametrize(("stops_at_once", "codes"), [(False, set()), (True, {"G131"})])
def test_what_is_refused_as_a_whole_leaves_no_part(shelf: Registry, stops_at_once: bool, codes: set[str]) -> None:
    plan = planned(shelf)
    (case,) = batch_programs.cases(shelf.method("shelf.Shelf/BatchKeep"), plan)
    result = CaseResult(replies=replies(shelf, case, stops_at_once=stops_at_once))
    found = CheckSuite(all_checks(), plan.expectations).evaluate(case, result)
    assert {finding.code for finding in found if not finding.is_warning} == codes


def test_nothing_is_claimed_of_what_may_be_done_in_part(shelf: Registry) -> None:
    assert not list(batch_programs.cases(shelf.method("shelf.Shelf/KeepAll"), planned(shelf)))
