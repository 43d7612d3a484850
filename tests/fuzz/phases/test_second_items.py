"""A value that a server refuses in the only item of a list, and takes in a second one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import second_item_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package bakery;
service Bakery { rpc Order(OrderRequest) returns (OrderRequest); }
message OrderRequest { repeated Line lines = 1; }
message Line {
  string bread = 1;
  int32 quantity = 2;
}
"""
LINE = {"bread": "rye", "quantity": 3}


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("bakery") / "bakery.proto"
    file.write_text(PROTO)
    return sources.load([file])


def refusals(lines: list[Any]) -> list[str]:
    return [
        f"lines[{number}].{what}"
        for number, line in enumerate(lines)
        for what, wrong in (("quantity must be more than 0", line.quantity <= 0), ("bread is missing", not line.bread))
        if wrong
    ]


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (refusals, set()),
        (lambda lines: refusals(lines[:1]), {"lines.quantity", "lines.bread"}),
        (lambda lines: [one for one in refusals(lines) if "bread" in one or "[0]" in one], {"lines.quantity"}),
        (lambda lines: [], set()),  # what is taken in the first may be taken in the second
        (lambda lines: [*refusals(lines[:1]), *(["one line only"] if len(lines) > 1 else [])], set()),
        (lambda lines: ["it is too late"] if refusals(lines[:1]) else [], set()),  # nothing about the field
    ],
)
def test_what_is_refused_in_the_first_item_is_refused_in_the_second(
    bakery: Registry, refused: Callable[[list[Any]], list[str]], expected: set[str]
) -> None:
    method = bakery.method("bakery.Bakery/Order")
    expectations = Expectations(registry=bakery)
    plan = Plan(registry=bakery, methods=(method,), expectations=expectations, generators=Generators(bakery))
    data = method.request_class(lines=[LINE]).SerializeToString()
    plan.acceptance.keep(AcceptedRequest(method=method, data=data), b"")
    suite = CheckSuite(all_checks(), expectations)

    def answered(call: Call) -> Reply:
        request: Any = method.request_class.FromString(call.messages[0])
        words = refused(list(request.lines))
        if words:
            return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message=words[0])
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=(call.messages[0],))

    found = set()
    for case in second_item_cases.cases(method, plan):
        result = CaseResult(replies=tuple(map(answered, case.calls)))
        found |= {one.path for one in suite.evaluate(case, result) if one.code == "G125"}
    assert found == expected
