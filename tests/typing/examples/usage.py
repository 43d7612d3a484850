"""How the public API is used, and which types come out. Checked, never run."""

from __future__ import annotations

from typing import Any, assert_type

import pytest
import user_pb2
from user_pb2_grpc import UserServiceServicer, UserServiceStub

from grpcmock import Contract, ContractCase, ContractError, MockServer, absent, contains, gt, matches, one_of, serving
from grpcmock.contract.stub_contract import StubCase
from grpcmock.mock.calls import Call, CallLog
from grpcmock.pytest_plugin import Config, MockFactory, Serve


@pytest.fixture(scope="session")
def grpcmock_config(grpcmock_config: Config) -> Config:
    return grpcmock_config.replace(protos=["protos"], unmatched="ignore")


def test_types_flow_from_the_servicer(grpcmock: MockServer) -> None:
    get_user = grpcmock.on(UserServiceServicer.GetUser)
    get_user.when(id=gt(3)).returns(name="Alice").times(2)
    get_user.when(user_pb2.GetUserRequest(id=1)).returns(user_pb2.UserResponse(name="Alice"))
    get_user.when(id=one_of(1, 2), metadata={"x-a": absent}, where=lambda request: request.id > 1).fails("NOT_FOUND")

    calls = get_user.calls
    assert_type(calls, CallLog[user_pb2.GetUserRequest, user_pb2.UserResponse])
    call = calls.where(id=1).one()
    assert_type(call, Call[user_pb2.GetUserRequest, user_pb2.UserResponse])
    assert_type(call.request, user_pb2.GetUserRequest)
    assert_type(call.request.id, int)
    assert_type(call.response.name, str)
    assert_type(calls.statuses, list[str | None])
    assert_type(call.duration, float)
    assert_type(call.deadline, float | None)


def test_a_test_pushes(grpcmock: MockServer) -> None:
    stream = grpcmock.on(UserServiceServicer.GetUser).when(id=1).pushes().optional()
    stream.send(user_pb2.UserResponse(name="Alice"))
    stream.send(name="Alice")
    assert_type(stream.wait_request(id=1, timeout=1.0), user_pb2.GetUserRequest)
    call = stream.wait_call(metadata={"x-a": absent})
    call.fails("NOT_FOUND", "nobody")
    assert_type(call.response, user_pb2.UserResponse)
    assert_type(call.status, str | None)
    assert_type(call.wait_ended(), str)
    assert_type(grpcmock.wait_called(started=True), CallLog[Any, Any])


def test_a_path_knows_no_types(grpcmock: MockServer) -> None:
    by_path = grpcmock.on("user.UserService/GetUser")
    by_path.when(name=contains("a") | matches("^b")).returns(name="Alice")
    assert_type(grpcmock.client(UserServiceStub), UserServiceStub)
    assert_type(grpcmock.target, str)


def test_more_servers(grpcmock_factory: MockFactory) -> None:
    other = grpcmock_factory(UserServiceServicer, seed=3)
    assert_type(other, MockServer)
    with other.snapshot() as inner:
        assert_type(inner, MockServer)


def without_pytest() -> None:
    with MockServer("protos", stubs="stubs", auto=True) as mock:
        mock.verify()


async def asynchronously() -> None:
    async with MockServer(UserServiceServicer) as mock:
        await mock.on(UserServiceServicer.GetUser).await_called(2, timeout=1.0)


contract = Contract.from_servicers(UserServiceServicer).include("user.*").exclude("ListUsers")


@pytest.fixture
def served(grpcmock_serve: Serve) -> str:
    return grpcmock_serve(UserServiceServicer(), reflection=True)


@contract.parametrize(max_examples=200, phases=["boundary", "random"], allowed={"GetUser": ["NOT_FOUND"]}, seed=7)
def test_contract(case: ContractCase, served: str) -> None:
    answer = case.call_and_check(served, metadata=[("authorization", "Bearer token")])
    assert_type(answer.code, str)
    assert_type(case.why, str)
    case.check(case.call(served))


@contract.include("GetUser").parametrize()
async def test_contract_asynchronously(case: ContractCase, served: str, grpcmock: MockServer) -> None:
    await case.acall_and_check(served)
    await case.acheck(await case.acall(grpcmock))


@contract.stubs("stubs").parametrize(names=["alice"], setup={"Alice is there": print}, baseline="pending.txt")
def test_stubs(case: StubCase, served: str) -> None:
    assert_type(case.verify(served).seconds, float)


def conversations() -> None:
    with serving(UserServiceServicer(), asynchronous=False) as target:
        assert_type(target, str)
        machine = contract.state_machine(lambda: target, metadata=[("x-key", "value")])
        print(machine.TestCase)
        try:
            machine().make()
        except ContractError as error:
            print(error.failures)
