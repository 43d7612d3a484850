"""Fault profiles, the clock and protos, steered through the admin service."""

# mypy: disable-error-code="arg-type"
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2
from support import ROOT
from support import registry as registry_for

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.steps import Finish, Open
from grpcmock.responses.faults import FAULTS
from grpcmock.schema import Registry, adding
from grpcmock.schema.admin import SERVICE
from grpcmock.servers.admin.service import Admin
from grpcmock.servers.health import Health
from grpcmock.status import DETAILS_KEY, Code

Serve = Callable[..., Awaitable[str]]
Connect = Callable[[str], grpc.aio.Channel]


class World:
    """An engine, and its admin service on a real server."""

    def __init__(self) -> None:
        self.engine = Engine(registry_for("user.proto"), options=EngineOptions(faults=FAULTS))
        self.health = Health(lambda: self.engine.registry.services)
        self.admin = Admin(self.engine, self.health)
        self.channel: grpc.aio.Channel

    async def ask(self, method: str, /, **request: Any) -> Any:
        described = self.admin.registry.method(f"{SERVICE}/{method}")
        call = self.channel.unary_unary(
            described.path, described.request_class.SerializeToString, described.response_class.FromString
        )
        return await call(described.request_class(**request), timeout=20)

    async def refused(self, method: str, /, **request: Any) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(method, **request)
        return caught.value

    def code(self, path: str = "/user.UserService/ListUsers") -> Code:
        """Make a call, and return how it ends."""
        exchange = self.engine.open(Open(path))
        step = exchange.resume()
        exchange.cancel()
        return step.code if isinstance(step, Finish) else Code.OK

    @property
    def notes(self) -> list[str]:
        return [note.text for note in self.engine.journal.notes]


@pytest.fixture
async def world(serve: Serve, connect: Connect) -> World:
    world = World()
    world.channel = connect(await serve(world.admin.handlers()))
    return world


def violations(error: grpc.aio.AioRpcError) -> list[tuple[str, str]]:
    status = status_pb2.Status.FromString(dict(error.trailing_metadata() or ())[DETAILS_KEY])
    request = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(request)
    return [(violation.field, violation.description) for violation in request.field_violations]


async def test_a_profile_is_told_as_it_was_set(world: World) -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    fault: dict[str, Any] = {
        "methods": ["user.UserService/*"],
        "status": {"code": 14, "message": "down", "details": [detail]},
        "latency": "1ms..3ms",
        "probability": 0.5,
        "seed": 7,
        "first": 10,
        "after": 0,
        "quota": {"count": 3, "window": "1s"},
        "ttl": "1m",
    }
    set_ = await world.ask("SetFault", name="it", fault=fault)
    assert set_.expires.seconds > 1_600_000_000
    for told in (set_, await world.ask("GetFault", name="it"), (await world.ask("ListFaults")).faults[0]):
        assert (told.name, list(told.methods), told.status.message) == ("it", ["user.UserService/*"], "down")
        assert (told.status.code, dict(told.status.details[0])) == (14, detail)
        assert (told.latency, told.probability, told.seed, told.first) == ("1ms..3ms", 0.5, 7, 10)
        assert (told.HasField("after"), told.quota.count, told.quota.window, told.ttl) == (True, 3, "1s", "1m")
        assert not told.HasField("abort_after")


@pytest.mark.parametrize(
    "fault",
    [
        {"reset": "REFUSED_STREAM"},
        {"drop_status": True},
        {"abort_after": 0},
        {"latency": "1s"},
        {"latency": "2s", "latency_sigma": 0.5},
    ],
)
async def test_each_effect_is_told(world: World, fault: dict[str, Any]) -> None:
    told = await world.ask("SetFault", name="it", fault=fault)
    for key, value in fault.items():
        assert getattr(told, key) == value


async def test_what_is_wrong_is_told_by_its_field(world: World) -> None:
    for fault, field in (({}, ""), ({"methods": ["GetUsr"], "latency": "1s"}, "methods")):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await world.ask("SetFault", name="it", fault=fault)
        ((where, description),) = violations(caught.value)
        assert where == field
        assert description[0].isalpha()


async def test_it_strikes_is_counted_and_is_removed(world: World) -> None:
    await world.ask("SetFault", name="it", fault={"status": {"code": 14}, "methods": ["List*"], "abort_after": 0})
    world.engine.faults.striking("/user.UserService/ListUsers")
    assert (await world.ask("GetFault", name="it")).struck == 1
    await world.ask("RemoveFault", name="it")
    assert not (await world.ask("ListFaults")).faults
    assert world.notes == [
        "The fault profile 'it' was set.",
        "The fault profile 'it' was removed. It struck once.",
    ]


async def test_a_journal_tells_the_profiles(world: World) -> None:
    await world.ask("SetFault", name="slow", fault={"latency": "1h"})
    world.code()
    (call,) = (await world.ask("ListCalls")).calls
    assert list(call.faults) == ["slow"]


async def test_one_of_a_session_is_the_sessions(world: World) -> None:
    await world.ask("SetFault", name="it", session="suite", fault={"latency": "1s"})
    assert not (await world.ask("ListFaults")).faults
    (told,) = (await world.ask("ListFaults", session="suite")).faults
    assert (told.name, told.session) == ("it", "suite")
    assert (await world.refused("RemoveFault", name="it")).code() is grpc.StatusCode.NOT_FOUND
    await world.ask("RemoveFault", name="it", session="suite")


async def test_what_is_wrong_is_told_by_field(world: World) -> None:
    fault = {"latency": "1", "methods": ["GetUsr"], "status": {"code": 0}}
    error = await world.refused("SetFault", name="it", fault=fault)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in violations(error)] == ["status.code", "latency"]
    error = await world.refused("SetFault", name="it", fault={"goaway": True})
    assert "grpcmock[native]" in (error.details() or "")
    error = await world.refused("SetFault", name="it", fault={"name": "other", "latency": "1s"})
    assert "'other' isn't 'it'" in (error.details() or "")


async def test_names_that_are_none_get_the_nearest(world: World) -> None:
    await world.ask("SetFault", name="slow", fault={"latency": "1s"})
    for method in ("GetFault", "RemoveFault"):
        error = await world.refused(method, name="slwo")
        assert (error.code(), "Did you mean 'slow'?" in (error.details() or "")) == (grpc.StatusCode.NOT_FOUND, True)


async def test_a_reset_removes_profiles_and_gives_the_clock_back(world: World) -> None:
    await world.ask("SetFault", name="slow", fault={"latency": "1s"})
    await world.ask("SetFault", name="own", session="suite", fault={"latency": "1s"})
    await world.ask("SetClock", advance="1h", frozen=True)
    await world.ask("Reset", session="suite")
    assert [fault.name for fault in world.engine.faults] == ["slow"]
    assert world.engine.clock.frozen
    await world.ask("Reset")
    assert list(world.engine.faults) == []
    assert not world.engine.clock.frozen


# The clock -----------------------------------------------------------------------------------------


async def test_the_clock_is_frozen_moved_and_given_back(world: World) -> None:
    told = await world.ask("SetClock", now={"seconds": 2_000_000_000}, frozen=True)
    assert (told.now.seconds, told.frozen) == (2_000_000_000, True)
    told = await world.ask("SetClock", advance="-30s")
    assert (told.now.seconds, told.frozen) == (1_999_999_970, True)
    told = await world.ask("GetClock")
    assert told.now.seconds == 1_999_999_970
    told = await world.ask("SetClock", frozen=False)
    assert not told.frozen
    assert told.offset.seconds > 0
    told = await world.ask("SetClock")
    assert (told.frozen, told.offset.seconds, told.offset.nanos) == (False, 0, 0)
    assert world.notes[0] == "The clock stands at 2033-05-18T03:33:20.000Z."
    assert world.notes[-1].startswith("The clock is the machine's again, at ")


@pytest.mark.parametrize(("request_", "said"), [({"advance": "soon"}, "200ms"), ({"advance": "-"}, "200ms")])
async def test_a_time_that_is_none_is_refused(world: World, request_: dict[str, Any], said: str) -> None:
    error = await world.refused("SetClock", **request_)
    assert (error.code(), said in (error.details() or "")) == (grpc.StatusCode.INVALID_ARGUMENT, True)


# Protos --------------------------------------------------------------------------------------------

TEAMS = """
syntax = "proto3";
package teams;
import "user.proto";
message Team { string name = 1; }
service Teams { rpc Lead(user.GetUserRequest) returns (user.UserResponse); }
"""


async def test_what_is_added_is_served_at_once_and_stays(world: World) -> None:
    added = await world.ask("AddProtos", files={"teams.proto": TEAMS})
    assert list(added.services) == ["teams.Teams"]
    await world.ask("AddStubs", stubs="- {method: teams.Teams/Lead, response: {name: Ann}}")
    assert "teams.Teams" in (await world.ask("GetStatus")).services
    reloaded = world.engine.prepare(registry_for("user.proto"), [])
    assert not reloaded.complaints
    world.engine.install(reloaded)
    assert world.engine.registry.method("teams.Teams/Lead")
    assert not (await world.ask("AddProtos", files={"teams.proto": TEAMS})).services
    assert world.notes[0] == "Protos were added: teams.Teams."


async def test_a_descriptor_set_is_taken_too(world: World) -> None:
    files = registry_for("library.proto").files.SerializeToString()
    added = await world.ask("AddProtos", descriptor_set=files)
    assert list(added.services)
    error = await world.refused("AddProtos", descriptor_set=b"\xff")
    assert "protoc --include_imports" in (error.details() or "")
    error = await world.refused("AddProtos")
    assert "either files or a descriptor_set" in (error.details() or "")


async def test_what_contradicts_is_told(world: World) -> None:
    text = (ROOT / "protos" / "user.proto").read_text().replace("int32 id = 1", "string id = 1")
    error = await world.refused("AddProtos", files={"user.proto": text})
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert "+ string id = 1;" in (error.details() or "")


async def test_what_doesnt_compile_is_told_with_its_places(world: World) -> None:
    error = await world.refused("AddProtos", files={"a/b.proto": 'syntax = "proto3";\nmessage M { Nope n = 1; }'})
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    ((_, description),) = violations(error)
    assert description.startswith("a/b.proto:2:")


async def test_files_go_before_what_was_added(world: World) -> None:
    await world.ask("AddProtos", files={"teams.proto": TEAMS})
    other = 'syntax = "proto3"; package teams; service Teams { rpc Lead(L) returns (L); } message L {}'
    await world.ask("AddProtos", files={"m.proto": 'syntax = "proto3"; message M {}'})
    contradicting = adding.including(
        Registry(registry_for("user.proto").files), adding.compiled({"t.proto": other}, registry_for("user.proto"))
    )
    prepared = world.engine.prepare(contradicting, [])
    (complaint,) = prepared.complaints
    assert complaint.startswith("The protos that were added (teams.proto) contradict the files, and are left out: ")
    assert prepared.registry.message("M")


async def test_what_comes_while_a_reload_is_prepared_is_served(world: World) -> None:
    prepared = world.engine.prepare(registry_for("user.proto"), [])
    await world.ask("AddProtos", files={"teams.proto": TEAMS})
    world.engine.install(prepared)
    assert "/teams.Teams/Lead" in world.engine.store.tables


async def test_what_was_added_is_removed(world: World) -> None:
    await world.ask("AddProtos", files={"teams.proto": TEAMS})
    (listed,) = (await world.ask("ListProtos")).protos
    assert (listed.file, list(listed.services)) == ("teams.proto", ["teams.Teams"])
    await world.ask("AddStubs", stubs="- {name: kept, method: user.UserService/GetUser, response: {name: Bo}}")
    removed = await world.ask("RemoveProtos", files=["teams.proto"])
    assert list(removed.services) == ["teams.Teams"]
    assert not (await world.ask("ListProtos")).protos
    assert "/teams.Teams/Lead" not in world.engine.store.tables
    assert [entry.name for entry in world.engine.store] == ["kept"]
    assert world.notes[-1] == "Protos were removed: teams.Teams."
    # What it declared may be declared otherwise from now on.
    other = 'syntax = "proto3"; package teams; service Teams { rpc Lead(L) returns (L); } message L {}'
    assert list((await world.ask("AddProtos", files={"teams.proto": other})).services) == ["teams.Teams"]


@pytest.mark.parametrize("session", ["", "a"])
async def test_what_stubs_use_is_not_removed(world: World, session: str) -> None:
    await world.ask("AddProtos", files={"teams.proto": TEAMS})
    stubs = "- {name: ann, method: teams.Teams/Lead, response: {name: Ann}}"
    await world.ask("AddStubs", stubs=stubs, session=session)
    error = await world.refused("RemoveProtos", files=["teams.proto"])
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "teams.Teams/Lead" in (error.details() or "")
    assert "/teams.Teams/Lead" in world.engine.store.tables
    await world.ask("RemoveStub", name="ann", session=session)
    assert list((await world.ask("RemoveProtos")).services) == ["teams.Teams"]


async def test_what_other_protos_import_is_not_removed(world: World) -> None:
    await world.ask("AddProtos", files={"teams.proto": TEAMS})
    more = 'syntax = "proto3"; package more; import "teams.proto"; message M { teams.Team team = 1; }'
    await world.ask("AddProtos", files={"a/more.proto": more})
    error = await world.refused("RemoveProtos", files=["teams.proto"])
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "a/more.proto" in (error.details() or "")
    error = await world.refused("RemoveProtos", files=["a/mor.proto"])
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "Did you mean 'a/more.proto'?" in (error.details() or "")
    assert list((await world.ask("RemoveProtos", files=["teams.proto", "a/more.proto"])).services) == ["teams.Teams"]
    error = await world.refused("RemoveProtos", files=["teams.proto"])
    assert "None were added." in (error.details() or "")
