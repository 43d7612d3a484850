# mypy: disable-error-code="attr-defined, union-attr"
"""Each tool, used by the client of the official SDK: what an assistant is told, and what it is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support import ROOT
from worlds import USER_PROTO

from grpcmock import MockServer
from grpcmock.assistants.mock_tools import MockTools
from grpcmock.assistants.own_mock import own_mock
from grpcmock.assistants.server import make_server
from grpcmock.assistants.trial_tools import TrialTools
from grpcmock.client.admin import AdminClient
from grpcmock.client.channel import connect
from grpcmock.schema.sources import Imports
from grpcmock.servers.host import Files

USERS = ROOT / "protos" / "user.proto"
GET = "user.UserService/GetUser"
STUBS = "- {name: alice, method: GetUser, request: {id: 1}, response: {id: 1, name: Alice}}\n"
BOB = "- {name: bob, method: GetUser, request: {id: 2}, response: {id: 2, name: Bob}}\n"

READS = {"describe_services", "check_stubs", "list_stubs", "read_journal", "explain_miss"}
TOOLS = READS | {"add_stubs", "remove_stubs", "make_call", "reset_mock", "verify_server", "fuzz_server"}


class Assistant:
    """What an assistant has: a client of the protocol."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def use(self, tool: str, /, **arguments: Any) -> Any:
        """Use a tool that must succeed; gives its result."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        [content] = result.content
        assert json.loads(content.text) == result.structured_content
        return result.structured_content

    async def fail(self, tool: str, /, **arguments: Any) -> str:
        """Use a tool that must fail; gives what is said."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        return str(result.content[0].text)

    async def get(self, user: int) -> Any:
        return await self.use("make_call", method=GET, messages=[{"id": user}])


@asynccontextmanager
async def assistant(folder: Path) -> AsyncIterator[Assistant]:
    (folder / "protos").mkdir()
    (folder / "protos" / "user.proto").write_text(USER_PROTO)
    (folder / "stubs.yaml").write_text(STUBS)
    files = Files((folder / "protos",), (folder / "stubs.yaml",))
    async with own_mock(files, lambda *_: None) as target, connect(target) as channel:
        mock = MockTools(AdminClient(channel, target))
        async with Client(make_server(mock, TrialTools(files.protos, files.stubs, Imports()))) as client:
            yield Assistant(client)


async def test_tools_are_few_and_say_what_they_do(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        tools = (await one.client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    assert {tool.name for tool in tools if tool.annotations.read_only_hint} == READS
    for tool in tools:
        assert len(tool.description or "") > 50
        assert all(argument["description"] for argument in tool.input_schema["properties"].values()), tool.name


async def test_services_are_described(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        [service] = (await one.use("describe_services"))["services"]
        assert service["name"] == "user.UserService"
        assert {method["name"] for method in service["methods"]} >= {"GetUser", "ListUsers"}
        described = await one.use("describe_services", name="user.UserService")
        [get] = [method for method in described["methods"] if method["name"] == "GetUser"]
        assert get["request_type"] == "user.GetUserRequest"
        json.loads(get["example"])
        assert "message GetUserRequest" in "".join(type_["text"] for type_ in described["types"])
        assert "user.UserService" in await one.fail("describe_services", name="user.UserServic")


async def test_stubs_are_checked_added_listed_and_removed(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        wrong = BOB.replace("{id: 2}", "{idd: 2}", 1)
        checked = await one.use("check_stubs", stubs=wrong)
        [problem] = checked["problems"]
        assert (checked["fine"], problem["line"]) == (False, 1)
        assert "Did you mean 'id'?" in problem["message"]
        assert "Did you mean 'id'?" in await one.fail("add_stubs", stubs=wrong)
        assert await one.use("check_stubs", stubs=BOB) == {"fine": True, "problems": []}
        assert (await one.use("add_stubs", stubs=BOB))["names"] == ["bob"]
        assert "bob" in await one.fail("add_stubs", stubs=BOB)
        await one.use("add_stubs", stubs=BOB.replace("name: Bob", "name: Robert"), replace=True)
        assert (await one.get(2))["messages"] == [{"id": 2, "name": "Robert"}]
        listed = (await one.use("list_stubs", with_text=True))["stubs"]
        assert [(stub["name"], stub["count"]) for stub in listed] == [("bob", "1"), ("alice", "0")]
        assert "Robert" in listed[0]["yaml"]
        assert [stub["name"] for stub in (await one.use("list_stubs", unused=True))["stubs"]] == ["alice"]
        assert "file" in await one.fail("remove_stubs", names=["alice"])
        assert await one.use("remove_stubs", names=["bob"]) == {"names": ["bob"]}
        await one.use("add_stubs", stubs=BOB)
        assert await one.use("remove_stubs", names=[]) == {"names": ["bob"]}


async def test_a_reload_that_failed_is_told_with_the_stubs(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        assert "reload_error" not in await one.use("list_stubs")
        (tmp_path / "stubs.yaml").write_text("- {method: GetUsr}\n")
        while "reload_error" not in (listed := await one.use("list_stubs")):
            pass  # the server looks at its files meanwhile
        assert "GetUser" in listed["reload_error"]
        assert [stub["name"] for stub in listed["stubs"]] == ["alice"]


async def test_calls_are_made_and_read(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        found = await one.get(1)
        assert (found["code_name"], found["messages"]) == ("OK", [{"id": 1, "name": "Alice"}])
        missed = await one.use("make_call", method=GET, messages=[{"id": 7}], metadata={"x-tenant": "blue"})
        assert missed["code_name"] == "UNIMPLEMENTED"
        calls = (await one.use("read_journal"))["calls"]
        assert [call.get("stub", "") for call in calls] == ["alice", ""]
        assert {"key": "x-tenant", "text": "blue"} in calls[1]["metadata"]
        assert (await one.use("read_journal", misses=True, method=GET))["calls"] == calls[1:]
        assert "GetUser" in await one.fail("make_call", method="user.UserService/GetUsr", messages=[])
        await one.use("reset_mock", journal=True)
        assert (await one.use("read_journal"))["calls"] == []


async def test_misses_are_explained(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        assert "no miss" in await one.fail("explain_miss")
        await one.get(1)
        await one.get(7)
        hit, miss = (await one.use("read_journal"))["calls"]
        explained = await one.use("explain_miss")
        assert explained["call"]["id"] == miss["id"]
        assert "alice" in explained["call"]["miss"]
        assert "7" in explained["call"]["miss"]
        assert await one.use("explain_miss", call_id=int(miss["id"])) == explained
        assert "is no miss" in await one.fail("explain_miss", call_id=int(hit["id"]))


async def test_a_real_server_is_verified(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(BOB)
    async with assistant(tmp_path) as one:
        with MockServer(USERS, stubs=tmp_path / "stubs.yaml") as real:
            good = await one.use("verify_server", server=real.target)
            assert good["verdict"] == "passed", good
            assert "alice" in good["output"]
            bad = await one.use("verify_server", server=real.target, stubs=[str(other)], only=["b*"])
            assert bad["verdict"] == "failed"
            assert "bob" in bad["output"]
            assert bad["command"].startswith("grpcmock verify --stubs=")
            assert bad["command"].endswith(f"-- {real.target} {tmp_path / 'protos'}")
        gone = await one.use("verify_server", server=real.target)
        assert gone["verdict"] == "not possible"


async def test_a_real_server_is_fuzzed_within_a_time(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        with MockServer(USERS, auto=True) as real:
            tried = await one.use("fuzz_server", server=real.target, methods=["UserService/GetUser"], seconds=1, seed=1)
            assert tried["verdict"] in ("passed", "failed"), tried
            assert "--max-time=1s" in tried["command"]
            assert real.calls.of_method(GET)
            assert not real.calls.of_method("user.UserService/ListUsers")


async def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        with MockServer(USERS) as real:
            real.load(text="[{method: GetUser, script: [{wait: 60s}, {send: {}}]}]")
            tried = await one.use("verify_server", server=real.target, seconds=1)
    assert tried["verdict"] == "out of time"


@pytest.mark.parametrize("tool", ["verify_server", "fuzz_server"])
async def test_servers_on_other_machines_are_left_alone(tmp_path: Path, tool: str) -> None:
    async with assistant(tmp_path) as one:
        for server in ("users.example.com:443", "192.0.2.1:50051", "https://users.example.com", "--help"):
            said = await one.fail(tool, server=server)
            assert "--anywhere" in said or "is not an address" in said


def test_other_machines_are_reached_where_that_is_allowed() -> None:
    TrialTools((), (), Imports(), anywhere=True)._check("users.example.com:443")


async def test_arguments_are_bounded(tmp_path: Path) -> None:
    async with assistant(tmp_path) as one:
        assert "seconds" in await one.fail("fuzz_server", server="127.0.0.1:1", seconds=10_000)
        assert "limit" in await one.fail("read_journal", limit=100_000)
