"""Whatever the admin service tells or changes, it does for one session where a request, or its metadata, names one."""

from __future__ import annotations

from typing import Any

import grpc.aio
import pytest
from servers.admin.test_service import Connect, Serve, World

from grpcmock.engine.journal import Journal
from grpcmock.status import SESSION_KEY

GET = "user.UserService/GetUser"
OWN = f"- {{name: own, method: {GET}, request: {{id: 1}}, times: 3, response: {{name: own}}, set: {{door: open}}}}"


@pytest.fixture
async def world(serve: Serve, connect: Connect) -> World:
    world = World()
    world.channel = connect(await serve(world.admin.handlers()))
    return world


def get(world: World, session: str, *ids: int) -> list[str]:
    """Make calls in a session, and give the names of the stubs that answered."""
    metadata = ((SESSION_KEY, session),) if session else ()
    for number in ids:
        world.call(GET, {"id": number}, metadata=metadata)
    calls = [call for call in world.engine.journal if call.session == session]
    return [call.stub.name if call.stub is not None else "" for call in calls[-len(ids) :]]


async def ask_in(world: World, session: str, method: str, /, **request: Any) -> Any:
    """Ask with the session in the metadata of the request."""
    described = world.admin.registry.method(f"grpcmock.admin.v1.AdminService/{method}")
    made = world.channel.unary_unary(
        described.path, described.request_class.SerializeToString, described.response_class.FromString
    )
    return await made(described.request_class(**request), metadata=((SESSION_KEY, session),), timeout=20)


async def test_stubs(world: World) -> None:
    common = get(world, "", 1)
    assert list((await world.ask("AddStubs", stubs=OWN, session="a")).names) == ["own"]
    assert (get(world, "a", 1), get(world, "b", 1), get(world, "", 1)) == (["own"], common, common)
    assert "own" not in world.names()
    listed = (await world.ask("ListStubs", method=GET, session="a")).stubs
    assert [(stub.name, stub.session, stub.count) for stub in listed][:1] == [("own", "a", 1)]
    assert {stub.session for stub in listed[1:]} == {""}
    assert sum(stub.count for stub in listed) == 1, "how often the common ones were chosen in this session"
    assert "own" not in [stub.name for stub in (await world.ask("ListStubs", session="b")).stubs]
    assert (await world.ask("GetStub", name="own", session="a")).session == "a"
    for method in ("GetStub", "RemoveStub", "DisableStub"):
        for session in ("", "b"):
            error = await world.refused(method, name="own", session=session)
            assert error.code() is grpc.StatusCode.NOT_FOUND
    error = await world.refused("AddStubs", stubs=OWN, session="a")
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    await world.ask("AddStubs", stubs=OWN, session="b")
    assert list((await world.ask("RemoveStubs", session="a")).names) == ["own"]
    assert (get(world, "a", 1), get(world, "b", 1)) == (common, ["own"])


async def test_the_session_may_stand_in_the_metadata(world: World) -> None:
    await ask_in(world, "a", "AddStubs", stubs=OWN)
    assert get(world, "a", 1) == ["own"]
    assert [call.session for call in (await ask_in(world, "a", "ListCalls")).calls] == ["a"]
    await ask_in(world, "other", "AddStubs", stubs=OWN, session="b")
    assert {session.name for session in (await world.ask("ListSessions")).sessions} >= {"a", "b"}


async def test_a_stub_is_replaced_with_its_rank_and_perhaps_its_count(world: World) -> None:
    two = f"{OWN}\n- {{name: second, method: {GET}, request: {{id: 1}}, response: {{}}}}"
    await world.ask("AddStubs", stubs=two, session="a", layer=1)
    get(world, "a", 1, 1)
    await world.ask("ReplaceStub", name="own", stub=OWN, session="a", keep_count=True)
    kept = await world.ask("GetStub", name="own", session="a")
    assert (kept.count, kept.layer) == (2, 1)
    assert get(world, "a", 1, 1) == ["own", "second"]
    await world.ask("ReplaceStub", name="own", stub=OWN, session="a")
    assert get(world, "a", 1) == ["own"]


async def test_any_stub_is_disabled_for_one_session(world: World) -> None:
    (common,) = get(world, "", 1)
    await world.ask("AddStubs", stubs=OWN, session="a")
    assert (await world.ask("DisableStub", name="own", session="a")).disabled
    assert get(world, "a", 1) == [common]
    assert (await world.ask("DisableStub", name=common, session="a")).disabled
    assert get(world, "a", 1) != [common]
    assert (get(world, "b", 1), get(world, "", 1)) == ([common], [common])
    assert not (await world.ask("EnableStub", name=common, session="a")).disabled
    assert not (await world.ask("EnableStub", name="own", session="a")).disabled
    assert get(world, "a", 1) == ["own"]


async def test_states(world: World) -> None:
    await world.ask("SetState", states={"door": "shut"})
    await world.ask("AddStubs", stubs=OWN, session="a")
    assert (await world.ask("GetState", session="a")).states == {}
    get(world, "a", 1)
    assert (await world.ask("GetState", session="a")).states == {"door": "open"}
    assert (await world.ask("SetState", states={"door": "ajar"}, session="a")).states == {"door": "ajar"}
    assert not (await world.ask("SetState", states={"door": "ajar"}, session="a")).warnings
    assert (await world.ask("GetState")).states == {"door": "shut"}


async def test_calls(world: World) -> None:
    for session in ("a", "b", "", "a"):
        get(world, session, 1)
    assert [call.session for call in (await world.ask("ListCalls")).calls] == ["a", "b", "", "a"]
    assert [call.session for call in (await world.ask("ListCalls", session="a")).calls] == ["a", "a"]
    verified = await world.ask("VerifyCalls", method=GET, exactly=2, session="a")
    assert (verified.satisfied, verified.matched) == (True, 2)
    ordered = [{"method": GET}, {"method": GET}]
    assert (await world.ask("VerifyCalls", in_order=ordered, session="a")).satisfied
    assert not (await world.ask("VerifyCalls", in_order=ordered, session="b")).satisfied
    await world.ask("ClearCalls", session="a")
    assert [call.session for call in (await world.ask("ListCalls")).calls] == ["b", ""]


async def test_calls_are_watched(world: World) -> None:
    watch = world.open("WatchCalls", session="a", replay=True)
    await watch.initial_metadata()
    for session in ("b", "a"):
        get(world, session, 1)
    assert (await watch.read()).call.session == "a"
    watch.cancel()


async def test_calls_under_way_are_listed_where_asked_for(world: World) -> None:
    from grpcmock.engine.steps import Open

    for session in ("a", "b"):
        world.engine.open(Open(f"/{GET}", ((SESSION_KEY, session),))).resume()
    get(world, "a", 1)
    assert len((await world.ask("ListCalls", session="a")).calls) == 1
    ended, going = (await world.ask("ListCalls", session="a", under_way=True)).calls
    assert (ended.HasField("duration"), going.HasField("duration")) == (True, False)


async def test_a_call_is_made_in_a_session(world: World) -> None:
    await world.ask("AddStubs", stubs=OWN, session="a")
    made = await world.ask("MakeCall", method=GET, messages=[{"id": 1}], session="a")
    assert made.messages[0]["name"] == "own"
    assert (await world.ask("GetCall", id=made.call_id)).session == "a"


async def test_a_reset(world: World) -> None:
    await world.ask("AddStubs", stubs=OWN, session="a")
    await world.ask("AddStubs", stubs=OWN, session="b")
    get(world, "a", 1, 1, 1)
    get(world, "b", 1)
    await world.ask("Reset", counts=True, session="a")
    assert get(world, "a", 1) == ["own"]
    await world.ask("SetHealth", service="user.UserService", serving=False)
    await world.ask("Reset", session="a")
    assert get(world, "a", 1) != ["own"]
    assert (await world.ask("GetState", session="a")).states == {}
    assert get(world, "b", 1) == ["own"]
    assert (await world.ask("GetHealth")).serving["user.UserService"] is False, "it is common to all"
    assert [note.text for note in world.engine.journal.notes if "'a'" in note.text]


async def test_sessions_are_listed_and_ended(world: World) -> None:
    await world.ask("AddStubs", stubs=OWN, session="a")
    get(world, "a", 1, 77)
    get(world, "b", 1)
    first, second = (await world.ask("ListSessions")).sessions
    assert (first.name, first.stubs, first.calls, first.misses) == ("a", 1, 2, 1)
    assert (second.name, second.stubs, second.calls) == ("b", 0, 1)
    assert first.expires.seconds - first.last_used.seconds == 600
    assert first.created.ToNanoseconds() <= first.last_used.ToNanoseconds()
    assert (await world.ask("GetStatus")).sessions == 2
    await world.ask("EndSession", name="a")
    assert [session.name for session in (await world.ask("ListSessions")).sessions] == ["b"]
    assert [call.session for call in (await world.ask("ListCalls")).calls] == ["b"]
    error = await world.refused("EndSession", name="aa")
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "there is no session 'aa'" in (error.details() or "")


async def test_a_name_that_no_call_could_give_is_refused(world: World) -> None:
    error = await world.refused("AddStubs", stubs=OWN, session="ä")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert SESSION_KEY in (error.details() or "")


# Dropped calls ----------------------------------------------------------------------------------------


@pytest.fixture
async def dropping(world: World) -> World:
    """A world whose journal has dropped two calls of session "a", and one without."""
    world.engine.environment.journal = world.engine.sessions._journal = Journal(calls=2)
    get(world, "a", 1, 2)
    get(world, "", 1)
    get(world, "b", 1, 2)
    return world


CERTAIN = [
    {"exactly": 2, "session": "b"},
    {"exactly": 0, "session": "b", "match": "request: {id: 99}"},
    {"at_least": 2},
    {"exactly": 9},
    {"exactly": 1},
    {"exactly": 0, "method": "user.UserService/ListUsers"},
]
OPEN = [
    {"exactly": 0, "session": "a", "match": "request: {id: 99}"},
    {"exactly": 2},
    {"at_most": 2},
    {"at_least": 3},
    {"exactly": 4},
    {"session": "a"},
]


@pytest.mark.parametrize("asked", CERTAIN, ids=str)
async def test_what_is_certain_in_spite_of_dropped_calls_is_answered(dropping: World, asked: dict[str, Any]) -> None:
    verdict = await dropping.ask("VerifyCalls", **{"method": GET, **asked})
    assert verdict.satisfied is (asked not in ({"exactly": 9}, {"exactly": 1}))


@pytest.mark.parametrize("asked", OPEN, ids=str)
async def test_what_is_not_is_refused(dropping: World, asked: dict[str, Any]) -> None:
    error = await dropping.refused("VerifyCalls", **{"method": GET, **asked})
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    number = 2 if asked.get("session") else 3
    assert f"{number} calls that could be of them were dropped" in (error.details() or "")
    await dropping.ask("ClearCalls")
    await dropping.ask("VerifyCalls", **{"method": GET, **asked})


async def test_an_order_that_is_not_there_any_more_is_refused(dropping: World) -> None:
    three = [{"method": GET}] * 3
    error = await dropping.refused("VerifyCalls", in_order=three)
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert (await dropping.ask("VerifyCalls", in_order=three[:2])).satisfied
    assert not (await dropping.ask("VerifyCalls", in_order=three, session="b")).satisfied


async def test_what_was_dropped_is_told_by_method(dropping: World) -> None:
    told = await dropping.ask("ListCalls", session="a")
    assert (told.dropped, [(one.method, one.calls, one.unmatched) for one in told.dropped_of]) == (2, [(GET, 2, 1)])
    assert (await dropping.ask("ListCalls")).dropped == 3
    assert (await dropping.ask("ListCalls", method="user.UserService/ListUsers")).dropped == 0
