"""``grpcmock list`` and ``describe`` show what a server or protos hold."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import handmade
import pytest
from click.testing import CliRunner

from grpcmock.cli import describe
from grpcmock.cli import list as listing
from grpcmock.errors import GrpcmockError
from grpcmock.schema import sources

if TYPE_CHECKING:
    import click
    from cli.conftest import Result

PROTOS = str(Path(__file__).parents[2] / "protos")


@pytest.fixture(scope="module")
def server() -> Iterator[handmade.Handmade]:
    with handmade.serve() as running:
        yield running


def run(command: click.Command, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


LISTED = """\
user.UserService
  GetUser      unary                    user.GetUserRequest → user.UserResponse
  ListUsers    server streaming         user.ListUsersRequest → user.UserResponse
  CreateUsers  client streaming         user.CreateUserRequest → user.BatchResult
  LookupUsers  bidirectional streaming  user.GetUserRequest → user.UserResponse
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["{server}"],
        [PROTOS],
        [f"{PROTOS}/user.proto", "UserService"],
        ["{server}", "user.UserService"],
        ["UserService", "{server}"],
        ["{server}", "--proto", PROTOS],
        ["--proto", PROTOS],
    ],
)
def test_services_of_a_server_and_of_protos(server: handmade.Handmade, arguments: list[str]) -> None:
    assert run(listing.command, *(argument.replace("{server}", server.address) for argument in arguments)) == LISTED


def test_protos_of_the_current_directory_are_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(Path(PROTOS).parent)
    assert run(listing.command) == LISTED
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GrpcmockError, match="Name what to read"):
        run(listing.command)


def test_json(server: handmade.Handmade) -> None:
    [service] = json.loads(run(listing.command, server.address, "--format", "json"))
    assert service["service"] == "user.UserService"
    assert service["methods"][1] == {
        "method": "user.UserService/ListUsers",
        "kind": "server streaming",
        "request": "user.ListUsersRequest",
        "response": "user.UserResponse",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([PROTOS, "UserServic"], "There is no service 'UserServic'. Did you mean 'UserService'?"),
        (["127.0.0.1:1"], "Nothing is listening on 127.0.0.1:1"),
        (["127.0.0.1:1", "127.0.0.1:2"], "more than one server"),
        (["127.0.0.1:1", PROTOS], "Name one of them"),
        (["127.0.0.1:http"], "neither a path, nor an address"),
        (["nowhere.proto"], "nowhere.proto: there is no such file"),
        (["./nowhere"], "nowhere: there is no such file"),
    ],
)
def test_what_cannot_be_listed(arguments: list[str], said: str) -> None:
    with pytest.raises(GrpcmockError) as caught:
        run(listing.command, *arguments)
    assert said in str(caught.value)


def test_a_method_is_described_with_its_messages(server: handmade.Handmade) -> None:
    expected = """\
// user.UserService/GetUser (user.proto)
{comment}rpc GetUser(GetUserRequest) returns (UserResponse);

// user.GetUserRequest (user.proto)
message GetUserRequest {{
  int32 id = 1;
}}

// user.UserResponse (user.proto)
message UserResponse {{
  int32 id = 1;
  string name = 2;
  string email = 3;
}}
"""
    comment = "// Gives one user; NOT_FOUND if there is none with this id.\n"
    assert run(describe.command, PROTOS, "GetUser") == expected.format(comment=comment)
    # descriptors of a server hold no comments
    assert run(describe.command, server.address, "user.UserService/GetUser") == expected.format(comment="")


def test_all_services_are_described_unless_one_is_named() -> None:
    text = run(describe.command, PROTOS)
    assert "service UserService {" in text
    assert "  // Streams one page of users, in the order of their ids.\n" in text
    assert run(describe.command, PROTOS, "UserService") == text


@pytest.mark.parametrize("symbol", ["ListUsers", "ListUsersRequest", "user.UserService/ListUsers"])
def test_a_template_of_a_request(symbol: str) -> None:
    assert json.loads(run(describe.command, PROTOS, symbol, "--template")) == {"page": 0, "page_size": 0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["UserRespons"], "Did you mean 'user.UserResponse'?"),
        (
            ["Color", "--template", "--proto", str(Path(__file__).parents[1] / "protos/kitchen_sink.proto")],
            "is an enum",
        ),
    ],
)
def test_what_cannot_be_described(arguments: list[str], said: str) -> None:
    with pytest.raises(GrpcmockError) as caught:
        run(describe.command, PROTOS, *arguments)
    assert said in str(caught.value)


def test_parts_of_a_tree_may_be_left_out(grpcmock: Callable[..., Result], project: Path) -> None:
    (project / "protos/old").mkdir()
    (project / "protos/old/user.proto").write_text(
        'syntax = "proto3"; package user; message UserResponse {} message Old {}'
    )
    failed = grpcmock("list")
    assert failed.code == 1
    told, hint = failed.err.splitlines()[0].split(", too. ")
    assert told == "protos/old/user.proto:1:42: user.UserResponse is defined in protos/user.proto"
    assert hint == "Load only one of the two files: --exclude-path protos/old/user.proto."
    assert grpcmock("list", "--exclude-path", "old").out == LISTED
    assert grpcmock("list", "--exclude-path", "protos/old/").out == LISTED
    (project / "grpcmock.toml").write_text('exclude-path = ["old"]\n')
    assert grpcmock("list").out == LISTED


def test_a_file_may_be_named_from_an_import_root(grpcmock: Callable[..., Result], project: Path) -> None:
    (project / "protos").rename(project / "roots")
    assert grpcmock("list", "user.proto", "-I", "roots").out == LISTED
    missing = grpcmock("list", "usr.proto", "-I", "roots")
    assert missing.err == "error: usr.proto: there is no such file or directory.\n"


def test_a_descriptor_set_may_have_any_name(grpcmock: Callable[..., Result], project: Path) -> None:
    compiled = sources.read([project / "protos"]).SerializeToString()
    (project / "image").write_bytes(gzip.compress(compiled))
    assert grpcmock("list", "image").out == LISTED
