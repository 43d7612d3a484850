"""Two fields of a request that name things: made the same where a case makes both, else left as they are."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.field_relations import pairs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package bank;
service Bank {
  rpc Open(OpenRequest) returns (Account);
  rpc Pay(PayRequest) returns (Account);
}
message OpenRequest { string owner = 1; }
message Account { string id = 1; }
message PayRequest { string from_id = 1; string to_id = 2; }
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("bank") / "bank.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(("from_id", "to_id"), ["from_id==to_id"], id="both are made"),
        pytest.param(("from_id",), [], id="one was there before"),
        pytest.param(("to_id",), [], id="the other was there before"),
        pytest.param((), [], id="both were there before"),
    ],
)
def test_names_are_the_same_where_both_are_made(bank: Registry, made: tuple[str, ...], expected: list[str]) -> None:
    opening, paying = bank.method("bank.Bank/Open"), bank.method("bank.Bank/Pay")
    opened = AcceptedRequest(method=opening, data=opening.request_class(owner="a").SerializeToString())
    request: Any = paying.request_class(from_id="x", to_id="y")
    accepted = AcceptedRequest(
        method=paying,
        data=request.SerializeToString(),
        needs=tuple(Need(opened, ("id",), (name,)) for name in made),
        references=frozenset({("from_id",), ("to_id",)}),
    )
    told = list(pairs(accepted))
    assert [one.label for one in told] == expected
    for one in told:
        *_, call, _ = one.calls(accepted, one.label)
        assert {(binding.call, binding.target) for binding in call.bindings} == {(0, ("from_id",)), (0, ("to_id",))}
