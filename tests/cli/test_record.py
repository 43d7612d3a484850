# mypy: disable-error-code="arg-type"
from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import handmade
import pytest
import trustme
from support import registry

OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
REGISTRY = registry("user.proto")
GET = REGISTRY.method("UserService/GetUser")
OWN = "- {method: user.UserService/GetUser, request: {id: 1}, response: {name: Own}}"


class Program:
    """A command of its own process that listens; it is ready when it has told its address."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "grpcmock", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        first = self.process.stdout.readline()
        self.address = json.loads(first)["address"] if first else ""

    def get(self, user: int, **keywords: Any) -> Any:
        with grpc.insecure_channel(self.address, options=OPTIONS) as channel:
            call = channel.unary_unary(GET.path, GET.request_class.SerializeToString, GET.response_class.FromString)
            return call(GET.request_class(id=user), timeout=10, **keywords)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err


@pytest.fixture
def start(project: Path) -> Iterator[Callable[..., Program]]:
    assert project.is_dir()
    programs = []

    def start(*args: str) -> Program:
        programs.append(Program(*args))
        return programs[-1]

    yield start
    for program in programs:
        program.process.kill()
        program.process.communicate()


@pytest.fixture
def target() -> Iterator[handmade.Handmade]:
    with handmade.serve() as server:
        yield server


def record(start: Callable[..., Program], target: handmade.Handmade, *more: str) -> Program:
    return start("record", target.address, "--listen", "127.0.0.1:0", "--ready-file", "ready", *more)


def test_records_with_reflection_and_sums_up(
    start: Callable[..., Program], target: handmade.Handmade, project: Path
) -> None:
    program = record(start, target, "--redact", "field:email", "--redact", "metadata:x-nothing")
    assert (project / "ready").read_text() == f"{program.address}\n"
    # Reflection isn't what the server is for, and doesn't count.
    listed = subprocess.run(
        [sys.executable, "-m", "grpcmock", "list", program.address], capture_output=True, text=True, check=True
    )
    assert "user.UserService" in listed.stdout
    assert program.get(1).email == "user1@example.com"
    assert program.get(1, metadata=(("x-a", "b"),)).name == "User 1"
    with pytest.raises(grpc.RpcError):
        program.get(404)
    code, err = program.end()
    assert code == 0
    assert err.splitlines() == [
        f"Recording {target.address} on {program.address}, to stubs/recorded. Ctrl-C ends.",
        "Recorded 2 stubs of 3 calls in 1 file.",
        "  stubs/recorded/user.UserService.GetUser.yaml",
        f"{GET}: its status details are left out: they can't be read, and may hold a secret (1 call).",
        "warning: --redact 'metadata:x-nothing' matched nothing that was recorded.",
    ]
    assert not (project / "ready").exists()
    text = (project / "stubs" / "recorded" / "user.UserService.GetUser.yaml").read_text()
    assert "@example.com" not in text
    assert [file.name for file in (project / "stubs" / "recorded").iterdir()] == ["user.UserService.GetUser.yaml"]


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C goes to a whole group of processes")
def test_ctrl_c_ends_it_with_all_that_was_seen(
    start: Callable[..., Program], target: handmade.Handmade, project: Path
) -> None:
    program = record(start, target, "protos", "--out", "taped")
    program.get(1)
    code, err = program.end(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in err
    assert "name: User 1" in (project / "taped" / "user.UserService.GetUser.yaml").read_text()


def test_what_was_recorded_answers_without_the_server(start: Callable[..., Program], target: handmade.Handmade) -> None:
    program = record(start, target, "protos")
    assert program.get(1).name == "User 1"
    program.end()
    again = start("record", "127.0.0.1:1", "protos", "--listen", "127.0.0.1:0", "--mode", "once")
    assert again.get(1).name == "User 1"
    with pytest.raises(grpc.RpcError, match="No stub matches"):
        again.get(2)
    assert again.end() == (
        0,
        f"Answering from 1 recorded stub of stubs/recorded on {again.address}. Ctrl-C ends.\nStopped.\n",
    )


def test_a_recording_grows_while_it_runs(
    start: Callable[..., Program], target: handmade.Handmade, project: Path
) -> None:
    """A process that is killed has lost little."""
    program = record(start, target)
    program.get(1)
    file = project / "stubs" / "recorded" / "user.UserService.GetUser.yaml"
    while not file.exists():
        assert program.process.poll() is None
    assert "name: User 1" in file.read_text()


def test_the_settings_come_from_the_configuration_file(
    start: Callable[..., Program], target: handmade.Handmade, project: Path
) -> None:
    (project / "grpcmock.toml").write_text(
        '[record]\nout = "taped"\nredact = ["field:email"]\nignore-varying = "field:name"\n'
    )
    program = record(start, target)
    program.get(1)
    program.end()
    text = (project / "taped" / "user.UserService.GetUser.yaml").read_text()
    assert "email: REDACTED" in text
    assert "ignore: [email, name]" in text


# --- serve --forward --------------------------------------------------------------------------------------------------


def test_serve_passes_on_what_no_stub_answers_and_records_it(
    start: Callable[..., Program], target: handmade.Handmade, project: Path
) -> None:
    (project / "stubs").mkdir()
    (project / "stubs" / "own.yaml").write_text(OWN)
    program = start(
        *("serve", "--listen", "127.0.0.1:0", "--forward", target.address, "--record", "taped", "--log", "json"),
        *("--redact", "field:email"),
    )
    assert program.get(1).name == "Own"
    assert program.get(5).name == "User 5"
    with grpc.insecure_channel(program.address, options=OPTIONS) as channel:
        assert len(list(channel.unary_stream("/user.UserService/ListUsers")(b"\x10\x02", timeout=10))) == 2
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/other.Service/Method")(b"", timeout=10)
        assert "Method not found" in str(caught.value.details())
    program.process.send_signal(signal.SIGTERM)
    out, err = program.process.communicate(timeout=20)
    assert program.process.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line.get("forwarded", False) for line in lines] == [False, True, True, True]
    assert f"on {program.address}, and the rest from {target.address}. Ctrl-C ends." in err
    assert "not recorded: other.Service/Method: no proto declares it" in err
    assert "email: REDACTED" in (project / "taped" / "user.UserService.ListUsers.yaml").read_text()
    assert not [line for line in lines if "miss" in line]


def test_serve_may_just_pass_on(start: Callable[..., Program], target: handmade.Handmade) -> None:
    program = start("serve", "--listen", "127.0.0.1:0", "--forward", target.address)
    assert program.get(7).name == "User 7"
    code, err = program.end()
    assert (code, err.endswith("Stopped.\n")) == (0, True)
    assert "There are no stubs" not in err


# --- Bad input --------------------------------------------------------------------------------------------------------


def test_tls_on_the_way_in_and_on_the_way_on(
    start: Callable[..., Program], target: handmade.Handmade, project: Path
) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("localhost")
    own.cert_chain_pems[0].write_to_path(project / "cert.pem")
    own.private_key_pem.write_to_path(project / "key.pem")
    authority.cert_pem.write_to_path(project / "ca.pem")
    recorder = record(start, target, "protos", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    beyond = f"https://localhost:{recorder.address.rpartition(':')[2]}"
    with pytest.raises(grpc.RpcError):
        recorder.get(1)
    program = start(
        *("serve", "--listen", "127.0.0.1:0", "--forward", beyond, "--forward-cacert", "ca.pem"),
        *("--forward-header", "x-on-behalf: grpcmock"),
    )
    assert program.get(1).name == "User 1"
    assert target.metadata[-1][1]["x-on-behalf"] == ["grpcmock"]
    assert program.end()[0] == recorder.end()[0] == 0
    assert "name: User 1" in (project / "stubs" / "recorded" / "user.UserService.GetUser.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("record", "127.0.0.1:1"), "Nothing is listening on 127.0.0.1:1"),
        (("record", "127.0.0.1:1", "protos"), "Nothing is listening on 127.0.0.1:1"),
        (("record", "nonsense"), "it names no port"),
        (("record", "127.0.0.1:1", "protos", "--mode", "none"), "Nothing is recorded in stubs/recorded"),
        (("record", "127.0.0.1:1", "--mode", "none"), "name the protos"),
        (
            ("record", "127.0.0.1:1", "protos", "--redact", "email"),
            "A rule is metadata:KEY, field:PATH or pattern:REGEX",
        ),
        (("record", "127.0.0.1:1", "protos", "--mode", "sometimes"), "'sometimes' is not one of"),
        (("serve", "--forward", "127.0.0.1:1", "--listen", "127.0.0.1:0"), "Nothing is listening on 127.0.0.1:1"),
        (("serve", "--record", "taped"), "name it with --forward"),
        (("serve", "--forward-header", "x-a: b"), "name it with --forward"),
        (("record", "127.0.0.1:1", "protos", "--tls-cert", "cert.pem"), "--tls-cert needs --tls-key"),
        (("serve", "--forward", "127.0.0.1:1", "--auto"), "--forward and --auto exclude each other"),
        (("serve", "--transport", "h2"), "h2 is no more: native makes all of its faults"),
    ],
)
def test_what_cant_be_done_is_told_at_once(grpcmock: Callable[..., Any], arguments: tuple[str, ...], said: str) -> None:
    code, out, err = grpcmock(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_a_server_without_reflection_needs_protos(grpcmock: Callable[..., Any]) -> None:
    with handmade.serve(reflect=False) as target:
        code, _, err = grpcmock("record", target.address)
    assert code == 2
    assert f"`grpcmock record {target.address} protos/`" in err


def test_a_port_in_use_is_told_and_nothing_recorded(
    grpcmock: Callable[..., Any], project: Path, target: handmade.Handmade
) -> None:
    code, _, err = grpcmock("record", target.address, "--listen", target.address)
    assert code == 2
    assert f"can't listen on {target.address}" in err
    assert not list(project.glob("stubs/recorded/*"))


def test_a_folder_that_is_none_is_told(grpcmock: Callable[..., Any], project: Path, target: handmade.Handmade) -> None:
    (project / "stubs").write_text("")
    code, _, err = grpcmock("record", target.address, "--listen", "127.0.0.1:0")
    assert code == 2
    assert "stubs/recorded can't be written to" in err
