"""``grpcmock call`` speaks to any server, says what came of it, and says in one message what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import handmade
import pytest
from click.testing import CliRunner, Result
from google.rpc.error_details_pb2 import DebugInfo

from grpcmock.cli import failures
from grpcmock.cli.call import command, told_once
from grpcmock.client.details import Detail
from grpcmock.errors import GrpcmockError

PROTOS = str(Path(__file__).parents[2] / "protos")


@pytest.fixture(scope="module")
def server() -> Iterator[handmade.Handmade]:
    with handmade.serve() as running:
        yield running


def call(*arguments: str, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:
    """Run the command as the main program does: whatever is raised becomes a message and an exit code."""

    @click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def main(rest: tuple[str, ...]) -> None:
        def run() -> int:
            with command.make_context("call", list(rest)) as context:
                command.invoke(context)
            return 0

        raise SystemExit(failures.guard(run))

    result = CliRunner().invoke(main, ["--", *arguments], input=stdin, env=env)
    assert result.exception is None or isinstance(result.exception, (SystemExit, GrpcmockError))
    return result


def test_without_a_method_all_are_listed(server: handmade.Handmade) -> None:
    result = call(server.address)
    assert result.exit_code == 2
    assert "METHOD is missing" in result.stderr
    assert "user.UserService/GetUser, user.UserService/ListUsers, user.UserService/LookupUsers." in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no unix sockets")
def test_a_socket_without_its_scheme_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("here.sock")
        for path in ("here.sock", "./here.sock", str(tmp_path / "here.sock")):
            assert f"is a socket: write unix:{path}." in call(path, "GetUser").stderr


def lines(result: Result) -> list[object]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def user(number: int) -> dict[str, object]:
    return {"id": number, "name": f"User {number}", "email": f"user{number}@example.com"}


@pytest.mark.parametrize(
    "name",
    [
        "user.UserService/GetUser",
        "user.UserService.GetUser",
        "/user.UserService/GetUser",
        "UserService/GetUser",
        "GetUser",
    ],
)
def test_a_unary_call_by_any_name(server: handmade.Handmade, name: str) -> None:
    result = call(server.address, name, "-d", '{"id": 1}')
    assert (result.exit_code, result.stderr, lines(result)) == (0, "", [user(1)])


def test_protos_instead_of_reflection() -> None:
    with handmade.serve(reflect=False) as server:
        result = call(server.address, "GetUser", "-d", '{"id": 1}', "--proto", PROTOS)
        assert (result.exit_code, lines(result)) == (0, [user(1)])
        refused = call(server.address, "GetUser")
        assert refused.exit_code == 2
        assert "reflection" in refused.stderr
        assert "proto" in refused.stderr


@pytest.mark.parametrize("data", [[], ["-d", ""], ["-d", "{}"], ["-d", " \n"]])
def test_no_data_is_an_empty_message(server: handmade.Handmade, data: list[str]) -> None:
    assert lines(call(server.address, "ListUsers", *data)) == [user(1), user(2), user(3)]


def test_data_from_a_file_and_from_stdin(server: handmade.Handmade, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(b'\xef\xbb\xbf{\n  "id": 7\n}\n')
    assert lines(call(server.address, "GetUser", "-d", f"@{file}")) == [user(7)]
    assert lines(call(server.address, "GetUser", "-d", "-", stdin='{"id": 8}')) == [user(8)]
    assert lines(call(server.address, "GetUser", "-d", "@-", stdin='{"id": 8}')) == [user(8)]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["-d", '[{"name": "a"}, {"name": "b"}, {}]'], None),
        (["-d", '{"name": "a"} {"name": "b"}{}'], None),
        (["-d", "-"], '{"name": "a"}\n{"name": "b"}\n{}\n'),
        ([], '{"name": "a"}\n{"name": "b"}\n{}'),
        ([], '[{"name": "a"}, {"name":\n"b"}]\n\n{}'),
    ],
)
def test_a_client_stream(server: handmade.Handmade, arguments: list[str], stdin: str | None) -> None:
    result = call(server.address, "CreateUsers", *arguments, stdin=stdin)
    assert (result.exit_code, lines(result)) == (0, [{"created": 3, "ids": [1, 2, 3]}])


@pytest.mark.parametrize(("arguments", "stdin"), [(["-d", ""], None), (["-d", "[]"], None), ([], ""), ([], "[]")])
def test_an_empty_client_stream(server: handmade.Handmade, arguments: list[str], stdin: str | None) -> None:
    assert lines(call(server.address, "CreateUsers", *arguments, stdin=stdin)) == [{}]


def test_output_forms(server: handmade.Handmade) -> None:
    pretty = call(server.address, "GetUser", "--pretty", "-d", '{"id": 1}').stdout
    assert pretty == json.dumps(user(1), indent=2) + "\n"
    assert list(lines(call(server.address, "CreateUsers", "-d", "", "--emit-defaults"))) == [{"created": 0, "ids": []}]


def test_verbose_shows_metadata_and_timing_beside_the_output(server: handmade.Handmade) -> None:
    result = call(
        server.address, "GetUser", "-d", '{"id": 1}', "-v", "-H", "x-token: ${TOKEN}", "-H", "x-b-bin: AAE=",
        env={"TOKEN": "s3cret"},
    )  # fmt: skip
    assert lines(result) == [user(1)]
    said = result.stderr.splitlines()
    assert said[0] == f"> user.UserService/GetUser (unary) at {server.address}"
    assert said[1:5] == ["> x-token: s3cret", "> x-b-bin: AAE=", "< x-header: hello", "< x-bytes-bin: AAE="]
    assert said[5].startswith("* OK in ")
    assert said[5].endswith(" ms, 1 message sent, 1 message received")
    path, metadata = server.metadata[-1]
    assert path == "/user.UserService/GetUser"
    assert (metadata["x-token"], metadata["x-b-bin"]) == (["s3cret"], [b"\x00\x01"])


def test_a_status_is_shown_with_its_details(server: handmade.Handmade) -> None:
    result = call(server.address, "GetUser", "-d", '{"id": 404}')
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "NOT_FOUND (5): User not found\n"
        '  google.rpc.ErrorInfo: {"reason": "NO_SUCH_USER", "domain": "users"}\n'
        '  nobody.Knows: {"value": "CAE="}\n'
    )


def test_responses_before_a_status_are_printed(server: handmade.Handmade) -> None:
    result = call(server.address, "ListUsers", "-d", '{"page": 2, "page_size": 1}')
    assert (result.exit_code, lines(result)) == (1, [user(1)])
    assert result.stderr == "DATA_LOSS (15): the rest is lost\n"


def test_the_deadline_ends_a_call(server: handmade.Handmade) -> None:
    result = call(server.address, "GetUser", "-d", '{"id": 9}', "--deadline", "50ms")
    assert result.exit_code == 1
    assert result.stderr.startswith("DEADLINE_EXCEEDED (4): ")


def test_a_server_that_breaks_the_rules_is_told_of(server: handmade.Handmade) -> None:
    twice = call(server.address, "GetUser", "-d", '{"id": 2}')
    assert (twice.exit_code, lines(twice)) == (1, [user(2), user(2)])
    assert "2 responses with OK; a unary method must send exactly one" in twice.stderr
    garbled = call(server.address, "GetUser", "-d", '{"id": 3}')
    assert garbled.exit_code == 1
    assert "1 byte is not a valid user.UserResponse" in garbled.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["GetUsr"], "There is no method 'GetUsr'. Did you mean 'user.UserService/GetUser'?"),
        (["user.UserService/GetUsr"], "Did you mean 'user.UserService/GetUser'?"),
        (["usr.UserService/GetUser"], "Did you mean 'user.UserService/GetUser'?"),
        (["GetUser", "-d", '{"id": 1'], "-d:1:9: the text ends where"),
        (["GetUser", "-d", "{'id': 1}"], "-d:1:2: expected a name in double quotes"),
        (["GetUser", "-d", '{\n "idd": 1}'], "-d:2:2: idd: user.GetUserRequest has no field 'idd'. Did you mean 'id'?"),
        (["GetUser", "-d", '{"id": "x"}'], "-d:1:8: id: expected an int32"),
        (["GetUser", "-d", '{"id": 1} {"id": 2}'], "unary method: it takes one message, but 2 are given"),
        (["GetUser", "-d", "@nowhere.json"], "nowhere.json can't be read: No such file or directory."),
        (["GetUser", "-H", "x"], "'key: value'"),
        (["GetUser", "--deadline", "soon"], "write 500ms, 2s or 1m"),
        (["GetUser", "--cert", "nowhere.pem"], "give both --cert and --key"),
        (["GetUser", "--proto", "nowhere.proto"], "nowhere.proto: there is no such file or directory."),
        (["CreateUsers", "-d", '[{"name": 1}, {"nam": "x"}]'], "-d:1:16: nam: "),
    ],
)
def test_wrong_usage_is_said_in_one_message(server: handmade.Handmade, arguments: list[str], said: str) -> None:
    result = call(server.address, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_mistake_in_the_middle_of_stdin_is_placed(server: handmade.Handmade) -> None:
    result = call(server.address, "CreateUsers", stdin='{"name": "a"}\n{"nam": "b"}\n')
    assert result.exit_code == 2
    assert "stdin:2:2: nam: " in result.stderr
    binary = call(server.address, "CreateUsers", stdin=b'{"name": "a"}\n"\xff"\n')
    assert "stdin:2: this is not UTF-8." in binary.stderr


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("127.0.0.1:1", "Nothing is listening on 127.0.0.1:1"),
        ("127.0.0.1", "Write 127.0.0.1:50051"),
        ("unix:/nowhere/s", "there is no such socket"),
    ],
)
def test_a_target_out_of_reach(target: str, said: str) -> None:
    result = call(target, "GetUser", "-d", "{}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_url_is_tolerated_with_a_hint(server: handmade.Handmade) -> None:
    result = call(f"http://{server.address}", "GetUser", "-d", '{"id": 1}')
    assert lines(result) == [user(1)]
    assert result.stderr == f"note: http://{server.address} is taken as {server.address}.\n"


def test_control_characters_of_a_server_stay_harmless() -> None:
    from grpcmock.cli.json_output import harmless, metadata_line

    assert harmless("a\x1b[2Jb\nc") == "a\\x1b[2Jb\nc"
    assert metadata_line("k", "\x07") == "k: \\x07"


@contextmanager
def _start(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "grpcmock", "call", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_each_line_is_sent_and_each_response_printed_at_once(server: handmade.Handmade) -> None:
    with _start(server.address, "LookupUsers") as process:
        assert process.stdin and process.stdout
        for number in (1, 2):
            process.stdin.write(b'{"id": %d}\n' % number)
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == user(number)
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to all processes of a console")
def test_ctrl_c_cancels_the_call() -> None:
    with (
        handmade.serve() as server,
        _start(server.address, "ListUsers", "-d", '{"page": 3, "page_size": 1}') as process,
    ):
        assert process.stdout and process.stderr
        assert json.loads(process.stdout.readline()) == user(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read().strip() == b""
        assert server.cancelled.wait(20)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_mistake_at_the_terminal_can_be_made_good(server: handmade.Handmade) -> None:
    import pty

    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "grpcmock", "call", server.address, "LookupUsers", "--compact"]
    with subprocess.Popen(arguments, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.close(theirs)
        assert process.stdout and process.stderr
        assert b"Ctrl-D ends the stream" in process.stderr.readline()
        os.write(ours, b'{"idd": 1}\n')
        assert b"not sent: stdin:1:2: idd" in process.stderr.readline()
        os.write(ours, b'{"id": 5}\n')
        assert json.loads(process.stdout.readline()) == user(5)
        os.write(ours, b"\x04")
        assert process.wait(20) == 0
    os.close(ours)


def test_the_commands_load_nothing_heavy_before_they_run() -> None:
    heavy = ("grpc", "google.protobuf", "rich", "yaml", "jinja2", "asyncio")
    code = (
        "import sys, grpcmock.cli.call, grpcmock.cli.list, grpcmock.cli.describe;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("message", "debug"),
    [
        ("No stub matches.", "No stub matches.\nNearest: a"),
        ("No stub\n… (the rest is in the log)", "No stub\nmatches."),
    ],
)
def test_of_a_miss_the_longer_text_is_shown_once(message: str, debug: str) -> None:
    info, other = Detail("google.rpc.DebugInfo", DebugInfo(detail=debug), b""), Detail("x.Y", None, b"")
    assert told_once(message, [other, info]) == (debug, [other])


def test_details_that_say_something_else_stay() -> None:
    trace = Detail("google.rpc.DebugInfo", DebugInfo(detail="at line 7"), b"")
    assert told_once("Oops.", [trace]) == ("Oops.", [trace])


@pytest.mark.parametrize("protocol", ["grpc-web", "connect"])
def test_a_call_over_http(protocol: str) -> None:
    from grpcmock import MockServer

    with MockServer(PROTOS, http="127.0.0.1:0") as mock:
        mock.add(method="user.UserService/GetUser", response={"id": "{{ request.id }}"})
        result = call(mock.http_url, "GetUser", "-d", '{"id": 7}', "--proto", PROTOS, "--protocol", protocol)
        assert (result.exit_code, result.stdout, result.stderr) == (0, '{"id": 7}\n', "")


def test_a_protocol_over_http_needs_protos() -> None:
    result = call("http://127.0.0.1:1", "GetUser", "--protocol", "connect")
    assert result.exit_code == 2
    assert "--protocol connect needs protos: name them with --proto" in result.stderr
