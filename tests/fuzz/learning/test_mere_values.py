# mypy: disable-error-code="attr-defined"
"""What a thing was given is a mere value elsewhere, which names nothing; errors are told in responses."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import Binding, Call, Case, Phase, call_of
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.opening import Opening
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package tills;
service Tills {
  rpc OpenTill(OpenTillRequest) returns (TillReply);
  rpc PayIn(PayInRequest) returns (TillReply);
}
enum Code { OK = 0; INVALID = 1; NOT_FOUND = 2; }
message Result { Code code = 1; string message = 2; string field = 3; }
message Money { string currency_code = 1; int64 units = 2; }
message Till { string number = 1; string currency_code = 2; Money balance = 3; }
message OpenTillRequest { string currency_code = 1; Money deposit = 2; }
message PayInRequest { string till = 1; Money amount = 2; }
message TillReply { Result result = 1; Till till = 2; }
"""


class Tills:
    """Keeps tills, each in its currency."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._tills: dict[str, Any] = {}
        self._numbers = count(1000)

    def __call__(self, call: Call) -> Reply:
        method = call.method
        assert method is not None
        reply: Any = method.response_class()
        try:
            till = getattr(self, method.name)(method.request_class.FromString(call.messages[0]))
        except ValueError as error:
            code, field, words = error.args
            reply.result.code, reply.result.field, reply.result.message = code, field, words
        else:
            reply.till.CopyFrom(till)
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=(reply.SerializeToString(),))

    def OpenTill(self, request: Any) -> Any:
        if request.currency_code not in ("EUR", "USD"):
            raise ValueError(1, "currency_code", "must be one of EUR, USD")
        if request.HasField("deposit") and request.deposit.currency_code != request.currency_code:
            raise ValueError(1, "deposit.currency_code", f"must be {request.currency_code}")
        till: Any = self._registry.message("tills.Till")(currency_code=request.currency_code)
        till.number = f"T{next(self._numbers)}-{id(till):x}"
        till.balance.currency_code, till.balance.units = request.currency_code, request.deposit.units
        self._tills[till.number] = till
        return till

    def PayIn(self, request: Any) -> Any:
        if request.till not in self._tills:
            raise ValueError(2, "till", "no such till")
        till = self._tills[request.till]
        if request.amount.currency_code != till.currency_code:
            raise ValueError(1, "amount.currency_code", f"must be {till.currency_code}")
        if request.amount.units < 1:
            raise ValueError(1, "amount.units", "is too small")
        till.balance.units += request.amount.units
        return till


@pytest.fixture
def tills(tmp_path: Path) -> Registry:
    (tmp_path / "tills.proto").write_text(PROTO)
    return sources.load([tmp_path / "tills.proto"])


async def test_a_value_that_names_nothing_is_no_need(tills: Registry) -> None:
    methods = tuple(tills.methods.values())
    plan = Plan(
        registry=tills, methods=methods, expectations=Expectations(registry=tills), generators=Generators(tills)
    )
    server = Tills(tills)

    async def make(case: Case) -> Reply:
        replies: list[Reply] = []
        for call in case.calls:
            replies.append(server(bound(call, replies, case.calls)))
        return replies[-1]

    opening = Opening(plan, Phase.BOUNDARY, make)
    while not opening.is_done:
        await opening.go(())
    opened, paying = (plan.acceptance.first[f"/tills.Tills/{name}"] for name in ("OpenTill", "PayIn"))
    assert opened.fullest.deposit.currency_code == opened.message.currency_code
    assert paying.message.amount.currency_code == opened.message.currency_code
    assert {need.target for need in paying.needs} == {("till",)}


def test_what_failed_in_its_response_gives_nothing_to_later_calls(tills: Registry) -> None:
    opening, paying = (tills.method(f"tills.Tills/{name}") for name in ("OpenTill", "PayIn"))

    first = call_of(opening, opening.request_class(currency_code="XXX").SerializeToString())
    data = paying.request_class(till="T1", amount={"currency_code": "EUR"}).SerializeToString()
    source, target = ("till", "balance", "currency_code"), ("amount", "currency_code")
    later = Call(
        path=paying.path,
        method=paying,
        actions=call_of(paying, data).actions,
        bindings=(Binding(0, source, target),),
    )
    sent = bound(later, [Tills(tills)(first)], (first, later))
    assert paying.request_class.FromString(sent.messages[0]).amount.currency_code == "EUR"
