"""Sums of money that one server takes and minds the nanos of others."""

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
from grpcmock.fuzz.phases import money_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package tills;
import "google/type/money.proto";
service Tills { rpc Pay(PayRequest) returns (PayResponse); }
message PayRequest { google.type.Money sum = 1; repeated google.type.Money others = 2; }
message PayResponse {}
"""

SIGN = "sum.nanos must have the sign of the units"


@pytest.fixture(scope="module")
def tills(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("tills") / "tills.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("objection", "expected"),
    [
        (lambda units, nanos: SIGN if units * nanos < 0 or abs(nanos) >= 10**9 else "", None),
        (lambda units, nanos: SIGN if units <= 0 < nanos else "", "units 0 and nanos 500000000"),
        (lambda units, nanos: SIGN if units >= 0 > nanos else "", "units 0 and nanos -500000000"),
        (lambda units, nanos: SIGN if units < 0 <= nanos else "", "units -5 and nanos 0"),
        (lambda units, nanos: SIGN if abs(nanos) < 10**9 else "", "units 5 and nanos 0"),
        (lambda units, nanos: "sum.nanos must be 0" if nanos else "", None),  # of a currency without parts
        (lambda units, nanos: "sum is too small" if units <= 0 else "", None),
        (lambda units, nanos: "sum.units must be at least 1" if units < 1 else "", None),
        (lambda units, nanos: SIGN, None),
    ],
)
def test_nanos_are_minded_as_the_type_says(
    tills: Registry, objection: Callable[[int, int], str], expected: str | None
) -> None:
    method = tills.method("tills.Tills/Pay")
    expectations = Expectations(registry=tills)
    plan = Plan(registry=tills, methods=(method,), expectations=expectations, generators=Generators(tills))
    money = {"currency_code": "EUR", "units": 3}
    request: Any = method.request_class(sum=money, others=[money])
    plan.acceptance.keep(AcceptedRequest(method, request.SerializeToString()), b"")

    def answered(call: Call) -> Reply:
        one = method.request_class.FromString(call.messages[0]).sum  # type: ignore[attr-defined]
        if words := objection(one.units, one.nanos):
            return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message=words)
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",))

    suite, found = CheckSuite(all_checks(), expectations), list[str]()
    for case in money_cases.cases(method, plan):
        result = CaseResult(replies=tuple(map(answered, case.calls)))
        found += [finding.actual for finding in suite.evaluate(case, result) if finding.code == "G127"]
    assert len(found) == (expected is not None)
    assert all(expected is not None and one.startswith(expected) for one in found)
