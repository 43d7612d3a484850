"""Contracts in the style of AIP and without any annotation, and conversations to judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Send
from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_codes import documented
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.model.cases import Call, Caller, Case, Phase
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.stateful.call_sequence import TARGETS
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

ROOT = Path(__file__).parents[3]

PLAIN = """\
syntax = "proto3";
package shop;

service Shop {
  rpc CreateCustomer(CreateCustomerRequest) returns (Customer);
  rpc GetCustomer(GetCustomerRequest) returns (GetCustomerResponse);
  rpc GetAllCustomers(GetAllCustomersRequest) returns (GetAllCustomersResponse);
  rpc EditCustomer(Customer) returns (Customer);
  rpc RemoveCustomer(RemoveCustomerRequest) returns (RemoveCustomerResponse);
  rpc AddOrder(AddOrderRequest) returns (Order);
  rpc FindOrder(FindOrderRequest) returns (Order);
  rpc ListOrdersByCustomer(ListOrdersRequest) returns (ListOrdersResponse);
  rpc OpenTab(OpenTabRequest) returns (OpenTabResponse);
  rpc ShowBill(ShowBillRequest) returns (Bill);
  rpc Settle(SettleRequest) returns (SettleResponse);
  rpc Ping(PingRequest) returns (PingResponse);
}
message Customer { int64 id = 1; string name = 2; string created_at = 3; }
message CreateCustomerRequest { string name = 1; }
message GetCustomerRequest { int64 customer_id = 1; }
message GetCustomerResponse { Customer customer = 1; }
message GetAllCustomersRequest { int32 page = 1; }
message GetAllCustomersResponse { repeated Customer customers = 1; int32 total = 2; }
message RemoveCustomerRequest { int64 id = 1; }
message RemoveCustomerResponse {}
message Order { string id = 1; int64 customer_id = 2; repeated string items = 3; }
message AddOrderRequest { int64 customer_id = 1; Order order = 2; }
message FindOrderRequest { string id = 1; }
message ListOrdersRequest { int64 customer_id = 1; int32 page_size = 2; string page_token = 3; }
message ListOrdersResponse { repeated Order orders = 1; string next_page_token = 2; }
message OpenTabRequest { string guest = 1; }
message OpenTabResponse { string number = 1; }
message ShowBillRequest { string tab = 1; }
message Bill { string number = 1; string guest = 2; int64 total = 3; }
message SettleRequest { string tab = 1; }
message SettleResponse {}
message PingRequest {}
message PingResponse {}
"""


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A contract without any annotation."""
    file = tmp_path_factory.mktemp("plain") / "shop.proto"
    file.write_text(PLAIN)
    return sources.load([file])


@pytest.fixture(scope="session")
def directory() -> Registry:
    """A contract in the style of AIP: users, and notes below them."""
    return sources.load([ROOT / "benchmarks" / "mutants" / "protos"])


Words = tuple[Any, ...]


class Judge:
    """Says what a conversation breaks.

    A call is written ``("GetUser", {request}, {response} or "CODE")``; a list stands for several messages, and more
    words may follow: ``"other"`` for the second identity, ``"cut"`` for a cancelled call.
    """

    def __init__(self, registry: Registry, package: str) -> None:
        self.registry = registry
        self.expectations = Expectations(registry=registry, documented=documented(registry))
        self._methods = {
            method.name: method for method in registry.methods.values() if method.service.startswith(package)
        }
        self._jury = CheckSuite(all_checks(), self.expectations)

    def replies(self, *said: Words) -> tuple[Reply, ...]:
        return tuple(self._reply(*words) for words in said)

    def __call__(self, *said: Words) -> dict[str, str]:
        """Give the codes of the checks that find something, with the method that each blames."""
        replies = self.replies(*said)
        calls = tuple(reply.call for reply in replies)
        method = calls[-1].method
        assert method is not None
        case = Case(
            id="t", phase=Phase.STATEFUL, method=method, calls=calls, why="", targets=TARGETS | {"auth_enforced"}
        )
        findings = self._jury.evaluate(case, CaseResult(replies=replies))
        return {
            finding.code: finding.method.name if finding.method is not None else ""
            for finding in findings
            if not finding.is_warning
        }

    def _reply(self, name: str, request: Any, answer: Any, *more: str) -> Reply:
        method = self._methods[name]
        requests = request if isinstance(request, list) else [request]
        actions: list[Action] = [Send(_data(method.request_class, one)) for one in requests]
        actions.append(Cancel() if "cut" in more else HALF_CLOSE)
        callers = [caller for caller in Caller if caller.value in more]
        call = Call(path=method.path, method=method, actions=tuple(actions), caller=(*callers, Caller.OWN)[0])
        if isinstance(answer, str):
            termination = Termination.CANCELLED if "cut" in more else Termination.SERVER
            code, _, words = answer.partition(": ")
            message = words or "no"
            return Reply(call=call, termination=termination, code=Code[code], message=message, sent=len(requests))
        answers = answer if isinstance(answer, list) else [answer]
        data = tuple(_data(method.response_class, one) for one in answers)
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=data, sent=len(requests))


def _data(message_class: Any, tree: Any) -> bytes:
    return json_format.ParseDict(tree, message_class()).SerializeToString(deterministic=True)


@pytest.fixture(scope="session")
def evaluate(directory: Registry) -> Callable[..., dict[str, str]]:
    return Judge(directory, "directory.")


@pytest.fixture(scope="session")
def plain_judge(plain: Registry) -> Callable[..., dict[str, str]]:
    return Judge(plain, "shop.")


@pytest.fixture(scope="session")
def judging() -> Callable[[Registry, str], Callable[..., dict[str, str]]]:
    """Makes judges of other contracts: of the services of a package."""
    return Judge
