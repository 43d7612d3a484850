# mypy: disable-error-code="arg-type"
from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
from support import registry

from grpcmock.servers.transports import has_native

STUBS = """
- {name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}
- {name: bob, method: user.UserService/GetUser, request: {id: 2}, response: {id: 2, name: Bob}}
"""
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))


class Server:
    """A server of its own process; it is ready when it has told its address."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "grpcmock", "serve", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.first = self.process.stdout.readline()
        self.event = json.loads(self.first) if self.first else {}

    @property
    def address(self) -> str:
        return str(self.event["address"])

    def get_user(self, user: int, channel: grpc.Channel | None = None) -> Any:
        method = registry("user.proto").method("UserService/GetUser")
        with channel or grpc.insecure_channel(self.address, options=OPTIONS) as channel:
            call = channel.unary_unary(
                method.path, method.request_class.SerializeToString, method.response_class.FromString
            )
            return call(method.request_class(id=user), timeout=10)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture
def serve(project: Path) -> Iterator[Callable[..., Server]]:
    (project / "stubs").mkdir()
    (project / "stubs" / "users.yaml").write_text(STUBS)
    servers = []

    def start(*args: str) -> Server:
        servers.append(Server("--listen", "127.0.0.1:0", *args))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.communicate()


def test_serves_the_current_directory_and_tells_where(serve: Callable[..., Server], project: Path) -> None:
    ready = project / "ready"
    server = serve("--ready-file", "ready")
    assert server.event == {"event": "listening", "address": server.address, "addresses": [server.address]}
    assert ready.read_text() == f"{server.address}\n"
    assert server.get_user(1).name == "Alice"
    code, out, err = server.end()
    assert (code, out) == (0, ""), err
    assert err.startswith(f"Serving 2 stubs for 4 methods on {server.address}. Ctrl-C ends.\n")
    assert err.endswith("Stopped.\n")
    assert not ready.exists()
    assert not list(project.glob(".ready*"))


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C goes to a whole group of processes")
def test_ctrl_c_ends_it_cleanly(serve: Callable[..., Server]) -> None:
    code, _, err = serve().end(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C goes to a whole group of processes")
@pytest.mark.parametrize(
    ("grace", "signals", "code"),
    [("0.05", [signal.SIGTERM], 0), ("60", [signal.SIGINT, signal.SIGINT], 130), ("0.5", [signal.SIGTERM] * 2, 0)],
    ids=["grace passes", "a second Ctrl-C", "a second SIGTERM"],
)
def test_calls_under_way_get_their_grace(
    serve: Callable[..., Server], project: Path, grace: str, signals: list[signal.Signals], code: int
) -> None:
    slow = "- {method: user.UserService/ListUsers, responses: [{id: 1}, {id: 2}], interval: 60s}\n"
    (project / "stubs" / "slow.yaml").write_text(slow)
    server = serve("--grace", grace, "--ready-file", "ready", "--log", "none")
    with grpc.insecure_channel(server.address, OPTIONS) as channel:
        responses = channel.unary_stream("/user.UserService/ListUsers")(b"", timeout=50)
        assert next(responses) == b"\x08\x01"
        for number in signals:
            server.process.send_signal(number)
            while (project / "ready").exists():
                assert server.process.poll() is None
        assert server.process.wait(20) == code
        with pytest.raises(grpc.RpcError):
            next(responses)


def test_the_calls_are_told_as_json_lines(serve: Callable[..., Server]) -> None:
    server = serve("--log", "json")
    server.get_user(2)
    with pytest.raises(grpc.RpcError):
        server.get_user(3)
    hit, miss = map(json.loads, server.end()[1].splitlines())
    assert (hit["event"], hit["stub"], hit["requests"], hit["code"]) == ("call", "bob", [{"id": 2}], "OK")
    assert (miss["stub"], miss["code"]) == (None, "UNIMPLEMENTED")
    assert "alice" in miss["miss"]


def test_without_a_terminal_only_misses_are_told(serve: Callable[..., Server]) -> None:
    server = serve()
    server.get_user(1)
    with pytest.raises(grpc.RpcError):
        server.get_user(3)
    out = server.end()[1]
    assert "no stub" in out.splitlines()[0]
    assert "Alice" not in out


def test_options_reach_the_server(serve: Callable[..., Server]) -> None:
    server = serve("--unmatched-code", "not_found", "--no-reflection", "--log", "none")
    with pytest.raises(grpc.RpcError) as raised:
        server.get_user(3)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    auto = serve("--auto", "--seed", "3", "--log", "none")
    assert auto.get_user(3) == serve("--auto", "--seed", "3").get_user(3)


def test_a_changed_stub_is_picked_up(serve: Callable[..., Server], project: Path) -> None:
    server = serve()
    (project / "stubs" / "users.yaml").write_text(STUBS.replace("Alice", "Alicia"))
    assert server.process.stderr
    assert "Serving" in server.process.stderr.readline()
    assert "Reloaded: 2 stubs." in server.process.stderr.readline()
    assert server.get_user(1).name == "Alicia"


@pytest.mark.skipif(not hasattr(__import__("socket"), "AF_UNIX"), reason="no unix sockets here")
def test_several_addresses(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve("--listen", "unix:here.sock")
    assert server.event["addresses"] == [server.address, "unix:here.sock"]
    assert server.get_user(1, grpc.insecure_channel("unix:here.sock")).name == "Alice"


@pytest.mark.skipif(not has_native(), reason="the native transport isn't built")
def test_the_native_transport_serves_pages_on_the_port_of_grpc(serve: Callable[..., Server], project: Path) -> None:
    server = serve("--cors", "https://a.example", "--http", "127.0.0.1:0", "--ready-file", "ready")
    assert (project / "ready").read_text().splitlines() == [server.address, f"http {server.event['http'][0]}"]
    for address in (server.address, server.event["http"][0]):
        connection = HTTPConnection(address, timeout=20)
        headers = {"content-type": "application/json", "origin": "https://a.example"}
        connection.request("POST", "/user.UserService/GetUser", b'{"id": 1}', headers)
        response = connection.getresponse()
        assert response.headers["access-control-allow-origin"] == "https://a.example"
        assert b'"Alice"' in response.read()
        connection.close()
        assert server.get_user(1, grpc.insecure_channel(address)).name == "Alice"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--listen", "50051"], 2, "Did you mean '127.0.0.1:50051'?"),
        (["--stubs", "missing"], 1, "missing"),
        (["nowhere"], 2, "nowhere"),
        (["--tls-cert", "x.pem"], 2, "--tls-key"),
        (["--interceptor", "nothing"], 2, "module:attribute"),
        (["--config", "none.toml"], 2, "There is no configuration file none.toml."),
        (["--ready-file", "no/such/ready"], 2, "the folder no/such doesn't exist. Make it first: mkdir -p no/such"),
        (["--ready-file", "protos"], 2, "--ready-file protos: this is a directory. Name a file in it"),
        (["--ready-file", "protos/user.proto/x"], 2, "the folder protos/user.proto is no directory"),
        (["protos", "stubs.yaml"], 2, "Those are named by an option: --stubs stubs.yaml."),
        (["--listen", "/tmp/a.sock"], 2, "Did you mean 'unix:/tmp/a.sock'?"),
        (["--http", "8080"], 2, "--http '8080': the host is missing. Did you mean '127.0.0.1:8080'?"),
        (["--cors", "*", "--transport", "aio"], 2, "name a port with --http, or install the native transport"),
        (["--http", "127.0.0.1:0", "--cors", "a.com"], 2, "--cors 'a.com' is no origin"),
    ],
)
def test_what_keeps_it_from_serving_is_one_clear_message(
    grpcmock: Callable[..., Any], project: Path, args: list[str], code: int, said: str
) -> None:
    (project / "stubs.yaml").write_text(STUBS)
    result = grpcmock("serve", "--listen", "127.0.0.1:0", *args)
    assert result.code == code, result.err
    assert said in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "args", [["--stubs", "missing"], ["nowhere"], ["--listen", "50051"], ["--auto", "--transport", "x"]]
)
def test_a_ready_file_of_an_earlier_server_is_removed_first(
    grpcmock: Callable[..., Any], project: Path, args: list[str]
) -> None:
    ready = project / "ready"
    ready.write_text("127.0.0.1:1\n")
    assert grpcmock("serve", "--ready-file", "ready", *args).code != 0
    assert not ready.exists()


def test_a_ready_file_that_another_server_has_written_since_is_left(
    serve: Callable[..., Server], project: Path
) -> None:
    first = serve("--ready-file", "ready")
    second = serve("--ready-file", "ready")
    assert first.end()[0] == 0
    assert (project / "ready").read_text() == f"{second.address}\n"
    assert second.end()[0] == 0
    assert not (project / "ready").exists()


def test_the_ready_file_of_the_configuration(serve: Callable[..., Server], project: Path) -> None:
    (project / "grpcmock.toml").write_text("[serve]\nready-file = 'up'")
    server = serve()
    assert (project / "up").read_text() == f"{server.address}\n"


def test_all_problems_of_the_stubs_are_told_together(grpcmock: Callable[..., Any], project: Path) -> None:
    (project / "stubs").mkdir()
    (project / "stubs" / "a.yaml").write_text("- {method: user.UserService/GetUsr}\n- {method: x, requst: {}}\n")
    (project / "stubs" / "b.yaml").write_text("- {method: user.UserService/GetUser, response: {nmae: x}}\n")
    code, out, err = grpcmock("serve")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    places = [line.split(": ")[0] for line in lines[:-1]]
    assert places == sorted(places)
    assert [place.rpartition(":")[0] for place in places] == [
        f"stubs/{place}" for place in ("a.yaml:1", "a.yaml:2", "a.yaml:2", "b.yaml:1")
    ]
    assert lines[-1] == "error: 4 problems"


def test_a_port_in_use(grpcmock: Callable[..., Any], serve: Callable[..., Server]) -> None:
    server = serve()
    code, _, err = grpcmock("serve", "--listen", server.address)
    assert code == 2
    assert "already in use" in err


def test_the_environment_sets_options(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPCMOCK_UNMATCHED_CODE", "ABORTED")
    server = serve("--log", "none")
    with pytest.raises(grpc.RpcError) as raised:
        server.get_user(3)
    assert raised.value.code() is grpc.StatusCode.ABORTED


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_on_a_terminal_calls_are_told_in_color(serve: Callable[..., Server], project: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "grpcmock", "serve", "--listen", "unix:tty.sock", "--ready-file", "ready"]
    process = subprocess.Popen(
        command, stdout=theirs, stderr=theirs, stdin=theirs, env={**os.environ, "COLUMNS": "200"}
    )
    os.close(theirs)
    shown = b""

    def read_until(wanted: bytes) -> None:
        nonlocal shown
        while wanted not in shown:
            assert select.select([ours], [], [], 20)[0], shown
            shown += os.read(ours, 4096)

    try:
        read_until(b"Ctrl-C ends")
        method = registry("user.proto").method("UserService/GetUser")
        with grpc.insecure_channel("unix:tty.sock") as channel:
            channel.unary_unary(method.path)(b"\x08\x01", timeout=10)
        read_until(b"Alice")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"\x1b[32mOK" in shown


def test_protos_of_a_server_that_has_reflection(serve: Callable[..., Server], project: Path) -> None:
    real = serve()
    shutil.rmtree("protos")
    as_argument, as_option = serve(f"grpc://{real.address}"), serve("--reflect", real.address)
    assert (as_argument.get_user(1).name, as_option.get_user(2).name) == ("Alice", "Bob")


def test_a_server_that_is_not_there_is_one_clear_message(grpcmock: Callable[..., Any], project: Path) -> None:
    for arguments in (("grpc://127.0.0.1:1",), ("--reflect", "127.0.0.1:1")):
        code, _, err = grpcmock("serve", *arguments)
        assert code == 2
        assert "grpc://127.0.0.1:1: Nothing is listening on 127.0.0.1:1" in err
        assert "Traceback" not in err
