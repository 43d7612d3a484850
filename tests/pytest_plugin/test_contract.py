"""A test run writes down what it asked of the mock; a real server is held to that."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from grpcmock.errors import Problems
from grpcmock.schema.sources import load
from grpcmock.verify.contracts import contract_file

ROOT = Path(__file__).parents[2]
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"

TESTS = """
    import pytest
    from user_pb2 import GetUserRequest, ListUsersRequest, UserResponse
    from user_pb2_grpc import UserServiceServicer, UserServiceStub

    def test_constant(grpcmock):
        grpcmock.on(UserServiceServicer.GetUser).returns(UserResponse(id=1, name="Alice"))
        assert grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=1)).name == "Alice"

    def test_yaml(grpcmock):
        grpcmock.load(text="- {name: page, given: two users, method: user.UserService/ListUsers, "
                           "request: {page: {$gt: 0}}, responses: [{id: 1}, {id: 2}]}")
        for _ in range(2):
            assert len(list(grpcmock.client(UserServiceStub).ListUsers(ListUsersRequest(page=1)))) == 2

    def test_function(grpcmock):
        grpcmock.on(UserServiceServicer.GetUser).answers(lambda call: UserResponse(id=call.request.id))
        assert grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=7)).id == 7
"""


def test_a_run_writes_the_contract(inside: pytest.Pytester) -> None:
    inside.makeini(INI)
    inside.makepyfile(test_app=TESTS)
    ran = inside.runpytest("--grpcmock-contract=out/billing.yaml", "--grpcmock-consumer=billing")
    ran.assert_outcomes(passed=3)
    ran.stdout.fnmatch_lines(["*grpcmock: contract*", "out/billing.yaml: 3 stubs of billing"])
    problems = Problems()
    source = contract_file.read(inside.path / "out" / "billing.yaml", None, problems)
    assert not list(problems)
    assert source.consumer == "billing"
    by_method = [
        (stub.method.rpartition("/")[2], stub.request.plain() if stub.request else None) for stub in source.stubs
    ]
    assert by_method == [("GetUser", None), ("ListUsers", {"page": {"$gt": 0}}), ("GetUser", {"$eq": {"id": 7}})]
    assert source.stubs[1].given == "two users"
    registry = load([ROOT / "protos"])
    from grpcmock.verify.planning.planner import plan

    assert len(plan([source], registry).interactions) == 3


def test_a_run_that_fails_writes_none(inside: pytest.Pytester) -> None:
    inside.makeini(INI)
    inside.makepyfile(test_app="def test(grpcmock): assert False")
    ran = inside.runpytest("--grpcmock-contract=billing.yaml")
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["billing.yaml is not written: not all tests passed"])
    assert not (inside.path / "billing.yaml").exists()


def test_a_run_without_a_mock_writes_none(inside: pytest.Pytester) -> None:
    inside.makeini(INI)
    inside.makepyfile(test_app="def test(): pass")
    ran = inside.runpytest("--grpcmock-contract=billing.yaml")
    ran.stdout.fnmatch_lines(["billing.yaml is not written: no test used the mock of the session"])


SPREAD = """
    import pytest
    from user_pb2 import GetUserRequest, UserResponse
    from user_pb2_grpc import UserServiceServicer, UserServiceStub

    @pytest.mark.parametrize("number", range(12))
    def test(grpcmock, number):
        grpcmock.load(text=f"- {{name: user, method: user.UserService/GetUser, request: {{id: {number % 3}}}, "
                           f"response: {{id: {number % 3}}}}}")
        assert grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=number % 3)).id == number % 3
"""


def test_workers_of_xdist_write_one_contract(outside: Any, tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    options = "--grpcmock-contract=out/billing.yaml", "--grpcmock-consumer=billing"
    run = outside("-n", "2", *options, test_spread=textwrap.dedent(SPREAD))
    assert run.outcomes == {"passed": 12}, run.text
    assert "out/billing.yaml: 3 stubs of billing" in run.text
    problems = Problems()
    source = contract_file.read(tmp_path / "out" / "billing.yaml", None, problems)
    problems.raise_errors()
    assert [stub.name for stub in source.stubs] == ["user", "user (2)", "user (3)"]
    assert {stub.request.plain()["id"] for stub in source.stubs if stub.request} == {0, 1, 2}
    assert list(source.descriptors) == ["user.UserService/GetUser"]


def test_a_worker_with_failures_hinders_the_contract(outside: Any, tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    failing = textwrap.dedent(SPREAD) + "    assert number != 5\n"
    run = outside("-n", "2", "--grpcmock-contract=billing.yaml", test_spread=failing)
    assert run.outcomes == {"failed": 1, "passed": 11}, run.text
    assert "billing.yaml is not written: not all tests passed" in run.text
    assert not (tmp_path / "billing.yaml").exists()
