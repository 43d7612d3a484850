# mypy: disable-error-code="arg-type"
from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import pytest
import yaml
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from support import registry as registry_for

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.front import Front
from grpcmock.engine.front import Waiting as InFront
from grpcmock.engine.given_answers import GivenAnswer
from grpcmock.engine.journal import Journal
from grpcmock.engine.steps import HALF_CLOSE, Message, Open, Receive
from grpcmock.engine.whole_plan import WholeAnswer
from grpcmock.errors import ConfigError, Problems
from grpcmock.schema.admin import SERVICE, registry
from grpcmock.servers.admin.access import Access, is_local
from grpcmock.servers.admin.behaviors import absent, handler_of
from grpcmock.servers.admin.call_filter import CallFilter
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.servers.admin.service import SUBJECTS, Admin
from grpcmock.servers.admin.watching import Waiting
from grpcmock.servers.health import Health
from grpcmock.status import DETAILS_KEY, Code
from grpcmock.stubs import loader

WATCH = registry().method("AdminService/WatchCalls").request_class
METHODS = [method.name for method in registry().methods.values()]

FILE_STUBS = """
- name: alice
  method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice}
- name: once
  method: user.UserService/GetUser
  request: {id: 2}
  times: 1
  state: {login: done}
  response: {id: 2}
- name: page
  method: user.UserService/ListUsers
  priority: 5
  responses: [{id: 1}, {id: 2}]
"""

RUNTIME = """
- name: bob
  method: user.UserService/GetUser
  request: {id: 3}
  response: {id: 3, name: Bob}
"""

BATCH = "- {name: batch, method: user.UserService/CreateUsers, response: {created: 2}}"


class World:
    """An engine, its admin service on a real server, and a client of it."""

    def __init__(self) -> None:
        self.protos = registry_for("user.proto")
        self.engine = Engine(self.protos, self.load(FILE_STUBS), options=EngineOptions(seed=7))
        self.health = Health(lambda: self.engine.registry.services)
        self.admin = Admin(self.engine, self.health)
        self.channel: grpc.aio.Channel

    @staticmethod
    def load(text: str) -> list[Any]:
        problems = Problems()
        stubs = loader.load_text(text, "stubs.yaml", problems)
        problems.raise_errors()
        return stubs

    def call(self, name: str, *requests: Any, metadata: tuple[tuple[str, str | bytes], ...] = ()) -> None:
        """Have the engine answer a call, as a server would."""
        method = self.protos.method(name)
        exchange = self.engine.open(Open(method.path, metadata, 2.5, "ipv4:127.0.0.1:5"))
        encoded = [r if isinstance(r, bytes) else method.request_class(**r).SerializeToString() for r in requests]
        events = iter([*map(Message, encoded), HALF_CLOSE])
        event = None
        try:
            while True:
                event = next(events) if isinstance(exchange.resume(event), Receive) else None
        except StopIteration:
            exchange.cancel()

    def get(self, *ids: int) -> None:
        for number in ids:
            self.call("user.UserService/GetUser", {"id": number})

    def names(self) -> list[str]:
        return [entry.name for entry in self.engine.store]

    def open(self, method: str, /, **request: Any) -> Any:
        """Begin a call of the admin service."""
        described = self.admin.registry.method(f"{SERVICE}/{method}")
        kind = self.channel.unary_stream if described.kind.server_streams else self.channel.unary_unary
        multi = kind(described.path, described.request_class.SerializeToString, described.response_class.FromString)
        return multi(described.request_class(**request), timeout=20)

    async def ask(self, method: str, /, **request: Any) -> Any:
        return await self.open(method, **request)

    async def refused(self, method: str, /, **request: Any) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(method, **request)
        return caught.value


Serve = Callable[..., Awaitable[str]]
Connect = Callable[[str], grpc.aio.Channel]


@pytest.fixture
async def world(serve: Serve, connect: Connect) -> World:
    world = World()
    world.channel = connect(await serve(world.admin.handlers()))
    return world


def violations(error: grpc.aio.AioRpcError) -> list[Any]:
    data = dict(error.trailing_metadata())[DETAILS_KEY]
    status = status_pb2.Status.FromString(data)
    assert status.code == error.code().value[0]
    request = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(request)
    return list(request.field_violations)


class TestStubs:
    async def test_added_stubs_go_before_those_of_files(self, world: World) -> None:
        text = "- {name: hers, method: user.UserService/GetUser, request: {id: 1}, response: {name: Other}}"
        response = await world.ask("AddStubs", stubs=text)
        assert list(response.names) == ["hers"]
        world.get(1)
        assert [call.stub.name for call in world.engine.journal] == ["hers"]

    async def test_json_is_taken_too(self, world: World) -> None:
        response = await world.ask("AddStubs", stubs='[{"method": "user.UserService/GetUser"}]', source="x.json")
        assert list(response.names) == ["x.json:1"]

    async def test_what_is_wrong_is_told_with_positions_and_nothing_is_added(self, world: World) -> None:
        text = RUNTIME + "\n- method: user.UserService/GetUser\n  request: {idd: 1}\n  response: {id: x}\n"
        error = await world.refused("AddStubs", stubs=text, source="mine.yaml")
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "mine.yaml:8:" in (error.details() or "")
        found = violations(error)
        assert len(found) == 2
        assert found[0].field.startswith("request")
        assert found[1].field == "response.id"
        assert found[0].description.startswith("mine.yaml:8:")
        assert "Did you mean 'id'?" in found[0].description
        assert found[0].reason == "UNKNOWN_FIELD"
        assert "bob" not in world.names()

    @pytest.mark.parametrize("text", ["", "---\n", "[]", "stubs: []", "{", "a: b", "- 3", "\0", "é: &a [*a]"])
    async def test_a_text_without_good_stubs_is_refused(self, world: World, text: str) -> None:
        error = await world.refused("AddStubs", stubs=text)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert violations(error)
        assert len(world.names()) == 3

    async def test_thousands_of_problems_fit_into_metadata(self, world: World) -> None:
        text = "- {method: user.UserService/GetUser, request: {ñandú: 1}}\n" * 3_000
        error = await world.refused("AddStubs", stubs=text)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        found = violations(error)
        assert len(found) > 5
        assert found[-1].description == f"… and {3_000 - len(found) + 1} more."

    async def test_files_are_not_read(self, world: World, tmp_path: Any) -> None:
        (tmp_path / "secret.csv").write_text("id\n99\n")
        text = (
            f"- {{method: user.UserService/GetUser, each: {tmp_path}/secret.csv, request: {{id: '{{{{ row.id }}}}'}}}}"
        )
        error = await world.refused("AddStubs", stubs=text)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "99" not in (error.details() or "")

    async def test_a_name_that_was_added_is_refused_or_replaced(self, world: World) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        error = await world.refused("AddStubs", stubs=RUNTIME)
        assert error.code() is grpc.StatusCode.ALREADY_EXISTS
        assert "'bob'" in (error.details() or "")
        await world.ask("AddStubs", stubs=RUNTIME.replace("Bob", "Robert"), replace=True)
        assert world.names().count("bob") == 1
        listed = await world.ask("ListStubs", layer=2, with_yaml=True)
        assert "Robert" in listed.stubs[0].yaml

    async def test_stubs_without_names_of_several_texts_do_not_collide(self, world: World) -> None:
        text = "- method: user.UserService/GetUser"
        first, second = [(await world.ask("AddStubs", stubs=text)).names[0] for _ in range(2)]
        assert first != second

    async def test_stubs_are_listed_with_what_became_of_them(self, world: World) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        world.engine.store.states["login"] = "done"
        world.get(2, 3, 3)
        listed = {stub.name: stub for stub in (await world.ask("ListStubs")).stubs}
        assert list(listed) == ["bob", "once", "alice", "page"]
        assert [stub.layer for stub in listed.values()] == [2, 3, 3, 3]
        assert (listed["bob"].count, listed["bob"].exhausted) == (2, False)
        assert (listed["once"].count, listed["once"].exhausted) == (1, True)
        assert listed["once"].conditions == 2
        assert listed["once"].location == "stubs.yaml:6"
        assert (listed["page"].priority, listed["page"].method) == (5, "user.UserService/ListUsers")
        assert listed["page"].yaml == ""

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            ({"method": "UserService/ListUsers"}, ["page"]),
            ({"layer": 2}, ["bob"]),
            ({"unused": True}, ["bob", "once", "page"]),
            ({"method": "user.UserService/GetUser", "layer": 3, "unused": True}, ["once"]),
            ({"layer": 1}, []),
        ],
    )
    async def test_filters_of_the_list_all_have_to_fit(
        self, world: World, filters: dict[str, Any], names: list[str]
    ) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        world.get(1)
        assert [stub.name for stub in (await world.ask("ListStubs", **filters)).stubs] == names

    async def test_the_yaml_of_a_listed_stub_can_be_added(self, world: World) -> None:
        listed = await world.ask("ListStubs", method="user.UserService/ListUsers", with_yaml=True)
        assert yaml.safe_load(listed.stubs[0].yaml)[0]["responses"] == [{"id": 1}, {"id": 2}]
        assert list((await world.ask("AddStubs", stubs=listed.stubs[0].yaml)).names) == ["page"]

    async def test_a_list_comes_in_pages(self, world: World) -> None:
        names, token = [], ""
        for _ in range(3):
            page = await world.ask("ListStubs", page_size=1, page_token=token)
            names += [stub.name for stub in page.stubs]
            token = page.next_page_token
        assert names == world.names()
        assert token == ""

    async def test_a_page_is_never_too_big_for_a_client(self, world: World) -> None:
        text = "".join(
            f"- {{name: n{number}, method: user.UserService/GetUser, response: {{name: {'x' * 9_000}}}}}\n"
            for number in range(400)
        )
        world.engine.add(world.load(text))
        page = await world.ask("ListStubs", with_yaml=True)
        assert 300 < len(page.stubs) < 403
        rest = await world.ask("ListStubs", with_yaml=True, page_token=page.next_page_token)
        assert len(page.stubs) + len(rest.stubs) == 403

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"page_token": "x"}, grpc.StatusCode.INVALID_ARGUMENT),
            ({"page_token": "٣"}, grpc.StatusCode.INVALID_ARGUMENT),
            ({"layer": 77}, grpc.StatusCode.INVALID_ARGUMENT),
            ({"method": "user.UserService/GetUsr"}, grpc.StatusCode.NOT_FOUND),
        ],
    )
    async def test_a_wrong_request_for_a_list_is_refused(
        self, world: World, request_: dict[str, Any], code: grpc.StatusCode
    ) -> None:
        assert (await world.refused("ListStubs", **request_)).code() is code

    @pytest.mark.parametrize(
        ("request_", "left"),
        [
            ({"names": ["bob"]}, ["carol", "dave"]),
            ({"names": ["bob", "dave"]}, ["carol"]),
            ({"method": "user.UserService/GetUser"}, ["dave"]),
            ({"names": ["dave"], "method": "user.UserService/GetUser"}, []),
            ({"all": True}, []),
            ({}, []),
        ],
    )
    async def test_added_stubs_are_removed(self, world: World, request_: dict[str, Any], left: list[str]) -> None:
        more = "- {name: carol, method: user.UserService/GetUser}\n- {name: dave, method: user.UserService/ListUsers}"
        await world.ask("AddStubs", stubs=f"{RUNTIME}\n{more}")
        removed = list((await world.ask("RemoveStubs", **request_)).names)
        assert sorted(removed + left) == ["bob", "carol", "dave"]
        assert sorted(set(world.names())) == sorted(["alice", "once", "page", *left])

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            (["bob", "bobb"], "There is no added stub 'bobb'. Did you mean 'bob'?"),
            (["alice"], "It stands in a file or a test"),
        ],
    )
    async def test_a_name_that_cannot_be_removed_removes_nothing(
        self, world: World, names: list[str], said: str
    ) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        error = await world.refused("RemoveStubs", names=names)
        assert error.code() is grpc.StatusCode.NOT_FOUND
        assert said in (error.details() or "")
        assert "bob" in world.names()

    async def test_stubs_are_checked_and_not_added(self, world: World) -> None:
        text = (
            "- {name: again, method: user.UserService/GetUser, request: {id: 1}, response: {id: 9}}\n"
            "- {name: wrong, method: user.UserService/GetUser, response: {idd: 1}}\n"
            "- {name: same, method: user.UserService/ListUsers, request: {page: 1}, response: {id: 1}}\n"
            "- {name: hid, method: user.UserService/ListUsers, request: {page: 1}, response: {id: 2}}\n"
        )
        problems = (await world.ask("CheckStubs", stubs=text, source="mine.yaml")).problems
        told = [(one.severity, one.line, one.path, one.rule) for one in problems]
        assert ("error", 2, "response.idd", "unknown-field") in told
        assert any(one.column and "Did you mean 'id'?" in one.message for one in problems)
        assert ("warning", 4, "", "shadowed-stub") in told
        assert world.names() == ["once", "alice", "page"]
        assert not (await world.ask("CheckStubs", stubs=RUNTIME)).problems

    async def test_a_stub_is_shown_whole(self, world: World) -> None:
        stub = await world.ask("GetStub", name="alice")
        assert (stub.name, stub.location, stub.layer) == ("alice", "stubs.yaml:2", 3)
        assert yaml.safe_load(stub.yaml)[0]["response"] == {"id": 1, "name": "Alice"}
        error = await world.refused("GetStub", name="alcie")
        assert error.code() is grpc.StatusCode.NOT_FOUND
        assert "Did you mean 'alice'?" in (error.details() or "")

    @pytest.mark.parametrize(
        "text",
        [
            "- name: bob\n  method: user.UserService/GetUser\n  response: {name: Robert}",
            "- {method: user.UserService/GetUser, response: {name: Robert}}",
            "method: user.UserService/GetUser\nresponse: {name: Robert}",
            '{"name": "bob", "method": "user.UserService/GetUser", "response": {"name": "Robert"}}',
        ],
    )
    async def test_a_stub_is_put_in_the_place_of_one(self, world: World, text: str) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        world.get(3)
        assert list((await world.ask("ReplaceStub", name="bob", stub=text)).names) == ["bob"]
        stub = await world.ask("GetStub", name="bob")
        assert (world.names().count("bob"), stub.count) == (1, 0)
        assert "Robert" in stub.yaml

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("- {name: rob, method: user.UserService/GetUser}", "its name is 'rob', not 'bob'"),
            (RUNTIME + "- {name: other, method: user.UserService/GetUser}", "one stub is needed; there are 2"),
            ("[]", "one stub is needed; there are 0"),
        ],
    )
    async def test_what_is_no_stub_of_that_name_replaces_none(self, world: World, text: str, said: str) -> None:
        error = await world.refused("ReplaceStub", name="bob", stub=text)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert said in (error.details() or "")

    async def test_one_stub_is_removed(self, world: World) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        assert list((await world.ask("RemoveStub", name="bob")).names) == ["bob"]
        assert (await world.refused("RemoveStub", name="bob")).code() is grpc.StatusCode.NOT_FOUND

    @pytest.mark.parametrize("name", ["alice", "hers"])
    async def test_a_disabled_stub_steps_aside_until_it_is_enabled(self, world: World, name: str) -> None:
        text = "- {name: hers, method: user.UserService/GetUser, request: {id: 5}, response: {name: Hers}}"
        await world.ask("AddStubs", stubs=text)
        user = {"alice": 1, "hers": 5}[name]
        world.get(user)
        assert (await world.ask("DisableStub", name=name)).disabled
        world.get(user)
        listed = {stub.name: stub for stub in (await world.ask("ListStubs")).stubs}
        assert list(listed) == ["hers", "once", "alice", "page"]
        assert [stub.name for stub in listed.values() if stub.disabled] == [name]
        assert (await world.ask("EnableStub", name=name)).count == 1
        world.get(user)
        assert [call.stub and call.stub.name for call in world.engine.journal] == [name, None, name]
        await world.ask("EnableStub", name=name)
        notes = [note.text for note in world.engine.journal.notes]
        assert notes[1:] == [f"Disabled the stub {name!r}.", f"Enabled the stub {name!r}."]

    async def test_a_reload_keeps_added_stubs_disabled_and_enables_those_of_files(self, world: World) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        for name in ("bob", "alice"):
            await world.ask("DisableStub", name=name)
        world.engine.install(world.engine.prepare(world.protos, world.load(FILE_STUBS)))
        disabled = {stub.name for stub in (await world.ask("ListStubs")).stubs if stub.disabled}
        assert disabled == {"bob"}
        assert list((await world.ask("RemoveStubs")).names) == ["bob"]
        assert not world.engine.store.disabled

    async def test_a_stub_that_another_hides_says_which(self, world: World) -> None:
        text = "- {name: all, method: user.UserService/ListUsers, priority: 9, response: {id: 1}}"
        await world.ask("AddStubs", stubs=text)
        listed = {stub.name: stub.shadowed_by for stub in (await world.ask("ListStubs")).stubs}
        assert listed == {"all": "", "once": "", "alice": "", "page": "all"}
        await world.ask("RemoveStubs")
        assert not (await world.ask("GetStub", name="page")).shadowed_by


class TestMakingCalls:
    @pytest.mark.parametrize(
        ("method", "messages", "answers"),
        [
            ("GetUser", [{"id": 1}], [{"id": 1, "name": "Alice"}]),
            ("ListUsers", [], [{"id": 1}, {"id": 2}]),
            ("CreateUsers", [{"name": "a"}, {"name": "b"}], [{"created": 2}]),
            ("LookupUsers", [{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}]),
        ],
    )
    async def test_calls_of_all_kinds_are_made_and_noted(
        self, world: World, method: str, messages: list[Any], answers: list[Any]
    ) -> None:
        echo = "- {name: echo, method: user.UserService/LookupUsers, script: [on: [send: {id: '{{ message.id }}'}]]}"
        world.engine.add(world.load(f"{BATCH}\n{echo}"))
        response = await world.ask("MakeCall", method=f"UserService/{method}", messages=messages)
        assert (response.code, response.code_name) == (0, "OK")
        assert [json_format.MessageToDict(message) for message in response.messages] == answers
        call = await world.ask("GetCall", id=response.call_id)
        assert (call.method, call.peer) == (f"user.UserService/{method}", "inproc:admin")
        assert [m.json for m in call.messages if m.direction == 1] == [
            json.dumps(message) for message in messages or [{}]
        ]

    async def test_metadata_go_there_and_back(self, world: World) -> None:
        text = (
            "- {method: user.UserService/GetUser, metadata: {x-id: a}, headers: {x-h: b}, trailers: {x-t-bin: AAE=},"
            " error: {code: NOT_FOUND, message: gone}}"
        )
        world.engine.add(world.load(text))
        metadata = [{"key": "X-Id", "text": "a"}, {"key": "x-raw-bin", "bytes": b"\xff"}]
        response = await world.ask("MakeCall", method="UserService/GetUser", metadata=metadata)
        assert (response.code_name, response.status_message) == ("NOT_FOUND", "gone")
        assert [(m.key, m.text) for m in response.headers] == [("x-h", "b")]
        assert ("x-t-bin", b"\0\1") in [(m.key, m.bytes) for m in response.trailers]

    async def test_a_call_ends_at_its_deadline(self, world: World) -> None:
        world.engine.add(world.load("- {method: user.UserService/GetUser, fault: {hang: true}}"))
        response = await world.ask("MakeCall", method="UserService/GetUser", timeout={"nanos": 1_000_000})
        assert response.code_name == "DEADLINE_EXCEEDED"
        assert (await world.ask("GetCall", id=response.call_id)).code_name == "DEADLINE_EXCEEDED"

    async def test_a_miss_is_one_here_too(self, world: World) -> None:
        response = await world.ask("MakeCall", method="UserService/GetUser", messages=[{"id": 99}])
        assert response.code_name == "UNIMPLEMENTED"
        assert (await world.ask("GetCall", id=response.call_id)).miss

    @pytest.mark.parametrize(
        ("request_", "code", "said"),
        [
            ({}, "INVALID_ARGUMENT", "method: a method is needed"),
            ({"method": "UserService/GetUsr"}, "NOT_FOUND", "Did you mean"),
            ({"messages": [{"idd": 1}]}, "INVALID_ARGUMENT", "messages[0].idd"),
            ({"messages": [{}, {}]}, "INVALID_ARGUMENT", "takes one message, not 2"),
            ({"timeout": {"seconds": -1}}, "INVALID_ARGUMENT", "timeout"),
            ({"timeout": {"seconds": 6000}}, "INVALID_ARGUMENT", "at most 600s"),
            ({"metadata": [{"key": "a-bin", "text": "x"}]}, "INVALID_ARGUMENT", "metadata[0]: 'a-bin'"),
            ({"metadata": [{"text": "x"}]}, "INVALID_ARGUMENT", "metadata[0]"),
        ],
    )
    async def test_what_cannot_be_called_is_refused(
        self, world: World, request_: dict[str, Any], code: str, said: str
    ) -> None:
        request_ = {"method": "UserService/GetUser", **request_} if request_ else {}
        error = await world.refused("MakeCall", **request_)
        assert (error.code().name, said in (error.details() or "")) == (code, True)


class TestServices:
    async def test_services_are_listed_with_what_came_to_them(self, world: World) -> None:
        world.get(1, 99)
        (service,) = (await world.ask("ListServices")).services
        assert (service.name, service.file) == ("user.UserService", "user.proto")
        methods = {method.name: method for method in service.methods}
        get = methods["GetUser"]
        assert (get.kind, get.stubs, get.calls, get.misses) == ("unary", 2, 2, 1)
        assert methods["LookupUsers"].kind == "bidi_streaming"
        assert not (service.types or get.example)

    async def test_a_service_is_described_with_all_that_it_needs(self, world: World) -> None:
        service = await world.ask("GetService", name="user.UserService")
        types = {type_.name: type_.text for type_ in service.types}
        assert "message GetUserRequest {" in types["user.GetUserRequest"]
        for method in service.methods:
            assert {method.request_type, method.response_type} <= set(types)
            assert json.loads(method.example) is not None
        error = await world.refused("GetService", name="user.UserServices")
        assert "Did you mean 'user.UserService'?" in (error.details() or "")

    async def test_comments_are_told(self, serve: Serve, connect: Connect) -> None:
        engine = Engine(registry())
        admin_ = Admin(engine, Health())
        world = World()
        world.channel = connect(await serve(admin_.handlers()))
        service = await world.ask("GetService", name=SERVICE)
        assert service.comment.startswith("Steers a running mock server")
        assert service.methods[0].comment.startswith("Tells what is served")
        assert next(type_ for type_ in service.types if type_.name.endswith(".Note")).text.startswith("message Note {")


class TestJournal:
    async def test_a_call_is_told_whole(self, world: World) -> None:
        world.call("user.UserService/GetUser", {"id": 1}, metadata=(("x-id", "a"), ("x-raw-bin", b"\xff")))
        (call,) = (await world.ask("ListCalls")).calls
        assert (call.id, call.method, call.peer) == (1, "user.UserService/GetUser", "ipv4:127.0.0.1:5")
        assert (call.code, call.code_name) == (0, "OK")
        assert (call.stub, call.stub_location) == ("alice", "stubs.yaml:2")
        assert call.started.ToSeconds() > 1_700_000_000
        assert call.deadline.ToMilliseconds() == 2500
        assert [(m.key, m.text, m.bytes) for m in call.metadata] == [("x-id", "a", b""), ("x-raw-bin", "", b"\xff")]
        assert [(m.direction, m.json, m.cut) for m in call.messages] == [
            (1, '{"id": 1}', False),
            (2, '{"id": 1, "name": "Alice"}', False),
        ]
        assert call.messages[0].size == 2
        assert call.messages[0].data == b""
        assert call.miss == ""

    async def test_a_miss_is_told_with_its_explanation(self, world: World) -> None:
        world.get(99)
        (call,) = (await world.ask("ListCalls")).calls
        assert call.code_name == "UNIMPLEMENTED"
        assert "alice" in call.miss
        assert call.stub == ""

    async def test_bytes_are_told_if_asked_for_and_where_there_is_no_json(self, world: World) -> None:
        world.call("user.UserService/GetUser", {"id": 1})
        world.call("user.UserService/GetUser", b"\xff\xff")
        good, bad = (await world.ask("ListCalls", with_bytes=True)).calls
        assert good.messages[0].data == b"\x08\x01"
        assert (bad.messages[0].json, bad.messages[0].data) == ("", b"\xff\xff")

    async def test_a_long_message_is_cut(self, world: World) -> None:
        world.get(1)
        (call,) = (await world.ask("ListCalls", text_limit=10)).calls
        assert [(m.cut, len(m.json)) for m in call.messages] == [(False, 9), (True, 10)]

    @pytest.mark.parametrize(
        ("request_", "ids", "more"),
        [
            ({}, [1, 2, 3, 4, 5], False),
            ({"misses": True}, [2, 4], False),
            ({"method": "user.UserService/ListUsers"}, [5], False),
            ({"method": "UserService.GetUser", "misses": True}, [2, 4], False),
            ({"after_id": 3}, [4, 5], False),
            ({"after_id": 5}, [], False),
            ({"after_id": 777}, [1, 2, 3, 4, 5], False),
            ({"limit": 2}, [1, 2], True),
            ({"limit": 2, "after_id": 2}, [3, 4], True),
            ({"limit": 2, "newest": True}, [4, 5], True),
            ({"limit": 2, "newest": True, "before_id": 4}, [2, 3], True),
            ({"limit": 2, "newest": True, "before_id": 2}, [1], False),
            ({"before_id": 777}, [], False),
            ({"limit": 1, "newest": True, "misses": True}, [4], True),
            ({"stub": "alice"}, [1, 3], False),
            ({"stub": "page"}, [5], False),
            ({"stub": "once"}, [], False),
            ({"code": 12}, [2, 4], False),
            ({"code": 0, "method": "*/GetUser"}, [1, 3], False),
            ({"method": "user.*/List*"}, [5], False),
            ({"method": "UserService/*"}, [1, 2, 3, 4, 5], False),
            ({"method": "Service/*"}, [], False),
            ({"request": "{id: {$gte: 98}}"}, [2, 4], False),
            ({"request": "{id: 98}", "method": "UserService/GetUser"}, [4], False),
            ({"request": "{page: 0}"}, [5], False),
            ({"text": '"NAME": "ALICE'}, [1, 3], False),
            ({"text": '"id": 99'}, [2], False),
            ({"text": "listusers"}, [5], False),
            ({"text": "no stub matches"}, [2, 4], False),
            ({"text": "nowhere"}, [], False),
        ],
    )
    async def test_calls_are_chosen(self, world: World, request_: dict[str, Any], ids: list[int], more: bool) -> None:
        world.get(1, 99, 1, 98)
        world.call("user.UserService/ListUsers", {})
        response = await world.ask("ListCalls", **request_)
        assert [call.id for call in response.calls] == ids
        assert response.more is more

    @pytest.mark.parametrize(
        ("request_", "code", "said"),
        [
            ({"stub": "alcie"}, "NOT_FOUND", "Did you mean 'alice'?"),
            ({"request": "{"}, "INVALID_ARGUMENT", "request:2:1"),
            ({"request": "{idd: 1}"}, "INVALID_ARGUMENT", "no field 'idd'"),
            ({"request": "{id: {$gtt: 1}}", "method": "*/GetUser"}, "INVALID_ARGUMENT", "$gt"),
        ],
    )
    async def test_what_nothing_can_be_is_refused(
        self, world: World, request_: dict[str, Any], code: str, said: str
    ) -> None:
        error = await world.refused("ListCalls", **request_)
        assert error.code().name == code
        assert said in (error.details() or "")

    async def test_the_metadata_are_searched_too(self, world: World) -> None:
        world.call("user.UserService/GetUser", {"id": 1}, metadata=(("x-tenant", "Acme"),))
        assert [call.id for call in (await world.ask("ListCalls", text="acme")).calls] == [1]

    async def test_a_brief_call_tells_no_more_than_a_list_shows(self, world: World) -> None:
        world.get(99)
        (call,) = (await world.ask("ListCalls", brief=True)).calls
        assert (call.method, call.code_name) == ("user.UserService/GetUser", "UNIMPLEMENTED")
        assert call.miss and "\n" not in call.miss
        assert not (call.messages or call.metadata or call.near)

    async def test_the_nearest_stubs_of_a_miss_are_told_apart_from_its_text(self, world: World) -> None:
        world.get(99)
        (call,) = (await world.ask("ListCalls")).calls
        near = call.near[0]
        assert (near.stub, near.location) == ("alice", "stubs.yaml:2")
        assert [(one.path, one.expected, one.actual) for one in near.differences] == [("request.id", "1", "99")]

    async def test_one_call_is_given_by_its_id(self, world: World) -> None:
        world.get(1, 99)
        call = await world.ask("GetCall", id=2, with_bytes=True)
        assert (call.id, call.messages[0].json, call.messages[0].data) == (2, '{"id": 99}', b"\x08c")
        error = await world.refused("GetCall", id=3)
        assert error.code() is grpc.StatusCode.NOT_FOUND
        assert "It has 2, from #1 to #2." in (error.details() or "")

    async def test_a_call_under_way_is_given_too(self, world: World) -> None:
        exchange = world.engine.open(Open("/user.UserService/CreateUsers"))
        exchange.resume()
        call = await world.ask("GetCall", id=1)
        assert not call.HasField("duration")
        exchange.cancel()

    async def test_calls_are_forgotten_and_notes_stay(self, world: World) -> None:
        world.get(1)
        world.engine.note("error", "broken")
        await world.ask("ClearCalls")
        assert not (await world.ask("ListCalls")).calls
        assert [note.text for note in (await world.ask("ListNotes")).notes] == ["broken", "Forgot all calls."]

    async def test_a_method_that_no_proto_declares_can_be_sought_once_called(self, world: World) -> None:
        assert (await world.refused("ListCalls", method="no.Such/Method")).code().name == "NOT_FOUND"
        exchange = world.engine.open(Open("/no.Such/Method"))
        exchange.resume()
        (call,) = (await world.ask("ListCalls", method="no.Such/Method")).calls
        assert call.code_name == "UNIMPLEMENTED"

    async def test_a_journal_too_big_for_one_response_comes_in_several(self, world: World) -> None:
        world.engine.add(world.load(BATCH))
        name = "x" * 300_000
        for _ in range(20):
            world.call("user.UserService/CreateUsers", {"name": name})
        seen: list[int] = []
        pages, more = 0, True
        while more:
            response = await world.ask("ListCalls", after_id=seen[-1] if seen else 0, text_limit=500_000)
            assert response.calls
            pages += 1
            seen += [call.id for call in response.calls]
            more = response.more
        assert seen == list(range(1, 21))
        assert pages > 1
        newest = await world.ask("ListCalls", newest=True, text_limit=500_000)
        assert [call.id for call in newest.calls] == seen[-len(newest.calls) :]

    async def test_dropped_calls_are_counted(self, world: World) -> None:
        world.engine.environment.journal = Journal(calls=2)
        world.get(1, 1, 1)
        response = await world.ask("ListCalls")
        assert [call.id for call in response.calls] == [2, 3]
        assert response.dropped == 1


class Given:
    """A front that has given so many calls the answer of the stub "alice"."""

    def __init__(self, journal: Journal) -> None:
        self.calls = 0
        self._journal = journal

    def pause(self, paused: bool) -> None:
        assert not paused

    def _all(self) -> list[tuple[Any, ...]]:
        method = registry_for("user.proto").method("UserService/GetUser")
        given = GivenAnswer.of(method, None, b"", WholeAnswer((), (), Code.OK, "", ()), is_lasting=True)
        return [(given, (), None, "unix:", 0.0, 0.0, "grpc")] * self.calls

    def count(self, latest: int = 0) -> InFront:
        return InFront(self.calls, 100 * self.calls, self._all()[-latest:] if latest else ())

    def absorb(self) -> None:
        calls, self.calls = self._all(), 0
        for call in calls:
            self._journal.add_known(*call)


class TestWatching:
    async def test_calls_are_told_as_they_end(self, world: World) -> None:
        watch = world.open("WatchCalls")
        await watch.initial_metadata()
        world.get(1)
        assert (await watch.read()).call.stub == "alice"
        world.get(99)
        assert (await watch.read()).call.miss

    async def test_filters_and_replay(self, world: World) -> None:
        world.get(99, 1)
        watch = world.open("WatchCalls", misses=True, replay=True)
        assert (await watch.read()).call.id == 1
        world.get(1, 98)
        assert (await watch.read()).call.id == 4

    async def test_what_comes_too_fast_is_counted(self, world: World) -> None:
        watch = world.open("WatchCalls")
        await watch.initial_metadata()
        world.get(*[1] * 1_500)  # the loop has no turn meanwhile
        for number in range(1, 1_001):
            response = await watch.read()
            assert response.call.id == number
            # The count is told with the first call after the gap was seen.
            assert response.skipped == (500 if number == 1 else 0)
        world.get(1)
        assert (await watch.read()).call.id == 1_501

    async def test_who_wants_the_latest_is_told_of_no_others(self, world: World) -> None:
        watch = world.open("WatchCalls", latest=3, brief=True)
        await watch.initial_metadata()
        world.get(*[1] * 100)
        told = [await watch.read() for _ in range(3)]
        assert [one.call.id for one in told] == [98, 99, 100]
        assert [one.skipped for one in told] == [97, 0, 0]

    async def test_calls_that_wait_in_front_of_the_engine_are_told_where_they_are(self, world: World) -> None:
        """Once each: also if they enter the journal afterwards, with others between."""
        journal = world.engine.journal
        given = Given(journal)
        journal.front = cast("Front", given)
        waiting = Waiting(journal, CallFilter(WATCH(), world.engine), 3)
        end = journal.subscribe(waiting.take, patient=True)

        async def told() -> tuple[list[int], int]:
            calls = await waiting.turn(asyncio.Event())
            assert calls is not None
            return [call.id for call in calls], waiting.skipped()

        given.calls = 2
        assert await told() == ([1, 2], 0)
        given.calls = 3
        assert await told() == ([3], 0)
        given.calls = 10
        assert await told() == ([8, 9, 10], 4)
        world.get(1)
        assert await told() == ([11], 0)
        assert [call.id for call in journal] == list(range(1, 12))
        given.calls = 1
        world.get(1)
        assert await told() == ([12, 13], 0)
        end()
        assert not given.calls

    def test_telling_the_latest_takes_a_part_of_the_time(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """However fast calls come: what it takes to gather them, and to tell them, makes the next turn come later."""
        spent = 0.0
        monkeypatch.setattr("time.thread_time", lambda: spent)
        waiting = Waiting(world.engine.journal, CallFilter(WATCH(), world.engine), 3)
        pauses = []
        for seconds in (0.0, 0.001, 0.009, 0.01, 5.0):
            with waiting.costly():
                spent += seconds
            pauses.append(waiting.pause)
        assert pauses == pytest.approx([0.1, 0.15, 1.5, 2.0, 2.0])

    async def test_watching_ends_when_the_server_drains(self, world: World) -> None:
        watch = world.open("WatchCalls")
        await watch.initial_metadata()
        world.admin.drain()
        with pytest.raises(grpc.aio.AioRpcError, match="shutting down") as caught:
            await watch.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    async def test_a_watcher_that_goes_away_leaves_nothing_behind(self, world: World) -> None:
        watch = world.open("WatchCalls")
        await watch.initial_metadata()
        assert world.engine.journal._listeners
        watch.cancel()
        while world.engine.journal._listeners:
            await world.ask("GetState")

    async def test_calls_under_way_are_told_as_they_go(self, world: World) -> None:
        world.engine.add(world.load(BATCH))
        watch = world.open("WatchCalls", under_way=True)
        await watch.initial_metadata()
        exchange = world.engine.open(Open("/user.UserService/CreateUsers"))
        began = (await watch.read()).call
        assert (began.id, began.HasField("duration"), len(began.messages)) == (1, False, 0)
        event: Any = None
        while not isinstance(exchange.resume(event), Receive):
            event = None
        exchange.resume(Message(b""))
        told = (await watch.read()).call
        assert (told.HasField("duration"), len(told.messages)) == (False, 1)
        exchange.cancel()
        ended = (await watch.read()).call
        assert ended.HasField("duration")
        assert ended.cancelled

    async def test_an_unknown_method_is_refused(self, world: World) -> None:
        watch = world.open("WatchCalls", method="user.UserService/GetUsr")
        assert await watch.code() is grpc.StatusCode.NOT_FOUND
        assert "Did you mean 'user.UserService/GetUser'?" in (await watch.details() or "")


class TestVerifying:
    @pytest.mark.parametrize(
        ("match", "bounds", "matched", "satisfied"),
        [
            ("", {}, 4, True),
            ("request: {id: 1}", {}, 2, True),
            ("request: {id: 1}", {"exactly": 2}, 2, True),
            ("request: {id: 1}", {"exactly": 1}, 2, False),
            ("request: {id: 5}", {}, 0, False),
            ("request: {id: 5}", {"exactly": 0}, 0, True),
            ("request: {id: 5}", {"at_most": 3}, 0, True),
            ("request: {id: {$gt: 1}}", {"at_least": 3}, 2, False),
            ("request: {id: {$gt: 1}}", {"at_least": 1, "at_most": 2}, 2, True),
            ('{"metadata": {"x-id": "a"}}', {"exactly": 1}, 1, True),
            ("deadline: {$lt: 3}", {"exactly": 4}, 4, True),
        ],
    )
    async def test_calls_are_counted(
        self, world: World, match: str, bounds: dict[str, int], matched: int, satisfied: bool
    ) -> None:
        world.get(1, 2, 99)
        world.call("user.UserService/GetUser", {"id": 1}, metadata=(("x-id", "a"),))
        world.call("user.UserService/ListUsers", {})
        world.call("user.UserService/GetUser", b"\xff")  # fits nothing
        response = await world.ask("VerifyCalls", method="user.UserService/GetUser", match=match, **bounds)
        assert (response.matched, response.satisfied, response.of_method) == (matched, satisfied, 5)
        assert len(response.call_ids) == matched

    async def test_all_messages_of_a_stream_can_be_held_against_patterns(self, world: World) -> None:
        world.engine.add(world.load(BATCH))
        world.call("user.UserService/CreateUsers", {"name": "a"}, {"name": "b"})
        for match, fits in (
            ("request: {name: a}", True),
            ("requests: [{name: a}, {name: b}]", True),
            ("requests: [{name: a}]", False),
            ("requests: {$size: 2}", True),
        ):
            response = await world.ask("VerifyCalls", method="user.UserService/CreateUsers", match=match)
            assert response.satisfied is fits

    async def test_too_few_calls_are_explained_by_the_nearest(self, world: World) -> None:
        world.get(3)
        response = await world.ask("VerifyCalls", method="user.UserService/GetUser", match="request: {id: 5}")
        lines = response.explanation.splitlines()
        assert lines[0] == ("user.UserService/GetUser: expected at least 1 call, 0 calls came (and 1 that didn't fit).")
        assert lines[1] == 'Call #1: {"id": 3}'
        assert "request.id: expected" in lines[2]
        assert "5" in lines[2]
        assert "actual 3" in lines[2]

    async def test_too_many_calls_are_named(self, world: World) -> None:
        world.get(1, 1)
        response = await world.ask("VerifyCalls", method="user.UserService/GetUser", exactly=0)
        assert "expected no call, 2 calls came." in response.explanation
        assert "#1, #2" in response.explanation

    @pytest.mark.parametrize(
        ("request_", "code", "said"),
        [
            ({}, "INVALID_ARGUMENT", "method"),
            ({"method": "user.UserService/GetUsr"}, "NOT_FOUND", "Did you mean"),
            ({"match": "request: {idd: 1}"}, "INVALID_ARGUMENT", "Did you mean 'id'?"),
            ({"match": "response: {id: 1}"}, "INVALID_ARGUMENT", "'response' can't be held against a call"),
            ({"match": "state: {a: b}"}, "INVALID_ARGUMENT", "'state' can't be held against a call"),
            ({"match": "[1]"}, "INVALID_ARGUMENT", "A mapping with some of"),
            ({"match": "{"}, "INVALID_ARGUMENT", "match:2:1"),
            ({"match": "{}\n---\n{}"}, "INVALID_ARGUMENT", "several documents"),
            ({"match": "1: 2"}, "INVALID_ARGUMENT", "can't be held against"),
            ({"exactly": 1, "at_least": 1}, "INVALID_ARGUMENT", "exactly"),
            ({"at_least": -1}, "INVALID_ARGUMENT", "at_least"),
            ({"at_least": 3, "at_most": 2}, "INVALID_ARGUMENT", "at_most"),
        ],
    )
    async def test_a_wrong_request_is_refused(
        self, world: World, request_: dict[str, Any], code: str, said: str
    ) -> None:
        if request_:
            request_ = {"method": "user.UserService/GetUser", **request_}
        error = await world.refused("VerifyCalls", **request_)
        assert error.code().name == code
        assert said in (error.details() or "")

    @pytest.mark.parametrize(
        ("patterns", "ids", "satisfied"),
        [
            ([("GetUser", "request: {id: 1}"), ("ListUsers", "")], [1, 4], True),
            ([("GetUser", ""), ("GetUser", ""), ("GetUser", "request: {id: 1}")], [1, 2, 3], True),
            ([("ListUsers", ""), ("GetUser", "request: {id: 1}")], [4], False),
            ([("GetUser", "request: {id: 5}"), ("GetUser", "")], [], False),
        ],
    )
    async def test_calls_are_held_against_an_order(
        self, world: World, patterns: list[tuple[str, str]], ids: list[int], satisfied: bool
    ) -> None:
        world.get(1, 2, 1)
        world.call("user.UserService/ListUsers", {})
        asked = [{"method": f"UserService/{method}", "match": match} for method, match in patterns]
        response = await world.ask("VerifyCalls", in_order=asked)
        assert (list(response.call_ids), response.satisfied) == (ids, satisfied)
        assert ("no such call" in response.explanation) is not satisfied

    async def test_an_order_stands_by_itself(self, world: World) -> None:
        error = await world.refused("VerifyCalls", in_order=[{"method": "UserService/GetUser"}], exactly=1)
        assert "in_order: this can't stand beside exactly." in (error.details() or "")


class TestTheRest:
    async def test_states_are_set_and_told(self, world: World) -> None:
        response = await world.ask("SetState", states={"login": "done"})
        assert dict(response.states) == {"login": "done"}
        assert not response.warnings
        assert world.engine.store.states["login"] == "done"
        assert dict((await world.ask("GetState")).states) == {"login": "done"}

    async def test_a_scenario_that_no_stub_mentions_is_worth_a_warning(self, world: World) -> None:
        response = await world.ask("SetState", states={"lgoin": "done"})
        assert list(response.warnings) == ["No stub mentions the scenario 'lgoin'. Did you mean 'login'?"]

    @pytest.mark.parametrize("states", [{}, {"": "x"}, {"x": ""}])
    async def test_states_without_names_are_refused(self, world: World, states: dict[str, str]) -> None:
        assert (await world.refused("SetState", states=states)).code() is grpc.StatusCode.INVALID_ARGUMENT

    async def test_a_method_that_nothing_carries_out_says_so(
        self, world: World, serve: Serve, connect: Connect
    ) -> None:
        for name in ("GetStatus", "WatchCalls"):
            method = world.admin.registry.method(f"{SERVICE}/{name}")
            world.channel = connect(await serve({method.path: handler_of(method, Access(None), absent(method))}))
            code, said = await world.open(name).code(), await world.open(name).details()
            assert code is grpc.StatusCode.UNIMPLEMENTED
            assert said == f"This version of grpcmock doesn't carry out {name}."

    def test_no_subject_names_a_method_that_there_is_not(self) -> None:
        built = [name for subject in SUBJECTS for name in subject(cast("Any", SimpleNamespace(engine=None)))]
        assert len(built) == len(set(built))
        assert set(built) <= set(METHODS)

    async def test_health_is_told(self, world: World) -> None:
        world.health.set("user.UserService", False)
        serving = dict((await world.ask("GetHealth")).serving)
        assert serving == {"": True, "user.UserService": False, "grpcmock.reload": True}

    async def test_health_is_set(self, world: World) -> None:
        await world.ask("SetHealth", service="user.UserService", serving=False)
        assert world.health.serving("user.UserService") is False
        await world.ask("SetHealth", service="user.UserService")
        assert world.health.serving("user.UserService") is True
        error = await world.refused("SetHealth", service="grpcmock.reload", serving=True)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT

    async def test_the_status_tells_what_is_served(self, world: World) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        world.get(1)
        world.health.reload_failed("stubs/a.yaml:1:1: broken")
        world.engine.note("error", "broken")
        status = await world.ask("GetStatus")
        assert list(status.services) == ["user.UserService"]
        assert (status.file_stubs, status.added_stubs, status.calls, status.seed) == (3, 1, 1, "7")
        assert status.journal_bytes > 0
        assert status.reload_error == "stubs/a.yaml:1:1: broken"
        assert [(note.level, note.text) for note in status.notes] == [
            ("info", "Added 1 stub: 'bob'."),
            ("error", "broken"),
        ]
        world.health.reload_succeeded()
        assert not (await world.ask("GetStatus")).HasField("reload_error")

    async def test_everything_is_reset(self, world: World) -> None:
        await self._busy(world)
        await world.ask("Reset")
        assert len(world.engine.journal) == 0
        assert sum(entry.count for entry in world.engine.store) == 0
        assert world.names() == ["once", "alice", "page"]
        assert not world.engine.store.states
        assert world.health.serving("")

    @pytest.mark.parametrize("what", ["journal", "counts", "states", "stubs", "health"])
    async def test_only_what_is_asked_for_is_reset(self, world: World, what: str) -> None:
        await self._busy(world)
        await world.ask("Reset", **{what: True})
        left = {
            "journal": len(world.engine.journal) > 0,
            "counts": any(entry.count for entry in world.engine.store),
            "states": bool(world.engine.store.states),
            "stubs": "bob" in world.names(),
            "health": world.health.serving("") is False,
        }
        assert {key for key, is_left in left.items() if not is_left} == {what}

    @staticmethod
    async def _busy(world: World) -> None:
        await world.ask("AddStubs", stubs=RUNTIME)
        world.get(1, 99)
        world.engine.store.states["login"] = "done"
        world.health.set("", False)


class TestAccess:
    @pytest.mark.parametrize(
        ("peer", "local"),
        [
            ("ipv4:127.0.0.1:50", True),
            ("ipv4:127.9.9.9:50", True),
            ("ipv6:[::1]:50", True),
            ("ipv6:%5B::1%5D:50", True),
            ("ipv6:[::ffff:127.0.0.1]:50", True),
            ("unix:", True),
            ("unix:/tmp/a.sock", True),
            ("unix-abstract:a", True),
            ("ipv4:10.0.0.1:50", False),
            ("ipv6:[2001:db8::1]:50", False),
            ("ipv6:[::ffff:10.0.0.1]:50", False),
            ("ipv6:[fe80::1%25eth0]:50", False),
            ("vsock:2:3", False),
            ("", False),
            ("ipv4:127.0.0.1.evil:50", False),
        ],
    )
    def test_a_peer_on_this_machine_is_known(self, peer: str, local: bool) -> None:
        assert is_local(peer) is local

    def test_without_a_token_only_this_machine_is_answered(self) -> None:
        Access(None).check("ipv4:127.0.0.1:5", ())
        with pytest.raises(RefusedError, match="--admin-token") as caught:
            Access(None).check("ipv4:192.0.2.1:5", ())
        assert caught.value.code is Code.UNAUTHENTICATED

    @pytest.mark.parametrize("value", ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret"])
    def test_the_token_lets_in_from_everywhere(self, value: str) -> None:
        Access("s3cret").check("ipv4:192.0.2.1:5", (("x", "y"), ("authorization", "Basic x"), ("authorization", value)))

    @pytest.mark.parametrize(
        "metadata",
        [
            (),
            (("authorization", ""),),
            (("authorization", "s3cret"),),
            (("authorization", "Bearer"),),
            (("authorization", "Bearer s3cre"),),
            (("authorization", "Bearer s3crets"),),
            (("authorization", "Basic s3cret"),),
            (("x-authorization", "Bearer s3cret"),),
        ],
    )
    def test_nothing_else_does_not_even_on_this_machine(self, metadata: tuple[tuple[str, str], ...]) -> None:
        with pytest.raises(RefusedError) as caught:
            Access("s3cret").check("ipv4:127.0.0.1:5", metadata)
        assert caught.value.code is Code.UNAUTHENTICATED
        assert "s3cret" not in str(caught.value)

    @pytest.mark.parametrize("token", ["", " ", "two words", "ünï", "tab\t"])
    def test_a_token_that_metadata_cannot_carry_is_a_mistake(self, token: str) -> None:
        with pytest.raises(ConfigError, match="--admin-token"):
            Access(token)

    @pytest.mark.parametrize("method", METHODS)
    async def test_every_method_asks_for_the_token(
        self, world: World, serve: Serve, connect: Connect, method: str
    ) -> None:
        guarded = Admin(world.engine, world.health, AdminOptions("s3cret"))
        world.channel = connect(await serve(guarded.handlers()))
        before = world.names(), len(world.engine.journal)
        call = world.open(method)
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert (world.names(), len(world.engine.journal)) == before
        assert not world.engine.journal._listeners
