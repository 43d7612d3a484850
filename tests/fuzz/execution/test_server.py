"""What is seen of a server on this machine, and how methods are named and chosen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import registry

from grpcmock.errors import ConfigError
from grpcmock.fuzz.execution.resource_usage import find_process, vitals
from grpcmock.fuzz.execution.terminations import termination_of
from grpcmock.fuzz.expectations.method_selection import parted_by_ending, select
from grpcmock.fuzz.model.results import Termination
from grpcmock.schema import sources

PROTOS = registry("user.proto")

LISTEN = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_a_local_server_is_found_and_seen() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        address = f"127.0.0.1:{int(process.stdout.readline())}"
        assert find_process(address) == process.pid
        seen = vitals(process.pid)
        assert seen is not None
        assert seen.memory > 1 << 20
        assert seen.threads >= 1
        assert seen.descriptors >= 4
        process.stdin.close()
    assert vitals(process.pid) is None
    assert find_process(address) is None


def test_this_very_process_is_no_server_to_watch() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert find_process(f"127.0.0.1:{listener.getsockname()[1]}") is None
    assert find_process("far.away.example:443") is None
    assert os.getpid() > 0


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), {"GetUser", "ListUsers", "CreateUsers", "LookupUsers"}),
        (("GetUser",), (), {"GetUser"}),
        (("UserService/Get*",), (), {"GetUser"}),
        (("user.UserService.GetUser",), (), {"GetUser"}),
        (("/user.UserService/GetUser", "List*"), (), {"GetUser", "ListUsers"}),
        (("user",), ("*Users",), {"GetUser"}),
        (("UserService",), ("CreateUsers",), {"GetUser", "ListUsers", "LookupUsers"}),
    ],
)
def test_methods_are_chosen_by_patterns(include: Any, exclude: Any, expected: set[str]) -> None:
    assert {method.name for method in select(PROTOS, include, exclude)} == expected


@pytest.mark.parametrize(
    ("name", "request_type", "ends"),
    [
        ("ShutdownServer", "Nothing", True),
        ("Shutdown", "Flags", True),
        ("ShutDown", "Nothing", True),
        ("Quit", "Nothing", True),
        ("StopServer", "Nothing", True),
        ("RestartNode", "Nothing", True),
        ("RestartNode", "Named", False),  # another one than the server, perhaps
        ("Shutdown", "Named", False),
        ("Stop", "Nothing", False),
        ("Restart", "Nothing", False),
        ("StopRecording", "Nothing", False),
        ("ExitGroup", "Nothing", False),
        ("KillSwitchState", "Nothing", False),
    ],
)
def test_what_ends_the_server_is_parted_from_the_rest(tmp_path: Path, name: str, request_type: str, ends: bool) -> None:
    file = tmp_path / "ending.proto"
    file.write_text(
        f"""syntax = "proto3"; package ending; message Nothing {{ }} message Flags {{ bool at_once = 1; }}
        message Named {{ string name = 1; }}
        service One {{ rpc Get(Nothing) returns (Nothing); rpc {name}({request_type}) returns (Nothing); }}"""
    )
    methods = select(sources.load([file]))
    rest, ending = parted_by_ending(methods)
    assert [method.name for method in ending] == ([name] if ends else [])
    assert {*rest, *ending} == set(methods)
    assert parted_by_ending(ending) == (ending, ())


@pytest.mark.parametrize(
    ("include", "said"),
    [(["GetUsers"], "Did you mean"), (["user.UserServce/*"], "No method fits"), (["zzz*"], "The methods are")],
)
def test_a_pattern_that_fits_nothing_is_an_error(include: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        select(PROTOS, include)


@pytest.mark.parametrize(
    ("code", "message", "seconds", "expected"),
    [
        (0, "", 0.1, Termination.SERVER),
        (5, "Socket closed", 0.1, Termination.SERVER),  # no library says NOT_FOUND
        (14, "Socket closed", 0.1, Termination.LOST),
        (14, "failed to connect to all addresses; last error: …", 0.1, Termination.LOST),
        (14, "The database is down.", 0.1, Termination.SERVER),
        (13, "Received RST_STREAM with error code 2", 0.1, Termination.RESET),
        (13, "Stream removed (Error parsing 'grpc-status' metadata)", 0.1, Termination.LOST),
        (13, "The stream was removed.", 0.1, Termination.SERVER),
        (4, "Deadline Exceeded", 1.0, Termination.DEADLINE),
        (4, "the backend took too long", 0.1, Termination.SERVER),
        (1, "Locally cancelled by application!", 0.1, Termination.CANCELLED),
        (1, "The job was cancelled.", 0.1, Termination.SERVER),
    ],
)
def test_what_ended_a_call(code: int, message: str, seconds: float, expected: Termination) -> None:
    assert termination_of(code, message, seconds, 1.0) is expected
