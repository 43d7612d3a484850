"""Tests of a contract as users write them: one item for each method, driven by Hypothesis, against real servers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Outside = Callable[..., Any]

HEAD = """
import pytest
from grpcmock import Contract
from servicers import Buggy, Plain, PlainBuggy, Users
from user_pb2_grpc import UserServiceServicer, add_UserServiceServicer_to_server

contract = Contract.from_servicers(UserServiceServicer)

@pytest.fixture
def target(grpcmock_serve):
    return grpcmock_serve(Users())

@pytest.fixture(scope="module")
def buggy(grpcmock_serve_session):
    return grpcmock_serve_session(Buggy())
"""
QUICK = ("-p", "no:randomly", "-p", "no:asyncio", "-p", "no:anyio")


def test_servers_that_are_right_pass_for_all_four_kinds(outside: Outside) -> None:
    text = """
@contract.parametrize(max_examples=20)
def test_users(case, target):
    answer = case.call_and_check(target)
    assert answer.code in ("OK", "NOT_FOUND", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "CANCELLED")

@contract.exclude("CreateUsers", "LookupUsers").parametrize(max_examples=20)
def test_synchronous(case, grpcmock_serve):
    case.call_and_check(grpcmock_serve(Plain()))
"""
    run = outside("-W", "error", *QUICK, "-vv", test_users=HEAD + text)
    assert run.outcomes == {"passed": 6}, run.text
    for name in ("CreateUsers", "GetUser", "ListUsers", "LookupUsers"):
        assert f"test_users.py::test_users[user.UserService/{name}] PASSED" in run.text


def test_bugs_are_found_in_all_four_kinds_and_shown_small(outside: Outside, tmp_path: Path) -> None:
    text = """
@contract.parametrize(max_examples=200, phases=["random"], seed=1)
def test_users(case, buggy):
    case.call_and_check(buggy)
"""
    run = outside(*QUICK, test_users=HEAD + text)
    assert run.outcomes == {"failed": 4}, run.text
    assert "   grpcmock.ContractError: G102 unhandled_error (critical)  user.UserService/GetUser  G102-" in run.text
    assert re.search(r'request   GetUser: {"id": [12]\d\d\d}\n', run.text)
    assert "request   ListUsers: {}\n" in run.text
    assert "request   CreateUsers: {}\n" in run.text
    assert re.search(r'request   LookupUsers: {"id": -\d{1,3}}\n', run.text)
    assert "got       UNKNOWN: Unexpected <class 'RuntimeError'>: boom" in run.text
    assert re.search(r"grpcurl -plaintext -d '{\"id\": \d+}' 127\.0\.0\.1:\d+ user\.UserService/GetUser\n", run.text)
    for internals in ("Failing test case", "_raise_to_user", "examiner.py", "errors_to_report", "Explanation"):
        assert internals not in run.text
    # What was found is kept for grpcmock replay and export.
    failure = re.search(r"G102-\w+", run.text)
    assert failure
    kept = json.loads((tmp_path / ".grpcmock" / "failures" / f"{failure[0]}.json").read_text())
    assert kept["check"] == "G102"


def test_the_fixed_cases_are_shown_small_and_all_at_once(outside: Outside) -> None:
    text = """
@contract.include("GetUser").parametrize(phases=["boundary"])
def test_users(case, buggy):
    case.call_and_check(buggy)

@contract.include("ListUsers").parametrize(phases=["boundary"])
def test_own_assertion(case, buggy):
    if case.request and case.request.page == -1:
        assert case.call(buggy).code == "OK", case.why
"""
    run = outside(*QUICK, test_users=HEAD + text)
    assert run.outcomes == {"failed": 2}, run.text
    assert "phase     boundary: boundary/user.UserService/GetUser/id=max" in run.text
    assert "why       id is the greatest int32" in run.text
    (number,) = re.findall(r'request   GetUser: {"id": (\d+)}', run.text)
    assert 1000 < int(number) < 2048
    assert "AssertionError: page is -1" in run.text


ASYNC = """
import grpc

pytestmark = pytest.mark.{mark}

@pytest.fixture
async def own_loop():
    server = grpc.aio.server()
    add_UserServiceServicer_to_server({servicer}(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{{port}}"
    await server.stop(None)

@contract.include("GetUser", "ListUsers").parametrize(max_examples=20)
async def test_users(case, own_loop):
    answer = await case.acall_and_check(own_loop)
    if case.is_valid and answer.code == "OK":
        assert all(user.name for user in answer.responses)

@contract.include("GetUser").parametrize(max_examples=1)
async def test_blocking(case, target):
    with pytest.raises(Exception, match="await case.acall"):
        case.call(target)
"""


@pytest.mark.parametrize(("servicer", "outcomes"), [("Users", {"passed": 3}), ("Buggy", {"passed": 1, "failed": 2})])
def test_asyncio(outside: Outside, servicer: str, outcomes: dict[str, int]) -> None:
    text = HEAD + ASYNC.format(mark="asyncio", servicer=servicer)
    run = outside("-p", "no:randomly", "-p", "no:anyio", "-o", "asyncio_mode=auto", test_users=text)
    assert run.outcomes == outcomes, run.text
    if servicer == "Buggy":
        assert re.search(r'request   GetUser: {"id": (1\d\d\d|20[0-4]\d)}', run.text)


def test_trio_by_anyio(outside: Outside) -> None:
    pytest.importorskip("trio")
    conftest = "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'trio'\n"
    text = """
@pytest.mark.anyio
@contract.include("GetUser").parametrize(max_examples=20)
async def test_users(case, target):
    await case.acall_and_check(target)

@pytest.mark.anyio
@contract.include("GetUser").parametrize(max_examples=20)
async def test_buggy(case, buggy):
    await case.acall_and_check(buggy)
"""
    run = outside("-p", "no:asyncio", "-p", "no:randomly", conftest=conftest, test_users=HEAD + text)
    assert run.outcomes == {"passed": 1, "failed": 1}, run.text
    assert "G102 unhandled_error" in run.text
