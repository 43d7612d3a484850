"""``grpcmock fuzz``: what it finds and says, its exit codes, and what bad targets get."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from broken_server import BROKEN, broken_server

from grpcmock.cli.fuzz_options import Shard
from grpcmock.client.target import Target
from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.engine.environment import EngineOptions
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host, HostOptions

ROOT = Path(__file__).parents[2]

Run = Callable[..., Any]

QUICK = ("--phases", "boundary,examples,random", "--max-cases", "20", "--seed", "7")


@pytest.fixture
def mock() -> Iterator[Callable[..., str]]:
    """Serves protos and stubs; gives the address."""
    loop = LoopThread()
    hosts: list[Host] = []

    async def start(stubs: tuple[Path, ...], auto: bool) -> str:
        host = Host(Files(protos=[ROOT / "protos"], stubs=stubs), HostOptions(engine=EngineOptions(auto=auto)))
        host.listen(Address.parse("127.0.0.1:0"))
        await host.start()
        hosts.append(host)
        return str(host.addresses[0])

    yield lambda *stubs, auto=False: loop.run(start(stubs, auto))
    for host in hosts:
        loop.run(host.stop(0))
    loop.close()


@pytest.mark.parametrize("options", [{"auto": True}, {}], ids=["auto", "stubs"])
def test_the_projects_own_mock_fails_nothing(grpcmock: Run, mock: Callable[..., str], options: dict[str, Any]) -> None:
    stubs = () if options else (ROOT / "stubs",)
    result = grpcmock("fuzz", mock(*stubs, **options), *QUICK)
    assert result.code == 0, result.out
    assert re.search(r"^0 failures in \d+ cases, \d+ calls", result.out, re.MULTILINE)
    assert "Trying 4 methods" in result.err
    assert "with seed 7" in result.err


def test_a_bug_is_told_with_its_smallest_request(grpcmock: Run, project: Path) -> None:
    with broken_server(project) as target:
        result = grpcmock("fuzz", target, "protos", "--include", "GetUser", "--seed", "7", "--phases", "boundary")
    assert result.code == 1
    assert "G102 unhandled_error (critical)  user.UserService/GetUser  G102-" in result.out
    for line in ("phase     boundary: boundary/user.UserService/GetUser/id=", "why       id is", "status    UNKNOWN: "):
        assert line in result.out
    assert re.search(r'request   GetUser: \{"id": (128|-1)\}', result.out)  # three bytes and no more, or the plain -1
    *_, line, last = result.out.rstrip().splitlines()
    assert re.match(r"G102-\w{6}  critical  unhandled_error  GetUser  UNKNOWN: Unexpected", line)
    assert "…" not in line  # no terminal: the line may be as long as it is
    assert last.startswith("1 failure in ")


def test_a_baseline_accepts_failures_until_a_day(grpcmock: Run, project: Path) -> None:
    with broken_server(project) as target:
        args = ("fuzz", target, "protos", "--include", "GetUser", "--seed", "7", "--phases", "boundary")
        written = grpcmock(*args, "--baseline", "known.toml", "--write-baseline")
        accepted = grpcmock(*args, "--baseline", "known.toml")
        text = Path("known.toml").read_text()
        Path("known.toml").write_text(re.sub(r"until = .*", "until = 2020-01-31", text))
        expired = grpcmock(*args, "--baseline", "known.toml")
        Path("known.toml").write_text(text.replace("/GetUser", "/GetUsr"))
        unknown = grpcmock(*args, "--baseline", "known.toml")
    assert (written.code, accepted.code, expired.code, unknown.code) == (0, 0, 1, 2)
    assert "Wrote 1 failure to known.toml." in written.out
    assert "0 failures, 1 accepted in " in accepted.out
    assert "was accepted until 2020-01-31 and isn't any more." in expired.out
    assert "there is no method 'user.UserService/GetUsr'. Did you mean 'user.UserService/GetUser'?" in unknown.err


@pytest.mark.parametrize(
    ("bug", "actual"),
    [
        ("--crash", "the server ended with exit code 3; the last that it wrote is: no memory for that"),
        (
            "--lock",
            "no status within the deadline of .* s; and nothing of user.UserService answers any more",
        ),
    ],
)
def test_a_server_that_goes_is_started_anew_and_the_case_found(
    grpcmock: Run, project: Path, bug: str, actual: str
) -> None:
    (project / "broken.py").write_text(BROKEN)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = f"{sys.executable} {project / 'broken.py'} {address} {bug}"
    result = grpcmock(
        *("fuzz", address, "protos", "--server-cmd", command, "--include", "GetUser", "--phases", "boundary"),
        *("--checks", "server_crash"),
    )
    assert result.code == 1, result.err
    assert "G101 server_crash (critical)" in result.out
    assert re.search(f"actual    {actual}", result.out)
    assert 'request   GetUser: {"id": 2147483647}' in result.out
    assert "1 failure in " in result.out


SHUT = """
- method: user.UserService/GetUser
  error: {code: UNAUTHENTICATED, message: who are you}
- method: user.UserService/ListUsers
  responses: [{name: Alice}]
"""


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--include", "GetUser"], 3, "None of 1 method ever answered OK: nothing behind their answers was tested."),
        (["--include", "GetUser", "--min-answered", "0%"], 0, "0 failures in"),
        (["--include", "GetUser,ListUsers"], 0, "0 failures in"),
        (["--include", "GetUser,ListUsers", "--min-answered", "80%"], 3, "and --min-answered asks for 80%."),
        (["--min-answered", "120%"], 2, "'120%' is no share; write 80% or 0.8."),
    ],
)
def test_a_run_in_which_nothing_was_tested_is_not_green(
    grpcmock: Run, mock: Callable[..., str], project: Path, args: list[str], code: int, said: str
) -> None:
    (project / "shut.yaml").write_text(SHUT)
    target = mock(project / "shut.yaml")
    includes = [word for one in args[1:2] for name in one.split(",") for word in ("--include", name)]
    args = args if args[0] != "--include" else [*includes, *args[2:]]
    result = grpcmock("fuzz", target, *args, "--phases", "boundary", "--checks", "G102", "--seed", "7")
    assert result.code == code, result.err
    assert said in (result.out + result.err)
    if code == 3 and "asks" not in said:
        assert "To get further: give credentials: -H 'authorization: Bearer ${TOKEN}'" in result.out
        assert "0 of 2 fields set and left out" in result.out  # nothing counts that was turned away at the door


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """Listens, and says the same to all who come."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1024)
                connection.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP/1, not gRPC"),
        (b"\x15\x03\x01\x00\x02\x02\x0a", r"closes the connection|Is the address right|HTTP"),
        (b"\x00\xff" * 50, "doesn't speak gRPC"),
    ],
    ids=["HTTP/1", "TLS", "garbage"],
)
def test_what_is_no_grpc_gets_a_clear_word(grpcmock: Run, reply: bytes, said: str) -> None:
    with answering(reply) as target:
        result = grpcmock("fuzz", target, "--connect-timeout", "2s")
    assert result.code == 2
    assert re.search(said, result.err)
    assert result.err.startswith("error:")
    assert "Traceback" not in result.err


def test_a_target_that_is_down(grpcmock: Run) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        result = grpcmock("fuzz", f"127.0.0.1:{free.getsockname()[1]}")
    assert result.code == 2
    assert "Nothing is listening" in result.err


def test_protos_in_the_place_of_the_target(grpcmock: Run, tmp_path: Path) -> None:
    protos = tmp_path / "shop.proto"
    protos.write_text('syntax = "proto3";')
    done = grpcmock("fuzz", str(protos), "127.0.0.1:1")
    assert done.code == 2
    assert f"{protos} is a file, not a server: the server's address comes first" in done.err


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["usr.UserService"], "Those are chosen by an option: --include usr.UserService."),
        (["protos", "usr.UserService"], "--include user.UserService."),
        (["protos", "usr.v1"], "usr.v1: there is no such file or directory; it looks like a service or package."),
        (["broken", "usr.UserService"], "--include usr.UserService."),
        (["usr.proto"], "usr.proto: there is no such file or directory."),
        (["image.binpb"], "image.binpb: there is no such file or directory."),
        (["user/usr.UserService"], "user/usr.UserService: there is no such file or directory."),
        (["UsrService"], "UsrService: there is no such file or directory."),
        (["user.v1"], "a/user.v1: the directory holds no .proto file"),
    ],
)
def test_a_service_in_the_place_of_the_protos(grpcmock: Run, project: Path, named: list[str], said: str) -> None:
    for folder in ("broken", "a/user.v1"):
        (project / folder).mkdir(parents=True)
    done = grpcmock("fuzz", "127.0.0.1:1", *named, "-I", "a")
    assert done.code == 2
    assert said in done.err
    assert ("--include" in done.err) is ("it looks like" in done.err)


def test_a_server_without_reflection(grpcmock: Run, project: Path) -> None:
    with broken_server(project) as target:
        result = grpcmock("fuzz", target)
    assert result.code == 2
    told = "The server has no reflection service. Name the protos after the target: reflection isn't needed then."
    assert told in result.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--include", "GetUsr"], "No method fits 'GetUsr'. Did you mean 'GetUser'?"),
        (["--exclude", "*"], "All methods are excluded"),
        (["--phases", "boundry"], "There is no phase 'boundry'. Did you mean 'boundary'?"),
        (["--checks", "info_leek"], "There is no check 'info_leek'. Did you mean 'info_leak'?"),
        (["--allow", "GetUser"], "is no METHOD=CODE"),
        (["--allow", "GetUser=NOT_FUND"], "'NOT_FUND' is not a status code. Did you mean 'NOT_FOUND'?"),
        (["--allow", "GetUsr=NOT_FOUND"], "No method fits 'GetUsr'"),
        (
            ["--status-field", "nme"],
            "--status-field 'nme' is no number or enum in the responses of *. Did you mean 'name'?",
        ),
        (["--shard", "3/2"], "is no shard; write 1/4"),
        (["--write-baseline"], "--write-baseline needs --baseline FILE"),
        (["--baseline", "none.toml"], "The baseline none.toml can't be read"),
        (["--server-cmd", "'"], "is no command line"),
        (["--database", "rediss:/x"], "--database 'rediss:/x' is none of those that there are: a directory, redis://"),
        (["--database", "githab:me/it"], "Did you mean 'github'?"),
        (["--server-cmd", "no-such-program"], "no-such-program can't be started"),
    ],
)
def test_wrong_options_are_named(grpcmock: Run, mock: Callable[..., str], args: list[str], said: str) -> None:
    result = grpcmock("fuzz", mock(auto=True), *args)
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


def test_ctrl_c_ends_with_a_summary(project: Path, mock: Callable[..., str]) -> None:
    command = [
        sys.executable,
        "-m",
        "grpcmock",
        "fuzz",
        mock(auto=True),
        "--phases",
        "random",
        "--max-cases",
        "100000000",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stderr is not None
        assert "Trying 4 methods" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == (3 if "None of 4 methods ever answered OK" in out else 0)
    assert "The run ended early: Ctrl-C." in out
    assert re.search(r"0 failures in \d+ case", out)


def test_targets_of_all_sorts_are_understood() -> None:
    assert Target.parse("unix:/tmp/x.sock").address == "unix:/tmp/x.sock"


@pytest.mark.parametrize(
    ("name", "value", "part"), [("JOB_COMPLETION_INDEX", "2", (3, 4)), ("CI_NODE_INDEX", "2", (2, 4))]
)
def test_a_job_knows_its_shard(name: str, value: str, part: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert Shard().convert("auto/4", None, None) == part


def test_a_shard_that_nobody_says(grpcmock: Run) -> None:
    result = grpcmock("fuzz", "127.0.0.1:1", "--shard", "auto/2")
    assert result.code == 2
    assert "No variable of the environment says which part this is." in result.err
