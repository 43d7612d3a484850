"""Servicers served in the process of the tests, of either kind, and found by what protoc has generated."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from grpcmock import ConfigError, Contract, SchemaError, serving
from grpcmock.contract.servicers import generated_of


def servicer(generated: SimpleNamespace, *, asynchronous: bool, fails: bool = False) -> Any:
    pb2 = generated.pb2
    base: Any = generated.grpc.UserServiceServicer

    class Asynchronous(base):  # type: ignore[misc]
        async def GetUser(self, request: Any, context: Any) -> Any:
            if fails:
                raise ValueError("boom")
            return pb2.UserResponse(id=request.id, name="async")

    class Synchronous(base):  # type: ignore[misc]
        def GetUser(self, request: Any, context: Any) -> Any:
            if fails:
                raise ValueError("boom")
            return pb2.UserResponse(id=request.id, name="sync")

    return Asynchronous() if asynchronous else Synchronous()


def called(generated: SimpleNamespace, target: str) -> Any:
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        return generated.grpc.UserServiceStub(channel).GetUser(generated.pb2.GetUserRequest(id=5), timeout=5)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_servicer_is_served_as_what_it_is(generated: SimpleNamespace, asynchronous: bool) -> None:
    with serving(servicer(generated, asynchronous=asynchronous)) as target:
        assert called(generated, target).name == ("async" if asynchronous else "sync")
    with pytest.raises(grpc.RpcError):
        called(generated, target)


def test_functions_and_kinds_can_be_given(generated: SimpleNamespace) -> None:
    add = generated.grpc.add_UserServiceServicer_to_server
    with serving(servicer(generated, asynchronous=False), add=add, asynchronous=True) as target:
        assert called(generated, target).name == "sync"


async def test_in_a_loop_of_the_caller_it_serves_as_well(generated: SimpleNamespace) -> None:
    with serving(servicer(generated, asynchronous=True), reflection=True) as target:
        async with grpc.aio.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
            stub = generated.grpc.UserServiceStub(channel)
            assert (await stub.GetUser(generated.pb2.GetUserRequest(id=5))).id == 5
        contract = Contract.from_reflection(target)
    assert [method.service for method in contract.methods] == ["held.UserService"] * 4


@pytest.mark.parametrize("asynchronous", [True, False])
def test_an_exception_is_logged_once(
    generated: SimpleNamespace, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    with caplog.at_level(logging.ERROR), serving(servicer(generated, asynchronous=asynchronous, fails=True)) as target:
        for _ in range(3):
            with pytest.raises(grpc.RpcError):
                called(generated, target)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_mistakes(generated: SimpleNamespace) -> None:
    one = servicer(generated, asynchronous=True)
    for arguments, keywords, said in [
        ((), {}, "nothing to serve"),
        ((type(one),), {}, "Give an instance"),
        ((one,), {"add": [generated.grpc.add_UserServiceServicer_to_server] * 2}, "1 servicers, and 2 functions"),
    ]:
        with pytest.raises(ConfigError, match=said), serving(*arguments, **keywords):  # type: ignore[arg-type]
            pass
    with pytest.raises(SchemaError, match="no generated servicer"), serving(object()):
        pass


def test_what_protoc_made_is_found_from_all_sides(generated: SimpleNamespace) -> None:
    add = generated.grpc.add_UserServiceServicer_to_server
    for given in (generated.grpc.UserServiceServicer, servicer(generated, asynchronous=True), add):
        found = generated_of(given)
        assert found.servicer is generated.grpc.UserServiceServicer
        assert found.add is add
        assert found.service == "held.UserService"
    with pytest.raises(SchemaError, match="adds no servicer"):
        generated_of(called)


def test_a_contract_is_narrowed_and_never_changed(generated: SimpleNamespace) -> None:
    contract = Contract.from_servicers(generated.grpc.add_UserServiceServicer_to_server)

    def names(narrowed: Contract) -> list[str]:
        return [method.name for method in narrowed.methods]

    assert names(contract.include("held.*").exclude("*/List*")) == ["CreateUsers", "GetUser", "LookupUsers"]
    assert names(contract.include("*User", "ListUsers").include("UserService/Get*")) == ["GetUser"]
    assert names(contract) == ["CreateUsers", "GetUser", "ListUsers", "LookupUsers"]
