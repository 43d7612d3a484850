"""Requests that something is to end before it begins, and what a server says of them."""

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
from grpcmock.fuzz.phases import backward_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package inn;
service Inn {
  rpc Book(Stay) returns (Stay);
  rpc ListStays(Stay) returns (Stay);
}
message Stay {
  string start_day = 1;
  string end_day = 2;
  string valid_from = 3;
  // May be earlier, for shifts that go on overnight.
  string valid_until = 4;
  string opens_from = 5;
  string opens_to = 6;
  string arrival_day = 7;
  string departure_day = 8;
}
"""
STAY = {
    "start_day": "2024-05-01",
    "end_day": "2024-05-04",
    "valid_from": "2024-01-01",
    "valid_until": "2024-02-01",
    "opens_from": "09:00",
    "opens_to": "17:00",
    "arrival_day": "2024-05-01",
    "departure_day": "2024-05-04",
}


@pytest.fixture(scope="module")
def inn(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("inn") / "inn.proto"
    file.write_text(PROTO)
    return sources.load([file])


def _as_it_is(stay: Any) -> Any:
    return stay


def _put_right(stay: Any) -> Any:
    stay.start_day, stay.end_day = sorted((stay.start_day, stay.end_day))
    return stay


def _refused(stay: Any) -> Any:
    return stay if stay.start_day <= stay.end_day else None


@pytest.mark.parametrize(
    ("name", "book", "expected"),
    [
        ("Book", _as_it_is, {"start_day"}),
        ("Book", _put_right, set()),
        ("Book", _refused, set()),
        ("Book", lambda stay: None, set()),
        ("ListStays", _as_it_is, set()),
    ],
)
def test_what_ends_before_it_begins_is_refused(
    inn: Registry, name: str, book: Callable[[Any], Any], expected: set[str]
) -> None:
    method = inn.method(f"inn.Inn/{name}")
    expectations = Expectations(registry=inn)
    plan = Plan(registry=inn, methods=(method,), expectations=expectations, generators=Generators(inn))
    plan.acceptance.keep(AcceptedRequest(method=method, data=method.request_class(**STAY).SerializeToString()), b"")
    suite = CheckSuite(all_checks(), expectations)

    def answered(call: Call) -> Reply:
        booked = book(method.request_class.FromString(call.messages[0]))
        if booked is None:
            return Reply(call=call, termination=Termination.SERVER, code=Code.INVALID_ARGUMENT, message="no")
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=(booked.SerializeToString(),))

    found = set()
    for case in backward_cases.cases(method, plan):
        result = CaseResult(replies=tuple(map(answered, case.calls)))
        found |= {one.path for one in suite.evaluate(case, result) if one.code == "G125"}
    assert found == expected
