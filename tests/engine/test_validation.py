"""Requests that break the rules of their protos are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status
from playbook import Playbook, engine

from grpcmock import MockServer
from grpcmock.client.details import decode_details
from grpcmock.engine.steps import Finish, Receive
from grpcmock.schema import Registry, sources
from grpcmock.status import DETAILS_KEY, Code

PROTO = """
syntax = "proto3"; package shop;
import "buf/validate/validate.proto";
message Order {
  string sku = 1 [(buf.validate.field).string.min_len = 3];
  int32 count = 2 [(buf.validate.field).int32.gt = 0];
  repeated Order more = 3;
}
service Shop {
  rpc Place(Order) returns (Order);
  rpc Chat(stream Order) returns (stream Order);
}
"""
STUBS = """
- {method: shop.Shop/Place, response: {sku: pen, count: 1}}
- {method: shop.Shop/Chat, script: [{on: [{send: {sku: pen, count: 1}}], until: half_close}]}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("protos") / "shop.proto"
    path.write_text(PROTO)
    return sources.load([path])


def finish_of(mock: Any, method: str, *requests: Any) -> Finish:
    call = Playbook(mock, method)
    for request in requests:
        while not isinstance(call.step, (Receive, Finish)):
            call.step = call.exchange.resume()
        if isinstance(call.step, Finish):
            break
        call.sends(request)
    while not isinstance(call.step, Finish):
        call = call.half_closes() if isinstance(call.step, Receive) else call._next()
    return call.step


GOOD, BAD = {"sku": "pen", "count": 1}, {"sku": "a", "more": [{"sku": "pen"}]}
VIOLATIONS = (
    "the request breaks the rules of its proto: sku: must be at least 3 characters (string.min_len); "
    "count: must be greater than 0 (int32.gt); more[0].count: must be greater than 0 (int32.gt)."
)


@pytest.mark.parametrize("method", ["shop.Shop/Place", "shop.Shop/Chat"])
@pytest.mark.parametrize("auto", [False, True])
def test_a_request_that_breaks_rules_is_refused(shop: Registry, method: str, auto: bool) -> None:
    mock = engine(shop, "[]" if auto else STUBS, validate=True, auto=auto)
    assert finish_of(mock, method, GOOD).code is Code.OK
    refused = finish_of(mock, method, *([GOOD, BAD] if method.endswith("Chat") else [BAD]))
    assert (refused.code, refused.message) == (Code.INVALID_ARGUMENT, f"{method}: {VIOLATIONS}")
    [detail] = Status.FromString(dict(refused.trailers)[DETAILS_KEY]).details  # type: ignore[arg-type]
    assert detail.type_url == "type.googleapis.com/buf.validate.Violations"
    rich = decode_details(refused.trailers, shop)
    assert rich is not None
    shown = rich.details[0].tree()
    assert [one["rule_id"] for one in shown["violations"]] == ["string.min_len", "int32.gt", "int32.gt"]


def test_without_the_option_it_is_answered(shop: Registry) -> None:
    assert finish_of(engine(shop, STUBS), "shop.Shop/Place", BAD).code is Code.OK


def test_many_violations_fit_into_metadata(shop: Registry) -> None:
    mock = engine(shop, STUBS, validate=True)
    refused = finish_of(mock, "shop.Shop/Place", {"sku": "pen", "count": 1, "more": [{}] * 500})
    assert "; and 995 more." in refused.message
    assert sum(len(key) + len(value) for key, value in refused.trailers) + len(refused.message) < 7_000


def test_a_mock_in_a_test_refuses_them_too(shop: Registry, tmp_path: Path) -> None:
    (tmp_path / "stubs.yaml").write_text(STUBS)
    order: Any = shop.message("shop.Order")
    with MockServer(shop, stubs=tmp_path, validate=True) as mock, grpc.insecure_channel(mock.target) as channel:
        call = channel.unary_unary("/shop.Shop/Place", order.SerializeToString, order.FromString)
        for _ in range(2):  # what was answered once is answered quickly the next time
            assert call(order(sku="pen", count=1), timeout=10).sku == "pen"
            with pytest.raises(grpc.RpcError) as caught:
                call(order(sku="a", count=1), timeout=10)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
