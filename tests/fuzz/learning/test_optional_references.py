"""What a request may name, and needn't, is made for it like what it must name: what happens to be there is not there on
a server that was just started."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from in_process_services import RefusedError, answers, opened

from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package chores;

service Chores {
  rpc AddHouse(AddHouseRequest) returns (House);
  rpc AddStreet(AddHouseRequest) returns (House);
  rpc AddTown(AddHouseRequest) returns (House);
  rpc AddPerson(AddPersonRequest) returns (Person);
  rpc AddRoom(AddRoomRequest) returns (Room);
  rpc AddChore(AddChoreRequest) returns (Chore);
}
message AddPersonRequest { string nickname = 1; }
message Person { int64 id = 1; string nickname = 2; }
message AddHouseRequest { string label = 1; }
message House { int64 id = 1; }
message AddRoomRequest { string title = 1; }
message Room { string id = 1; string title = 2; }
message AddChoreRequest {
  string title = 1;
  int64 assignee_id = 2;
  string room_id = 3;
  int64 minutes = 4;
  string color_code = 5;
}
message Chore { int64 id = 1; AddChoreRequest chore = 2; }
"""


class Chores:
    def __init__(self, registry: Registry, first: int = 1) -> None:
        self.message = registry.message
        self.ids = count(first)
        self.there: set[Any] = set()

    def _add(self, kind: str, key: Any, **fields: Any) -> Any:
        self.there.add(key)
        return self.message(f"chores.{kind}")(id=key, **fields)

    def AddPerson(self, request: Any) -> Any:
        return self._add("Person", next(self.ids), nickname=request.nickname)

    def AddHouse(self, request: Any) -> Any:
        return self._add("House", next(self.ids))

    AddStreet = AddTown = AddHouse  # things that might be meant as well

    def AddRoom(self, request: Any) -> Any:
        return self._add("Room", f"room-{next(self.ids)}", title=request.title)

    def AddChore(self, request: Any) -> Any:
        if not request.title:
            raise RefusedError("title is required", Code.INVALID_ARGUMENT)
        if request.minutes > 600:
            raise RefusedError("minutes must be 600 at most", Code.INVALID_ARGUMENT)
        if request.assignee_id and request.assignee_id not in self.there:
            raise RefusedError(f"there is no person {request.assignee_id}", Code.NOT_FOUND)
        if request.room_id and request.room_id not in self.there:
            raise RefusedError(f"room {request.room_id} not found", Code.NOT_FOUND)
        return self._add("Chore", next(self.ids), chore=request)


@pytest.fixture(scope="module")
def chores(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("chores") / "chores.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.fixture
async def plan(chores: Registry) -> Plan:
    return (await opened(chores, Chores(chores), turns=3))[0]


def adding(plan: Plan) -> AcceptedRequest:
    return plan.acceptance.first["/chores.Chores/AddChore"]


def test_what_is_optional_is_found_and_made(plan: Plan) -> None:
    accepted = adding(plan)
    assert accepted.needs == ()
    assert {need.target: need.made_by.method.name for need in accepted.optional} == {
        ("assignee_id",): "AddPerson",
        ("room_id",): "AddRoom",
    }
    whole: Any = accepted.fullest
    assert whole.minutes and whole.color_code  # which name nothing
    assert accepted.references == {("assignee_id",), ("room_id",)}


@pytest.mark.parametrize("salt", ["one", "two"])
def test_it_is_made_where_a_request_names_it_and_only_there(chores: Registry, plan: Plan, salt: str) -> None:
    accepted = adding(plan)
    room: Any = accepted.fullest
    room.ClearField("assignee_id")
    for data, makers in (
        (accepted.data, []),
        (accepted.full, ["AddPerson", "AddRoom"]),
        (room.SerializeToString(), ["AddRoom"]),
    ):
        calls = accepted.calls(data, salt=salt)
        assert sorted(call.method.name for call in calls[:-1] if call.method is not None) == makers
        assert all(reply.is_ok for reply in answers(Chores(chores, first=7_000), calls))


def test_of_two_requests_each_names_what_it_named(chores: Registry, plan: Plan) -> None:
    accepted = adding(plan)
    calls = accepted.calls(accepted.data, accepted.full)
    *_, plain, full = answers(Chores(chores, first=7_000), calls)
    messages = [chores.message("chores.Chore").FromString(reply.responses[0]) for reply in (plain, full)]
    assert [bool(one.chore.assignee_id) for one in messages] == [False, True]  # type: ignore[attr-defined]


def test_a_thing_that_another_needs_is_made_with_what_it_names(chores: Registry, plan: Plan) -> None:
    whole = adding(plan).filled()
    assert (len(whole.needs), whole.optional) == (2, ())
    assert all(reply.is_ok for reply in answers(Chores(chores, first=7_000), whole.calls(whole.data)))
