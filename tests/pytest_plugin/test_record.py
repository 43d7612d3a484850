"""A run is recorded against a real server; what was recorded then stands in for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.errors import Problems
from grpcmock.schema import Registry
from grpcmock.schema.sources import load
from grpcmock.stubs import loader

ROOT = Path(__file__).parents[2]
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"

TESTS = """
    import threading

    import grpc
    import pytest
    from user_pb2 import CreateUserRequest, GetUserRequest, ListUsersRequest
    from user_pb2_grpc import UserServiceStub

    SECRET = [("authorization", "Bearer s3cr3t"), ("x-asks", "please")]

    def test_one(grpcmock):
        users = grpcmock.client(UserServiceStub)
        for _ in range(2):
            answer, call = users.GetUser.with_call(GetUserRequest(id=1), metadata=SECRET, timeout=10)
            assert answer.name == "User 1 {{ 1 + 1 }}"
        assert ("x-region", "north") in call.initial_metadata()
        assert ("x-cost", "3") in call.trailing_metadata()

    def test_a_status(grpcmock):
        with pytest.raises(grpc.RpcError) as caught:
            grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=-1), metadata=SECRET)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert caught.value.details() == "no {{ such }} user"
        details = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
        assert b"GONE" in details

    def test_a_stream(grpcmock):
        users = grpcmock.client(UserServiceStub)
        assert [user.id for user in users.ListUsers(ListUsersRequest(page=2))] == [1, 2]
        broken = users.ListUsers(ListUsersRequest(page=3))
        assert next(broken).id == 1
        with pytest.raises(grpc.RpcError, match="the rest is gone"):
            next(broken)

    def test_a_stream_of_requests(grpcmock):
        users = grpcmock.client(UserServiceStub)
        names = iter([CreateUserRequest(name="Ann"), CreateUserRequest(name="Ben")])
        assert users.CreateUsers(names).created == 2
        assert users.CreateUsers(iter([])).created == 0

    def test_a_conversation(grpcmock):
        answered = threading.Semaphore(0)

        def requests():
            assert answered.acquire(timeout=10)  # the server greets first
            for id in (5, 6):
                yield GetUserRequest(id=id)
                assert answered.acquire(timeout=10)

        ids = []
        for user in grpcmock.client(UserServiceStub).LookupUsers(requests(), metadata=SECRET):
            ids.append(user.id)
            answered.release()
        assert ids == [0, 5, 6, 99]

    def test_stubs_come_first(grpcmock):
        grpcmock.on("user.UserService/GetUser").when(id=7).returns(name="of the test")
        assert grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=7)).name == "of the test"
"""


class Users:
    """A server written by hand."""

    def __init__(self, registry: Registry) -> None:
        self.calls: list[str] = []
        self.metadata: list[tuple[str, str | bytes]] = []
        self.deadlines: list[float | None] = []
        self.cancelled = threading.Event()
        self._user: Any = registry.message("user.UserResponse")
        self._result: Any = registry.message("user.BatchResult")
        self._registry = registry

    def handlers(self) -> grpc.GenericRpcHandler:
        read = {method.name: method.request_class.FromString for method in self._registry.methods.values()}

        def write(message: Any) -> bytes:
            data: bytes = message.SerializeToString()
            return data

        return grpc.method_handlers_generic_handler(
            "user.UserService",
            {
                "GetUser": grpc.unary_unary_rpc_method_handler(self.get, read["GetUser"], write),
                "ListUsers": grpc.unary_stream_rpc_method_handler(self.list, read["ListUsers"], write),
                "CreateUsers": grpc.stream_unary_rpc_method_handler(self.create, read["CreateUsers"], write),
                "LookupUsers": grpc.stream_stream_rpc_method_handler(self.lookup, read["LookupUsers"], write),
            },
        )

    async def get(self, request: Any, context: Any) -> Any:
        self.calls.append(f"get {request.id}")
        self.metadata += context.invocation_metadata()
        self.deadlines.append(context.time_remaining())
        if request.id == 1000:
            try:
                await context.send_initial_metadata(())
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        if request.id < 0:
            detail = AnyMessage()
            detail.Pack(ErrorInfo(reason="GONE"))
            status = Status(code=5, message="no {{ such }} user", details=[detail])
            trailers = (("grpc-status-details-bin", status.SerializeToString()), ("set-cookie", "s3cr3t"))
            await context.abort(grpc.StatusCode.NOT_FOUND, "no {{ such }} user", trailers)
        await context.send_initial_metadata((("x-region", "north"),))
        context.set_trailing_metadata((("x-cost", "3"),))
        return self._user(id=request.id, name=f"User {request.id} {{{{ 1 + 1 }}}}")

    async def list(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield self._user(id=1)
        if request.page == 3:
            await context.abort(grpc.StatusCode.DATA_LOSS, "the rest is gone")
        yield self._user(id=2)

    async def create(self, requests: Any, context: Any) -> Any:
        return self._result(created=len([request async for request in requests]))

    async def lookup(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        yield self._user(id=0)
        async for request in requests:
            yield self._user(id=request.id)
        yield self._user(id=99)


@pytest.fixture
def users() -> Users:
    return Users(load([ROOT / "protos" / "user.proto"]))


@pytest.fixture
def target(users: Users) -> Iterator[str]:
    thread = LoopThread("real-server")

    async def start() -> tuple[Any, int]:
        server = grpc.aio.server(handlers=[users.handlers()])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    server, port = thread.run(start())
    yield f"127.0.0.1:{port}"
    thread.run(server.stop(None))
    thread.close()


def ini(inside: pytest.Pytester, *more: str) -> None:
    (inside.path / "tox.ini").write_text("\n".join([INI + f"grpcmock_protos = {ROOT / 'protos'}", *more]))


def test_what_was_recorded_stands_in_for_the_server(inside: pytest.Pytester, target: str, users: Users) -> None:
    inside.makepyfile(TESTS)
    ini(inside)
    result = inside.runpytest(f"--grpcmock-record={target}", "--grpcmock-record-to=taped")
    assert result.parseoutcomes() == {"passed": 6}, str(result.stdout)
    result.stdout.fnmatch_lines(["recorded taped/user.UserService.GetUser.yaml"])
    assert sorted(users.calls) == ["get -1", "get 1", "get 1"]
    assert ("x-asks", "please") in users.metadata
    assert any(deadline is not None and 0 < deadline < 10.2 for deadline in users.deadlines)

    files = sorted((inside.path / "taped").iterdir())
    assert [file.name for file in files] == [
        f"user.UserService.{name}.yaml" for name in ("CreateUsers", "GetUser", "ListUsers", "LookupUsers")
    ]
    for file in files:
        assert "s3cr3t" not in file.read_text()
        assert "x-asks" not in file.read_text()
    problems = Problems()
    assert len([stub for stub in loader.load(files, problems) if stub.method.endswith("/GetUser")]) == 2
    problems.raise_errors()

    before = list(users.calls)
    ini(inside, "grpcmock_stubs = taped")
    replayed = inside.runpytest()
    assert replayed.parseoutcomes() == {"passed": 6}, str(replayed.stdout)
    assert users.calls == before


def test_a_second_recording_keeps_the_first(inside: pytest.Pytester, target: str) -> None:
    ini(inside)
    for id_ in (1, 2):
        inside.makepyfile(
            f"""
            from greeter import Greeter

            def test_greets(grpcmock):
                assert "User" in Greeter(grpcmock.target).greeting({id_})
            """
        )
        assert inside.runpytest(f"--grpcmock-record={target}").parseoutcomes() == {"passed": 1}
    text = (inside.path / "stubs" / "recorded" / "user.UserService.GetUser.yaml").read_text()
    assert text.count("method:") == 2
    assert "User 1" in text
    assert "User 2" in text


def test_a_call_that_the_client_gives_up_is_given_up_there_too(
    inside: pytest.Pytester, target: str, users: Users
) -> None:
    ini(inside)
    inside.makepyfile(
        """
        import grpc
        import pytest
        from user_pb2 import GetUserRequest
        from user_pb2_grpc import UserServiceStub

        def test_the_deadline(grpcmock):
            with pytest.raises(grpc.RpcError) as caught:
                grpcmock.client(UserServiceStub).GetUser(GetUserRequest(id=1000), timeout=0.3)
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            grpcmock.wait_called(times=1)
        """
    )
    result = inside.runpytest(f"--grpcmock-record={target}")
    assert result.parseoutcomes() == {"passed": 1}, str(result.stdout)
    assert users.cancelled.wait(5)
    result.stdout.fnmatch_lines(["not recorded: user.UserService/GetUser: *", "nothing was recorded"])


def test_rules_hold_and_braces_mean_themselves(inside: pytest.Pytester, target: str, users: Users) -> None:
    rules = ["grpcmock_record_redact =", "  field:user.UserResponse.name", "  field:nmae"]
    ini(inside, *rules)
    inside.makepyfile(
        """
        from user_pb2 import CreateUserRequest, GetUserRequest
        from user_pb2_grpc import UserServiceStub

        def test_braces(grpcmock):
            users = grpcmock.client(UserServiceStub)
            assert users.CreateUsers(iter([CreateUserRequest(name="{{ Ben }}")])).created == 1
            assert users.GetUser(GetUserRequest(id=1)).name
        """
    )
    result = inside.runpytest(f"--grpcmock-record={target}", "--grpcmock-record-to=taped")
    assert result.parseoutcomes() == {"passed": 1}, str(result.stdout)
    result.stdout.fnmatch_lines(["warning: --redact 'field:nmae' matched nothing*Did you mean 'name'?*"])
    assert "name: REDACTED" in (inside.path / "taped" / "user.UserService.GetUser.yaml").read_text()

    before = list(users.calls)
    ini(inside, "grpcmock_stubs = taped")
    assert inside.runpytest().parseoutcomes() == {"passed": 1}
    assert users.calls == before


def test_a_rule_that_is_none_ends_the_session(inside: pytest.Pytester, target: str) -> None:
    inside.makepyfile("def test_one(grpcmock): pass")
    ini(inside, "grpcmock_record_redact = nonsense")
    result = inside.runpytest(f"--grpcmock-record={target}")
    assert "A rule is metadata:KEY, field:PATH or pattern:REGEX" in str(result.stdout)
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_target_that_is_down_is_named_once(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        """
        def test_one(grpcmock): pass
        def test_two(grpcmock): pass
        """
    )
    result = inside.runpytest("--grpcmock-record=127.0.0.1:1")
    text = str(result.stdout)
    assert text.count("Nothing is listening on 127.0.0.1:1") == 1, text
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert not (inside.path / "stubs").exists()
