"""What comes of methods that only reckon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.calculations import converting_of, prices_of, splitting_of
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import calculation_cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package sums;
service Sums {
  rpc QuoteTrip(TripRequest) returns (TripReply);
  rpc QuoteRefund(TripRequest) returns (TripReply);
  rpc ListPrices(TripRequest) returns (TripReply);
  rpc SplitBill(SplitRequest) returns (SplitReply);
  rpc SplitTip(SplitRequest) returns (SplitTipReply);
  rpc ConvertMoney(ConvertRequest) returns (ConvertReply);
  rpc Convert(ConvertRequest) returns (ConvertFeeReply);
}
message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }
message TripRequest { int32 kilometers = 1; double luggage = 2; string kind = 3; }
message TripReply { int64 price_cents = 1; int64 discount = 2; }
message SplitRequest { Money bill = 1; repeated uint32 shares = 2; }
message SplitReply { repeated Money parts = 1; }
message SplitTipReply { repeated Money parts = 1; Money rest = 2; }
message ConvertRequest { Money money = 1; string currency_code = 2; }
message ConvertReply { Money money = 1; }
message ConvertFeeReply { Money money = 1; int32 fee = 2; }
"""

NANOS = 1_000_000_000
CENT = 10_000_000


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("sums") / "sums.proto"
    file.write_text(PROTO)
    return sources.load([file])


def test_what_a_method_reckons_is_told_by_names(sums: Registry) -> None:
    told = {
        name: [field.name for field in prices_of(method)] or splitting_of(method) or converting_of(method)
        for method in sums.methods.values()
        for name in [method.name]
    }
    assert told.pop("QuoteTrip") == ["price_cents"]
    assert told.pop("SplitBill") is not None
    assert told.pop("ConvertMoney") is not None
    assert not any(told.values())


def found(sums: Registry, name: str, request: dict[str, Any], answer: Callable[[Any], Any]) -> list[str]:
    """What is told of a server that answers so."""
    method = sums.method(f"sums.Sums/{name}")
    expectations = Expectations(registry=sums)
    plan = Plan(registry=sums, methods=(method,), expectations=expectations, generators=Generators(sums))
    plan.acceptance.keep(AcceptedRequest(method, method.request_class(**request).SerializeToString()), b"")
    told = list[str]()
    for case in calculation_cases.cases(method, plan):
        replies = [
            Reply(call=call, termination=Termination.SERVER, code=0, responses=(made.SerializeToString(),))
            for call in case.calls
            for made in [method.response_class(**answer(method.request_class.FromString(call.messages[0])))]
        ]
        findings = CheckSuite(all_checks(), expectations).evaluate(case, CaseResult(replies=tuple(replies)))
        told += [finding.actual for finding in findings if finding.code == "G151"]
    return told


def money(nanos: int, currency: str = "EUR") -> dict[str, Any]:
    sign = -1 if nanos < 0 else 1
    units, rest = divmod(abs(nanos), NANOS)
    return {"currency_code": currency, "units": sign * units, "nanos": sign * rest}


def total(one: Any) -> int:
    return int(one.units) * NANOS + int(one.nanos)


def split(one: Any, *, gives_rest: int = 100, unit: int = CENT) -> list[int]:
    cents, whole = total(one.bill) // unit, sum(one.shares)
    parts = [cents * share // whole for share in one.shares]
    for index in range(min(cents - sum(parts), gives_rest)):
        parts[index] += 1
    return [part * unit for part in parts]


def less_below_zero(one: Any) -> dict[str, Any]:
    return {"money": money(total(one.money) - (one.money.units < 0))}


TRIP = {"kilometers": 5, "luggage": 1.0, "kind": "taxi"}
BILL = {"bill": money(5 * NANOS), "shares": [1]}
EUR = {"money": money(5 * NANOS), "currency_code": "EUR"}


@pytest.mark.parametrize(
    ("name", "request_", "answer", "expected"),
    [
        ("QuoteTrip", TRIP, lambda one: {"price_cents": 100 + 7 * one.kilometers, "discount": -5}, None),
        ("QuoteTrip", TRIP, lambda one: {"price_cents": 1000 - one.kilometers}, "price_cents: -9000"),
        ("QuoteTrip", {**TRIP, "kilometers": -3}, lambda one: {"price_cents": min(one.kilometers, 7)}, None),
        ("SplitBill", BILL, lambda one: {"parts": map(money, split(one))}, None),
        ("SplitBill", BILL, lambda one: {"parts": map(money, split(one, gives_rest=1))}, "parts: 99.97"),
        ("SplitBill", BILL, lambda one: {"parts": map(money, split(one, gives_rest=0))}, None),  # it rounds
        ("SplitBill", BILL, lambda one: {"parts": map(money, split(one)[:1])}, "parts: 33.34"),
        ("SplitBill", BILL, lambda one: {"parts": [money(one, "USD") for one in split(one)[:1]]}, None),
        ("ConvertMoney", EUR, lambda one: {"money": money(total(one.money))}, None),
        ("ConvertMoney", EUR, lambda one: {"money": money(0)}, "money: 0"),
        ("ConvertMoney", EUR, lambda one: {"money": money(total(one.money) * 99 // 100)}, None),  # a spread
        ("ConvertMoney", EUR, lambda one: {"money": money(min(total(one.money), 1))}, "money: 1e-09"),
        ("ConvertMoney", EUR, less_below_zero, "money: -1.000000001"),
        ("ConvertMoney", EUR, lambda one: {"money": money(total(one.money) * 2, "USD")}, None),
    ],
)  # fmt: skip
def test_what_must_come_out_comes_out(
    sums: Registry, name: str, request_: dict[str, Any], answer: Callable[[Any], Any], expected: str | None
) -> None:
    assert found(sums, name, request_, answer) == ([expected] if expected else [])
