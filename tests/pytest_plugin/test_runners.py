"""The plugin for real: other plugins, other event loops, other processes. Each is a run of pytest as users start it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

Outside = Callable[..., Any]


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


STRICT = ("-W", "error")
"""Nothing may be left open."""

ASYNCIO = """
import asyncio

import grpc
import pytest
from user_pb2 import GetUserRequest
from user_pb2_grpc import UserServiceServicer, UserServiceStub


@pytest.fixture
async def users(grpcmock):
    async with grpc.aio.insecure_channel(grpcmock.target) as channel:
        yield UserServiceStub(channel)


@pytest.mark.parametrize("number", range(3))
async def test_a_loop_for_each_test(grpcmock, users, number):
    get_user = grpcmock.on(UserServiceServicer.GetUser)
    get_user.returns(name=f"User {number}")
    names = await asyncio.gather(*(users.GetUser(GetUserRequest(id=id)) for id in range(20)))
    assert {user.name for user in names} == {f"User {number}"}
    await get_user.await_called(20)
    assert len(get_user.calls) == 20


async def test_own_channel(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).returns(name="Alice")
    assert (await UserServiceStub(grpcmock.aio_channel()).GetUser(GetUserRequest(id=1))).name == "Alice"


@pytest.mark.xfail(strict=True)
async def test_unmatched(grpcmock, users):
    grpcmock.on(UserServiceServicer.GetUser).when(id=1).returns().optional()
    with pytest.raises(grpc.aio.AioRpcError):
        await users.GetUser(GetUserRequest(id=2))


async def test_an_async_handler(grpcmock, users):
    @grpcmock.on(UserServiceServicer.GetUser).answers
    async def get_user(call):
        await asyncio.sleep(0)
        return {"id": call.request.id}

    assert (await users.GetUser(GetUserRequest(id=5))).id == 5
"""


def test_pytest_asyncio(outside: Outside) -> None:
    run = outside(*STRICT, "-o", "asyncio_mode=auto", "-p", "no:anyio", test_async=ASYNCIO)
    assert run.outcomes == {"passed": 5, "xfailed": 1}, run.text
    assert "BlockingIOError" not in run.text


ANYIO = """
import anyio
import pytest
from greeter import Greeter
from user_pb2_grpc import UserServiceServicer

pytestmark = pytest.mark.anyio


async def test_a_blocking_client_in_a_thread(grpcmock, anyio_backend_name):
    get_user = grpcmock.on(UserServiceServicer.GetUser)
    get_user.returns(name=anyio_backend_name)
    greeter = Greeter(grpcmock.target)
    async with anyio.create_task_group() as group:
        for id in range(5):
            group.start_soon(anyio.to_thread.run_sync, greeter.greeting, id)
    assert get_user.calls.statuses == ["OK"] * 5
    assert greeter.greeting(1) == f"Hello, {anyio_backend_name}"
    greeter.close()


@pytest.mark.xfail(strict=True)
async def test_unmatched(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(id=1).returns().optional()
    greeter = Greeter(grpcmock.target)
    await anyio.to_thread.run_sync(greeter.greeting, 2)
    greeter.close()


async def test_starting_a_server_of_ones_own():
    from grpcmock import MockServer

    async with MockServer(UserServiceServicer) as mock:
        mock.on(UserServiceServicer.GetUser).returns(name="Own")
        greeter = Greeter(mock.target)
        assert await anyio.to_thread.run_sync(greeter.greeting, 1) == "Hello, Own"
        greeter.close()
"""


@needs("anyio")
@pytest.mark.parametrize("backend", ["asyncio", pytest.param("trio", marks=needs("trio"))])
def test_anyio(outside: Outside, backend: str) -> None:
    conftest = f"import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return {backend!r}\n"
    # Trio's own start warns under pytest of some Pythons; what is ours must not.
    run = outside("-W", "error::ResourceWarning", "-p", "no:asyncio", conftest=conftest, test_anyio=ANYIO)
    assert run.outcomes == {"passed": 2, "xfailed": 1}, run.text


MANY = """
import pytest
from greeter import Greeter
from user_pb2_grpc import UserServiceServicer


@pytest.mark.parametrize("number", range({tests}))
def test_greets(grpcmock, number):
    get_user = grpcmock.on(UserServiceServicer.GetUser)
    get_user.when(id=number).returns(name=f"User {{number}}")
    greeter = Greeter(grpcmock.target)
    assert greeter.greeting(number) == f"Hello, User {{number}}"
    get_user.assert_called_once(id=number)
    assert len(grpcmock.calls) == 1
    greeter.close()
"""


@needs("xdist")
def test_xdist(outside: Outside) -> None:
    run = outside(*STRICT, "-n", "4", test_many=MANY.format(tests=80))
    assert run.outcomes == {"passed": 80}, run.text


@needs("xdist")
def test_failures_travel_from_workers(outside: Outside) -> None:
    text = """
from greeter import Greeter
from user_pb2_grpc import UserServiceServicer

def test_unmatched(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(id=1).returns().optional()
    Greeter(grpcmock.target).greeting(2)

def test_fine(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).returns()
    Greeter(grpcmock.target).greeting(2)
"""
    run = outside("-n", "2", "--grpcmock-show-calls", test_two=text)
    assert run.outcomes == {"failed": 1, "passed": 1}, run.text
    assert "request.id  expected 1  actual 2" in run.text
    assert "Captured grpcmock call" in run.text
    assert "calls of the tests that passed" in run.text


@needs("pytest_randomly")
@pytest.mark.parametrize("seed", [1, 2])
def test_any_order(outside: Outside, seed: int) -> None:
    arguments = ("-o", "asyncio_mode=auto", f"--randomly-seed={seed}")
    run = outside(*STRICT, *arguments, test_many=MANY.format(tests=30), test_async=ASYNCIO)
    assert run.outcomes == {"passed": 35, "xfailed": 1}, run.text


TESTCASE = """
import unittest

import pytest
import user_pb2_grpc
from greeter import Greeter


class TestGreeter(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _mock(self, grpcmock):
        self.mock = grpcmock

    def setUp(self):
        self.get_user = self.mock.on("user.UserService/GetUser")
        self.greeter = Greeter(self.mock.target)
        self.addCleanup(self.greeter.close)

    def test_greets(self):
        self.get_user.when(id=42).returns(name="Alice")
        self.assertEqual(self.greeter.greeting(42), "Hello, Alice")

    @unittest.skip("not today")
    def test_skipped(self):
        raise AssertionError

    def test_skips_itself(self):
        self.get_user.returns()
        self.skipTest("not today")

    def test_unmatched(self):
        self.get_user.when(id=1).returns().optional()
        self.greeter.greeting(2)

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.assertEqual(self.greeter.greeting(2), "Hello, Alice")


class TestAsync(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _mock(self, grpcmock):
        self.mock = grpcmock

    async def test_greets(self):
        self.mock.on(user_pb2_grpc.UserServiceServicer.GetUser).returns(name="Alice")
        users = user_pb2_grpc.UserServiceStub(self.mock.aio_channel())
        import user_pb2
        assert (await users.GetUser(user_pb2.GetUserRequest(id=1))).name == "Alice"
"""


def test_unittest(outside: Outside) -> None:
    run = outside("-W", "error::ResourceWarning", "-p", "no:randomly", test_case=TESTCASE)
    assert run.outcomes == {"passed": 2, "failed": 1, "skipped": 2, "xfailed": 1}, run.text
    assert "FAILED test_case.py::TestGreeter::test_unmatched" in run.text


PROGRAM = """
import subprocess
import sys

from user_pb2_grpc import UserServiceServicer

PROGRAM = "import sys; from greeter import Greeter; print(Greeter(sys.argv[1]).greeting(int(sys.argv[2])))"


def greeting(target, id):
    arguments = [sys.executable, "-c", PROGRAM, target, str(id)]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()


def test_a_program(grpcmock):
    get_user = grpcmock.on(UserServiceServicer.GetUser).when(id=42)
    get_user.fails("UNAVAILABLE").once()
    get_user.returns(name="Alice")
    assert greeting(grpcmock.target, 42) == "Hello, Alice"
    assert get_user.calls.statuses == ["UNAVAILABLE", "OK"]


def test_what_the_program_asked_for_is_verified(grpcmock):
    grpcmock.on(UserServiceServicer.GetUser).when(id=1).returns().optional()
    assert greeting(grpcmock.target, 42) == "Hello, stranger"
"""


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_a_subprocess(outside: Outside, proxy: str) -> None:
    environment = {"http_proxy": proxy, "no_proxy": "example.com"} if proxy else {}
    run = outside(*STRICT, test_program=PROGRAM, environment=environment)
    assert run.outcomes == {"passed": 1, "failed": 1}, run.text
    assert "test_what_the_program_asked_for_is_verified" in run.text
    assert "request.id  expected 1  actual 42" in run.text
