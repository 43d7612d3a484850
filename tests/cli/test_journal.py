# mypy: disable-error-code="arg-type"
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support import registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.host import Files, Host, HostOptions

STUBS = "- {name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}\n"


class Server:
    """A server in the background of this process."""

    def __init__(self, loop: LoopThread, options: HostOptions) -> None:
        async def start() -> Host:
            host = Host(Files(stubs=(Path("stubs"),)), options)
            host.listen(Address.parse("127.0.0.1:0"))
            await host.start()
            return host

        self.host = loop.run(start())
        self.address = str(self.host.addresses[0])

    def ask(self, *users: int) -> None:
        method = registry("user.proto").method("UserService/GetUser")
        with grpc.insecure_channel(self.address, (("grpc.enable_http_proxy", 0),)) as channel:
            for user in users:
                request = method.request_class(id=user).SerializeToString()
                channel.unary_unary(method.path).future(request, timeout=10).exception()


@pytest.fixture
def serve(project: Path) -> Iterator[Callable[..., Server]]:
    (project / "stubs").mkdir()
    (project / "stubs" / "a.yaml").write_text(STUBS)
    loop = LoopThread()
    servers = []

    def start(**options: Any) -> Server:
        servers.append(Server(loop, HostOptions(**{"admin": AdminOptions(), **options})))
        return servers[-1]

    yield start
    for server in servers:
        loop.run(server.host.stop())
    loop.close()


def test_shows_the_calls_in_their_order(grpcmock: Callable[..., Any], serve: Callable[..., Server]) -> None:
    server = serve()
    server.ask(1, 2)
    code, out, err = grpcmock("journal", server.address)
    assert (code, err) == (0, "")
    first, second, *explanation = out.splitlines()
    assert "OK" in first and 'alice  {"id": 1} → {"id": 1, "name": "Alice"}' in first
    assert "UNIMPLEMENTED" in second and "no stub" in second
    assert any("alice" in line for line in explanation)


@pytest.mark.parametrize(
    ("args", "users"),
    [
        ([], [1, 2, 1, 3]),
        (["--misses"], [2, 3]),
        (["--last", "2"], [1, 3]),
        (["-n", "0"], []),
        (["--method", "UserService/GetUser"], [1, 2, 1, 3]),
        (["--method", "UserService/ListUsers"], []),
    ],
)
def test_which_calls_are_shown(
    grpcmock: Callable[..., Any], serve: Callable[..., Server], args: list[str], users: list[int]
) -> None:
    server = serve()
    server.ask(1, 2, 1, 3)
    code, out, err = grpcmock("journal", server.address, "--json", *args)
    assert (code, err) == (0, "")
    assert [json.loads(line)["requests"][0]["id"] for line in out.splitlines()] == users


def test_json_is_the_same_as_that_of_serve(grpcmock: Callable[..., Any], serve: Callable[..., Server]) -> None:
    server = serve()
    server.ask(1)
    shown = json.loads(grpcmock("journal", server.address, "--json").out)
    assert (shown["event"], shown["stub"], shown["location"]) == ("call", "alice", "stubs/a.yaml:1")
    assert shown["responses"] == [{"id": 1, "name": "Alice"}]


@pytest.mark.parametrize(("args", "before"), [([], [1, 2]), (["-n", "1"], [2])])
def test_follows_the_calls_as_they_end(serve: Callable[..., Server], args: list[str], before: list[int]) -> None:
    server = serve()
    server.ask(1, 2)
    command = [sys.executable, "-m", "grpcmock", "journal", server.address, "--follow", "--json", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        seen = [json.loads(process.stdout.readline())["requests"][0]["id"] for _ in before]
        server.ask(3)
        seen.append(json.loads(process.stdout.readline())["requests"][0]["id"])
        process.kill()
    assert seen == [*before, 3]


@pytest.mark.parametrize(
    ("options", "args", "said"),
    [
        ({"admin": None}, [], "has no admin service. Start the server with `grpcmock serve --admin`."),
        ({"admin": AdminOptions("secret")}, [], "wants a token: give the server's own with --admin-token TOKEN."),
        (
            {"admin": AdminOptions("secret")},
            ["--admin-token", "wrong"],
            "takes another token than this one: give the server's",
        ),
        ({}, ["--method", "UserService/GetUsr"], "Did you mean 'user.UserService/GetUser'?"),
    ],
)
def test_what_stands_in_the_way(
    grpcmock: Callable[..., Any], serve: Callable[..., Server], options: dict[str, Any], args: list[str], said: str
) -> None:
    code, out, err = grpcmock("journal", serve(**options).address, *args)
    assert (code, out) == (2, "")
    assert said in err


def test_the_token_opens(
    grpcmock: Callable[..., Any], serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(admin=AdminOptions("secret"))
    assert grpcmock("journal", server.address, "--admin-token", "secret").code == 0
    monkeypatch.setenv("GRPCMOCK_ADMIN_TOKEN", "secret")
    assert grpcmock("journal", server.address).code == 0


def test_nobody_there(grpcmock: Callable[..., Any]) -> None:
    code, _, err = grpcmock("journal", "127.0.0.1:1")
    assert code == 2
    assert "127.0.0.1:1" in err


def test_a_stub_made_of_a_miss_is_printed_as_a_file(
    grpcmock: Callable[..., Any], serve: Callable[..., Server], project: Path
) -> None:
    server = serve()
    server.ask(1, 17)
    miss = json.loads(grpcmock("journal", server.address, "--misses", "--json").out)
    code, out, err = grpcmock("journal", server.address, "--as-stub", str(miss["id"]))
    assert code == 0
    assert out.startswith(
        "- name: get-user-17\n  method: user.UserService/GetUser\n  request: {id: 17}\n  response:\n"
        "    id: '{{ request.id }}'\n"
    )
    assert "warning: Nobody has answered this call: the answer is one that the protos suggest." in err
    (project / "stubs" / "drafted.yaml").write_text(out)
    assert grpcmock("check").code == 0
    drafted = serve()
    drafted.ask(17)
    assert json.loads(grpcmock("journal", drafted.address, "--json").out)["stub"] == "get-user-17"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--as-stub", "9"], "The journal has no call #9, or no longer."),
        (["--as-stub", "1", "--follow"], "--as-stub is about one call"),
        (["--as-stub", "0"], "0 is too small"),
    ],
)
def test_no_stub_is_made_of_what_is_not_there(
    grpcmock: Callable[..., Any], serve: Callable[..., Server], args: list[str], said: str
) -> None:
    server = serve()
    server.ask(1)
    code, out, err = grpcmock("journal", server.address, *args)
    assert (code, out) == (2, "")
    assert said in err
